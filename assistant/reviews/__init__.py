"""Reviewing held answers: restored for the officer who opens one, and for nobody else."""

from .api import router
from .deciding import router as deciding_router
from .desk import router as desk_router
from .filters import router as filters_router
from .listing import list_reviews, see_notices
from .office import router as office_router
from .reading import read_review

__all__ = [
    "deciding_router",
    "desk_router",
    "filters_router",
    "list_reviews",
    "office_router",
    "read_review",
    "router",
    "see_notices",
]
