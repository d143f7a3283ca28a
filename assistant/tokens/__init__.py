"""API tokens, each made and ended by the person whose rights it has."""

from .api import router

__all__ = ["router"]
