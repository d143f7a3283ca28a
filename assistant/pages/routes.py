"""The pages' addresses. Each asks who is there; what is shown comes from `PageData`."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from assistant.session import SESSION_COOKIE
from gateway import NotAllowed, NotFound, Role

from .assets import load_assets
from .audit import add_audit
from .data import PageData, Viewer
from .rendering import render
from .review_data import QueueQuery, ReviewState
from .viewing import known_id, viewer_of

_CHAT: Final = (Role.REP, Role.LEAD)
_HOMES: Final = (
    (_CHAT, "/"),
    ((Role.OFFICER,), "/queue"),
    ((Role.ADMIN,), "/health"),
    ((Role.AUDITOR,), "/audit"),
)
_MAX_QUESTION: Final = 8000
_DEVICE_SECONDS: Final = 400 * 86_400  # as long as browsers keep a cookie at most


def create_pages_router(page_data: Callable[..., PageData]) -> APIRouter:
    """All pages; `page_data` is a FastAPI dependency that gives the caller's `PageData`."""
    router = APIRouter(include_in_schema=False)
    dependency = Depends(page_data, scope="function")
    _add_static(router)
    _add_sign_in(router, dependency)
    _add_chat(router, dependency)
    _add_queue(router, dependency)
    _add_admin(router, dependency)
    add_audit(router, dependency)
    return router


def _add_static(router: APIRouter) -> None:
    assets = load_assets()

    @router.get("/static/{version}/{path:path}")
    async def static_file(version: str, path: str) -> Response:
        """Give a static file; an address of another version is answered, but not to be kept."""
        asset = assets.files.get(path)
        if asset is None:
            raise NotFound("There is no such file.")
        keep = "public, max-age=31536000, immutable" if version == assets.version else "no-cache"
        return Response(asset.body, media_type=asset.media_type, headers={"Cache-Control": keep})


def _add_sign_in(router: APIRouter, dependency: Any) -> None:
    @router.get("/sign-in")
    async def sign_in_page(
        request: Request, data: Annotated[PageData, dependency], next: str = "/"
    ) -> Response:
        """Show the sign-in form."""
        if viewer := await data.viewer():
            return RedirectResponse(_home(viewer), 303)
        context = await _sign_in_context(data, next)
        return render(request, "sign_in.html", context | {"failed": False, "login": ""})

    @router.post("/sign-in")
    async def sign_in(
        request: Request,
        data: Annotated[PageData, dependency],
        login: Annotated[str, Form(max_length=200)] = "",
        password: Annotated[str, Form(max_length=1000)] = "",
        next: Annotated[str, Form(max_length=2000)] = "/",
    ) -> Response:
        """Open a session."""
        opened = await data.sign_in(login, password) if login and password else None
        if opened is None:
            context = await _sign_in_context(data, next)
            return render(request, "sign_in.html", context | {"failed": True, "login": login}, 401)
        response = RedirectResponse(_local(next), 303)
        secure = opened.https or request.url.scheme == "https"
        response.set_cookie(
            SESSION_COOKIE,
            opened.secret,
            max_age=opened.seconds,
            httponly=True,
            samesite="lax",
            secure=secure,
        )
        if opened.device:
            name, value = opened.device
            response.set_cookie(
                name,
                value,
                max_age=_DEVICE_SECONDS,
                path="/sign-in",
                httponly=True,
                samesite="strict",
                secure=secure,
            )
        return response

    @router.post("/sign-out")
    async def sign_out(data: Annotated[PageData, dependency]) -> Response:
        """Close the session."""
        await data.sign_out()
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(SESSION_COOKIE)
        return response


def _add_chat(router: APIRouter, dependency: Any) -> None:
    @router.get("/")
    async def new_chat(request: Request, data: Annotated[PageData, dependency]) -> Response:
        """Show an empty chat, or the home of those who do not ask."""
        viewer = await viewer_of(data)
        if not viewer.has(*_CHAT):
            return RedirectResponse(_home(viewer), 303)
        context = {"conversation": None, "examples": await data.examples(), "max_question": _MAX_QUESTION}
        lines = await data.conversations()
        return render(request, "chat.html", context | {"viewer": viewer, "conversations": lines})

    @router.get("/c/{conversation_id}")
    async def chat(request: Request, conversation_id: str, data: Annotated[PageData, dependency]) -> Response:
        """Show a thread with everything that has happened in it."""
        viewer = await viewer_of(data, *_CHAT)
        context = {
            "conversation": await data.conversation(known_id(conversation_id)),
            "examples": (),
            "max_question": _MAX_QUESTION,
        }
        lines = await data.conversations()
        return render(request, "chat.html", context | {"viewer": viewer, "conversations": lines})

    @router.get("/parts/conversations")
    async def conversation_list(
        request: Request, data: Annotated[PageData, dependency], current: str = ""
    ) -> Response:
        """Give the list alone, for refreshing."""
        viewer = await viewer_of(data, *_CHAT)
        lines = await data.conversations()
        context = {"viewer": viewer, "conversations": lines, "current": current}
        return render(request, "parts/conversations.html", context)


def _add_queue(router: APIRouter, dependency: Any) -> None:
    @router.get("/queue")
    async def queue(
        request: Request,
        data: Annotated[PageData, dependency],
        query: Annotated[QueueQuery, Depends(_queue_query)],
    ) -> Response:
        """Show one tab of the review queue."""
        viewer = await viewer_of(data, Role.OFFICER)
        listed = await data.reviews(query)
        return render(request, "queue.html", {"viewer": viewer, "query": query, "list": listed})

    @router.get("/queue/{item_id}")
    async def review(
        request: Request,
        item_id: str,
        data: Annotated[PageData, dependency],
        query: Annotated[QueueQuery, Depends(_queue_query)],
    ) -> Response:
        """Show one held text; its neighbours are those of the list that it was opened from."""
        viewer = await viewer_of(data, Role.OFFICER)
        item = await data.review(known_id(item_id), query)
        return render(request, "review.html", {"viewer": viewer, "item": item, "query": query})


def _add_admin(router: APIRouter, dependency: Any) -> None:
    @router.get("/health")
    async def health(request: Request, data: Annotated[PageData, dependency]) -> Response:
        """Show how the appliance is."""
        viewer = await viewer_of(data, Role.ADMIN)
        return render(request, "health.html", {"viewer": viewer, "health": await data.health()})


def _queue_query(
    state: ReviewState = ReviewState.PENDING,
    queue: Annotated[str, Query(max_length=40)] = "",
    rule: Annotated[str, Query(max_length=80)] = "",
    risk: Annotated[str, Query(pattern="^(normal|top)?$")] = "",
    kind: Annotated[str, Query(pattern="^(answer|mail|handover)?$")] = "",
    text: Annotated[str, Query(max_length=80)] = "",
    sort: Annotated[str, Query(pattern="^(urgency|-?(risk|age|deadline|queue))$")] = "urgency",
    waiting: Annotated[str, Query(pattern="^(yes)?$")] = "",
) -> QueueQuery:
    return QueueQuery(state, queue, rule, risk, kind, text.strip(), sort, waiting)


async def _sign_in_context(data: PageData, after: str) -> dict[str, Any]:
    return {
        "demo_accounts": await data.demo_accounts(),
        "invented": await data.company_is_invented(),
        "next": _local(after),
    }


def _home(viewer: Viewer) -> str:
    home = next((path for roles, path in _HOMES if viewer.has(*roles)), None)
    if home is None:
        raise NotAllowed("Your account has no role with a page. Ask the administrator of this appliance.")
    return home


def _local(place: str) -> str:
    """A place on this host, whatever was asked for: browsers read `/\\host` as `//host`."""
    safe = place.startswith("/") and not place.startswith(("//", "/\\")) and place.isprintable()
    return place if safe and not place.startswith("/sign-") else "/"
