"""Our own queries over the demo company, labelled by what its records were made from."""

from .build import own_queries
from .parts import Part

__all__ = ["Part", "own_queries"]
