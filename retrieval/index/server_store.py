"""Generations on a Qdrant server: a collection each, and an alias that names the one that is asked."""

from typing import Any, Final

from gateway import log
from retrieval.settings import ServerSettings

from .answers import translated
from .generations import Generation, Recipe
from .points import COMPARED_KB, Index
from .server import DENSE, TERMS, ServerIndex, check_version, connect_server

_CURRENT: Final = "current"


class ServerStore:
    """Generations of one appliance on a Qdrant server or cluster. One process writes; any number search.

    With `writes=False` nothing is ever made or changed: a key that may only read is enough.
    """

    def __init__(self, settings: ServerSettings, *, writes: bool = True) -> None:
        self._settings = settings
        self._writes = writes
        self._client = connect_server(settings)
        self._alias = f"{settings.collection_prefix}-{_CURRENT}"

    async def start(self) -> None:
        """Raises `IndexFailed` when the server is not reached, not trusted, or too old."""
        log.info("index.server", version=await check_version(self._client, self._settings))

    async def generations(self) -> list[Generation]:
        with translated():
            there = (await self._client.get_collections()).collections
        return sorted(found for each in there if (found := self._generation(each.name)))

    async def current(self) -> Generation | None:
        with translated():
            aliases = (await self._client.get_aliases()).aliases
        named = (each.collection_name for each in aliases if each.alias_name == self._alias)
        return next((found for name in named if (found := self._generation(name))), None)

    async def create(self, recipe: Recipe) -> Generation:
        there = await self.generations()
        generation = Generation(there[-1].number + 1 if there else 1, recipe)
        with translated():
            await self._client.create_collection(
                self._collection(generation), timeout=self._settings.timeout_s, **self._shape(recipe)
            )
        return generation

    async def open(self, generation: Generation) -> Index:
        recipe = generation.recipe
        index = ServerIndex(
            self._client,
            self._settings,
            self._collection(generation),
            model=recipe.model,
            dimensions=recipe.dimensions,
        )
        if self._writes:
            await index.complete()
        return index

    async def switch(self, generation: Generation) -> None:
        from qdrant_client import models as m

        steps: list[Any] = []
        if await self.current() is not None:
            steps.append(m.DeleteAliasOperation(delete_alias=m.DeleteAlias(alias_name=self._alias)))
        named = m.CreateAlias(collection_name=self._collection(generation), alias_name=self._alias)
        steps.append(m.CreateAliasOperation(create_alias=named))
        with translated():  # both or neither: there is no moment without a current one
            await self._client.update_collection_aliases(steps, timeout=self._settings.timeout_s)

    async def drop(self, generation: Generation) -> None:
        if generation == await self.current():
            raise ValueError(f"{generation.name} is in use")
        with translated():
            await self._client.delete_collection(
                self._collection(generation), timeout=self._settings.timeout_s
            )

    async def erase(self) -> None:
        """Remove every generation, the one that is asked too: the end of a trial."""
        for generation in await self.generations():
            with translated():
                await self._client.delete_collection(
                    self._collection(generation), timeout=self._settings.timeout_s
                )

    async def close(self) -> None:
        await self._client.close()

    def _collection(self, generation: Generation) -> str:
        return f"{self._settings.collection_prefix}-{generation.name}"

    def _generation(self, collection: str) -> Generation | None:
        prefix, found, name = collection.partition(f"{self._settings.collection_prefix}-")
        return Generation.named(name) if found and not prefix else None

    def _shape(self, recipe: Recipe) -> dict[str, Any]:
        from qdrant_client import models as m

        s = self._settings
        dense = m.VectorParams(
            size=recipe.dimensions,
            distance=m.Distance.COSINE,
            on_disk=True if "vectors" in s.on_disk else None,
        )
        terms = m.SparseVectorParams(
            modifier=m.Modifier.IDF,
            index=m.SparseIndexParams(on_disk=True) if "terms" in s.on_disk else None,
        )
        return {
            "vectors_config": {DENSE: dense},
            "sparse_vectors_config": {TERMS: terms},
            "replication_factor": s.replication_factor,
            "write_consistency_factor": s.write_consistency_factor,
            "shard_number": s.shards,
            "on_disk_payload": True if "payload" in s.on_disk else None,
            "hnsw_config": m.HnswConfigDiff(
                full_scan_threshold=COMPARED_KB, on_disk=True if "graph" in s.on_disk else None
            ),
        }
