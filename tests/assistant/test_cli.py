"""Commands as scripts use them: what they print, and how they end."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from assistant.cli.ask import _Answer
from assistant.cli.explain import _lines
from assistant.cli.review import Verb
from retrieval import shipped_map

from .commands import cloister
from .explanations import explained


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("up",),
        ("ask",),
        ("search",),
        ("redact",),
        ("doctor",),
        ("crm",),
        ("crm", "check"),
        ("crm", "import"),
        ("sync",),
        ("sync", "run"),
        ("sync", "status"),
        ("audit", "verify"),
        ("account",),
        ("account", "add"),
        ("account", "roles"),
        ("token",),
        ("token", "create"),
        ("models", "list"),
        ("web",),
        ("work",),
        ("door",),
        ("retrieval",),
        ("embeddings",),
    ],
    ids=" ".join,
)
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    done = cloister(*command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_verbs_are_whole_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = cloister("review", "decide", "--help").stdout
    assert max(map(len, shown.splitlines())) <= 80
    words = {word.strip(",.") for word in shown.split()}
    assert set(get_args(Verb)) <= words


def test_redact_gives_spans_and_text_for_each_line_and_says_that_no_gazetteer_is_loaded() -> None:
    text = "Write to anna.schmidt@example.org about the card 4111 1111 1111 1111."
    done = cloister("redact", stdin=json.dumps({"id": "a", "text": text}) + "\n")
    assert done.returncode == 0
    assert "No gazetteer" in done.stderr
    [line] = [json.loads(row) for row in done.stdout.splitlines()]
    assert line["id"] == "a"
    found = {text[span["start"] : span["end"]] for span in line["spans"]}
    assert {"anna.schmidt@example.org", "4111 1111 1111 1111"} <= found
    assert all({"start", "end", "type", "score", "source"} <= span.keys() for span in line["spans"])
    assert "anna" not in line["redacted"]
    assert "<EMAIL_1>" in line["redacted"]


def test_redact_knows_the_customers_of_a_gazetteer(tmp_path: Path) -> None:
    known = tmp_path / "known.jsonl"
    entry = {"value": "Zorblatt Quixel", "type": "PERSON", "entity": "contact:1", "field": "name"}
    known.write_text(json.dumps(entry) + "\n")
    done = cloister(
        "redact",
        "--no-ner",
        "--gazetteer",
        str(known),
        stdin=json.dumps({"id": 1, "text": "zorblatt quixel called"}),
    )
    assert json.loads(done.stdout)["redacted"] == "<PERSON_1> called"
    assert done.stderr == ""


def test_redact_stops_at_a_bad_line_and_keeps_what_came_before() -> None:
    done = cloister("redact", "--no-ner", stdin='{"id": 1, "text": "fine"}\nnot json\n')
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert "Line 2" in done.stderr


def test_a_good_map_is_good_and_a_broken_one_says_where(tmp_path: Path) -> None:
    assert cloister("crm", "check", str(shipped_map("demo"))).returncode == 0
    broken = tmp_path / "broken.yaml"
    broken.write_text(shipped_map("demo").read_text().replace("class: identity", "class: idenity", 1))
    done = cloister("crm", "check", str(broken))
    assert done.returncode == 5
    line = 1 + broken.read_text().split("class: idenity")[0].count("\n")
    assert done.stdout.startswith(f"{broken}:{line}: entities.")
    assert "idenity" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        ("crm", "check", "MAP"),
        ("crm", "script", "MAP"),
        ("evaluate", "retrieval", "--map", "MAP", "--queries", "MAP"),
    ],
    ids=" ".join,
)
def test_a_map_with_faults_ends_every_command_that_reads_one_with_5(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.yaml"
    text = shipped_map("demo").read_text()
    broken.write_text(
        text.replace("class: identity", "class: idenity", 1).replace("$user.team", "$user.tam", 1)
    )
    done = cloister(*(str(broken) if word == "MAP" else word for word in command))
    assert done.returncode == 5
    said = done.stdout + done.stderr
    assert f"{broken}:" in said
    assert "idenity" in said
    assert "there is no attribute “tams”" in said


def test_a_map_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = cloister("crm", "check", str(tmp_path / "nowhere.yaml"))
    assert done.returncode != 0
    assert "nowhere.yaml" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("ask", "Hello?"),
        ("search", "x"),
        ("sync", "status"),
        ("audit", "verify"),
        ("doctor",),
        ("account", "list"),
        ("token", "list", "maya@halden.example"),
    ],
)
def test_without_an_appliance_a_command_says_so(command: tuple[str, ...], tmp_path: Path) -> None:
    done = cloister(*command, "--data", str(tmp_path))
    assert done.returncode == 3
    assert "no appliance" in done.stderr


def test_the_doctor_checks_what_is_on_this_machine_without_an_appliance_too(tmp_path: Path) -> None:
    def states(folder: Path) -> dict[str, str]:
        done = cloister("doctor", "--json", "--data", str(folder))
        assert done.returncode == 3
        return {one["name"]: one["state"] for one in json.loads(done.stdout)}

    assert states(tmp_path / "none") == {"packages": "ok", "state folder": "down", "parts": "down"}
    found = states(tmp_path)
    assert (found["packages"], found["parts"], "state folder" in found) == ("ok", "down", True)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").touch(mode=0o644)
    assert states(tmp_path)["secrets"] == "down"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("search", "x", "--as", ""), "login is empty"),
        (("ask", "x", "--as", " "), "login is empty"),
        (("explain", "account:1", "--as", ""), "login is empty"),
        (("search", "x", "--as", "a@b.example", "--scope", "nonsense"), "as in account:12"),
        (("ask", "x", "--scope", "account:"), "as in account:12"),
    ],
)
def test_what_names_nobody_or_no_record_is_a_usage_error(command: tuple[str, ...], said: str) -> None:
    done = cloister(*command)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


def test_an_import_without_a_map_is_a_usage_error(tmp_path: Path) -> None:
    assert cloister("up", "--import", str(tmp_path)).returncode == 2


def test_a_process_does_not_start_on_a_settings_file_with_faults(tmp_path: Path) -> None:
    settings = tmp_path / "web.yaml"
    settings.write_text("listen: {port: 1}\nsurprise: true\n")
    argv = [sys.executable, "-m", "assistant", "web", "--settings", str(settings)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "surprise" in done.stderr
    assert "Traceback" not in done.stderr


class ToldCaller:
    """An appliance that refuses every question, after it has counted what it found."""

    def __init__(self, *_who: object) -> None: ...

    def post(self, _path: str, _body: object) -> dict[str, str]:
        return {"id": "run", "conversation": "conversation"}

    def events(self, _path: str) -> Iterator[tuple[str, dict[str, object]]]:
        yield "stage", {"name": "checking", "found": 1, "facts": 10}
        yield "refused", {"sentence": "This was not sent."}
        yield "done", {"state": "refused"}


def test_a_refused_question_ends_with_4_and_its_stages_are_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "cli.yaml").write_text(
        "{url: 'http://127.0.0.1:1', demo_secret_file: null, admin: null, auditor: null}"
    )
    monkeypatch.setattr("assistant.cli.ask.Caller", ToldCaller)
    done = cloister("ask", "hello", "--data", str(tmp_path))
    assert done.returncode == 4
    assert done.stdout.startswith("This was not sent.")
    assert done.stderr == "· checking what was found: 1 record, 10 live facts\n"


def test_each_condition_of_a_rule_is_marked_for_what_it_is() -> None:
    told = explained("maya@halden.example", "case:1").model_dump(mode="json")
    marked = [line.strip() for line in _lines(told)]
    rule = marked.index("✗ rule 2 (line 93): territory_id in the user's territories, for the role lead")
    assert marked[rule + 1 : rule + 3] == [
        "✗ The user has the role rep; it is for lead.",
        "✓ territory_id is 4; the user's territories: 4.",
    ]


def test_of_an_answer_that_is_held_it_is_said_until_when_and_where_it_will_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = _Answer({"id": "r", "conversation": "c-1"}, quiet=False)
    reasons = [{"rule": "x", "sentence": "It promises a date."}]
    answer.take(
        "held", {"item": "i-1", "reasons": reasons, "position": 2, "deadline": "2026-11-22T12:00:00+00:00"}
    )
    local = datetime(2026, 11, 22, 12, tzinfo=UTC).astimezone()
    said = capsys.readouterr().out
    assert f"(place 2, until {local:%Y-%m-%d %H:%M %Z}). It promises a date." in said
    assert "conversation c-1 (item i-1)" in said
