import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answer.sentences import split_sentences
from assistant.answer.statements import read_facts, state, state_all
from assistant.answer.support import Source, check_sentence


@pytest.mark.parametrize(
    ("label", "value", "sentence"),
    [
        ("SLA tier", "Gold", "The SLA tier of Alder Bakery is Gold."),
        ("closed on", "2026-05-03", "Alder Bakery was closed on 2026-05-03."),
        ("delivery due", "2026-05-03", "The delivery of Alder Bakery is due on 2026-05-03."),
        ("last order", "2026-05-03", "Alder Bakery – last order: 2026-05-03."),
        ("main contact", "yes", "Alder Bakery – main contact: yes."),
        ("number of cases", "2 open, 1 closed", "Alder Bakery – number of cases: 2 open, 1 closed."),
        ("refund offered", "EUR 20.00", "Alder Bakery – refund offered: EUR 20.00."),
        ("status", "waiting", "Alder Bakery is waiting."),
    ],
)
def test_a_fact_reads_well_whatever_its_label(label: str, value: str, sentence: str) -> None:
    assert state("Alder Bakery", label, value) == sentence


def test_a_subject_that_is_a_sentence_stands_in_brackets_without_its_end() -> None:
    assert state("CS-4711: Which size?", "status", "open") == "CS-4711 (Which size) is open."
    assert state("CS-4711: Help! Is it wrong?", "priority", "high") == (
        "The priority of CS-4711 (Help – Is it wrong) is high."
    )


def test_a_fact_that_repeats_the_title_says_nothing() -> None:
    facts = read_facts("order number: AB-4711\ntotal: EUR 20.00\nempty: ")
    assert facts == [("order number", "AB-4711"), ("total", "EUR 20.00")]
    assert state_all("Order AB-4711", facts) == "The total of Order AB-4711 is EUR 20.00."


@given(
    st.text(st.sampled_from("ab C?!. "), min_size=1, max_size=20).filter(str.strip),
    st.sampled_from(["total", "closed on", "status", "in stock"]),
    st.sampled_from(["EUR 20.00", "2026-05-03", "open", "yes"]),
)
def test_a_fact_is_one_sentence_that_its_source_supports(title: str, label: str, value: str) -> None:
    line = state(f"AB-4711: {title}", label, value)
    assert len(split_sentences(line)) == 1
    source = Source(1, f"AB-4711: {title}", line, facts=((label, value),))
    assert check_sentence(f"{line} [1]", [source]).supported
