from __future__ import annotations

import json
from pathlib import Path

import pytest

from redaction import (
    BadLabels,
    LabelledSpan,
    LabelledText,
    Level,
    lowered,
    measure,
    read_labelled,
    stock_presidio,
)
from redaction.evaluation.scoring import Scores, add_text, wilson

TEXT = "Anna Schmidt lives at 12 Main Street, 12345 Berlin."
PERSON = ("PERSON", 0, 12)
STREET, TOWN = ("ADDRESS", 22, 36), ("LOCATION", 38, 50)


def scored(found: list[tuple[str, int, int]], labels: list[tuple[str, int, int]]) -> Scores:
    scores = Scores()
    add_text(scores, TEXT, found, labels, lambda _kind: True)
    return scores


def test_the_same_spans_are_all_right() -> None:
    scores = scored([PERSON, STREET], [PERSON, STREET])
    assert (scores.spans.precision(), scores.spans.recall(), scores.spans.f()) == (1, 1, 1)
    assert scores.whole["PERSON"].recall() == 1


def test_nothing_found_is_all_missed_and_nothing_wrong() -> None:
    scores = scored([], [PERSON])
    assert (scores.spans.missed, scores.spans.wrong, scores.spans.f()) == (1, 0, 0)


def test_pieces_side_by_side_agree_with_one_span_in_both_directions_but_not_one_to_one() -> None:
    whole = ("ADDRESS", 22, 50)
    for found, labels in (([whole], [STREET, TOWN]), ([STREET, TOWN], [whole])):
        scores = scored(found, labels)
        assert (scores.spans.precision(), scores.spans.recall()) == (1, 1)
        assert scores.strict.recall() == 0


def test_a_span_over_words_that_are_not_labelled_is_wrong() -> None:
    scores = scored([("PERSON", 0, 36)], [PERSON, STREET])
    assert (scores.spans.wrong, scores.spans.missed) == (1, 2)
    assert scores.characters.missed == 0
    assert scores.whole["PERSON"].missed == 0


def test_half_a_name_is_not_fully_masked() -> None:
    scores = scored([("PERSON", 0, 4)], [PERSON])
    assert (scores.whole["PERSON"].missed, scores.spans.missed, scores.characters.missed) == (1, 1, 7)


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    low, high = wilson(9, 10)
    assert (round(low, 4), round(high, 4)) == (0.5958, 0.9821)
    assert wilson(0, 0) == (0.0, 1.0)


def test_labels_that_a_level_does_not_mask_are_not_counted() -> None:
    labelled = LabelledText("On 3 May he called", (LabelledSpan(3, 8, "DATE"), LabelledSpan(0, 2, "TITLE")))
    report = measure("ours", lambda _text: [("DATE", 3, 8), ("PERSON", 9, 11)], [labelled], Level.DIRECT)
    assert report.scores.ignored == {"DATE": 1, "TITLE": 1}
    assert report.scores.spans.found == 1
    assert measure("ours", lambda _text: [], [labelled], Level.QUASI).scores.spans.labelled == 1


def test_false_masks_known_forms_and_groups_are_counted_apart() -> None:
    texts = [
        LabelledText("the red box", (), "negative"),
        LabelledText("Anna came", (LabelledSpan(0, 4, "PERSON", "contact:1", "typo"),), "typos"),
        LabelledText("Bob came", (LabelledSpan(0, 3, "PERSON"),), "strangers"),
    ]
    figures = measure(
        "ours", lambda text: [("PERSON", 0, 4)] if text[0] in "At" else [], texts, Level.DIRECT
    ).as_dict()
    assert (figures["negative_texts"], figures["negative_texts_with_a_mask"]) == (1, 1)
    assert figures["known_fully_masked_by_form"]["typo"]["share"] == 1
    assert figures["fully_masked_by_group"]["strangers"]["missed"] == 1


def test_both_layouts_of_labelled_sets_are_read(tmp_path: Path) -> None:
    research = [
        {
            "full_text": "Ask Bob",
            "spans": [
                {"entity_type": "PERSON", "entity_value": "Bob", "start_position": 4, "end_position": 7}
            ],
            "template_id": 7,
        }
    ]
    (tmp_path / "a.json").write_text(json.dumps(research))
    (tmp_path / "b.jsonl").write_text(
        '{"text": "Ask Bob", "spans": [{"start": 4, "end": 7, "type": "PERSON"}], "template": 7}\n\n'
    )
    expected = [LabelledText("Ask Bob", (LabelledSpan(4, 7, "PERSON"),), template="7")]
    assert read_labelled(tmp_path / "a.json") == read_labelled(tmp_path / "b.jsonl") == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "it is empty"),
        ("{", "this is not JSON"),
        ('{"text": "a"}', "a list “spans” is needed"),
        ('{"spans": []}', "it has no “text”"),
        ('{"text": "a", "spans": [{"start": 0, "end": 2, "type": "X"}]}', "does not lie in its text"),
        ('{"text": "a", "spans": ["x"]}', "a span is not an object"),
    ],
)
def test_a_set_that_cannot_be_read_says_where_and_why(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "set.jsonl").write_text(content)
    with pytest.raises(BadLabels, match=reason):
        read_labelled(tmp_path / "set.jsonl")


def test_lower_case_keeps_every_character_at_its_place() -> None:
    text = LabelledText("İpek ANNA", (LabelledSpan(5, 9, "PERSON"),))
    assert lowered(text).text == "İpek anna"


def test_stock_presidio_stays_offline_and_reports_our_names_of_types() -> None:
    found = stock_presidio()("Mail bob@corp.com now or ask John Miller in London.")
    assert {("EMAIL", 5, 17), ("PERSON", 29, 40), ("LOCATION", 44, 50)} <= set(found)
