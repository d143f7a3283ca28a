"""A whole index in one file: points one by one, and a last line that says that nothing is missing."""

import asyncio
import base64
import gzip
import hashlib
import json
import struct
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from .errors import BackupUnusable
from .generations import Generation, Recipe, Store
from .points import BATCH, Index, Point

_FORMAT: Final = "cloister-index-1"
_AT_ONCE: Final = 1_000


async def write_copy(target: Path, recipe: Recipe, index: Index) -> None:
    """Write what an index holds beside `target`, and put it in its place when it is all there.

    It fits any engine; what is written into the index meanwhile is in it or not.
    """
    beside = target.with_name(f"{target.name}.new")
    digest, count = hashlib.sha256(), 0
    with beside.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, mtime=0) as file:
        head = {
            "format": _FORMAT,
            "model": recipe.model,
            "dimensions": recipe.dimensions,
            "shape": recipe.shape,
        }
        lines = [_line(head)]
        async for point in index.dump():
            lines.append(_line(_packed(point)))
            count += 1
            if len(lines) == _AT_ONCE:
                await asyncio.to_thread(_write, file, lines, digest)
                lines = []
        await asyncio.to_thread(_write, file, lines, digest)
        file.write(_line({"points": count, "sha256": digest.hexdigest()}))
    beside.replace(target)


async def fill_from_copy(store: Store, source: Path) -> Generation:
    """A generation with the next number, made of a copy. Raises `BackupUnusable` before it makes anything."""
    recipe, points = await _read_copy(source)
    generation = await store.create(recipe)
    try:
        await _fill(await store.open(generation), points)
    except BaseException:
        await store.drop(generation)
        raise
    return generation


async def _fill(index: Index, points: AsyncIterator[Point]) -> None:
    try:
        batch: list[Point] = []
        async for point in points:
            batch.append(point)
            if len(batch) == BATCH:
                await index.fill(batch)
                batch = []
        await index.fill(batch)
    finally:
        await index.close()


async def _read_copy(source: Path) -> tuple[Recipe, AsyncIterator[Point]]:
    """The recipe and the points. Raises `BackupUnusable` before anything is given when it is not whole."""
    recipe = await asyncio.to_thread(_checked, source)
    return recipe, _points(source)


async def _points(source: Path) -> AsyncIterator[Point]:
    lines = _lines(source)
    next(lines)
    while some := await asyncio.to_thread(_some, lines):
        for line in some:
            found = json.loads(line)
            if "id" in found:
                yield _unpacked(found)


def _some(lines: Iterator[bytes]) -> list[bytes]:
    return [line for _, line in zip(range(_AT_ONCE), lines, strict=False)]


def _lines(source: Path) -> Iterator[bytes]:
    with gzip.open(source, "rb") as file:
        yield from file


def _checked(source: Path) -> Recipe:
    try:
        lines = _lines(source)
        first = next(lines)
        head = json.loads(first)
        if head.get("format") != _FORMAT:
            _unusable(source, "it is no copy of an index on a server")
        recipe = Recipe(str(head["model"]), int(head["dimensions"]), str(head["shape"]))
        digest, last, count = hashlib.sha256(), first, -1  # the last line is no point
        for line in lines:
            digest.update(last)
            last, count = line, count + 1
        end = json.loads(last)
    except (OSError, EOFError, zlib.error, ValueError, KeyError, AttributeError, StopIteration) as error:
        raise BackupUnusable(f"{source.name} cannot be used: it is not whole, or no backup.") from error
    if end.get("points") != count or end.get("sha256") != digest.hexdigest():
        _unusable(source, "it is not whole")
    return recipe


def _unusable(source: Path, why: str) -> NoReturn:
    raise BackupUnusable(f"{source.name} cannot be used: {why}.")


def _write(file: gzip.GzipFile, lines: list[bytes], digest: Any) -> None:
    for line in lines:
        digest.update(line)
        file.write(line)


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _packed(point: Point) -> dict[str, Any]:
    key, payload, named = point
    return {"id": key, "payload": payload, "vectors": {name: _short(each) for name, each in named.items()}}


def _unpacked(found: Mapping[str, Any]) -> Point:
    return found["id"], found["payload"], {name: _long(each) for name, each in found["vectors"].items()}


def _short(vector: Any) -> Any:
    if isinstance(vector, list):
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    return {"indices": list(vector.indices), "values": list(vector.values)}


def _long(vector: Any) -> Any:
    if isinstance(vector, str):
        raw = base64.b64decode(vector)
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))
    return vector
