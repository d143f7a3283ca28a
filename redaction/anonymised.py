"""Identities covered for good: for exports and logs, from which nothing is ever restored.

The operators are presidio-anonymizer's. Its engine is not used: it drops and unites spans by its own rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

from .entities import EntityType, Redacted, Span
from .normalise import fold_value
from .overlaps import resolve

_NUMBERS = frozenset(
    {
        EntityType.ACCOUNT,
        EntityType.CARD,
        EntityType.IBAN,
        EntityType.PHONE,
        EntityType.TAX_ID,
        EntityType.ID,
    }
)
_SHOWN, _LEAST_TO_SHOW = 4, 8
_SIGN = "*"
_HASH_LENGTH = 16
_KEY_LENGTH = 16

Operator = Callable[[EntityType, str], str]


class Mode(StrEnum):
    """What stands in place of an identity."""

    TYPE = "type"
    """`[EMAIL]`"""
    MASK = "mask"
    """As many asterisks as it had characters."""
    HASH = "hash"
    """`[EMAIL:9f86d081884c7d65]`: the same value gives the same sign under the same key."""
    LAST4 = "last4"
    """Of numbers the last four digits or letters, as on a receipt; of anything else nothing."""
    REMOVE = "remove"
    """Nothing at all."""


def anonymise(text: str, spans: Iterable[Span], mode: Mode, key: bytes | None = None) -> Redacted:
    """`text` with every span covered as `mode` says. It cannot be restored.

    HASH needs a `key` of at least 16 bytes that is kept apart: who has it can test guesses. Values that
    differ in case, accents or spaces only have one hash. Raises InvalidSpan, and ValueError without a key.
    """
    operator = _operator(mode, key)
    pieces: list[str] = []
    position = 0
    for span in resolve(text, spans):
        pieces += text[position : span.start], operator(span.type, text[span.start : span.end])
        position = span.end
    return Redacted("".join([*pieces, text[position:]]))


def _operator(mode: Mode, key: bytes | None) -> Operator:
    from presidio_anonymizer.operators import Hash, Mask, Redact, Replace

    if mode is Mode.HASH:
        if key is None or len(key) < _KEY_LENGTH:
            raise ValueError(f"Hashing needs a key of at least {_KEY_LENGTH} bytes.")
        return _hashing(Hash(), key)
    if mode is Mode.TYPE:
        replace = Replace()
        return lambda kind, value: str(replace.operate(value, {"new_value": f"[{kind}]"}))
    if mode is Mode.REMOVE:
        remove = Redact()
        return lambda _, value: str(remove.operate(value, {}))
    mask, shows = Mask(), mode is Mode.LAST4
    return lambda kind, value: str(
        mask.operate(
            value,
            {
                "masking_char": _SIGN,
                "chars_to_mask": len(value) - _tail(value) if shows and kind in _NUMBERS else len(value),
                "from_end": False,
            },
        )
    )


def _hashing(operator: object, key: bytes) -> Operator:
    def hashed(kind: EntityType, value: str) -> str:
        digest = operator.operate(  # type: ignore[attr-defined]
            f"{kind}\0{fold_value(value)}", {"hash_type": "sha256", "salt": key}
        )
        return f"[{kind}:{digest[:_HASH_LENGTH]}]"

    return hashed


def _tail(value: str) -> int:
    """How many characters of a number may be seen: those from its fourth last digit or letter on."""
    places = [place for place, character in enumerate(value) if character.isalnum()]
    return len(value) - places[-_SHOWN] if len(places) >= _LEAST_TO_SHOW else 0
