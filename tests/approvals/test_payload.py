"""What is held, and the hash that a decision names."""

from dataclasses import replace

from approvals import HeldPart, HeldSentence, Part, Payload

BARE = Payload("Who is <PERSON_1>?", (HeldSentence("A customer. [1]", (1,)),))


def test_what_was_held_before_prompts_were_kept_has_the_hash_that_it_had() -> None:
    members = BARE.as_json()
    assert "prompt" not in members
    assert Payload.from_json(members).digest() == BARE.digest()


def test_the_prompt_is_kept_and_part_of_the_hash() -> None:
    parts = (HeldPart(Part.SOURCE, "[1] Case"), HeldPart(Part.QUESTION, "Question: Who?"))
    read = Payload(BARE.question, BARE.sentences, prompt=parts)
    assert Payload.from_json(read.as_json()) == read
    counted = replace(read, hidden={"PERSON": 2})
    assert Payload.from_json(counted.as_json()) == counted
    assert counted.digest() != read.digest()
    assert read.digest() != BARE.digest()
