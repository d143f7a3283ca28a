"""What holds for every template and module, read as text."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import assistant.pages

FOLDER = Path(assistant.pages.__file__).parent
TEMPLATES = sorted((FOLDER / "templates").rglob("*.html"))
MODULES = sorted((FOLDER / "static" / "js").glob("*.js"))
STYLES = sorted((FOLDER / "static" / "css").glob("*.css"))
SPOKEN_ATTRIBUTES = {"title", "placeholder", "aria-label", "alt", "data-label"}
SAME_IN_EVERY_LANGUAGE = {"Cloister", "Enter", "Shift", "Esc"}


class _Texts(HTMLParser):
    """Text nodes and spoken attributes of a template from which Jinja's own parts were taken."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in SPOKEN_ATTRIBUTES]

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def untranslated(template: str) -> list[str]:
    template = re.sub(r"\{% block \w+_class %\}.*?\{% endblock %\}", " ", template)
    without_jinja = re.sub(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", " ", template, flags=re.S)
    parser = _Texts()
    parser.feed(without_jinja)
    words = [word for text in parser.found for word in re.findall(r"[^\W\d_]{2,}", text)]
    return [word for word in words if word not in SAME_IN_EVERY_LANGUAGE]


def test_the_search_for_untranslated_text_finds_some() -> None:
    assert untranslated('<p title="Hello">{{ _("Fine") }} World</p>') == ["Hello", "World"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_text_in_a_template_is_marked_for_translation(path: Path) -> None:
    assert untranslated(path.read_text()) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_script_style_or_unescaped_data(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:|\|\s*safe\b", text)
    for attributes, body in re.findall(r"<script([^>]*)>(.*?)</script>", text, re.S):
        assert "src=" in attributes or ("application/json" in attributes and "|island }}" in body)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_module_makes_markup_or_code_out_of_text(path: Path) -> None:
    text = path.read_text()
    for name in ("innerHTML", "outerHTML =", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert name not in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_every_import_is_a_module_of_ours(path: Path) -> None:
    names = {module.name for module in MODULES}
    for wanted in re.findall(r'from "([^"]+)"', path.read_text()):
        assert wanted.startswith("./")
        assert wanted[2:] in names


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_styles_ask_no_other_host(path: Path) -> None:
    assert not re.search(r"url\(|@import|https?://", path.read_text())


def test_colours_are_named_in_one_place() -> None:
    for path in STYLES:
        if path.name != "tokens.css":
            assert re.findall(r"#[0-9a-f]{3,8}\b", path.read_text()) == [], path.name
