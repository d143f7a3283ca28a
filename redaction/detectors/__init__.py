"""What finds identities in a text. A new detector is one small file and one line of `default_detectors`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redaction.redactor import Detector


def default_detectors() -> list[Detector]:
    """Every detector that needs no model and no list of customers, in the order in which they run."""
    from .checksums import ChecksumDetector
    from .national import NationalIdDetector
    from .patterns import PatternDetector
    from .phones import PhoneDetector
    from .presidio import mail_detector, presidio_detectors
    from .secrets import SecretDetector
    from .spoken import SpokenDetector

    phones = PhoneDetector()
    checksums = ChecksumDetector()
    return [
        checksums,
        NationalIdDetector(),
        SecretDetector(),
        *presidio_detectors(),
        phones,
        PatternDetector(),
        SpokenDetector([checksums, mail_detector(), phones]),
    ]
