"""Charts: what is drawn, and that nothing in it needs a style or a script."""

import re
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from assistant.pages import charts
from assistant.pages.charts import Series

HOSTILE = '"><script>alert(1)</script>&'


def drawn(markup: Markup) -> ElementTree.Element:
    """The picture as a browser reads it; a chart with an axis is two."""
    return ElementTree.fromstring(f"<both>{markup}</both>")  # noqa: S314 - our own


def parts(markup: Markup, name: str) -> list[ElementTree.Element]:
    wanted = f"part {name}"
    return [one for one in drawn(markup).iter() if one.get("class") == wanted]


def test_columns_are_as_high_as_their_values_and_stand_upon_each_other() -> None:
    series = [Series("unchanged", "Released", [2, 0, 4]), Series("edited", "Edited", [2, 0, 0])]
    chart = charts.columns("Held", ["a", "b", "c"], series)
    [first, third] = parts(chart, "unchanged")
    [edited] = parts(chart, "edited")
    heights = [float(one.get("height", "")) for one in (first, edited, third)]
    assert heights[0] == heights[1] == heights[2] / 2
    assert float(edited.get("y", "")) + heights[1] == pytest.approx(float(first.get("y", "")))
    titles = [one.text for one in drawn(chart).iter() if one.tag.endswith("title")]
    assert titles == ["a: Released 2, Edited 2", "c: Released 4"]


def test_a_line_breaks_where_there_is_no_value() -> None:
    series = [Series("median", "Median", [60, 120, None, 90])]
    chart = charts.lines("Times", list("abcd"), series, charts.seconds)
    found = list(drawn(chart).iter())
    assert sum(one.get("class") == "line median" for one in found) == 1
    assert sum(one.get("class") == "mark median" for one in found) == 3


def test_a_divided_bar_fills_its_width() -> None:
    series = [
        Series("unchanged", "Released", [3]),
        Series("edited", "Edited", [0]),
        Series("rejected", "No", [1]),
    ]
    chart = charts.share("Shares", series)
    assert [one.get("width") for one in parts(chart, "unchanged") + parts(chart, "rejected")] == [
        "75.0%",
        "25.0%",
    ]
    assert parts(chart, "edited") == []


@pytest.mark.parametrize("highest", [0, 1, 3, 7, 12, 99, 4_321])
def test_an_axis_has_few_round_steps_and_ends_above_the_highest_value(highest: int) -> None:
    chart = charts.columns("Held", ["a"], [Series("unchanged", "Released", [highest])])
    ticks = [int(one.text or "") for one in drawn(chart)[0].iter() if one.get("class") == "tick"]
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 5
    assert ticks[-1] >= highest


def test_every_series_has_a_pattern_of_its_own_beside_its_colour() -> None:
    fills = {
        one.get("id"): re.sub(r"(id|class)=\S+", "", "".join(map(str, ElementTree.tostringlist(one))))
        for one in drawn(charts.patterns()).iter()
        if one.tag.endswith("pattern")
    }
    outcomes = ["unchanged", "edited", "rejected", "sent_back", "expired", "cancelled"]
    assert len({fills[f"fill-{name}"] for name in outcomes}) == len(outcomes)
    assert len({fills[f"fill-{name}"] for name in ("ample", "half", "quarter", "overdue")}) == 4


def test_what_a_chart_is_told_is_text_and_it_needs_no_style_or_script() -> None:
    series = [Series("unchanged", HOSTILE, [1]), Series("p95", HOSTILE, [2])]
    for chart in (
        charts.columns(HOSTILE, [HOSTILE], series),
        charts.lines(HOSTILE, [HOSTILE], series, charts.seconds),
        charts.share(HOSTILE, series),
        charts.bar(1, 2),
        charts.patterns(),
        charts.swatch("edited"),
        charts.line_swatch("p95"),
    ):
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=", chart)
        assert drawn(chart) is not None


def test_a_chart_of_nothing_is_drawn_without_a_column() -> None:
    assert parts(charts.columns("Held", [], []), "unchanged") == []
    assert parts(charts.share("Shares", [Series("edited", "Edited", [0])]), "edited") == []
