"""What the web process holds while it runs; every request finds it in `request.state`."""

import asyncio
from typing import Annotated, TypedDict

from fastapi import Depends, Request

from approvals import Policy
from assistant.conversations import Titles
from assistant.runs.feed import RunFeed
from assistant.search.programs import CallRate
from assistant.settings import WebSettings
from gateway import Database, DoorClient, Tokens
from retrieval import RetrievalClient


class WebState(TypedDict):
    """The lifespan's state."""

    settings: WebSettings
    database: Database
    tokens: Tokens
    audience: str
    door: DoorClient
    retrieval: RetrievalClient
    titles: Titles
    feed: RunFeed
    policy: Policy
    programs: CallRate
    tasks: list[asyncio.Task[None]]
    verifying: asyncio.Lock


def _door(request: Request) -> DoorClient:
    door: DoorClient = request.state.door
    return door


def _retrieval(request: Request) -> RetrievalClient:
    retrieval: RetrievalClient = request.state.retrieval
    return retrieval


def _titles(request: Request) -> Titles:
    titles: Titles = request.state.titles
    return titles


def _settings(request: Request) -> WebSettings:
    settings: WebSettings = request.state.settings
    return settings


def _database(request: Request) -> Database:
    database: Database = request.state.database
    return database


def _feed(request: Request) -> RunFeed:
    feed: RunFeed = request.state.feed
    return feed


def _policy(request: Request) -> Policy:
    policy: Policy = request.state.policy
    return policy


Door = Annotated[DoorClient, Depends(_door)]
Retrieval = Annotated[RetrievalClient, Depends(_retrieval)]
ConversationTitles = Annotated[Titles, Depends(_titles)]
WebConfiguration = Annotated[WebSettings, Depends(_settings)]
WebDatabase = Annotated[Database, Depends(_database)]
Feed = Annotated[RunFeed, Depends(_feed)]
AnswerPolicy = Annotated[Policy, Depends(_policy)]
