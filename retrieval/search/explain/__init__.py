"""Why somebody sees a record, or does not: told to an administrator without any content."""

from .service import Explainer, lines_of
from .values import ConditionSaid, ExplainQuestion, Explanation, FieldSaid, IndexSaid, RecordSaid, RuleSaid

__all__ = [
    "ConditionSaid",
    "ExplainQuestion",
    "Explainer",
    "Explanation",
    "FieldSaid",
    "IndexSaid",
    "RecordSaid",
    "RuleSaid",
    "lines_of",
]
