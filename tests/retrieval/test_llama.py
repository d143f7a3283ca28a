"""Search as llama-index takes it: its own engines run over it, and see no more than the principal."""

import asyncio

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.vector_stores import FilterOperator, MetadataFilter, MetadataFilters

from retrieval.llama import permitted_retriever, permitted_store

from .oracle import Oracle, Person
from .stand import Running, Stand, principal

QUESTION = "refund limits"


def a_rep(stand: Stand) -> tuple[Oracle, Person]:
    oracle = Oracle(stand.crm_dsn)
    return oracle, next(one for one in oracle.people if one.role == "rep")


async def test_its_query_engine_answers_from_permitted_passages(running: Running, stand: Stand) -> None:
    oracle, person = a_rep(stand)
    retriever = permitted_retriever(running.client, principal(person.login))
    engine = RetrieverQueryEngine.from_args(retriever, llm=MockLLM())
    answer = await engine.aquery(QUESTION)
    plain = await running.client.search(principal(person.login), QUESTION)
    assert [one.node.node_id for one in answer.source_nodes] == [one.id for one in plain.passages]
    assert answer.source_nodes
    for one in answer.source_nodes:
        assert oracle.may_see(person, one.node.metadata["entity"])
        assert one.node.ref_doc_id == one.node.metadata["entity"]
    assert answer.source_nodes[0].node.get_content() in str(answer)


async def test_its_fusion_runs_over_it(running: Running, stand: Stand) -> None:
    _, person = a_rep(stand)
    retrievers = [permitted_retriever(running.client, principal(person.login), limit=5) for _ in range(2)]
    fused = QueryFusionRetriever(retrievers, llm=MockLLM(), num_queries=1, similarity_top_k=5)
    plain = await running.client.search(principal(person.login), QUESTION, limit=5)
    found = await fused.aretrieve(QUESTION)
    assert {one.node.node_id for one in found} == {one.id for one in plain.passages}
    assert found


async def test_the_index_is_a_vector_store_that_is_only_read(running: Running, stand: Stand) -> None:
    oracle, person = a_rep(stand)
    store = permitted_store(running.client, principal(person.login))
    index = VectorStoreIndex.from_vector_store(store, embed_model=MockEmbedding(embed_dim=3))
    account = next(
        f"account:{key}" for key in oracle.rows["account"] if oracle.may_see(person, f"account:{key}")
    )
    hidden = next(
        f"account:{key}" for key in oracle.rows["account"] if not oracle.may_see(person, f"account:{key}")
    )
    asked = "what was written about the pump"
    nodes = await index.as_retriever(similarity_top_k=6, filters=only(account)).aretrieve(asked)
    who = principal(person.login)
    plain = await running.client.search(who, asked, entities=(account,), limit=6)
    assert {one.node.node_id for one in nodes} == {one.id for one in plain.passages}
    assert nodes
    for one in await index.as_retriever(filters=only(hidden)).aretrieve("open cases"):
        assert oracle.may_see(person, one.node.metadata["entity"])
    with pytest.raises(ValueError, match="follows the CRM"):
        store.add([])
    with pytest.raises(ValueError, match="follows the CRM"):
        store.delete("account:1")


def only(ref: str) -> MetadataFilters:
    return MetadataFilters(filters=[MetadataFilter(key="entity", value=ref)])


async def test_a_filter_that_cannot_be_kept_to_is_refused(running: Running, stand: Stand) -> None:
    _, person = a_rep(stand)
    store = permitted_store(running.client, principal(person.login))
    index = VectorStoreIndex.from_vector_store(store, embed_model=MockEmbedding(embed_dim=3))
    others = [
        MetadataFilter(key="title", value="x"),
        MetadataFilter(key="entity", value="account:1", operator=FilterOperator.NE),
    ]
    for other in others:
        with pytest.raises(ValueError, match="only one filter"):
            await index.as_retriever(filters=MetadataFilters(filters=[other])).aretrieve(QUESTION)


async def test_it_is_asked_without_waiting_too(running: Running, stand: Stand) -> None:
    _, person = a_rep(stand)

    class Counted:
        async def search(self, *given: object, **named: object) -> object:
            return await asyncio.wrap_future(
                asyncio.run_coroutine_threadsafe(running.client.search(*given, **named), home)  # type: ignore[arg-type]
            )

    home = asyncio.get_running_loop()
    retriever = permitted_retriever(Counted(), principal(person.login))  # type: ignore[arg-type]
    nodes = await asyncio.to_thread(retriever.retrieve, QUESTION)
    assert nodes
