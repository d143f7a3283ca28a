"""Who may see what: asked anew for every question."""

from .visibility import Visibility, visibility_of, visibility_of_anyone

__all__ = ["Visibility", "visibility_of", "visibility_of_anyone"]
