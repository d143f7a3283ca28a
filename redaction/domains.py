"""Names of hosts, by the list of public suffixes that ships with tldextract: it must never go online."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tldextract import TLDExtract

_INSIDE = ("example", "test", "local", "internal", "intern", "lan", "corp", "home", "invalid")


def is_public(address: str) -> bool:
    """Whether a mail address or host ends in a public suffix, and has something before it."""
    return bool(_extract()(address).fqdn)


@cache
def top_level_domains() -> frozenset[str]:
    """The last labels of host names: the public ones, and those used inside of companies."""
    return frozenset((*_INSIDE, *(domain for domain in _extract().tlds if "." not in domain)))


@cache
def _extract() -> TLDExtract:
    from tldextract import TLDExtract

    return TLDExtract(cache_dir=None, suffix_list_urls=())
