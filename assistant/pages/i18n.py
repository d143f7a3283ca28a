"""Languages of the pages: which one a browser gets, and its catalogue, read from the `.po` file."""

import gettext
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from babel import Locale, negotiate_locale
from babel.dates import format_datetime, format_skeleton, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

DEFAULT_LOCALE: Final = "en"
_FOLDER: Final = Path(__file__).parent / "locales"


@cache
def available_locales() -> tuple[str, ...]:
    """English, which the sources are written in, and every language with a catalogue."""
    return (DEFAULT_LOCALE, *sorted(path.stem for path in _FOLDER.glob("*.po")))


def choose_locale(accept_language: str) -> str:
    """The best of the available languages for an `Accept-Language` header."""
    wanted = [name.replace("-", "_") for name in _by_preference(accept_language)]
    return negotiate_locale(wanted, available_locales(), sep="_") or DEFAULT_LOCALE


@cache
def translations(locale: str) -> gettext.NullTranslations:
    """The catalogue of one available language."""
    if locale == DEFAULT_LOCALE:
        return gettext.NullTranslations()
    with (_FOLDER / f"{locale}.po").open("rb") as source:
        catalogue = read_po(source, locale=locale)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@cache
def messages(locale: str) -> Mapping[str, str | list[str]]:
    """The catalogue for the browser's modules; empty for English."""
    if locale == DEFAULT_LOCALE:
        return {}
    with (_FOLDER / f"{locale}.po").open("rb") as source:
        catalogue = read_po(source, locale=locale)
    found: dict[str, str | list[str]] = {}
    for message in catalogue:
        if not message.id or not message.string or message.fuzzy:
            continue
        key = message.id if isinstance(message.id, str) else message.id[0]
        found[key] = message.string if isinstance(message.string, str) else list(message.string)
    return found


def exact_time(value: datetime, locale: str) -> str:
    """A time in full, in UTC; the browser puts it into its own zone."""
    return format_datetime(value.astimezone(UTC), "medium", locale=Locale.parse(locale)) + " UTC"


def relative_time(value: datetime, locale: str, now: datetime | None = None) -> str:
    """A time as a person says it: "5 minutes ago"."""
    distance = value - (now or datetime.now(UTC))
    return format_timedelta(distance, add_direction=True, locale=Locale.parse(locale))


def grouped(value: int, locale: str) -> str:
    """`1,412`"""
    return str(format_decimal(value, locale=Locale.parse(locale)))


def percent(value: float, locale: str) -> str:
    """`12%`, and `3.4%` where a tenth tells something."""
    pattern = "#,##0.#%" if 0 < value < 0.1 else "#,##0%"
    return str(format_percent(value, pattern, locale=Locale.parse(locale)))


def moment_name(value: datetime, step: str, locale: str) -> str:
    """The name of an hour, a day (also the first of a week) or a month on a chart's axis, in UTC."""
    skeleton = {"hour": "Hm", "month": "yMMM"}.get(step, "MMMd")
    return format_skeleton(skeleton, value.astimezone(UTC), locale=Locale.parse(locale))


def _by_preference(header: str) -> Iterable[str]:
    ranked = []
    for place, part in enumerate(header.split(",")[:20]):
        name, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if name.strip("*") and quality > 0:
            ranked.append((-quality, place, name))
    return [name for _, _, name in sorted(ranked)]
