from __future__ import annotations

from collections.abc import Sequence

import pytest

from redaction import FORMS, TokenForm, find_tokens, measure_forms, sample_texts
from redaction.evaluation.token_forms import Task


def repeats(prompts: Sequence[str]) -> list[str]:
    return [prompt.split("\n\n")[1].removeprefix("Note: ") for prompt in prompts]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_what_is_repeated_to_the_letter_counts_as_copied_in_every_form(form: TokenForm) -> None:
    texts = sample_texts(50)
    given = sum(len(find_tokens(text)) for text in texts)
    for row in measure_forms(repeats, texts, [form], count=lambda written: list(map(len, written))):
        assert (row.given, row.copied, row.exact) == (given, given, 1.0)
        assert (row.repaired, row.unresolved, row.wrong, row.omitted, row.doubled, row.invented) == (0,) * 6
        assert row.length >= len(form.name)


def test_each_way_to_go_wrong_has_a_count() -> None:
    text = "<PERSON_1> met <PERSON_2> and <PERSON_3_EMAIL> and <PERSON_4>."
    written = "<PERSON_1>, [PERSON_1] and <PERSON_11> met &lt;PERSON_2&gt; and <PERSON_3_PHONE>."
    (row,) = measure_forms(lambda _: [written], [text], FORMS[:1], tasks=[Task.REPEAT])
    assert (row.given, row.copied, row.repaired, row.unresolved) == (4, 1, 2, 1)
    assert (row.doubled, row.invented, row.omitted, row.wrong) == (1, 1, 2, 0)
    assert row.exact == 3 / 4


def test_sentences_are_many_and_hold_numbers_up_to_twelve() -> None:
    texts = sample_texts(200)
    tokens = [token for text in texts for _, _, token in find_tokens(text)]
    assert len(set(texts)) > 180
    assert all(2 <= len(find_tokens(text)) <= 4 for text in texts)
    assert any("_12" in token for token in tokens)
    assert any("_EMAIL" in token for token in tokens)
    assert sample_texts(200) == texts
