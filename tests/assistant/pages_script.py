"""A scripted web API behind the sample pages: runs that unfold, so that a browser can be watched."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from assistant.pages import CrossSiteGuard, SecurityHeaders, create_pages_router, install_error_pages
from gateway import install_error_handlers

from .explanations import explained
from .pages_sample import ANSWER, HELD, NOW, ONE_ANSWER, QUEUE, SHOWN, START, SamplePages

Event = tuple[str, Mapping[str, Any]]
RELEASED = {"role": "officer", "at": NOW.isoformat(), "edited": True, "text": SHOWN, "citations": [1]}
ENTITIES = (
    {"ref": "account:12", "label": "Nordwind Logistics", "kind": "Customer"},
    {"ref": "case:2041", "label": "Case 2041: Router", "kind": "Case"},
    {"ref": "account:3", "label": "North Star AG", "kind": "Customer"},
)


class Script:
    """Runs and what was called. A question with "credit" is held until `release`, one with "slow" never
    ends by itself."""

    def __init__(self, pace: float = 0.0) -> None:
        self.pace = pace
        self.calls: list[tuple[str, str, Any]] = []
        self.events: dict[str, list[Event]] = {}
        self.changed = asyncio.Condition()
        self.drop_after: int | None = None
        self.hasty = False
        self.waits = False
        self.agreed = {"approvals": 1, "lapsed": False, "taken_back": False}
        self.reviewers = 1
        self.standing: dict[str, Any] = {}
        self.claim: tuple[int, dict[str, Any]] = (200, {})
        self.conflict: dict[str, Any] | None = None
        self.refused: dict[str, dict[str, Any]] = {}
        self.dialogue: list[dict[str, Any]] = []
        self.customer_waits = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, question: str) -> str:
        """Begin a run."""
        run = str(uuid.uuid4())
        self.events[run] = []
        if "credit" in question:
            script: Sequence[Event] = [*START[:6], ("held", HELD)]
        elif "nobody" in question:
            script = START[:1]
        else:
            script = START if "slow" in question else ANSWER
        task = asyncio.create_task(self._play(run, script))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run

    async def add(self, run: str, *events: Event) -> None:
        """Let something happen in a run."""
        async with self.changed:
            self.events[run] += events
            self.changed.notify_all()

    async def _play(self, run: str, script: Sequence[Event]) -> None:
        for event in script:
            await asyncio.sleep(self.pace)
            await self.add(run, event)

    async def follow(self, run: str, after: int) -> AsyncIterator[str]:
        """The stream of a run; cut off after `drop_after` events, once."""
        sent = 0
        while True:
            async with self.changed:
                while len(self.events[run]) <= after:
                    await self.changed.wait()
                fresh = self.events[run][after:]
            for kind, data in fresh:
                after, sent = after + 1, sent + 1
                yield f"id: {after}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"
                if kind == "done":
                    return
                if self.drop_after == sent:
                    self.drop_after = None
                    return


def scripted_app(script: Script) -> FastAPI:
    """The pages over the sample company, and as much of the API as they call."""
    app = FastAPI()
    install_error_handlers(app)
    install_error_pages(app)
    app.include_router(create_pages_router(SamplePages))

    @app.post("/api/v1/runs", status_code=202)
    async def ask(request: Request) -> dict[str, str]:
        body = await request.json()
        script.calls.append(("POST", "runs", body))
        run = await script.ask(body["question"])
        return {"id": run, "conversation": body["conversation"] or str(ONE_ANSWER)}

    @app.get("/api/v1/runs/{run}/events")
    async def events(run: str, request: Request) -> Response:
        if run not in script.events:
            return JSONResponse({"detail": "There is no such question."}, 404)
        after = int(request.headers.get("last-event-id", "0"))
        script.calls.append(("GET", "events", after))
        return StreamingResponse(script.follow(run, after), media_type="text/event-stream")

    @app.post("/api/v1/entities")
    async def entities(request: Request) -> dict[str, list[Mapping[str, str]]]:
        assert not request.url.query
        typed = (await request.json())["q"].lower()
        return {"entities": [entity for entity in ENTITIES if typed in entity["label"].lower()]}

    @app.post("/api/v1/explain")
    async def explain(request: Request) -> Response:
        body = await request.json()
        script.calls.append(("POST", "explain", body))
        if body["record"].startswith("invoice"):
            return JSONResponse({"detail": "The CRM cannot be reached. Try again in a moment."}, 503)
        return JSONResponse(explained(body["login"], body["record"]).model_dump(mode="json"))

    @app.post("/api/v1/sync/retry", status_code=202)
    async def retry() -> dict[str, Any]:
        script.calls.append(("POST", "sync/retry", None))
        return {"total": 31, "rows": []}

    @app.post("/api/v1/sync/resolve")
    async def resolve(request: Request) -> dict[str, Any]:
        body = await request.json()
        script.calls.append(("POST", "sync/resolve", body))
        return {"entity": body["entity"], "rows": 1412, "deleted": body["allow_deletes"]}

    @app.get("/api/v1/reviews/{item}/standing")
    async def standing(item: str) -> dict[str, Any]:
        free = {
            "state": "pending",
            "hash": "sha256:0f" * 4,
            "round": 1,
            "queue": "general",
            "holder": None,
            "mine": False,
            "claimed_until": None,
            "fence": None,
            "awaiting_rep": False,
            "customer_waits_since": None,
            "approvals": next((one.approvals for one in QUEUE if str(one.id) == item), 0),
            "remarks": 0,
            "winner": None,
        }
        return free | script.standing

    @app.get("/api/v1/reviews/{item}/status")
    async def status(item: str) -> dict[str, Any]:
        waiting = {"state": "pending", "position": 2, "deadline": HELD["deadline"], "waiting": 5}
        asked = bool(script.dialogue) and not script.dialogue[-1]["own"]
        told = {"asked": asked, "customer_waits": script.customer_waits, "reviewers": script.reviewers}
        return {**waiting, "officers_on_duty": 1, **told}

    @app.put("/api/v1/reviews/{item}/customer-waits")
    async def customer_waits(item: str, request: Request) -> dict[str, Any]:
        body = await request.json()
        script.calls.append(("PUT", f"reviews/{item}/customer-waits", body))
        script.customer_waits = body["waits"]
        return await status(item)

    @app.get("/api/v1/reviews/{item}/questions")
    async def questions(item: str) -> list[dict[str, Any]]:
        return script.dialogue

    @app.post("/api/v1/reviews/{item}/answer")
    async def answer(item: str, request: Request) -> dict[str, Any]:
        body = await request.json()
        script.calls.append(("POST", f"reviews/{item}/answer", body))
        script.dialogue.append({"own": True, "text": body["text"], "at": NOW.isoformat()})
        return {"state": "pending"}

    @app.get("/api/v1/reviews/{item}/colleagues")
    async def colleagues(item: str) -> list[dict[str, Any]]:
        return [
            {"login": "olga@halden.example", "name": "Olga O.", "on_duty": True, "here": True},
            {"login": "omar@halden.example", "name": "Omar O.", "on_duty": False, "here": False},
        ]

    @app.post("/api/v1/reviews/{item}/claim")
    async def claim(item: str, request: Request) -> Response:
        script.calls.append(("POST", f"reviews/{item}/claim", await request.json()))
        code, body = script.claim
        until = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
        if code == 200:
            script.standing |= {"mine": True, "fence": 7, "claimed_until": until, "holder": "Otto Sample"}
        return JSONResponse(body or {"fence": 7, "claimed_until": until, "state": "pending"}, code)

    @app.post("/api/v1/reviews/bulk")
    async def bulk(request: Request) -> list[dict[str, Any]]:
        body = await request.json()
        script.calls.append(("POST", "reviews/bulk", body))
        until = (datetime.now(UTC) + timedelta(seconds=8)).isoformat()
        decided = {"state": "approved", "effective_after": until, "problem": None}
        refused = {"state": None, "effective_after": None}
        return [
            {"id": one["id"], **({**refused, "problem": problem} if problem else decided)}
            for one in body["items"]
            for problem in [script.refused.get(one["id"])]
        ]

    @app.api_route("/api/v1/{path:path}", methods=["POST", "PATCH", "DELETE"])
    async def anything(path: str, request: Request) -> Response:
        raw = await request.body()
        body: Any = json.loads(raw) if raw else None
        script.calls.append((request.method, path, body))
        if path.endswith("/cancel") and path.startswith("runs/"):
            await script.add(path.split("/")[1], ("cancelled", {}), ("done", {}))
        if script.conflict and path.startswith("reviews/"):
            return JSONResponse(script.conflict, 409)
        if script.hasty and path.startswith("reviews/") and not body["confirmed"]:
            return JSONResponse({"detail": "You opened this text only a moment ago.", "confirm": True}, 409)
        if script.waits:
            return JSONResponse({"state": "pending", "effective_after": None, **script.agreed})
        until = (datetime.now(UTC) + timedelta(seconds=8)).isoformat()
        return JSONResponse({"state": "decided", "effective_after": until})

    app.add_middleware(CrossSiteGuard)
    app.add_middleware(SecurityHeaders)
    return app
