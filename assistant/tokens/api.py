"""API tokens over HTTP. No token begets tokens: all of it wants a sign-in with a password."""

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from assistant.session import BySession
from gateway import UnitOfWork, issue_api_token, list_api_tokens, revoke_api_token

router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"])


def _printable(label: str) -> str:
    if not label.isprintable():
        raise ValueError("a label has printable characters only")
    return label


class Wanted(BaseModel):
    """What the token is for, and how long it holds."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
        AfterValidator(_printable),
    ]
    days: int = Field(ge=1, le=365)


class Held(BaseModel):
    """A token that holds, without its secret."""

    id: uuid.UUID
    label: str
    created_at: datetime | None
    expires_at: datetime


class Made(Held):
    """A new token; `token` is its secret, which is shown this once."""

    token: str


@router.post("", status_code=201)
async def make(wanted: Wanted, principal: BySession, session: UnitOfWork) -> Made:
    """Make a token with the caller's rights."""
    made = await issue_api_token(session, principal, label=wanted.label, days=wanted.days)
    return Made(
        id=made.id,
        label=wanted.label,
        created_at=made.created_at,
        expires_at=made.expires_at,
        token=made.secret,
    )


@router.get("")
async def read_all(principal: BySession, session: UnitOfWork) -> list[Held]:
    """The caller's tokens that hold."""
    return [
        Held(id=row.id, label=row.label, created_at=row.created_at, expires_at=row.expires_at)
        for row in await list_api_tokens(session, principal)
    ]


@router.delete("/{token_id}", status_code=204)
async def revoke(token_id: uuid.UUID, principal: BySession, session: UnitOfWork) -> None:
    """End a token at once."""
    await revoke_api_token(session, principal, token_id)
