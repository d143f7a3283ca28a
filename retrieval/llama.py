"""llama-index, imported here alone: its splitter, and our search as its ecosystem takes it.

Its parts may be plugged in around a search. Who may see what stays decided here: a node is made of a live
passage that the principal may see at this moment, and nothing can be put into the index this way.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from gateway import Principal
from retrieval.search.values import Passage

if TYPE_CHECKING:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.schema import NodeWithScore
    from llama_index.core.vector_stores.types import BasePydanticVectorStore

    from retrieval.client import RetrievalClient

_ENTITY: Final = "entity"

T = TypeVar("T")


def sentence_splitter(
    words: int, overlap: int, tokenizer: Callable[[str], list[str]], sentences: Callable[[str], list[str]]
) -> Any:
    """A splitter into pieces of whole sentences, at most `words` tokens each."""
    from llama_index.core.node_parser import SentenceSplitter

    return SentenceSplitter(
        chunk_size=words, chunk_overlap=overlap, tokenizer=tokenizer, chunking_tokenizer_fn=sentences
    )


def nodes_of(passages: Sequence[Passage]) -> "list[NodeWithScore]":
    """Passages as nodes; their record is their source, and nothing of their metadata is ever embedded."""
    from llama_index.core.schema import NodeRelationship, NodeWithScore, RelatedNodeInfo

    node_class = _node_class()
    nodes = []
    for one in passages:
        metadata = {
            _ENTITY: one.entity,
            "field": one.field,
            "title": one.title,
            "url": one.url,
            "internal": one.internal,
            "as_of": one.as_of.isoformat(),
        }
        node = node_class(
            id_=one.id,
            text=one.text,
            metadata=metadata,
            excluded_embed_metadata_keys=list(metadata),
            excluded_llm_metadata_keys=["url", "internal", "field"],
            relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=one.entity)},
        )
        nodes.append(NodeWithScore(node=node, score=one.score))
    return nodes


def permitted_retriever(
    client: "RetrievalClient",
    principal: Principal,
    *,
    entities: tuple[str, ...] = (),
    scope: str | None = None,
    limit: int = 12,
) -> "BaseRetriever":
    """A retriever in one principal's name. What it is asked holds durable ids in place of identities.

    Its errors are the client's. Asked without `await` it runs in a thread of its own; a client is then not
    to be used elsewhere.
    """
    return _retriever_class()(client, principal, entities, scope, limit)


def permitted_store(client: "RetrievalClient", principal: Principal) -> "BasePydanticVectorStore":
    """The index as a vector store that is only read: it is asked by words, and makes their vector itself.

    Filters may name records: `entity` equal to one, or in a list. Other filters, other modes, adding and
    deleting raise `ValueError`: a filter that is left out would show more than was meant.
    """
    return _store_class()(client, principal)


@lru_cache(maxsize=1)
def _node_class() -> Any:
    from llama_index.core.schema import TextNode

    class PassageNode(TextNode):  # type: ignore[misc]
        @property
        def hash(self) -> str:
            """The passage, whenever it was read: fusion joins by this."""
            return str(self.node_id)

    return PassageNode


@lru_cache(maxsize=1)
def _retriever_class() -> Any:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.schema import QueryBundle

    class PermittedRetriever(BaseRetriever):  # type: ignore[misc]
        def __init__(
            self,
            client: "RetrievalClient",
            principal: Principal,
            entities: tuple[str, ...],
            scope: str | None,
            limit: int,
        ) -> None:
            self._client = client
            self._principal = principal
            self._named = entities
            self._scope = scope
            self._limit = limit
            super().__init__()

        async def _aretrieve(self, query_bundle: QueryBundle) -> "list[NodeWithScore]":
            found = await self._client.search(
                self._principal,
                query_bundle.query_str,
                entities=self._named,
                scope=self._scope,
                limit=self._limit,
            )
            return nodes_of(found.passages)

        def _retrieve(self, query_bundle: QueryBundle) -> "list[NodeWithScore]":
            return _loop().run(self._aretrieve(query_bundle))

    return PermittedRetriever


@lru_cache(maxsize=1)
def _store_class() -> Any:
    from llama_index.core.schema import BaseNode
    from llama_index.core.vector_stores.types import (
        BasePydanticVectorStore,
        VectorStoreQuery,
        VectorStoreQueryMode,
        VectorStoreQueryResult,
    )
    from pydantic import PrivateAttr

    class PermittedStore(BasePydanticVectorStore):  # type: ignore[misc]
        stores_text: bool = True
        is_embedding_query: bool = False

        _client: Any = PrivateAttr()
        _principal: Principal = PrivateAttr()

        def __init__(self, client: "RetrievalClient", principal: Principal) -> None:
            super().__init__()
            self._client = client
            self._principal = principal

        @property
        def client(self) -> Any:
            return self._client

        def add(self, nodes: Sequence[BaseNode], **_kwargs: Any) -> list[str]:
            raise ValueError(f"{len(nodes)} nodes were not taken: the index follows the CRM alone")

        def delete(self, ref_doc_id: str, **_kwargs: Any) -> None:
            raise ValueError(f"{ref_doc_id} was not deleted: the index follows the CRM alone")

        def query(self, query: VectorStoreQuery, **_kwargs: Any) -> VectorStoreQueryResult:
            return _loop().run(self.aquery(query))

        async def aquery(self, query: VectorStoreQuery, **_kwargs: Any) -> VectorStoreQueryResult:
            if query.query_str is None:
                raise ValueError("this store is asked by words: query_str is missing")
            if query.mode not in (VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.HYBRID):
                raise ValueError(f"the mode {query.mode} cannot be asked for")
            found = await self._client.search(
                self._principal,
                query.query_str,
                entities=_entities_of(query.filters),
                limit=query.similarity_top_k,
            )
            nodes = nodes_of(found.passages)
            return VectorStoreQueryResult(
                nodes=[one.node for one in nodes],
                similarities=[one.score or 0.0 for one in nodes],
                ids=[one.node.node_id for one in nodes],
            )

    return PermittedStore


def _entities_of(filters: Any) -> tuple[str, ...]:
    from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter

    if filters is None:
        return ()
    (one, *more) = filters.filters
    if (
        more
        or filters.condition not in (None, FilterCondition.AND)
        or not isinstance(one, MetadataFilter)
        or one.key != _ENTITY
        or one.operator not in (FilterOperator.EQ, FilterOperator.IN)
    ):
        raise ValueError("only one filter can be kept to: entity equal to a record, or in a list of records")
    return tuple(map(str, one.value)) if isinstance(one.value, list) else (str(one.value),)


class _Loop:
    """An event loop in a thread of its own, for callers that do not wait."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="llama-index", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@lru_cache(maxsize=1)
def _loop() -> _Loop:
    return _Loop()
