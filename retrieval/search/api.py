"""The HTTP face of record search: for `web`, `work` and the command line, each in a principal's name."""

from fastapi import APIRouter, Request

from gateway import CallingPrincipal, Principal, Role, UnitOfWork, as_code, record, require
from retrieval.crm import fact_labels
from retrieval.rights import visibility_of

from .events import RetrievalEvent
from .explain import Explainer, ExplainQuestion, Explanation
from .focus import visible_rows
from .suggestions import suggest
from .typeahead import find_entities
from .values import (
    FactLabels,
    FoundEntities,
    Grant,
    GrantQuestion,
    Question,
    SearchResult,
    Suggestions,
    TypedName,
    VisibleEntities,
    VisibleQuestion,
)

router = APIRouter(prefix="/v1")


@router.post("/search")
async def search(
    question: Question, principal: CallingPrincipal, request: Request, session: UnitOfWork
) -> SearchResult:
    """Find permitted passages and live facts for a question."""
    _reads_content(principal)
    with request.state.first.question():
        result: SearchResult = await request.state.searcher.search(principal, question)
    record(
        session,
        RetrievalEvent.SEARCHED,
        principal,
        found=result.found,
        passages=[as_code(passage.id) for passage in result.passages],
        facts=len(result.facts),
        user_known=result.user_known,
        crm_available=result.crm_available,
        map=request.state.records.crm_map.identity,
        index=request.state.index.asked,
    )
    return result


@router.post("/grants")
async def grant(
    question: GrantQuestion, principal: CallingPrincipal, request: Request, session: UnitOfWork
) -> Grant:
    """Grant the caller sight of identities, as far as their rights go."""
    _reads_content(principal)
    signed, meant = await request.state.granter.grant(principal, question)
    record(
        session,
        RetrievalEvent.REVEAL_GRANTED,
        principal,
        conversation=question.conversation,
        scope=meant.scope,
        entities=sorted(map(as_code, meant.fields)),
    )
    return Grant.model_validate(signed)


@router.post("/visible")
async def visible(
    question: VisibleQuestion, principal: CallingPrincipal, request: Request
) -> VisibleEntities:
    """Tell which of some records the caller may see now."""
    _reads_content(principal)
    visibility = await visibility_of(request.state.records, principal)
    if visibility is None:
        return VisibleEntities(entities=())
    found = await visible_rows(request.state.records, visibility, list(question.entities))
    return VisibleEntities(entities=tuple(sorted(found)))


@router.post("/entities")
async def entities(wanted: TypedName, principal: CallingPrincipal, request: Request) -> FoundEntities:
    """Find visible records by what their label contains."""
    _reads_content(principal)
    visibility = await visibility_of(request.state.records, principal)
    if visibility is None:
        return FoundEntities(entities=())
    return await find_entities(request.state.records, visibility, wanted.typed, wanted.limit)


@router.get("/suggestions")
async def suggestions(principal: CallingPrincipal, request: Request) -> Suggestions:
    """Make questions of records that the caller may see."""
    _reads_content(principal)
    visibility = await visibility_of(request.state.records, principal)
    if visibility is None:
        return Suggestions(questions=())
    return Suggestions(questions=tuple(await suggest(request.state.records, visibility)))


@router.get("/facts")
async def facts(principal: CallingPrincipal, request: Request) -> FactLabels:
    """Name the facts that records can have, as the CRM map calls them; it holds no content."""
    require(principal, Role.OFFICER, Role.ADMIN)
    return FactLabels(labels=tuple(sorted(fact_labels(request.state.records.crm_map))))


@router.post("/explain")
async def explain(
    asked: ExplainQuestion, principal: CallingPrincipal, request: Request, session: UnitOfWork
) -> Explanation:
    """Tell an administrator which rule shows or hides a record for a CRM user; it holds no content."""
    require(principal, Role.ADMIN)
    explainer: Explainer = request.state.explainer
    told = await explainer.explain(asked.login, asked.record)
    record(
        session,
        RetrievalEvent.RIGHTS_EXPLAINED,
        principal,
        subject=as_code(told.record) if told.exists else None,  # else it is whatever somebody has typed
        whose=as_code(told.login),
        exists=told.exists,
        sees=told.sees,
        drift=len(told.drift),
    )
    return told


def _reads_content(principal: Principal) -> None:
    """An admin runs the machine and reads no content."""
    require(principal, Role.REP, Role.LEAD, Role.OFFICER, Role.SERVICE)
