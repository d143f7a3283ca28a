"""What a question is searched with."""

from assistant.answer import of_nobody, searched

Token = dict[str, str | None]

KNOWN: Token = {"token": "<ORGANIZATION_1>", "type": "ORGANIZATION", "entity": "account:12", "field": "name"}
GUESSED: Token = {"token": "<ORGANIZATION_2>", "type": "ORGANIZATION", "entity": None, "field": None}
CARD: Token = {"token": "<CARD_1>", "type": "CARD", "entity": None, "field": None}


def test_a_known_name_is_searched_as_its_record() -> None:
    found = searched("What does <ORGANIZATION_1> owe?", [KNOWN], None, (), (), {})
    assert found.question == "What does [account:12] owe?"
    assert found.entities == ("account:12",)


def test_words_that_are_of_no_record_are_searched_as_they_were_typed() -> None:
    tokens = [KNOWN, GUESSED]
    typed = dict.fromkeys(of_nobody(tokens), "Kent 11054")
    found = searched("Did <ORGANIZATION_1> buy a <ORGANIZATION_2>?", tokens, None, (), (), typed)
    assert found.question == "Did [account:12] buy a Kent 11054?"


def test_numbers_of_cards_and_secrets_are_never_searched_with() -> None:
    assert of_nobody([KNOWN, GUESSED, CARD]) == ("<ORGANIZATION_2>",)


def test_a_question_that_names_nobody_follows_on_what_was_asked_before() -> None:
    before = ["Tell me about <ORGANIZATION_1>", "which orders?"]
    found = searched(
        "and the <ORGANIZATION_2>?", [GUESSED], None, before, [KNOWN], {"<ORGANIZATION_2>": "Kent"}
    )
    assert found.question == "and the Kent?"
    assert found.earlier == "Tell me about [account:12] which orders?"
    assert found.entities == ("account:12",)


def test_a_question_that_names_somebody_stands_for_itself() -> None:
    found = searched("What does <ORGANIZATION_1> owe?", [KNOWN], None, ["before"], [GUESSED], {})
    assert found.earlier == ""
