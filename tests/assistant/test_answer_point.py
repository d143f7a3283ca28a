"""What a question is after: somebody's phone number, one named value, what the asker's own role may do."""

import pytest

from assistant.answer.asking import fact_asked, identities_asked
from assistant.answer.evidence import candidates, choose, identities, to_the_point
from assistant.answer.statements import state_all
from assistant.answer.support import Source, stems, token_types

PERSON = (
    ("email", "<PERSON_1_EMAIL>"),
    ("phone", "<PERSON_1_PHONE>"),
    ("mobile", "<PERSON_1_PHONE_2>"),
    ("number of cases", "1 closed"),
)
CONTACT = Source(1, "<PERSON_1>", state_all("<PERSON_1>", PERSON), kind="contact", facts=PERSON)
COMPANY = (("phone", "<ORGANIZATION_1_PHONE>"), ("open balance", "EUR 20.00"), ("segment", "business"))
ACCOUNT = Source(2, "<ORGANIZATION_1>", state_all("<ORGANIZATION_1>", COMPANY), kind="account", facts=COMPANY)
NOTE = Source(3, "Note on CS-1", "Tried <PERSON_2_PHONE> twice, reached <PERSON_2>. Credit agreed.")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the phone number of <PERSON_1>?", {"PHONE"}),
        ("<PERSON_1>'s mobile number?", {"PHONE"}),
        ("What is <PERSON_1>'s email?", {"EMAIL"}),
        ("How do I reach <PERSON_1> at <ORGANIZATION_1>?", {"PHONE", "EMAIL"}),
        ("Wie erreiche ich <PERSON_1>?", {"PHONE", "EMAIL"}),
        ("What is the IBAN of <ORGANIZATION_1>?", {"IBAN"}),
        ("When was <PERSON_1> born?", {"DATE_OF_BIRTH"}),
        ("Which cases are open?", set()),
        ("When did <PERSON_1> send the email about the pump?", set()),
        ("What was agreed on the phone?", set()),
    ],
)
def test_a_question_for_an_identity_is_known_by_its_words(question: str, expected: set[str]) -> None:
    assert identities_asked(question) == expected


def test_a_token_tells_of_what_type_it_is_and_of_whom() -> None:
    assert token_types("<PERSON_1_PHONE_2> <IBAN_3>") == [("<PERSON_1>", "PHONE"), ("<IBAN_3>", "IBAN")]


def test_a_phone_number_is_that_of_whom_was_asked_about() -> None:
    choice = identities("What is the phone number of <PERSON_1>?", [NOTE, ACCOUNT, CONTACT])
    assert choice is not None
    assert choice.quotes == ("The phone of <PERSON_1> is <PERSON_1_PHONE>. [1]",)


def test_to_reach_somebody_is_every_way_there_is() -> None:
    choice = identities("How do I reach <PERSON_1> at <ORGANIZATION_1>?", [NOTE, ACCOUNT, CONTACT])
    assert choice is not None
    assert [one.text.split()[-1] for one in choice.lead] == [
        "<PERSON_1_EMAIL>.",
        "<PERSON_1_PHONE>.",
        "<PERSON_1_PHONE_2>.",
    ]


@pytest.mark.parametrize(
    "question", ["What is the IBAN of <ORGANIZATION_1>?", "When was <PERSON_1> born?", "<PERSON_2>'s phone?"]
)
def test_a_value_that_no_record_has_is_answered_by_no_other(question: str) -> None:
    assert identities(question, [ACCOUNT, CONTACT]) is None


def test_one_value_that_is_named_is_told_or_nothing() -> None:
    found = candidates("What is the credit limit of <ORGANIZATION_1>?", [ACCOUNT, NOTE])
    assert to_the_point("What is the credit limit of <ORGANIZATION_1>?", found, [0.5] * len(found)) == []
    [(told, _)] = to_the_point("What is the open balance of <ORGANIZATION_1>?", found, [0.1] * len(found))
    assert told.text.endswith("EUR 20.00.")
    [(told, _)] = to_the_point(
        "Wie hoch ist der Saldo von <ORGANIZATION_1>?", found, [0.1] * len(found), ("open balance",)
    )
    assert told.text.endswith("EUR 20.00.")
    assert len(to_the_point("What happened?", found, [0.1] * len(found))) == len(found)


def test_the_value_that_is_asked_for_is_read_off_the_question() -> None:
    assert fact_asked("What is the SLA tier of <ORGANIZATION_1>?") == "SLA tier"
    assert fact_asked("Which cases of <ORGANIZATION_1> are open?") == ""


def test_who_asks_for_themselves_is_told_what_their_role_may() -> None:
    article = Source(
        1,
        "Refund limits by role",
        "A representative may promise a refund of up to EUR 250. A team lead may approve up to EUR 2,500. "
        "Two refunds are one and need a lead.",
        published=True,
        reference=True,
    )
    for role, amount in (("rep", "EUR 250."), ("lead", "EUR 2,500.")):
        found = candidates("How much may I refund without asking?", [article], [role])
        choice = choose(found, [0.5] * len(found))
        assert choice is not None
        assert amount in choice.quotes[0]
        assert not any("EUR" in quote and amount not in quote for quote in choice.quotes)


def test_an_article_comes_before_an_item_that_says_as_much() -> None:
    item = Source(1, "Extended warranty (SV-EXT)", "24 months of warranty on top for a heat pump.", True)
    article = Source(
        2, "Warranty terms", "Heat pumps carry a warranty of 60 months.", published=True, reference=True
    )
    found = candidates("How long is the warranty on a heat pump?", [item, article])
    choice = choose(found, [0.5] * len(found))
    assert choice is not None
    assert "60 months" in choice.quotes[0]


def test_one_pump_and_many_are_the_same_word() -> None:
    assert stems("pumps glass") == stems("pump glass")
