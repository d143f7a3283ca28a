"""Showing stored text to one viewer: whatever its length, and with the rights of the moment."""

import uuid
from collections.abc import Sequence

from assistant.restoring import Viewer
from gateway import DoorClient, PartUnavailable, Principal, Restored, Role
from retrieval import Grant, RetrievalClient

REP = Principal(str(uuid.uuid4()), "rep@example.org", frozenset({Role.REP}))


class CountingDoor(DoorClient):
    """Restores one name for who holds a grant, and takes no more texts than the real one."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def entities(self, principal: Principal, conversation: uuid.UUID) -> list[str]:
        return ["contact:1"]

    async def restore(
        self, principal: Principal, conversation: uuid.UUID, texts: Sequence[str], grant: str | None = None
    ) -> Restored:
        assert len(texts) <= 512
        self.asked.append(list(texts))
        return Restored(tuple(text.replace("<PERSON_1>", "Anna") if grant else text for text in texts), 0)


class Rights(RetrievalClient):
    """Grants, or is away."""

    def __init__(self, *, away: bool = False) -> None:
        self.away, self.asked = away, 0

    async def grant(self, *_arguments: object, **_options: object) -> Grant:
        self.asked += 1
        if self.away:
            raise PartUnavailable("retrieval", "away")
        return Grant(grant="signed", seconds=60)


async def test_a_long_conversation_is_restored_in_portions_and_each_text_once() -> None:
    door = CountingDoor()
    texts = [f"<PERSON_1> wrote note {n % 700}" for n in range(1500)] + ["nobody"]
    shown = await Viewer(door, Rights(), REP, uuid.uuid4()).texts(texts)
    assert shown == [text.replace("<PERSON_1>", "Anna") for text in texts]
    assert sum(map(len, door.asked)) == 700


async def test_texts_inside_json_are_restored_where_they_stand() -> None:
    [value] = await Viewer(CountingDoor(), Rights(), REP, uuid.uuid4()).values(
        [{"n": 1, "title": "<PERSON_1>", "list": [{"value": "for <PERSON_1>"}], "url": None}]
    )
    assert value == {"n": 1, "title": "Anna", "list": [{"value": "for Anna"}], "url": None}


async def test_without_rights_tokens_stay_tokens_and_nobody_is_asked_at_each_text() -> None:
    rights = Rights(away=True)
    viewer = Viewer(CountingDoor(), rights, REP, uuid.uuid4())
    for _ in range(5):
        assert await viewer.texts(["<PERSON_1>"]) == ["<PERSON_1>"]
    assert rights.asked == 1
