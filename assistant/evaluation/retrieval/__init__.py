"""Measuring the search: queries with known records, put to ours and to plain searches beside it."""

from .asking import Asker
from .embedding import InProcess
from .figures import MEASURES, PERCENTILES, Figures, figures_of
from .own import own_queries
from .queries import BadQuery, Query, Records, read_queries, write_queries
from .runs import write_details, write_runs
from .trying import Tried, try_queries

__all__ = [
    "MEASURES",
    "PERCENTILES",
    "Asker",
    "BadQuery",
    "Figures",
    "InProcess",
    "Query",
    "Records",
    "Tried",
    "figures_of",
    "own_queries",
    "read_queries",
    "try_queries",
    "write_details",
    "write_queries",
    "write_runs",
]
