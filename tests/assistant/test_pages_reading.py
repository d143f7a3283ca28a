"""Numbers of live facts on the review page."""

from approvals import HeldFact, HeldSource, Payload
from assistant.reviews.reading import fact_numbers

SOURCES = tuple(HeldSource(n, f"note:{n}/body/0", f"note:{n}", "Note", "Text") for n in (1, 2, 3))


def held(*facts: tuple[str, str]) -> Payload:
    """A held answer with facts of these titles and labels."""
    return Payload("", (), 0, SOURCES, tuple(HeldFact(label, "1", title) for title, label in facts))


def test_records_are_numbered_after_the_passages_in_the_order_of_their_first_fact() -> None:
    payload = held(("<ORGANIZATION_1>", "cases"), ("Order 7", "total"), ("<ORGANIZATION_1>", "balance"))
    assert fact_numbers(payload) == [4, 5, 4]


def test_records_that_share_a_title_get_no_number_rather_than_a_wrong_one() -> None:
    payload = held(("<PERSON_1>", "phone"), ("<PERSON_1>", "phone"), ("Order 7", "total"))
    assert fact_numbers(payload) == [None, None, None]


def test_facts_without_passages_begin_at_one() -> None:
    payload = Payload("", (), facts=(HeldFact("total", "1", "Order 7"),))
    assert fact_numbers(payload) == [1]
