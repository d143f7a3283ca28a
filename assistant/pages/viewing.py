"""Who looks at a page, and what its address says."""

import uuid
from datetime import UTC, datetime

from gateway import BadInput, NotAllowed, NotFound, NotSignedIn, Role

from .data import PageData, Viewer


async def viewer_of(data: PageData, *roles: Role) -> Viewer:
    """Whoever is signed in. Raises `NotSignedIn`, and `NotAllowed` for one with none of the roles."""
    viewer = await data.viewer()
    if viewer is None:
        raise NotSignedIn("Sign in first.")
    if roles and not viewer.has(*roles):
        raise NotAllowed("Your role does not include this page.")
    return viewer


def known_id(text: str) -> uuid.UUID:
    """The id in an address. Raises `NotFound`."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise NotFound("There is no such page.") from error


def moment(text: str) -> datetime | None:
    """A time out of a form; UTC where it does not say. Raises `BadInput`."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput("A time must look like 2026-01-31T09:00.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
