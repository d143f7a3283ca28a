"""What the documents say is so: commands, settings, addresses, events, make targets, links."""

import re
import shlex
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from typer.main import get_command

from assistant.answer import EventKind
from assistant.cli.main import app
from assistant.composition import register_all_events
from assistant.settings import WebSettings, WorkSettings
from assistant.web import create_web_app
from gateway import DoorSettings, Settings, class_of, registered_events
from retrieval import RetrievalSettings

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
REFERENCE = ROOT / "assistant" / "README.md"
RECORD = ROOT / "gateway" / "audit" / "README.md"
PACKAGES = ("approvals", "assistant", "gateway", "models", "redaction", "retrieval")
DOCUMENTS = sorted(
    [README, ROOT / "CHANGELOG.md", *(path for name in PACKAGES for path in (ROOT / name).rglob("*.md"))]
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```[a-z]*\n(.*?)^```|`([^`\n]+)`", re.DOTALL | re.MULTILINE)

Commands = dict[str, Any]  # typer brings a click of its own, whose classes are private


def _commands(group: Any, above: tuple[str, ...] = ()) -> Commands:
    found: Commands = {}
    for name, command in group.commands.items():
        here = (*above, name)
        found[" ".join(here)] = command
        if hasattr(command, "commands"):
            found |= _commands(command, here)
    return found


COMMANDS = _commands(get_command(app))


def _lines_of_code(text: str) -> Iterator[str]:
    for block, inline in CODE.findall(text):
        yield from (block.replace("\\\n", " ").splitlines() if block else [inline])


def _words(line: str, program: str) -> Iterator[list[str]]:
    """The words after each call of `program` in a line; calls stand at its start or after a pipe."""
    for rest in re.findall(rf"(?:^ *|\| ){program}((?: +[^|;#]+)?)", line):
        words = shlex.split(rest)
        if words and not words[0].isupper():  # `cloister COMMAND --help`
            yield words


def _command_of(words: list[str]) -> tuple[str, Any]:
    two, one = " ".join(words[:2]), words[0]
    return (two, COMMANDS[two]) if two in COMMANDS else (one, COMMANDS.get(one))


def _options(command: Any) -> set[str]:
    return {"--help"} | {name for each in command.params for name in (*each.opts, *each.secondary_opts)}


def _calls(program: str) -> list[tuple[str, list[str]]]:
    return [
        (str(path.relative_to(ROOT)), words)
        for path in DOCUMENTS
        for line in _lines_of_code(path.read_text("utf-8"))
        for words in _words(line, program)
    ]


def test_every_command_that_a_document_names_exists_with_its_options() -> None:
    calls = _calls("cloister")
    assert len(calls) > 15
    for place, words in calls:
        name, command = _command_of(words)
        assert command is not None, f"{place}: cloister {' '.join(words)}"
        for word in words:
            if word.startswith("--"):
                assert word in _options(command), f"{place}: cloister {name} has no {word}"


def test_every_command_is_in_the_readme() -> None:
    text = README.read_text("utf-8")
    missing = [name for name, command in COMMANDS.items() if f"cloister {name}" not in text]
    assert [name for name in missing if not hasattr(COMMANDS[name], "commands")] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_its_options_have_help(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    silent = [each.name for each in command.params if not getattr(each, "help", None)]
    assert [each for each in silent if each not in {"limit"}] == []  # its range and default say it


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    calls = _calls("make")
    assert {"run", "test"} <= {words[0] for _, words in calls}
    for place, words in calls:
        assert words[0] in targets, f"{place}: make {words[0]}"
        arguments = next((word.removeprefix("ARGS=") for word in words if word.startswith("ARGS=")), "")
        if words[0] == "run":
            unknown = {w for w in arguments.split() if w.startswith("--")} - _options(COMMANDS["up"])
            assert not unknown, f"{place}: make run with {unknown}"


def _settings_in(annotation: Any) -> list[type[Settings]]:
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, Settings) else []
    return [found for inner in typing.get_args(annotation) for found in _settings_in(inner)]


def _settings(kind: type[Settings], section: str, seen: set[type]) -> Iterator[tuple[str, object]]:
    """Every setting as `section.name` with its default; a class is described where it is first met."""
    for name, field in kind.model_fields.items():
        inner = _settings_in(field.annotation)
        if not inner:
            default = ... if field.is_required() else field.get_default(call_default_factory=True)
            yield f"{section}.{name}" if section else name, default
        elif inner[0] not in seen:
            seen.add(inner[0])
            many = "[]" if typing.get_origin(field.annotation) is list else ""
            yield from _settings(inner[0], f"{section}.{name}{many}".removeprefix("."), seen)


def _all_settings() -> dict[str, object]:
    seen: set[type] = set()
    kinds = (WebSettings, WorkSettings, DoorSettings, RetrievalSettings)
    return dict(pair for kind in kinds for pair in _settings(kind, "", seen))


def _shown(default: object) -> str:
    if default is ...:
        return "required"
    if default is None or default in ("", (), {}, frozenset()):
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, frozenset):
        return f"`{', '.join(sorted(default))}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `([\w.\[\]]+)` \| ([^|]+) \|", _section("Settings"), re.MULTILINE)
    documented = {name: default.strip() for name, default in rows}
    settings = {name: _shown(default) for name, default in _all_settings().items()}
    assert len(settings) > 60
    assert documented == settings


def _section(title: str) -> str:
    text = REFERENCE.read_text("utf-8")
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def _first_cells(table: str) -> set[str]:
    cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_audit_event_is_documented_with_its_class() -> None:
    register_all_events()
    table = RECORD.read_text("utf-8").split("\n## Events\n", 1)[1].split("\n## ", 1)[0]
    assert _first_cells(table) == set(registered_events())
    for names, kind in re.findall(r"^\| (`[^|]+) \| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", names):
            assert kind == (class_of(name) or "for ever"), name


def test_every_class_of_fault_is_documented() -> None:
    files = (RECORD.parent / "standalone" / "verify_record.py", RECORD.parent / "verify.py")
    source = "".join(file.read_text("utf-8") for file in files)
    said = set(re.findall(r"""(?:Fault\(|_fault\(|kind, what = \(?)\s*"([a-z -]+)",""", source))
    assert len(said) > 12
    assert _first_cells(RECORD.read_text("utf-8").split("| it says |", 1)[1].split("\n## ", 1)[0]) == said


def test_every_event_of_a_run_is_documented() -> None:
    assert _first_cells(_section("Events of a run")) == {kind.value for kind in EventKind}


def _addresses(cell: str) -> Iterator[tuple[str, str]]:
    """Method and path of each address in a cell; a word alone is another last part of the path before it, and
    a method alone one more of the path after it."""
    methods, path = list[str](), ""
    for code in re.findall(r"`([^`]+)`", cell):
        first, _, given = code.partition(" ")
        if first.isupper():
            methods = [first] if path else [*methods, first]
        path = given or ("" if first.isupper() else f"{path.rpartition('/')[0]}/{first}")
        if path:
            yield from ((method, path) for method in methods)


def test_every_address_of_the_web_api_is_documented_and_no_other() -> None:
    settings: dict[str, Any] = {"origins": ()}
    web = create_web_app(WebSettings.model_construct(**settings))
    found = {
        (method, path)
        for context in iter_route_contexts(web.routes)
        for method in getattr(context, "methods", None) or ()
        if (path := context.path or "").startswith(("/api/", "/review/")) and method != "HEAD"
    }
    assert ("GET", "/api/v1/audit/holds") in found
    cells = re.findall(r"^\| (`[^|]+) \|", _section("Web API"), re.MULTILINE)
    assert {address for cell in cells for address in _addresses(cell)} == found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_files_resolve(path: Path) -> None:
    for target in LINK.findall(path.read_text("utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name) if name else path
        assert file.exists(), f"{path.name} links to {target}"
        if anchor:
            assert anchor in _anchors(file), f"{path.name} links to {target}"


def _anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_images_of_the_readme_are_small() -> None:
    images = [
        README.parent / target for target in LINK.findall(README.read_text("utf-8")) if ".png" in target
    ]
    assert len(images) >= 2
    assert all(image.stat().st_size < 200_000 for image in images)


def test_the_changelog_knows_this_version() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version is not None
    assert f"## [{version[1]}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
