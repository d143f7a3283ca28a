"""The rooms: which package may import which, and only through its face."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BELOW = {
    "redaction": set(),
    "models": set(),
    "gateway": {"redaction", "models"},
    "retrieval": {"gateway", "redaction", "models"},
    "approvals": {"gateway", "redaction", "models"},
    "assistant": {"approvals", "retrieval", "gateway", "redaction", "models"},
}
WITHIN_APPROVALS = {
    "risk": set(),
    "items": {"risk"},
    "queues": {"items", "risk"},
    "deciding": {"queues", "items", "risk"},
    "numbers": {"queues", "items", "risk"},
}
FILES = sorted(path for package in BELOW for path in (ROOT / package).rglob("*.py"))
# a script that another environment's interpreter executes sees nothing of ours
FOREIGN = ("models/recipes/",)


def _imports(path: Path) -> list[tuple[str, int]]:
    """Absolute module names that a file imports, with lines; relative ones made absolute."""
    found = []
    package = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level] if node.level else ()
            found.append((".".join([*base, node.module or ""]).strip("."), node.lineno))
    return found


def test_there_is_something_to_check() -> None:
    assert len(FILES) > 80
    assert ("gateway", 1) not in [(name, 0) for name, _ in _imports(ROOT / "redaction" / "__init__.py")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards_and_knock_at_the_front_door(path: Path) -> None:
    here = path.relative_to(ROOT).parts[0]
    for name, line in _imports(path):
        package, _, inside = name.partition(".")
        if package not in BELOW or package == here:
            continue
        assert package in BELOW[here], f"{path}:{line} imports {name}, which does not stand below {here}"
        assert not inside, f"{path}:{line} reaches past the face of {package}: {name}"


@pytest.mark.parametrize("part", sorted(WITHIN_APPROVALS))
def test_the_parts_of_approvals_stand_on_one_another(part: str) -> None:
    files = sorted((ROOT / "approvals" / part).rglob("*.py"))
    assert len(files) > 3
    for path in files:
        for name, line in _imports(path):
            package, _, inside = name.partition(".")
            other = inside.partition(".")[0]
            if package == "approvals" and other != part:
                assert other in WITHIN_APPROVALS[part], f"{path}:{line} imports {name}"


@pytest.mark.parametrize("package", sorted(BELOW))
def test_a_face_holds_only_imports_and_lists_what_it_offers(package: str) -> None:
    tree = ast.parse((ROOT / package / "__init__.py").read_text("utf-8"))
    names: list[str] = []
    imported: set[str] = set()
    for node in tree.body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_all = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        assert is_docstring or is_all or isinstance(node, ast.ImportFrom), ast.unparse(node)
        if isinstance(node, ast.ImportFrom):
            imported |= {alias.asname or alias.name for alias in node.names}
        if is_all:
            assert isinstance(node, ast.Assign)
            names = ast.literal_eval(node.value)
    assert set(names) == imported  # ruff keeps their order


KEPT = {
    "psycopg": {
        "gateway/database.py",
        "retrieval/crm/database.py",
        "retrieval/sync/decoding/wire.py",
        "assistant/appliance/postgres.py",
        "assistant/migrations/bootstrap.py",
        "assistant/runs/feed.py",
        "assistant/up/plan.py",
    },
    "qdrant_client": {
        "retrieval/index/answers.py",
        "retrieval/index/server.py",
        "retrieval/index/server_store.py",
    },
}
"""Libraries that several modules cannot do without: these and no others."""


def test_foreign_libraries_are_imported_in_one_package_each() -> None:
    keepers: dict[str, set[str]] = {}
    watched = {"litellm", "presidio_analyzer", "spacy", "qdrant_edge", "hvac", "llama_index"}
    for path in FILES:
        place = str(path.relative_to(ROOT))
        if place.startswith(FOREIGN):
            continue
        for name, _ in _imports(path):
            top = name.partition(".")[0]
            if top in watched:
                keepers.setdefault(top, set()).add(path.relative_to(ROOT).parts[0])
    assert {library: places for library, places in keepers.items() if len(places) > 1} == {}


def test_what_speaks_to_a_database_or_a_search_server_is_imported_where_it_is_said() -> None:
    found: dict[str, set[str]] = {library: set() for library in KEPT}
    for path in FILES:
        for name, _ in _imports(path):
            if (top := name.partition(".")[0]) in found:
                found[top].add(str(path.relative_to(ROOT)))
    assert found == KEPT
