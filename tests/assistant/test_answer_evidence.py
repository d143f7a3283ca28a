from assistant.answer.asking import Asking, asks, follows_on
from assistant.answer.evidence import Candidate, Choice, candidates, choose, comparable, quote
from assistant.answer.statements import state_all
from assistant.answer.support import Source

PROMISE = "What was promised to <PERSON_1>, and for when?"
FACTS = (("preferred language", "English"), ("main contact", "yes"), ("SLA tier", "Gold"))
CONTACT = Source(1, "<PERSON_1>", state_all("<PERSON_1>", FACTS), kind="contact", facts=FACTS)


def _note(n: int, text: str, day: str = "2026-04-01") -> Source:
    return Source(n, f"Note on CS-4711 of {day}", text, kind="note")


def _best(question: str, *sources: Source, likeness: float = 0.3) -> str:
    found = candidates(question, sources)
    choice = choose(found, [likeness] * len(found))
    return choice.quotes[0] if choice else ""


def test_what_a_question_asks_for_is_read_off_its_words() -> None:
    assert asks(PROMISE) == Asking(promise=True, moment=True)
    assert asks("How much is the fee?") == Asking(amount=True)
    assert asks("How many cases are there?") == Asking(count=True)
    assert asks("Wann wurde was vereinbart?") == Asking(promise=True, moment=True)
    assert asks("Who is the owner?") == Asking()


def test_a_promise_is_answered_by_prose_and_not_by_facts() -> None:
    note = _note(
        2, "Spoke to <PERSON_1>. The pump drips. Offered EUR 20.00 off by 3 May 2026. Left my number."
    )
    assert _best(PROMISE, CONTACT, note) == "Offered EUR 20.00 off by 3 May 2026. [2]"


def test_a_commitment_takes_the_next_sentence_along_when_that_has_the_date() -> None:
    note = _note(2, "<PERSON_1> rang. We send a new pump. Its delivery is planned for 3 May 2026.")
    assert _best(PROMISE, note) == "We send a new pump. [2] Its delivery is planned for 3 May 2026. [2]"


def test_a_sum_reaches_over_one_sentence_to_its_date() -> None:
    note = _note(2, "Part of the price back: EUR 20.00. All are content. Paid by 3 May 2026.")
    assert _best(PROMISE, note).startswith("Part of the price back: EUR 20.00. [2]")
    assert _best(PROMISE, note).endswith("Paid by 3 May 2026. [2]")


def test_a_later_day_is_a_plan_even_without_a_word_of_promise() -> None:
    note = _note(2, "The pump drips. They need it for the fair, so 3 May 2026 is firm.")
    assert "3 May 2026" in _best(PROMISE, note)


def test_of_two_promises_the_newer_leads() -> None:
    old = _note(2, "Promised <PERSON_1> a pump by 3 May 2026.", "2026-04-01")
    new = _note(3, "Promised <PERSON_1> a pump by 9 May 2026.", "2026-04-20")
    assert "9 May" in _best(PROMISE, old, new)


def test_records_without_a_promise_answer_nothing() -> None:
    assert _best(PROMISE, CONTACT, _note(2, "Spoke to <PERSON_1>. The pump drips.")) == ""


def test_articles_on_promises_are_read_like_any_other() -> None:
    article = Source(1, "Limits", "A representative may promise a refund of EUR 250.", published=True)
    assert "EUR 250" in _best("Up to what amount may a representative promise a refund?", article)


def test_a_fact_that_was_asked_for_stands_alone() -> None:
    found = candidates("What is the SLA tier of <PERSON_1>?", [CONTACT])
    choice = choose(found, [0.5] * len(found))
    assert choice is not None
    assert choice.quotes == ("The SLA tier of <PERSON_1> is Gold. [1]",)


def test_a_fact_that_shares_no_word_needs_a_like_meaning() -> None:
    found = candidates("Where is the cellar?", [CONTACT])
    assert choose(found, [0.3] * len(found)) is None
    assert choose(found, [0.6] * len(found)) is not None


def test_a_when_is_answered_by_a_moment() -> None:
    article = Source(1, "Credits", "Credits are never paid out. Credits end after 12 months.", published=True)
    assert _best("When do credits end?", article) == "Credits end after 12 months. [1]"


def test_no_sentence_is_kept_twice() -> None:
    twice = [_note(n, "Promised <PERSON_1> a pump by 3 May 2026.") for n in (2, 3)]
    found = candidates(PROMISE, twice)
    choice = choose(found, [0.3] * len(found))
    assert choice is not None
    assert choice.more == ()


def test_one_of_each_source_is_kept_where_several_are_asked_for() -> None:
    found = [Candidate((f"Sentence {n} {m}.",), n, "T", 0.5, 1.0) for n in (1, 2) for m in (1, 2)]
    choice = choose(found, [0.5, 0.4, 0.1, 0.3], one_each=True)
    assert choice is not None
    assert [one.n for one in choice.lead] == [1, 2]


def test_the_most_promising_are_compared_by_meaning() -> None:
    found = [Candidate((f"Sentence {n}.",), n, "T", n / 50, 0.0) for n in range(50)]
    assert [one.n for one in comparable(found, 3)] == [49, 48, 47]


def test_each_sentence_of_a_quotation_has_its_citation() -> None:
    assert quote(Candidate(("One.", "Two."), 4, "T", 0.0, 0.0)) == "One. [4] Two. [4]"


def test_a_list_too_long_for_the_model_loses_its_last_lines_and_keeps_its_first() -> None:
    lines = [Candidate((f"Order {n} is open.",), n, "", 1.0, 1.0) for n in range(1, 9)]
    others = [Candidate(("Another sentence.",), 9, "", 1.0, 1.0)]
    whole = Choice(tuple(lines), tuple(others))
    assert whole.within(10_000) == whole
    cut = whole.within(100)
    assert cut.lead == whole.lead[: len(cut.lead)]
    assert len(cut.quotes[0]) + len(cut.quotes[1]) <= 100
    assert whole.within(1).lead == whole.lead[:1]


def test_the_procedure_for_one_error_is_no_answer_about_another() -> None:
    article = Source(1, "Errors", "E04 means too little water. E12 means that the compressor is hot.", True)
    found = candidates("The display shows E12. What should the customer do?", [article])
    assert [one.text for one in found] == ["E12 means that the compressor is hot."]


def test_a_question_that_speaks_of_the_one_before_is_known_by_its_words() -> None:
    assert all(
        map(follows_on, ["And what is their balance?", "What do they owe?", "Wann kam ihre Bestellung?"])
    )
    assert not any(map(follows_on, ["How do I reset a thermostat?", "What does Care Plus cost?"]))
