"""Texts that are written down as HTML, as a person reads them. The only module that imports inscriptis."""

from functools import lru_cache
from typing import Any


def plain_text(html: str) -> str:
    """The text of an HTML fragment: paragraphs, lists and tables on lines of their own, no tags."""
    if "<" not in html and "&" not in html:
        return html
    from inscriptis import get_text

    return str(get_text(html, _config())).strip()


@lru_cache(maxsize=1)
def _config() -> Any:
    from inscriptis.css_profiles import CSS_PROFILES
    from inscriptis.model.config import ParserConfig

    return ParserConfig(css=CSS_PROFILES["strict"])
