"""What can go wrong with models; every message says what to do next.

ModelsError
├── CatalogueInvalid        an entry file does not say what it must
├── UnknownEntry            no entry of that name
├── UnknownProfile          the entry has no such serving profile
├── DownloadFailed          the package could not be fetched (retry_helps)
├── DiskFull                not enough free space (retry_helps, after space was made)
├── ChecksumMismatch        what came is not what was pinned
├── SourceMissing           the weights lie in a folder nobody named
├── EngineMissing           the model server's environment is not installed
├── EngineInstallFailed     its environment could not be built (retry_helps)
├── QuantisationFailed      the recipe did not finish
├── InstallBusy             another process installs the same thing (retry_helps)
├── NotInstalled            the folder holds no installed entry
└── EntryDamaged            installed files changed afterwards
"""

from typing import ClassVar


class ModelsError(Exception):
    """A failure in words for the person who acts; `retry_helps`: the same call may work later."""

    retry_helps: ClassVar[bool] = False


class CatalogueInvalid(ModelsError):
    pass


class UnknownEntry(ModelsError):
    pass


class UnknownProfile(ModelsError):
    pass


class DownloadFailed(ModelsError):
    retry_helps = True


class DiskFull(ModelsError):
    retry_helps = True


class ChecksumMismatch(ModelsError):
    pass


class SourceMissing(ModelsError):
    pass


class EngineMissing(ModelsError):
    pass


class EngineInstallFailed(ModelsError):
    retry_helps = True


class QuantisationFailed(ModelsError):
    pass


class InstallBusy(ModelsError):
    retry_helps = True


class NotInstalled(ModelsError):
    pass


class EntryDamaged(ModelsError):
    pass
