from typing import Any

from assistant.evaluation import Mark, mark, summarise
from retrieval import DemoQuestion, build_company, demo_questions

ASKED = next(one for one in demo_questions(build_company(), 1) if str(one.kind) == "fact")
FORBIDDEN = next(one for one in demo_questions(build_company(), 1) if str(one.kind) == "forbidden")


def _events(question: DemoQuestion, *sentences: str, value: str = "") -> list[dict[str, Any]]:
    entity, key = question.refs[0]
    fact = {"n": 1, "entity": f"{entity}:{key}", "title": "Alder", "label": "plan", "value": value}
    other = {"n": 2, "entity": "note:0", "title": "Note", "text": "nothing"}
    said = [{"kind": "sentence", "data": {"text": sentence}} for sentence in sentences]
    return [{"kind": "sources", "data": {"passages": [other], "facts": [fact]}}, *said]


def _gold() -> str:
    return ASKED.gold[0][0]


def test_a_value_with_the_source_that_holds_it_is_right() -> None:
    found = mark(ASKED, _events(ASKED, f"It is {_gold()}. [1]", value=_gold()), "done", 1.0)
    assert (found.hit, found.known, found.right, found.uncited) == (True, True, True, False)


def test_a_value_with_another_source_or_none_is_not_right() -> None:
    for sentence in (f"It is {_gold()}. [2]", f"It is {_gold()}."):
        found = mark(ASKED, _events(ASKED, sentence, value=_gold()), "done", 1.0)
        assert (found.right, found.uncited) == (False, True)


def test_a_record_that_must_not_be_seen_is_a_leak() -> None:
    assert mark(FORBIDDEN, _events(FORBIDDEN), "done", 1.0).leaked
    nothing = [{"kind": "nothing_found", "data": {}}]
    found = mark(FORBIDDEN, nothing, "done", 1.0)
    assert found.abstained
    assert not found.leaked


def test_a_run_that_broke_off_failed_and_one_that_waits_is_held() -> None:
    assert mark(ASKED, [{"kind": "failed", "data": {}}], "done", 1.0).failed
    assert mark(ASKED, [{"kind": "held", "data": {}}], "held", 1.0).held


def test_abstaining_is_right_or_wrong_by_kind() -> None:
    marks = [Mark(kind, "?", "a", 1.0, abstained=True) for kind in ("fact", "absent", "forbidden")]
    counts = [(row.kind, row.abstained_rightly, row.abstained_wrongly) for row in summarise(marks)]
    assert counts == [("fact", 0, 1), ("absent", 1, 0), ("forbidden", 1, 0)]


def test_the_record_itself_is_no_leak_where_only_a_value_is_not_told() -> None:
    assert not Mark("absent", "?", "a", 1.0, hit=True).leaked
    assert Mark("forbidden", "?", "a", 1.0, hit=True).leaked


def test_the_95th_percentile_is_the_nearest_rank() -> None:
    row = summarise([Mark("fact", "?", "a", float(seconds)) for seconds in range(1, 21)])[0]
    assert (row.asked, row.median, row.p95) == (20, 10.5, 19.0)
