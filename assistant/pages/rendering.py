"""Templates to HTML: one environment per language, everything escaped, nothing undefined passes."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import TypeAdapter

from assistant.telling import became_sentence, ending_title, gap_sentence, step_title, version_title

from . import charts
from .assets import load_assets
from .i18n import (
    choose_locale,
    exact_time,
    grouped,
    messages,
    moment_name,
    percent,
    relative_time,
    translations,
)
from .numbers import compact_seconds, exact_seconds

_BRIEF: Final = 96
_TOLD_FIRST: Final = ("verdict", "editor", "state", "reason", "rules", "tier", "held", "edited", "entry")
_MEMBERS: Final = 4
_TEMPLATES: Final = Path(__file__).parent / "templates"


def render(request: Request, template: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """Answer with a page in the browser's language."""
    locale = choose_locale(request.headers.get("accept-language", ""))
    html = _environment(locale).get_template(template).render(path=request.url.path, **context)
    return HTMLResponse(html, status, headers={"Content-Language": locale, "Vary": "Accept-Language"})


def render_part(request: Request, template: str, context: Mapping[str, Any]) -> str:
    """A part of a page in the browser's language."""
    locale = choose_locale(request.headers.get("accept-language", ""))
    return _environment(locale).get_template(template).render(path=request.url.path, **context)


@cache
def _environment(locale: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = translations(locale)
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        catalogue.gettext, catalogue.ngettext, newstyle=True, pgettext=catalogue.pgettext
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.globals |= {
        "static": load_assets().url,
        "locale": locale,
        "messages": messages(locale),
        "charts": charts,
    }
    environment.filters |= {
        "island": _island,
        "exact": lambda value: exact_time(value, locale),
        "grouped": lambda value: grouped(value, locale),
        "relative": lambda value: relative_time(value, locale),
        "iso": datetime.isoformat,
        "duration": compact_seconds,
        "percent": lambda value: percent(value, locale),
        "moment": lambda value, step: moment_name(value, step, locale),
        "clock": lambda value: value.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3],
        "seconds": exact_seconds,
        "step": lambda value: step_title(value, catalogue.gettext),
        "version": lambda value: version_title(value, catalogue.gettext),
        "became": lambda value, shown: became_sentence(value, shown, catalogue.gettext, catalogue.ngettext),
        "ending": lambda value: ending_title(value, catalogue.gettext),
        "gap": lambda gap: gap_sentence(gap.what, gap.count, gap.name, catalogue.gettext, catalogue.ngettext),
        "briefly": lambda value, names: briefly(value, names, catalogue.gettext),
        "plainly": lambda value: plainly(value, catalogue.gettext),
    }
    return environment


def plainly(value: object, gettext: Callable[[str], str]) -> str:
    """JSON as a person would write it: lists with commas, members as `name: value`, yes and no."""
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {plainly(one, gettext)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        separator = "; " if any(isinstance(one, Mapping) for one in value) else ", "
        return separator.join(plainly(one, gettext) for one in value)
    return str(value)


def briefly(detail: Mapping[str, object], names: Mapping[str, str], gettext: Callable[[str], str]) -> str:
    """Members of an event's detail that are short, what was decided first: `verdict edit, entry page, …`.

    `names` are said in place of ids.
    """
    told = {key: names.get(one, one) if isinstance(one, str) else one for key, one in detail.items()}
    ordered = [*(key for key in _TOLD_FIRST if key in told), *(key for key in told if key not in _TOLD_FIRST)]
    members = [f"{key.replace('_', ' ')} {plainly(told[key], gettext)}" for key in ordered]
    short = [one for one in members if len(one) <= _BRIEF][:_MEMBERS]
    return ", ".join([*short, *(["…"] if len(short) < len(members) else [])])


def _island(value: object) -> Markup:
    """JSON for a data island: characters that could end the element are escaped."""
    text = TypeAdapter[object](type(value)).dump_json(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped above, and never parsed as HTML
