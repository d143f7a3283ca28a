"""Evaluation: questions with known answers put to a running appliance, and what came of them."""

from .marking import Mark, mark
from .summary import Summary, summarise

__all__ = ["Mark", "Summary", "mark", "summarise"]
