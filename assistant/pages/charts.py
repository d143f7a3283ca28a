"""Charts as inline SVG, drawn on the server.

Widths are shares of the page's, heights are pixels, so that a chart fits a phone without its letters
shrinking. No colour is named here: each series has a class and a pattern, and the stylesheet colours them.
A chart is a picture (`role="img"`) with a title; what it shows in numbers is for a table beside it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Final

import svg
from markupsafe import Markup, escape

from .numbers import compact_seconds

_TOP: Final = 14.0
_HEIGHT: Final = 150.0
_FOOT: Final = 24.0
_AXIS: Final = 46
_LABELS: Final = 6
_COUNT_STEPS: Final = tuple(factor * 10**power for power in range(9) for factor in (1, 2, 5))
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_SECOND_STEPS: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE * one for one in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * one for one in (1, 2, 4, 6, 12)),
    *(_DAY * one for one in (1, 2, 4, 7, 14, 30, 90, 365)),
)


@dataclass(frozen=True)
class Series:
    """One row of values, as many as the chart has places; `name` is its class and its pattern."""

    name: str
    label: str
    values: Sequence[float | None]


def seconds(value: float) -> str:
    """A time on an axis."""
    return compact_seconds(value) if value else "0"


def patterns() -> Markup:
    """The fills of every series, once a page. Each differs in drawing, not in colour alone."""
    drawn: dict[str, list[svg.Element]] = {
        "unchanged": [],
        "edited": _slanted(),
        "rejected": _crossed(),
        "sent_back": _dotted(),
        "expired": [svg.Path(d=[svg.M(4, 0), svg.L(4, 8)])],
        "cancelled": [svg.Path(d=[svg.M(0, 4), svg.L(8, 4)])],
        "waiting": [],
        "false_alarm": _slanted(back=True),
        "ended": [svg.Path(d=[svg.M(4, 0), svg.L(4, 8)])],
        "open": [],
        "ample": [],
        "half": _slanted(),
        "quarter": _dotted(),
        "overdue": _crossed(),
    }
    made: list[svg.Element] = [
        svg.Pattern(
            id=f"fill-{name}",
            patternUnits="userSpaceOnUse",
            width=8,
            height=8,
            class_=["fill", name],
            elements=[svg.Rect(width=8, height=8, class_=["ground"]), *lines],
        )
        for name, lines in drawn.items()
    ]
    sprite = svg.SVG(
        width=0,
        height=0,
        class_=["sprite"],
        extra={"aria-hidden": "true", "focusable": "false"},
        elements=[svg.Defs(elements=made)],
    )
    return _markup(sprite)


def _slanted(*, back: bool = False) -> list[svg.Element]:
    if back:
        return [
            svg.Path(d=[svg.M(-2, 6), svg.L(2, 10), svg.M(0, 0), svg.L(8, 8), svg.M(6, -2), svg.L(10, 2)])
        ]
    return [svg.Path(d=[svg.M(-2, 2), svg.L(2, -2), svg.M(0, 8), svg.L(8, 0), svg.M(6, 10), svg.L(10, 6)])]


def _crossed() -> list[svg.Element]:
    return [svg.Path(d=[svg.M(0, 0), svg.L(8, 8), svg.M(8, 0), svg.L(0, 8)])]


def _dotted() -> list[svg.Element]:
    return [svg.Circle(cx=2, cy=2, r=1.25), svg.Circle(cx=6, cy=6, r=1.25)]


def swatch(name: str) -> Markup:
    """A small square as the series is drawn, for the legend."""
    square = svg.Rect(
        x=0.5, y=0.5, width=13, height=13, rx=2, class_=["part", name], fill=f"url(#fill-{name})"
    )
    return _markup(_picture([square], "swatch", 14, width=14, hidden=True))


def line_swatch(name: str) -> Markup:
    """A short line with its mark, for the legend."""
    line = svg.Line(x1=0, x2=24, y1=7, y2=7, class_=["line", name])
    return _markup(
        _picture([line, *_mark(name, svg.Length(12, "px"), 7)], "swatch", 14, width=24, hidden=True)
    )


def columns(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    tell: Callable[[float], str] = "{:.0f}".format,
) -> Markup:
    """Stacked columns, a place each; `tell` writes a value for the axis."""
    totals = [sum(one.values[place] or 0 for one in series) for place in range(len(labels))]
    ticks = _ticks(max(totals, default=0), _COUNT_STEPS)
    share = 100 / max(len(labels), 1)
    gap = min(share * 0.2, 3)
    drawn: list[svg.Element] = [*_grid(ticks)]
    for place, label in enumerate(labels):
        base = 0.0
        parts: list[svg.Element] = []
        for one in series:
            value = one.values[place] or 0
            if value:
                top = _y(base + value, ticks)
                parts.append(
                    _part(one.name, place * share + gap / 2, share - gap, top, _y(base, ticks) - top)
                )
                base += value
        told = ", ".join(f"{one.label} {tell(one.values[place] or 0)}" for one in series if one.values[place])
        if parts:
            drawn.append(svg.G(elements=[svg.Title(text=_text(f"{label}: {told}")), *parts]))
    drawn += _places(labels)
    return _chart(title, drawn, ticks, tell)


def lines(
    title: str, labels: Sequence[str], series: Sequence[Series], tell: Callable[[float], str]
) -> Markup:
    """Seconds over time: a line each, broken where there is no value."""
    highest = max((value for one in series for value in one.values if value is not None), default=0)
    ticks = _ticks(highest, _SECOND_STEPS)
    share = 100 / max(len(labels), 1)
    drawn: list[svg.Element] = [*_grid(ticks)]
    for one in series:
        places = [(share * (n + 0.5), value) for n, value in enumerate(one.values)]
        for (x1, before), (x2, after) in pairwise(places):
            if before is not None and after is not None:
                start, end = _y(before, ticks), _y(after, ticks)
                between = svg.Line(x1=_percent(x1), x2=_percent(x2), y1=start, y2=end)
                between.class_ = ["line", one.name]
                drawn.append(between)
        for (x, value), label in zip(places, labels, strict=True):
            if value is not None:
                told = svg.Title(text=_text(f"{label}: {one.label} {tell(value)}"))
                drawn.append(svg.G(elements=[told, *_mark(one.name, _percent(x), _y(value, ticks))]))
    drawn += _places(labels)
    return _chart(title, drawn, ticks, tell)


def bar(value: float, highest: float) -> Markup:
    """One bar of a list whose words stand beside it."""
    elements = [
        svg.Rect(width=_percent(100), height=10, rx=2, class_=["track"]),
        svg.Rect(width=_percent(100 * value / (highest or 1)), height=10, rx=2, class_=["filled"]),
    ]
    return _markup(_picture(elements, "rate", 10, hidden=True))


def share(title: str, series: Sequence[Series]) -> Markup:
    """One bar, divided by the first value of each series."""
    values = [(one, one.values[0] or 0) for one in series]
    whole = sum(value for _one, value in values) or 1
    drawn: list[svg.Element] = []
    at = 0.0
    for one, value in values:
        width = 100 * value / whole
        if value:
            told = svg.Title(text=_text(f"{one.label}: {value:.0f}"))
            drawn.append(svg.G(elements=[told, _part(one.name, at, width, 1, 30)]))
        at += width
    return _markup(_picture(drawn, "share", 32, title=title))


def _chart(
    title: str, drawn: Sequence[svg.Element], ticks: Sequence[float], tell: Callable[[float], str]
) -> Markup:
    """An axis of its own width, and beside it the plot in what is left."""
    height = _TOP + _HEIGHT + _FOOT
    named = [
        svg.Text(
            x=_AXIS - 8, y=_y(tick, ticks) + 4, class_=["tick"], text_anchor="end", text=_text(tell(tick))
        )
        for tick in ticks
    ]
    axis = _picture(named, "axis", height, width=_AXIS, hidden=True)
    return _markup(axis, _picture(drawn, "plot", height, title=title))


def _picture(
    elements: Iterable[svg.Element],
    kind: str,
    height: float,
    *,
    title: str = "",
    width: int | None = None,
    hidden: bool = False,
) -> svg.SVG:
    inside = list(elements)
    spoken = {"aria-hidden": "true"} if hidden else {"role": "img", "aria-label": _text(title)}
    across = svg.Length(100, "%") if width is None else width
    return svg.SVG(
        width=across,
        height=height,
        class_=["chart", kind],
        extra={"focusable": "false", **spoken},
        elements=inside,
    )


def _grid(ticks: Sequence[float]) -> list[svg.Element]:
    return [
        svg.Line(
            x1=0,
            x2=_percent(100),
            y1=_y(tick, ticks),
            y2=_y(tick, ticks),
            class_=["grid"] if tick else ["grid", "base"],
        )
        for tick in ticks
    ]


def _places(labels: Sequence[str]) -> list[svg.Element]:
    """Names of some places, as many as a phone has room for."""
    every = ceil(len(labels) / _LABELS) or 1
    share = 100 / max(len(labels), 1)
    named: list[svg.Element] = []
    for place in range(0, len(labels), every):
        x = share * (place + 0.5)
        if x > 95:
            break
        anchor = "end" if x > 90 else "middle"
        named.append(
            svg.Text(
                x=_percent(x),
                y=_TOP + _HEIGHT + 18,
                class_=["tick"],
                text_anchor=anchor,  # type: ignore[arg-type]
                text=_text(labels[place]),
            )
        )
    return named


def _part(name: str, x: float, width: float, y: float, height: float) -> svg.Element:
    return svg.Rect(
        x=_percent(x),
        width=_percent(width),
        y=round(y, 2),
        height=round(height, 2),
        class_=["part", name],
        fill=f"url(#fill-{name})",
    )


def _mark(name: str, x: svg.Length, y: float) -> list[svg.Element]:
    """A point of a line: round, or for the second series a square."""
    if name == "p95":
        square = svg.Rect(x=-3.5, y=round(y - 3.5, 2), width=7, height=7, class_=["mark", name])
        return [svg.SVG(x=x, width=1, height=1, class_=["at"], elements=[square])]
    return [svg.Circle(cx=x, cy=round(y, 2), r=3.5, class_=["mark", name])]


def _y(value: float, ticks: Sequence[float]) -> float:
    return round(_TOP + _HEIGHT * (1 - value / ticks[-1]), 2)


def _ticks(highest: float, steps: Sequence[int]) -> list[float]:
    """From nought, at most five, the last one not below the highest value."""
    step = next((one for one in steps if highest <= 4 * one), steps[-1])
    return [float(step * number) for number in range(max(ceil(highest / step), 1) + 1)]


def _percent(value: float) -> svg.Length:
    return svg.Length(round(value, 3), "%")


def _text(text: str) -> str:
    return str(escape(text))


def _markup(*elements: svg.Element) -> Markup:
    return Markup("".join(one.as_str() for one in elements))  # noqa: S704 - every text in it is escaped
