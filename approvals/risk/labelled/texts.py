"""Labelled texts as JSON Lines."""

from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from gateway import Role

_SHIPPED: Final = ("open.jsonl", "phrases.jsonl", "paraphrases.jsonl", "traffic.jsonl")


class Labelled(BaseModel):
    """One text and what is risky about it; `split`: may it be learned from; `source`: who wrote it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    text: str
    categories: tuple[str, ...] = ()
    place: Literal["draft", "question"] = "draft"
    question: str = ""
    role: Role = Role.REP
    supported: bool = True
    passages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    language: str = ""
    split: str = ""
    source: str = ""


def read(lines: Iterable[str]) -> Iterator[Labelled]:
    """Labelled texts of JSON Lines. Raises `ValueError` naming the line that is none."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield Labelled.model_validate_json(line)
            except ValidationError as error:
                raise ValueError(f"line {number}: {error.errors()[0]['msg']}") from error


def shipped() -> list[Labelled]:
    """The examples that the shipped weights are made of."""
    folder = files("approvals.risk") / "labelled"
    return [one for name in _SHIPPED for one in read((folder / name).read_text("utf-8").splitlines())]
