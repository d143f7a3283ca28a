"""The way to a retrieval process for `web`, `work` and the command line."""

from typing import Final, TypeVar

import httpx
from pydantic import BaseModel

from gateway import Principal, Tokens, call
from retrieval.index.values import IndexState, RestoreQuestion
from retrieval.search.explain import ExplainQuestion, Explanation
from retrieval.search.values import (
    MAX_ENTITIES,
    MAX_REFERENCES,
    FactLabels,
    FoundEntities,
    FoundEntity,
    Grant,
    GrantQuestion,
    Question,
    SearchResult,
    Suggestions,
    SyncStatus,
    TypedName,
    VisibleEntities,
    VisibleQuestion,
)
from retrieval.sync.values import (
    ParkedRecords,
    RebuildState,
    Resolve,
    Resolved,
    VerifyQuestion,
    VerifyReport,
)

AUDIENCE: Final = "retrieval"
_PART: Final = "record search"

V = TypeVar("V", bound=BaseModel)


class RetrievalClient:
    """Typed calls, each in the name of a principal.

    Every method raises the error that the process answered with, and `PartUnavailable` when it
    cannot be reached.
    """

    def __init__(self, client: httpx.AsyncClient, tokens: Tokens) -> None:
        self._client = client
        self._tokens = tokens

    async def search(
        self,
        principal: Principal,
        question: str,
        *,
        entities: tuple[str, ...] = (),
        scope: str | None = None,
        limit: int = 12,
        listed: int | None = None,
        earlier: str = "",
    ) -> SearchResult:
        """Passages and live facts that `principal` may see; `question` holds durable ids for their records.

        `limit` is how many passages there may be, `listed` how many where records are listed, if not as many.
        Of more `entities` than fit a question the first are asked about: a list of names is no question.
        """
        some = entities[:MAX_ENTITIES]
        asked = Question(
            question=question, entities=some, scope=scope, limit=limit, listed=listed, earlier=earlier
        )
        return await self._call(principal, "POST", "/v1/search", SearchResult, asked)

    async def grant(
        self,
        principal: Principal,
        conversation: str,
        *,
        entities: tuple[str, ...] = (),
        item: str | None = None,
    ) -> Grant:
        """A RevealGrant for those of the first 2,000 `entities` that `principal` may see.

        With `item` the principal must be an officer (else `NotAllowed`) and all of them are granted.
        """
        asked = GrantQuestion(conversation=conversation, entities=entities[:MAX_REFERENCES], item=item)
        return await self._call(principal, "POST", "/v1/grants", Grant, asked)

    async def visible(self, principal: Principal, entities: tuple[str, ...]) -> tuple[str, ...]:
        """Those of `entities` that `principal` may see at this moment."""
        found: list[str] = []
        for start in range(0, len(entities), MAX_REFERENCES):
            asked = VisibleQuestion(entities=entities[start : start + MAX_REFERENCES])
            answer = await self._call(principal, "POST", "/v1/visible", VisibleEntities, asked)
            found += answer.entities
        return tuple(found)

    async def entities(self, principal: Principal, typed: str, limit: int = 8) -> tuple[FoundEntity, ...]:
        """Visible records whose label contains `typed`."""
        asked = TypedName(typed=typed, limit=limit)
        return (await self._call(principal, "POST", "/v1/entities", FoundEntities, asked)).entities

    async def suggestions(self, principal: Principal) -> tuple[str, ...]:
        """Questions that `principal` could ask, with names of their records."""
        return (await self._call(principal, "GET", "/v1/suggestions", Suggestions)).questions

    async def fact_labels(self, principal: Principal) -> tuple[str, ...]:
        """What the CRM map calls the facts of records (role officer or admin)."""
        return (await self._call(principal, "GET", "/v1/facts", FactLabels)).labels

    async def explain(self, principal: Principal, login: str, record: str) -> Explanation:
        """Why the CRM user `login` sees a record, or why not (role admin)."""
        asked = ExplainQuestion(login=login, record=record)
        return await self._call(principal, "POST", "/v1/explain", Explanation, asked)

    async def sync_status(self, principal: Principal) -> SyncStatus:
        """How far the index is, kind by kind."""
        return await self._call(principal, "GET", "/v1/sync", SyncStatus)

    async def sync_run(self, principal: Principal, *, allow_deletes: bool = False) -> SyncStatus:
        """Begin to compare the whole index with the CRM (role admin); `running` in the status tells the end.

        `allow_deletes` lets it delete more than the 15 % of a kind at which it stops and asks.
        """
        path = "/v1/sync/run?allow_deletes=true" if allow_deletes else "/v1/sync/run"
        return await self._call(principal, "POST", path, SyncStatus)

    async def sync_parked(self, principal: Principal) -> ParkedRecords:
        """Rows that could not be indexed, and why (role admin, as all that follows)."""
        return await self._call(principal, "GET", "/v1/sync/parked", ParkedRecords)

    async def sync_retry(self, principal: Principal) -> ParkedRecords:
        """Try those rows again at once."""
        return await self._call(principal, "POST", "/v1/sync/parked/retry", ParkedRecords)

    async def sync_resolve(self, principal: Principal, entity: str, *, allow_deletes: bool) -> Resolved:
        """Delete what waits for a word, or keep it until the CRM has it again."""
        decided = Resolve(entity=entity, allow_deletes=allow_deletes)
        return await self._call(principal, "POST", "/v1/sync/resolve", Resolved, decided)

    async def sync_verify(self, principal: Principal, *, dry_run: bool = False) -> VerifyReport:
        """Begin to compare every row, point and right with the CRM."""
        asked = VerifyQuestion(dry_run=dry_run)
        return await self._call(principal, "POST", "/v1/sync/verify", VerifyReport, asked)

    async def sync_verified(self, principal: Principal) -> VerifyReport:
        """How far that is, and what it found."""
        return await self._call(principal, "GET", "/v1/sync/verify", VerifyReport)

    async def sync_rebuild(self, principal: Principal) -> RebuildState:
        """Begin a new generation of the index beside the one that is asked."""
        return await self._call(principal, "POST", "/v1/sync/rebuild", RebuildState)

    async def sync_rebuilding(self, principal: Principal) -> RebuildState:
        """How far that is."""
        return await self._call(principal, "GET", "/v1/sync/rebuild", RebuildState)

    async def index_state(self, principal: Principal) -> IndexState:
        """How large the index is, and what is being done to it (role admin)."""
        return await self._call(principal, "GET", "/v1/index", IndexState)

    async def index_optimise(self, principal: Principal) -> IndexState:
        """Begin to build anew what makes searching quick (role admin)."""
        return await self._call(principal, "POST", "/v1/index/optimise", IndexState)

    async def index_backup(self, principal: Principal) -> IndexState:
        """Begin to write the index into a file (role admin)."""
        return await self._call(principal, "POST", "/v1/index/backup", IndexState)

    async def index_restore(self, principal: Principal, name: str) -> IndexState:
        """Begin to take a backup in place of the index (role admin)."""
        asked = RestoreQuestion(name=name)
        return await self._call(principal, "POST", "/v1/index/restore", IndexState, asked)

    async def _call(
        self, principal: Principal, method: str, path: str, kind: type[V], body: BaseModel | None = None
    ) -> V:
        token = self._tokens.for_principal(principal, AUDIENCE)
        content = body.model_dump(mode="json") if body is not None else None
        response = await call(self._client, _PART, method, path, token=token, body=content)
        return kind.model_validate(response.json())
