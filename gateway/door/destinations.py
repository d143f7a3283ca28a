"""Where a link leads: whether a reader's program would ask another host for it."""

import re
import unicodedata
from collections.abc import Collection
from html import unescape
from typing import Final

from redaction import find_tokens

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:(?=.)")
_TIME: Final = re.compile(r"\d+:\d")
_MAY_STAND_FOR_ONE: Final = re.compile(r"(?i)(?<![a-z])(?:url|literal)[\\_ \-]*\d|\[withheld\]")
_WEB: Final = re.compile(r"(?i:https?:)?//(?P<authority>[^/?#]*)")
_AUTHORITY: Final = re.compile(r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?)\.?(?::\d{1,5})?")


class Hosts:
    """The hosts that a link may lead to; none, unless some are named."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._allowed = frozenset(host.casefold() for host in allowed)

    def permit(self, authority: str) -> bool:
        """Whether `authority` (`host` or `host:port`, nothing before an `@`) is one of them."""
        found = _AUTHORITY.fullmatch(authority)
        return found is not None and found["host"].casefold() in self._allowed

    def are_left_by(self, destination: str) -> bool:
        """Whether a destination of a link leads elsewhere, or might.

        Read as browsers read it: entities decoded, control and invisible characters dropped, a backslash as
        a slash. What may stand for an address is foreign, and so is what holds a tag: it would be taken out.
        """
        plain = _as_browsers_read(destination)
        if plain != destination or not self._is_permitted(plain):
            return _is_absolute(plain) or _MAY_STAND_FOR_ONE.search(plain) is not None or _has_tag(plain)
        return False

    def _is_permitted(self, destination: str) -> bool:
        found = _WEB.match(destination)
        rest = destination[found.end() :] if found else ""
        return (
            found is not None
            and "\\" not in destination
            and "//" not in rest
            and self.permit(found["authority"])
        )


def _has_tag(plain: str) -> bool:
    angles = sum(text.count("<") for _, _, text in find_tokens(plain))
    return plain.count("<") > angles


def _as_browsers_read(destination: str) -> str:
    decoded = unicodedata.normalize("NFKC", unescape(unescape(destination)))
    return "".join(character for character in decoded if _is_visible(character))


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Zs", "Zl", "Zp")


def _is_absolute(plain: str) -> bool:
    """A scheme, or two slashes of either kind anywhere: a redirect may carry an address inside."""
    if _TIME.match(plain):
        return False
    slashes = plain.replace("\\", "/")
    scheme = _SCHEME.match(plain) is not None
    return scheme or "//" in slashes or "\\" in plain or slashes.lower().startswith("www.")
