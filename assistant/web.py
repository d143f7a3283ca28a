"""`cloister web`: pages and API; opens runs and follows their events. Stateless; alone from its settings."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header
from pydantic import BaseModel

from approvals import load_policy
from assistant.admin.answers import router as answers_router
from assistant.admin.api import router as admin_router
from assistant.admin.audit import router as audit_router
from assistant.admin.verification import router as verification_router
from assistant.conversations import Titles
from assistant.conversations.api import router as conversations_router
from assistant.live_pages import LivePages
from assistant.pages import (
    CrossSiteGuard,
    SecurityHeaders,
    create_pages_router,
    create_report_router,
    install_error_pages,
)
from assistant.processes import add_health_routes
from assistant.reviews import deciding_router, desk_router, filters_router, office_router
from assistant.reviews import router as reviews_router
from assistant.reviews.learning import router as rules_router
from assistant.reviews.links import router as links_router
from assistant.reviews.outgoing import router as outgoing_router
from assistant.reviews.report_api import router as report_router
from assistant.reviews.report_pages import LiveReports
from assistant.runs.api import router as runs_router
from assistant.runs.feed import RunFeed
from assistant.search.api import router as search_router
from assistant.search.programs import CallRate
from assistant.settings import WebSettings
from assistant.state import WebConfiguration, WebState
from assistant.tokens import router as tokens_router
from gateway import (
    CorrelationMiddleware,
    Database,
    DoorClient,
    NotAllowed,
    Tokens,
    UnitOfWork,
    create_http_client,
    install_error_handlers,
    issue_api_token,
    principal_of_account,
    read_secret,
)
from retrieval import RetrievalClient

_DEMO_TOKEN_DAYS = 1 / 24
demo_router = APIRouter(prefix="/api/v1/demo", tags=["demo"], include_in_schema=False)


class Naming(BaseModel):
    """Whose token is wanted."""

    login: str


@demo_router.post("/token")
async def demo_token(
    naming: Naming,
    settings: WebConfiguration,
    session: UnitOfWork,
    x_demo_secret: Annotated[str, Header()] = "",
) -> dict[str, str]:
    """Give a token for a name: a demo appliance only, and only to who can read its secret file."""
    if settings.demo is None:
        raise NotAllowed("Only a demo appliance takes a name; use that person's own API token.")
    if not hmac.compare_digest(read_secret(settings.demo.secret_file).encode(), x_demo_secret.encode()):
        raise NotAllowed("The demo secret does not match.")
    principal = await principal_of_account(session, login=naming.login)
    token = await issue_api_token(session, principal.id, label="command line", days=_DEMO_TOKEN_DAYS)
    return {"token": token.secret}


def create_web_app(settings: WebSettings) -> FastAPI:
    """The web process: everything a browser, a CRM or the command line talks to."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[WebState]:
        database = Database(settings.database)
        tokens = Tokens(settings.trust)
        door_http = create_http_client(settings.door.url, tls=settings.door.tls, timeout=15)
        retrieval_http = create_http_client(settings.retrieval.url, tls=settings.retrieval.tls, timeout=15)
        door = DoorClient(door_http, tokens)
        feed = RunFeed(database.conninfo)
        listening = asyncio.create_task(feed.listen(), name="feed")
        yield WebState(
            settings=settings,
            database=database,
            tokens=tokens,
            audience="web",
            door=door,
            retrieval=RetrievalClient(retrieval_http, tokens),
            titles=Titles(door),
            feed=feed,
            policy=load_policy(settings.policy_file, settings.policy_modules),
            programs=CallRate(settings.programs.calls_per_minute),
            tasks=[listening],
            verifying=asyncio.Lock(),
        )
        listening.cancel()
        await asyncio.wait([listening])
        await door_http.aclose()
        await retrieval_http.aclose()
        await database.close()

    app = FastAPI(title="Cloister", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    for router in _routers():
        app.include_router(router)
    add_health_routes(app)
    app.include_router(create_report_router(LiveReports))  # before `/queue/{id}`
    app.include_router(create_pages_router(LivePages))
    install_error_handlers(app)
    install_error_pages(app)
    app.add_middleware(CorrelationMiddleware, process="web")
    app.add_middleware(CrossSiteGuard, origins=frozenset(settings.origins))
    app.add_middleware(SecurityHeaders)
    return app


def _routers() -> list[Any]:
    return [
        runs_router,
        conversations_router,
        search_router,
        rules_router,  # these four before an item, whose id would be their name
        report_router,
        filters_router,
        office_router,
        reviews_router,
        deciding_router,
        desk_router,
        outgoing_router,
        links_router,
        admin_router,
        answers_router,
        audit_router,
        verification_router,
        tokens_router,
        demo_router,
    ]
