"""The sentences from which notes and mails are put together, and the articles of the help centre."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from retrieval.crm.document import read_document


@dataclass(frozen=True, slots=True)
class Promise:
    """What an agent can promise; ``action`` names it, the rest says it in a note or in a mail."""

    kind: str
    action: str
    note: tuple[str, ...]
    mail_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One sort of trouble, and what is written about it; ``codes`` limits it to some products.

    Subjects, descriptions, mails and notes of the same place in their lists tell of the same event.
    """

    category: str
    families: tuple[str, ...]
    promises: tuple[str, ...]
    priority: tuple[str, ...]
    subjects: tuple[str, ...]
    descriptions: tuple[str, ...]
    mail_in: tuple[str, ...]
    notes: tuple[str, ...]
    resolutions: tuple[str, ...]
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Phrases:
    """Everything in ``phrases.yaml``; ``lists`` holds the plain lists by their name."""

    lists: dict[str, tuple[str, ...]]
    summaries: dict[str, tuple[str, ...]]
    promises: dict[str, Promise]
    scenarios: tuple[Scenario, ...]


@dataclass(frozen=True, slots=True)
class Article:
    title: str
    category: str
    audience: str
    body: str


@cache
def load_phrases() -> Phrases:
    content = _content("phrases.yaml")
    return Phrases(
        lists={name: tuple(value) for name, value in content.items() if _is_plain(value)},
        summaries={name: tuple(value) for name, value in content["summaries"].items()},
        promises={
            kind: Promise(kind, parts["action"], tuple(parts["note"]), tuple(parts["mail_out"]))
            for kind, parts in content["promises"].items()
        },
        scenarios=tuple(
            Scenario(
                category=parts["category"],
                **{name: tuple(value) for name, value in parts.items() if name != "category"},
            )
            for parts in content["scenarios"]
        ),
    )


@cache
def load_articles() -> tuple[Article, ...]:
    """The articles in the order of ``articles.md``: a title, a line "category · audience", a body."""
    text = resources.files(__package__).joinpath("articles.md").read_text(encoding="utf-8")
    articles = []
    for section in text.split("\n# "):
        title, kind, body = section.removeprefix("# ").split("\n", 2)
        category, audience = kind.split(" · ")
        articles.append(Article(title.strip(), category, audience.strip(), " ".join(body.split())))
    return tuple(articles)


def _content(name: str) -> dict[str, Any]:
    document = read_document(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))
    if document.problems:
        raise ValueError(f"{name}: {document.problems[0]}")
    content: dict[str, Any] = document.content
    return content


def _is_plain(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)
