"""What a running door holds, made once by its lifespan."""

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Any, TypedDict

from fastapi import Depends, Request

from gateway.database import Database
from gateway.identities import GazetteerFeed
from gateway.keys import Envelope, Keeper
from gateway.principal import Tokens
from redaction import Redactor

from .names import NamePool
from .proving import Proving
from .redactor import PartRedactor
from .remembered import RememberedNames
from .routing import ModelRouter
from .settings import DoorSettings
from .upstream import ModelServers


@dataclass
class Door:
    """The parts that every request works with."""

    settings: DoorSettings
    database: Database
    tokens: Tokens
    keeper: Keeper
    envelope: Envelope
    feed: GazetteerFeed
    names: NamePool
    remembered: RememberedNames
    redactor: PartRedactor
    proving: Proving
    router: ModelRouter
    servers: ModelServers
    embedders: ModelServers
    rerankers: ModelServers
    scanner: Redactor
    answering: Counter[str] = field(default_factory=Counter)
    last_words: set[asyncio.Task[None]] = field(default_factory=set)

    def output_redactor(self) -> Redactor:
        """The detectors for a model's own words, with everybody who is known by now."""
        if self.scanner.gazetteer is not self.feed.current:
            self.scanner = self.scanner.with_gazetteer(self.feed.current)
        return self.scanner

    @property
    def masking_version(self) -> str:
        """What decides which texts are masked, beside the CRM's own names: `direct-1f2e3d4c5b6a`."""
        masking, names = self.settings.masking, self.settings.names
        decides = [
            masking.level,
            sorted(masking.allowed),
            masking.recognizers,
            names.enabled and (sorted(names.types), names.scan_answers, self.names.version),
        ]
        return f"{masking.level}-{sha256(json.dumps(decides).encode()).hexdigest()[:12]}"

    def finish_later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` although the request is being cancelled; the door waits for it when it stops."""
        task = asyncio.get_running_loop().create_task(work)
        self.last_words.add(task)
        task.add_done_callback(self.last_words.discard)


class DoorState(TypedDict):
    """The app's state."""

    database: Database
    tokens: Tokens
    audience: str
    door: Door


def _door(request: Request) -> Door:
    door: Door = request.state.door
    return door


TheDoor = Annotated[Door, Depends(_door)]
"""The door that the request came to."""
