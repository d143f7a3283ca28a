"""Which model servers stand behind the door, and whether they answer."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from gateway.principal import Role, require

from .access import AnyCaller, Caller
from .state import TheDoor

router = APIRouter()


async def _administrator(caller: AnyCaller) -> Caller:
    require(caller.principal, Role.ADMIN)
    return caller


@router.get("/v1/deployments")
async def list_deployments(
    _caller: Annotated[Caller, Depends(_administrator)], door: TheDoor
) -> dict[str, list[dict[str, Any]]]:
    """List the model servers with their state at this moment."""
    return {
        "models": [asdict(state) for state in await door.servers.states()],
        "embeddings": [asdict(state) for state in await door.embedders.states()],
        "rerankers": [asdict(state) for state in await door.rerankers.states()],
    }
