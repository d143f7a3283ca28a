"""The embedding server: OpenAI's `/v1/embeddings` over one installed entry."""

import asyncio
import base64
import hmac
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from models.body_limit import BodyLimit
from models.encoder import Encoded, Encoder
from models.entries import CatalogueEntry, load_catalogue
from models.errors import CatalogueInvalid
from models.install import verify_entry
from models.packed import PackedEncoder

DEFAULT_ENTRY = "all-minilm-l6-v2-int8"
MAX_TEXTS = 512
MAX_CHARACTERS = 20_000
MAX_BODY_BYTES = 8 << 20
# Requests that may wait for the one computing thread; more are told to come back.
MAX_WAITING = 64


class _State(TypedDict):
    encoder: Encoder | PackedEncoder
    thread: ThreadPoolExecutor


class _Refused(Exception):
    def __init__(self, status: int, message: str, kind: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.param = status, message, kind, param


class EmbeddingRequest(BaseModel):
    """OpenAI's request; token arrays are not taken, because only the door may decide what a text becomes."""

    model_config = ConfigDict(extra="forbid")

    model: str
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = Field(default=None, max_length=256)


class Embedding(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class EmbeddingAnswer(BaseModel):
    """OpenAI's answer, and `truncated`: positions of texts that were longer than the model reads."""

    object: Literal["list"] = "list"
    model: str
    data: list[Embedding]
    usage: Usage
    truncated: list[int]


def create_embedding_app(
    folder: Path,
    *,
    entry: CatalogueEntry | None = None,
    api_key: str | None = None,
    threads: int | None = None,
) -> FastAPI:
    """The application that embeds with the entry installed in `folder`; it loads, verified, when it starts.

    With `api_key`, `/v1/…` wants it as a bearer token; `/health` is open and names only the model.
    Raises at start: NotInstalled, EntryDamaged.
    """
    served = entry or load_catalogue().get(DEFAULT_ENTRY)
    dimensions = _dimensions(served)
    slots = asyncio.Semaphore(MAX_WAITING)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[_State]:
        with ThreadPoolExecutor(1, thread_name_prefix="embed") as thread:
            loop = asyncio.get_running_loop()
            encoder = await loop.run_in_executor(thread, lambda: load_encoder(folder, served, threads))
            yield {"encoder": encoder, "thread": thread}

    async def known_caller(request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        known = scheme.lower() == "bearer" and hmac.compare_digest(token.encode(), (api_key or "").encode())
        if api_key and not known:
            raise _Refused(401, "A valid bearer key is needed.", "authentication_error")

    app = FastAPI(title="Embeddings", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(BodyLimit, limit=MAX_BODY_BYTES)
    app.add_exception_handler(_Refused, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_invalid)

    @app.get("/health")
    async def health() -> dict[str, str | int]:
        """Say that the model is loaded."""
        return {"status": "ready", "model": served.name, "dimensions": dimensions}

    @app.get("/v1/models", dependencies=[Depends(known_caller)])
    async def models() -> dict[str, Any]:
        """List the one model."""
        return {"object": "list", "data": [{"id": served.name, "object": "model", "owned_by": "cloister"}]}

    @app.post("/v1/embeddings", dependencies=[Depends(known_caller)])
    async def embeddings(
        asked: EmbeddingRequest, state: Annotated[_State, Depends(_state_of)]
    ) -> EmbeddingAnswer:
        """Embed texts."""
        texts = _checked(asked, served.name, dimensions)
        if slots.locked():
            raise _Refused(
                429, "Too many texts are waiting to be embedded; try again shortly.", "rate_limit_error"
            )
        async with slots:
            loop = asyncio.get_running_loop()
            encoded = await loop.run_in_executor(state["thread"], state["encoder"].encode, texts)
        return _answer(asked, served.name, encoded)

    return app


def load_encoder(
    folder: Path, entry: CatalogueEntry | None = None, threads: int | None = None
) -> Encoder | PackedEncoder:
    """The entry installed in `folder`, verified, in this process. Raises NotInstalled, EntryDamaged."""
    served = entry or load_catalogue().get(DEFAULT_ENTRY)
    verify_entry(served, folder)
    most, dimensions = served.context_length, _dimensions(served)
    if served.form == "packed":
        file = folder / served.targets()[0]
        return PackedEncoder(
            file, max_tokens=most, dimensions=dimensions, prefix=served.prefix, layers=served.layers
        )
    return Encoder(folder, max_tokens=most, dimensions=dimensions, threads=threads)


def _dimensions(entry: CatalogueEntry) -> int:
    if entry.dimensions is None:
        raise CatalogueInvalid(f"{entry.name} is not an embedding model.")
    return entry.dimensions


async def _state_of(request: Request) -> _State:
    return {"encoder": request.state.encoder, "thread": request.state.thread}


def _checked(asked: EmbeddingRequest, model: str, dimensions: int) -> list[str]:
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    if asked.model != model:
        raise _Refused(404, f"This server has only the model {model}.", "invalid_request_error", "model")
    if asked.dimensions not in (None, dimensions):
        raise _Refused(
            400, f"{model} makes vectors of {dimensions} numbers.", "invalid_request_error", "dimensions"
        )
    if not 0 < len(texts) <= MAX_TEXTS:
        raise _Refused(
            400, f"Between 1 and {MAX_TEXTS} texts can be embedded.", "invalid_request_error", "input"
        )
    for place, text in enumerate(texts):
        if not text.strip():
            raise _Refused(400, f"Text {place} is empty.", "invalid_request_error", "input")
        if len(text) > MAX_CHARACTERS:
            message = f"Text {place} has {len(text)} characters; at most {MAX_CHARACTERS} are taken."
            raise _Refused(400, message, "invalid_request_error", "input")
    return texts


def _answer(asked: EmbeddingRequest, model: str, encoded: Encoded) -> EmbeddingAnswer:
    rows = encoded.vectors.astype("<f4", copy=False)
    total = sum(encoded.tokens)
    return EmbeddingAnswer(
        model=model,
        data=[
            Embedding(
                index=place,
                embedding=base64.b64encode(row.tobytes()).decode()
                if asked.encoding_format == "base64"
                else row.tolist(),
            )
            for place, row in enumerate(rows)
        ],
        usage=Usage(prompt_tokens=total, total_tokens=total),
        truncated=list(encoded.truncated),
    )


async def _refuse(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, _Refused)  # noqa: S101 - registered for this class alone
    detail = {"message": error.message, "type": error.kind, "param": error.param, "code": None}
    return JSONResponse({"error": detail}, error.status)


async def _refuse_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    detail = {
        "message": f"{place or 'request'}: {first['msg']}",
        "type": "invalid_request_error",
        "param": place or None,
        "code": None,
    }
    return JSONResponse({"error": detail}, 400)
