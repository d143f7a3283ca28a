"""Reads a YAML document and remembers the line of every part of it."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from retrieval.crm.errors import Problem

Step = str | int
Path = tuple[Step, ...]

MAX_DEPTH = 32


class _Loader(yaml.SafeLoader):
    """Plain YAML: only ``true`` and ``false`` are booleans (Norway is ``NO``) and dates stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


@dataclass(frozen=True, slots=True)
class Document:
    """``content`` is plain Python; ``lines`` holds the 1-based line of each path in it."""

    content: Any
    lines: Mapping[Path, int]
    problems: tuple[Problem, ...] = field(default=())

    def line_of(self, path: Path) -> int:
        """The line of ``path``, or of the nearest part that contains it.

        Steps that the document does not have (pydantic names the branch of a union) are skipped.
        """
        found: Path = ()
        for step in path:
            if (*found, step) in self.lines:
                found = (*found, step)
        return self.lines.get(found, 1)

    def known(self, path: Path) -> str:
        """``path`` in dotted form without the steps that only the validator knows."""
        found: Path = ()
        for number, step in enumerate(path):
            is_last = number == len(path) - 1
            if (*found, step) in self.lines or is_last:
                found = (*found, step)
        return dotted(found)


def dotted(path: Path) -> str:
    """``path`` as a person reads it: numbers count from 1."""
    return ".".join(str(step + 1) if isinstance(step, int) else step for step in path)


def read_document(text: str) -> Document:
    """Parse ``text``. Syntax errors and duplicate keys come back as problems, never as exceptions."""
    lines: dict[Path, int] = {(): 1}
    problems: list[Problem] = []
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        content = None if node is None else _build(loader, node, (), lines, problems)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        said = error.problem or error.context or "this is not YAML"
        return Document(
            None, lines, (Problem(line, "", f"this is not valid YAML ({said}); correct this line"),)
        )
    except yaml.YAMLError:
        sentence = "this is not readable as YAML text; save the file as UTF-8 without control characters"
        return Document(None, lines, (Problem(1, "", sentence),))
    finally:
        if loader is not None:
            loader.dispose()
    return Document(content, lines, tuple(problems))


def _build(
    loader: _Loader, node: yaml.Node, path: Path, lines: dict[Path, int], problems: list[Problem]
) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if len(path) > MAX_DEPTH:
        raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=node.start_mark)
    if isinstance(node, yaml.MappingNode):
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _key(loader, key_node)
            here = (*path, key)
            if key in built:
                where = dotted(here)
                problems.append(
                    Problem(key_node.start_mark.line + 1, where, f"“{key}” is given twice; keep one of them")
                )
            lines[here] = key_node.start_mark.line + 1
            built[key] = _build(loader, value_node, here, lines, problems)
        return built
    if isinstance(node, yaml.SequenceNode):
        return [
            _build(loader, child, (*path, number), lines, problems) for number, child in enumerate(node.value)
        ]
    return loader.construct_object(node)


def _key(loader: _Loader, node: yaml.Node) -> str:
    key = loader.construct_object(node) if isinstance(node, yaml.ScalarNode) else None
    if key is None or not isinstance(key, Hashable):
        raise yaml.MarkedYAMLError(problem="a key must be a plain word", problem_mark=node.start_mark)
    return str(key)
