"""The list of conversations asks the door for its titles once."""

import uuid
from collections.abc import Sequence

from assistant.conversations import Conversation, Titles
from gateway import DoorClient, Principal, Role

REP = Principal(str(uuid.uuid4()), "rep@example.org", frozenset({Role.REP}))


class CountingDoor(DoorClient):
    """Restores a token to a name, and keeps how many texts each call held."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    async def restore_typed(
        self, principal: Principal, texts: Sequence[tuple[uuid.UUID, str]]
    ) -> tuple[str, ...]:
        self.calls.append(len(texts))
        return tuple(text.replace("<PERSON_1>", principal.login) for _, text in texts)


def conversations(*titles: str) -> list[Conversation]:
    return [Conversation(id=uuid.uuid4(), owner=uuid.UUID(REP.id), title=title) for title in titles]


async def test_all_titles_are_restored_in_one_call_and_then_kept() -> None:
    door = CountingDoor()
    titles, found = Titles(door), conversations("About <PERSON_1>", "No name", "<PERSON_1> again")
    expected = ["About rep@example.org", "No name", "rep@example.org again"]
    assert await titles.of(REP, found) == expected
    assert await titles.of(REP, found) == expected
    assert door.calls == [2]


async def test_nobody_is_given_a_title_that_was_restored_for_somebody_else() -> None:
    titles, found = Titles(CountingDoor()), conversations("About <PERSON_1>")
    other = Principal(str(uuid.uuid4()), "other@example.org", frozenset({Role.REP}))
    await titles.of(REP, found)
    assert await titles.of(other, found) == ["About other@example.org"]


async def test_a_new_title_is_asked_for() -> None:
    door = CountingDoor()
    titles, found = Titles(door), conversations("About <PERSON_1>")
    await titles.of(REP, found)
    found[0].title = "Now <PERSON_1>"
    assert await titles.of(REP, found) == ["Now rep@example.org"]
    assert door.calls == [1, 1]
