"""The inbound filter: what a person may not ask of the assistant.

It is one layer: rights, redaction and review hold without it. It does not promise to find every attack.
"""

from collections.abc import Iterable

from .rules import DENY_AT, Rule, RuleSet, load_rules
from .verdict import Allowed, Denied, Flagged, Verdict
from .views import views


def judge(text: str, rules: RuleSet | None = None) -> Verdict:
    """Judge one text that a person typed."""
    rules = rules or load_rules()
    readings = views(text)
    hits = [rule for rule in rules.rules if any(rule.matches(view) for view in readings)]
    if not hits:
        return Allowed()
    reasons = tuple(rule.id for rule in hits)
    family, points = _heaviest(hits)
    if points >= DENY_AT:
        return Denied(rules.sentences[family], family, reasons)
    return Flagged(reasons)


def judge_all(texts: Iterable[str]) -> Verdict:
    """The gravest verdict over several texts, so that an attack cannot hide behind a harmless part."""
    flagged: list[str] = []
    for text in texts:
        match judge(text):
            case Denied() as denied:
                return denied
            case Flagged(reasons):
                flagged.extend(reasons)
            case Allowed():
                pass
    return Flagged(tuple(dict.fromkeys(flagged))) if flagged else Allowed()


def _heaviest(hits: list[Rule]) -> tuple[str, int]:
    points: dict[str, int] = {}
    for rule in hits:
        points[rule.family] = points.get(rule.family, 0) + rule.points
    return max(points.items(), key=lambda item: item[1])
