"""Reviewing held answers: restored for the officer who opens one, and for nobody else."""

from .api import router
from .reading import HistoryEntry, OpenedReview, list_reviews, read_review

__all__ = ["HistoryEntry", "OpenedReview", "list_reviews", "read_review", "router"]
