"""Working on a running appliance's database, for whoever owns its state folder."""

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable, Coroutine
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from assistant.appliance import default_folder
from gateway import CloisterError, Database, DatabaseSettings, PartUnavailable, load_settings

from .exits import Exit, exit_of, leave

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

T = TypeVar("T")


class LocalAppliance:
    """The database of the appliance that `up` keeps in a state folder, with the rights of its web process."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings

    @classmethod
    def running(cls, folder: Path | None) -> "LocalAppliance":
        """The appliance of a state folder. Ends with 3 when there is none or it does not run, with 4 when
        the folder belongs to somebody else."""
        state = (folder or default_folder()).expanduser()
        file = state / "etc" / "web.yaml"
        try:
            file.stat()
        except PermissionError:
            sentence = _("{folder} is closed to you. Run this as the account that runs `cloister up`.")
            leave(Exit.REFUSED, sentence.format(folder=state))
        except OSError:
            sentence = _("There is no appliance in {folder}. Start one with `cloister up`, or give --data.")
            leave(Exit.NOT_RUNNING, sentence.format(folder=state))
        from assistant.settings import WebSettings

        appliance = cls(load_settings(file, WebSettings).database)
        appliance._end_well(appliance._with_database(_ping))
        return appliance

    def change(self, work: "Callable[[AsyncSession], Awaitable[T]]") -> T:
        """Do `work` in one transaction; a refusal ends the command with its sentence and changes nothing."""

        async def transact(database: Database) -> T:
            async with database.transaction() as session:
                return await work(session)

        return self._end_well(self._with_database(transact))

    async def _with_database(self, work: Callable[[Database], Awaitable[T]]) -> T:
        database = Database(self._settings, overflow=0)
        try:
            return await work(database)
        finally:
            await database.close()

    @staticmethod
    def _end_well(work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run(work)
        except PartUnavailable as error:
            leave(Exit.NOT_RUNNING, _("{sentence} Is `cloister up` running?").format(sentence=error.sentence))
        except CloisterError as error:
            leave(exit_of(error.status), error.sentence)


async def _ping(database: Database) -> None:
    await database.ping()


def operator() -> str:
    """The machine's user who types this, as the record names them."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
