"""Rules as data: what speaks against a text, and by how much."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

DENY_AT: Final = 3


class BadRules(Exception):
    """A rule file cannot be used; the sentence says which rule."""


@dataclass(frozen=True)
class Rule:
    """One sign. Points of different rules of a family add up; at `DENY_AT` the text is denied.

    A rule with no points only flags. `positive` and `negative` are examples that tests hold it to.
    """

    id: str
    family: str
    points: int
    patterns: tuple[re.Pattern[str], ...]
    positive: tuple[str, ...]
    negative: tuple[str, ...]

    def matches(self, view: str) -> bool:
        """Whether any pattern is found in a normalised view."""
        return any(pattern.search(view) for pattern in self.patterns)


@dataclass(frozen=True)
class RuleSet:
    """The families' sentences and their rules."""

    sentences: dict[str, str]
    rules: tuple[Rule, ...]


@cache
def load_rules() -> RuleSet:
    """The rules that ship with the product. Raises `BadRules`."""
    return parse_rules((files(__package__) / "rules.yaml").read_text("utf-8"))


def parse_rules(text: str) -> RuleSet:
    """Rules from YAML. Raises `BadRules` for a broken pattern, an unknown family, a double id."""
    content: Any = yaml.safe_load(text)
    sentences = dict(content["families"])
    rules = [_rule(item, sentences) for item in content["rules"]]
    if len({rule.id for rule in rules}) < len(rules):
        raise BadRules("Two rules share an id.")
    return RuleSet(sentences, tuple(rules))


def _rule(item: dict[str, Any], sentences: dict[str, str]) -> Rule:
    if item["family"] not in sentences:
        raise BadRules(f"The rule {item['id']} is of an unknown family.")
    try:
        patterns = tuple(re.compile(pattern) for pattern in item["patterns"])
    except re.error as error:
        raise BadRules(f"The rule {item['id']} has a broken pattern: {error}.") from error
    return Rule(
        item["id"],
        item["family"],
        int(item["points"]),
        patterns,
        tuple(item["positive"]),
        tuple(item["negative"]),
    )
