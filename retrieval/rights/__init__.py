"""Who may see what: asked anew for every question."""

from .visibility import Visibility, visibility_of

__all__ = ["Visibility", "visibility_of"]
