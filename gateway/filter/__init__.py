"""The inbound filter: injection, jailbreak, harvesting, secrets and questions out of scope."""

from .inbound import judge, judge_all
from .rules import BadRules, Rule, RuleSet, load_rules, parse_rules
from .verdict import Allowed, Denied, Flagged, Outcome, Verdict, outcome_of
from .views import views

__all__ = [
    "Allowed",
    "BadRules",
    "Denied",
    "Flagged",
    "Outcome",
    "Rule",
    "RuleSet",
    "Verdict",
    "judge",
    "judge_all",
    "load_rules",
    "outcome_of",
    "parse_rules",
    "views",
]
