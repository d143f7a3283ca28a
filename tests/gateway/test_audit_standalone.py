"""The stand-alone verifier finds every way of bending a record, names it, and needs nothing of ours."""

import ast
import base64
import gzip
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

from gateway.audit.chain import leaf_of, link
from gateway.audit.merkle import Frontier, inclusion_spans, leaf_hash, span_hash
from gateway.audit.notes import CheckpointSigner, VerifierKey
from gateway.audit.standalone import verify_record
from gateway.audit.standalone.verify_record import (
    Key,
    Log,
    Unusable,
    check_export,
    main,
    read_anchor,
    read_anchors,
)

from .tampering import (
    EVERY,
    OF_CHECKPOINTS,
    OF_ENTRIES,
    ORIGIN,
    Exported,
    Tamper,
    cut_the_end_and_back_date,
    cut_the_end_with_its_checkpoints,
    exported,
    new_signer,
    rewrite_and_sign_with_the_key,
    signed,
    size_of,
)

ENTRIES = 153
POSITIONS = 50
SCRIPT = Path(verify_record.__file__)


@pytest.fixture(scope="module")
def honest() -> Exported:
    return exported(ENTRIES)


def positions(count: int) -> list[int]:
    """Fifty places, the first and the last among them."""
    return sorted({round(step * (count - 1) / (POSITIONS - 1)) for step in range(POSITIONS)})


def test_an_honest_record_holds(honest: Exported, tmp_path: Path) -> None:
    assert honest.kinds(tmp_path) == set()


@pytest.mark.parametrize("tamper", OF_ENTRIES, ids=lambda tamper: tamper.__name__)
def test_every_bent_entry_is_found_and_named(honest: Exported, tamper: Tamper, tmp_path: Path) -> None:
    places = positions(ENTRIES - 2)
    assert len(places) == POSITIONS
    for at in places:
        bent = honest.copy()
        tamper(bent, at)
        assert OF_ENTRIES[tamper] in bent.kinds(tmp_path), at


@pytest.mark.parametrize("tamper", OF_CHECKPOINTS, ids=lambda tamper: tamper.__name__)
def test_every_bent_checkpoint_is_found_and_named(honest: Exported, tamper: Tamper, tmp_path: Path) -> None:
    places = positions(len(honest.checkpoints) - 1)
    assert len(places) == POSITIONS
    for at in places:
        bent = honest.copy()
        tamper(bent, at)
        assert OF_CHECKPOINTS[tamper] in bent.kinds(tmp_path), at


@pytest.mark.parametrize("tamper", [cut_the_end_with_its_checkpoints, rewrite_and_sign_with_the_key])
def test_what_only_an_anchor_can_show_is_not_seen_without_one(
    honest: Exported, tamper: Tamper, tmp_path: Path
) -> None:
    bent = honest.copy()
    tamper(bent, 60)
    assert bent.kinds(tmp_path)
    export, _ = bent.write(tmp_path)
    _, faults = check_export(export, Log.parse(bent.key), [])
    assert faults == []


def test_a_part_of_the_record_is_checked_against_the_heads_over_it(honest: Exported, tmp_path: Path) -> None:
    part = beginning_at(honest, 100)
    export, anchor = part.write(tmp_path)
    key, anchors = Log.parse(part.key), [read_anchor(anchor)]
    record, faults = check_export(export, key, anchors, part=True)
    assert (record.entries, faults) == (ENTRIES - 100, [])
    _, faults = check_export(export, key, anchors)
    assert {fault.kind for fault in faults} == {"removed"}
    part.entries[7]["event"]["actor"] = "somebody else"
    previous = bytes.fromhex(part.entries[6]["hash"])
    for entry in part.entries[7:]:  # a forger computes everything anew
        leaf = leaf_of(entry["event"])
        previous = link(previous, entry["sequence"], leaf)
        entry |= {"leaf": leaf.hex(), "hash": previous.hex()}
    export, _ = part.write(tmp_path)
    _, faults = check_export(export, key, anchors, part=True)
    assert {fault.kind for fault in faults} == {"rewritten"}


def test_a_part_that_no_checkpoint_is_over_proves_nothing(honest: Exported, tmp_path: Path) -> None:
    part = beginning_at(honest, 150)
    part.checkpoints, part.anchor = [], []
    export, anchor = part.write(tmp_path)
    _, faults = check_export(export, Log.parse(part.key), [read_anchor(anchor)], part=True)
    assert {fault.kind for fault in faults} == {"checkpoint removed"}


@pytest.mark.parametrize("size", [150, ENTRIES])
def test_what_was_compared_with_nothing_is_not_said_to_be_checked(
    honest: Exported, size: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The end of a record, or nothing of it, and a checkpoint over what was before it alone."""
    part = beginning_at(honest, size)
    part.checkpoints = [line for line in honest.checkpoints if size_of(line) == 150]
    part.anchor = [line for line in honest.anchor if line["size"] == 150]
    export, anchor = part.write(tmp_path)
    given = ["record", str(export), "--part", "--key", part.key, "--anchor", str(anchor)]
    assert main([*given, "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["entries"], found["covered"], found["anchored"]) == (ENTRIES - size, 0, 0)
    assert (found["holds"], found["checked"], found["faults"]) == (False, False, [])
    assert main(given) == 3
    said = capsys.readouterr().out
    assert "nothing of the record was checked" in said
    assert "The record holds" not in said


def test_it_says_which_entries_it_has_checked(
    honest: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export, anchor = beginning_at(honest, 90).write(tmp_path)
    given = ["record", str(export), "--part", "--key", honest.key, "--anchor", str(anchor)]
    assert main(given) == 0
    said = capsys.readouterr().out
    assert "from entry 91 of 2026-03-01 at 09:01 UTC to entry 153 of 2026-03-01 at 09:02 UTC.\n" in said
    assert main([*given, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["first"] == {"number": 91, "at": "2026-03-01T09:01:31+00:00"}
    assert found["last"] == {"number": ENTRIES, "at": "2026-03-01T09:02:33+00:00"}


@pytest.mark.parametrize(
    ("since", "until", "kinds"),
    [
        ("09:01:31", "09:02:33", []),
        ("09:01:30", "09:02:33", ["removed"]),
        ("09:01:31", "09:02:34", ["truncated"]),
    ],
)
def test_a_part_encloses_the_time_that_was_asked_for(
    honest: Exported,
    since: str,
    until: str,
    kinds: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    export, anchor = beginning_at(honest, 90).write(tmp_path)
    given = ["record", str(export), "--part", "--key", honest.key, "--anchor", str(anchor), "--json"]
    given += ["--from", f"2026-03-01T{since}Z", "--to", f"2026-03-01T{until}Z"]
    assert main(given) == bool(kinds)
    assert [fault["kind"] for fault in json.loads(capsys.readouterr().out)["faults"]] == kinds
    assert main([*given, "--to", "2026-03-01"]) == 2


def test_a_record_that_begins_at_its_beginning_leaves_nothing_out_before_it(
    honest: Exported, tmp_path: Path
) -> None:
    export, anchor = honest.write(tmp_path)
    since = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    _, faults = check_export(export, Log.parse(honest.key), [read_anchor(anchor)], since=since)
    assert faults == []


@pytest.mark.parametrize(
    "line", ["nonsense", "{}", '{"sequence": 1}', '{"event": []}', "[]", '{"event": {}}']
)
def test_a_line_that_cannot_be_read_is_named(honest: Exported, line: str, tmp_path: Path) -> None:
    export, anchor = honest.write(tmp_path)
    lines = export.read_text().splitlines()
    lines[60] = line
    export.write_text("\n".join(lines) + "\n")
    _, faults = check_export(export, Log.parse(honest.key), [read_anchor(anchor)])
    assert {fault.kind for fault in faults} >= {"changed"}


@pytest.mark.parametrize(
    "before", [{"size": 5}, {"size": 1, "hashes": ["xx"]}, {"size": "x"}, [], {"size": 0, "chain": "x"}]
)
def test_an_export_that_does_not_say_where_it_begins_cannot_be_checked(
    honest: Exported, before: object, tmp_path: Path
) -> None:
    bent = honest.copy()
    bent.header["before"] = before
    export, anchor = bent.write(tmp_path)
    if before == []:  # as if it began at the beginning
        assert check_export(export, Log.parse(bent.key), [read_anchor(anchor)])[1] == []
        return
    with pytest.raises(Unusable, match="where the record begins"):
        check_export(export, Log.parse(bent.key), [read_anchor(anchor)])


def test_another_logs_checkpoints_in_the_same_log_host_change_nothing(
    honest: Exported, tmp_path: Path
) -> None:
    export, anchor = honest.write(tmp_path)
    other = {"size": 9, "note": new_signer("other.example/record").sign(9, bytes(32))}
    anchor.write_text(anchor.read_text() + json.dumps(other) + "\n")
    _, faults = check_export(export, Log.parse(honest.key), [read_anchor(anchor)])
    assert faults == []


def beginning_at(whole: Exported, size: int) -> Exported:
    """The record without its first entries, with what a reader needs in their place."""
    part, before = whole.copy(), Frontier()
    for entry in part.entries[:size]:
        before.append(bytes.fromhex(entry["leaf"]))
    part.header["before"] = {
        "size": size,
        "chain": part.entries[size - 1]["hash"],
        "hashes": [each.hex() for each in before.hashes],
    }
    del part.entries[:size]
    part.checkpoints = [line for line in part.checkpoints if size_of(line) > size]
    return part


def run(*arguments: object) -> tuple[int, str]:
    """The verifier as an auditor runs it: a file of its own, no packages of ours on the path."""
    done = subprocess.run(
        [sys.executable, "-I", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_file_alone_checks_an_export_and_its_anchor(honest: Exported, tmp_path: Path) -> None:
    script = tmp_path / "elsewhere" / "verify.py"
    script.parent.mkdir()
    script.write_text(SCRIPT.read_text())
    export, anchor = honest.write(tmp_path)
    packed = tmp_path / "record.jsonl.gz"
    packed.write_bytes(gzip.compress(export.read_bytes()))
    key = tmp_path / "log.key"
    key.write_text(honest.key + "\n")
    code, said = run(script, "record", packed, "--key", key, "--anchor", anchor)
    assert (code, said.splitlines()[-1]) == (0, "The record holds.")
    bent = honest.copy()
    bent.entries[99]["event"]["actor"] = "somebody else"
    export, _ = bent.write(tmp_path)
    code, said = run(script, "record", export, "--key", bent.key, "--anchor", anchor, "--json")
    found = json.loads(said)
    assert code == 1
    assert (found["holds"], found["entries"], found["checkpoints"]) == (False, ENTRIES, len(bent.checkpoints))
    assert [(fault["kind"], fault["place"]) for fault in found["faults"]] == [("changed", 100)]


def test_the_file_imports_the_standard_library_and_cryptography_alone() -> None:
    imported = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(str(node.module).partition(".")[0])
    assert "cryptography" in imported
    assert imported - sys.stdlib_module_names == {"cryptography"}


def test_whoever_has_no_anchor_must_say_so(
    honest: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export, _ = honest.write(tmp_path)
    arguments = ["record", str(export), "--key", honest.key]
    assert main(arguments) == 2
    assert "--no-anchor" in capsys.readouterr().err
    assert main([*arguments, "--no-anchor"]) == 0


def test_a_log_hosts_file_is_an_anchor(honest: Exported, tmp_path: Path) -> None:
    export, anchor = honest.write(tmp_path)
    messages = tmp_path / "syslog"
    before = "Mar  1 09:00:00 host cloister[7]: "
    messages.write_text(
        "Mar  1 08:59:59 host cron[3]: another program\n"
        + "".join(before + line + "\n" for line in anchor.read_text().splitlines())
    )
    _, faults = check_export(export, Log.parse(honest.key), [read_anchor(messages)])
    assert faults == []
    cut = honest.copy()
    cut_the_end_with_its_checkpoints(cut, 60)
    export, _ = cut.write(tmp_path)
    _, faults = check_export(export, Log.parse(honest.key), [read_anchor(messages)])
    assert "truncated" in {fault.kind for fault in faults}


def test_a_checkpoint_that_was_only_just_signed_may_be_on_its_way_to_an_anchor(
    honest: Exported, tmp_path: Path
) -> None:
    late = honest.copy()
    late.header["made_at"] = late.checkpoints[-1]["at"]
    del late.anchor[-1]
    assert late.kinds(tmp_path) == set()
    late.checkpoints[-1]["at"] = late.checkpoints[0]["at"]
    late.header["made_at"] = honest.header["made_at"]
    assert late.kinds(tmp_path) == {"anchor missing"}


def test_an_anchor_that_was_fetched_before_the_export_is_one_fault_that_says_so(
    honest: Exported, tmp_path: Path
) -> None:
    late = honest.copy()
    del late.anchor[-5:]
    del late.anchor[7]
    export, anchor = late.write(tmp_path)
    _, faults = check_export(export, Log.parse(late.key), [read_anchor(anchor)])
    within, at_the_end = faults
    assert (within.kind, within.place, "fetched" in within.sentence) == ("anchor missing", 8 * EVERY, False)
    assert at_the_end == verify_record.Fault(
        "anchor missing",
        141,
        "checkpoints.jsonl ends at size 138 and does not hold the 5 checkpoints of sizes 141 to 153, or it"
        " was fetched before the export was made: fetch it again",
    )


def test_what_an_anchor_has_got_since_the_export_was_asked_for_is_not_missing_in_it(
    honest: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = honest.copy()
    cut_the_end_with_its_checkpoints(earlier, 60)
    asked = earlier.header["made_at"] = earlier.entries[-1]["event"]["at"]
    export, anchor = earlier.write(tmp_path)
    arguments = ["record", str(export), "--key", earlier.key, "--anchor", str(anchor)]
    assert main(arguments) == 1
    assert "say when (--asked TIME)" in capsys.readouterr().out
    assert main([*arguments, "--asked", asked]) == 0
    assert "checkpoints.jsonl goes on to size 153 (2026-03-01 at 09:02 UTC).\n" in capsys.readouterr().out
    assert main([*arguments, "--asked", asked, "--json"]) == 0
    beyond = json.loads(capsys.readouterr().out)["beyond"]
    assert beyond == [{"anchor": "checkpoints.jsonl", "size": ENTRIES, "at": honest.anchor[-1]["at"]}]
    assert main([*arguments, "--asked", honest.anchor[-1]["at"]]) == 1
    assert "say when" not in capsys.readouterr().out
    assert main([*arguments, "--asked", "2026-03-01"]) == 2


@pytest.mark.parametrize(("said", "over"), [(ENTRIES, "them"), (ENTRIES + 5, f"those to {ENTRIES}")])
def test_a_checkpoint_is_said_to_be_over_what_it_covers_alone(
    honest: Exported, said: int, over: str, tmp_path: Path
) -> None:
    bent = honest.copy()
    cut_the_end_and_back_date(bent, 60)
    bent.header["last"] = said
    export, anchor = bent.write(tmp_path)
    _, (fault,) = check_export(export, Log.parse(bent.key), [read_anchor(anchor)])
    assert f"entries 61 to {said} are missing at the end: there is a checkpoint over {over}" in str(fault)


@pytest.mark.parametrize("last", [3, 60, 150])
def test_the_time_in_the_head_of_a_cut_export_excuses_nothing(
    honest: Exported, last: int, tmp_path: Path
) -> None:
    bent = honest.copy()
    cut_the_end_and_back_date(bent, last)
    export, anchor = bent.write(tmp_path)
    for asked in (None, datetime.fromisoformat(honest.header["made_at"])):
        _, faults = check_export(export, Log.parse(bent.key), [read_anchor(anchor)], asked=asked)
        assert [(fault.kind, fault.place) for fault in faults] == [("truncated", last + 1)]


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        ('"sequence": 60,', '"sequence": 60, "sequence": 60,'),
        ('{"parts": 60,', '{"parts": 7, "parts": 60,'),
        ('"sequence": 60,', '"sequence": "60",'),
        ('"sequence": 60,', '"sequence": 60, "erased": {},'),
    ],
)
def test_a_line_that_two_readers_could_read_in_two_ways_is_refused(
    honest: Exported, found: str, instead: str, tmp_path: Path
) -> None:
    export, anchor = honest.write(tmp_path)
    bent = export.read_text().replace(found, instead, 1)
    assert bent != export.read_text()
    export.write_text(bent)
    _, faults = check_export(export, Log.parse(honest.key), [read_anchor(anchor)])
    assert ("changed", 60) in {(fault.kind, fault.place) for fault in faults}


def test_a_checkpoint_or_a_head_with_members_of_its_own_is_refused(honest: Exported, tmp_path: Path) -> None:
    bent = honest.copy()
    bent.checkpoints[4]["event"] = {"event": "item.approved"}
    assert "checkpoint changed" in bent.kinds(tmp_path)
    export, anchor = honest.write(tmp_path)
    export.write_text(export.read_text() + json.dumps(honest.header) + "\n")
    with pytest.raises(Unusable, match="two heads"):
        check_export(export, Log.parse(honest.key), [read_anchor(anchor)])


@pytest.mark.parametrize("leaf", ["[]", "3", '"x"', "null", '{"id": 1, "id": 2}'])
def test_a_proof_of_what_is_no_event_is_refused(leaf: str, tmp_path: Path) -> None:
    signer = new_signer()
    frontier = Frontier()
    frontier.append(leaf_hash(leaf.encode()))
    note = signer.sign(1, frontier.root())
    extra = base64.b64encode(leaf.encode()).decode()
    file = tmp_path / "event.tlog-proof"
    file.write_text(f"c2sp.org/tlog-proof@v1\nextra {extra}\nindex 0\n\n{note}")
    assert main(["proof", str(file), "--key", str(signer.verifier)]) == 3


def test_a_part_whose_end_was_taken_out_of_its_checkpoint_is_found(honest: Exported, tmp_path: Path) -> None:
    part = beginning_at(honest, 30)
    del part.entries[-2:]
    part.checkpoints = [line for line in part.checkpoints if size_of(line) < ENTRIES]
    part.header["last"] = ENTRIES - 2
    part.entries[-1]["event"]["actor"] = "somebody else"
    leaf = leaf_of(part.entries[-1]["event"])
    before = bytes.fromhex(part.entries[-2]["hash"])
    part.entries[-1] |= {"leaf": leaf.hex(), "hash": link(before, ENTRIES - 2, leaf).hex()}
    export, anchor = part.write(tmp_path)
    _, faults = check_export(export, Log.parse(part.key), [read_anchor(anchor)], part=True)
    assert {fault.kind for fault in faults} == {"truncated"}


def test_the_newest_checkpoint_is_the_largest_and_not_the_last_in_the_file(
    honest: Exported, tmp_path: Path
) -> None:
    seen = honest.copy()
    witness = cosign(seen, ENTRIES)
    key, witnesses = Log.parse(seen.key), [Key.parse(str(witness))]
    assert check_export(seen.write(tmp_path)[0], key, [], witnesses)[1] == []
    rewrite_and_sign_with_the_key(seen, 120)
    seen.checkpoints.append(seen.checkpoints[0])
    _, faults = check_export(seen.write(tmp_path)[0], key, [], witnesses)
    assert {fault.kind for fault in faults} == {"not witnessed"}


VOID_SINCE = "2026-03-09T09:00:00.000000+00:00"


def with_an_erasure(whole: Exported, told: dict[str, object], void: Sequence[int] = (2, 3, 5)) -> Exported:
    """A record whose entries of these numbers are void, and whose last event tells of 2, 3 and 5."""
    made = whole.copy()
    numbers = sha256(b"".join(number.to_bytes(8, "big") for number in (2, 3, 5))).hexdigest()
    detail = {
        "class": "answers",
        "subjects": ["text"],
        "entries": 3,
        "before": "2026-03-02T09:00:00.000000+00:00",
        "erased_at": VOID_SINCE,
        "numbers": numbers,
    }
    made.entries[-1]["event"] |= {"event": "audit.erased", "detail": {**detail, **told}}
    made.seal_again(ENTRIES - 1)
    for number in void:
        event = made.entries[number - 1].pop("event")
        left = {name: event[name] for name in ("id", "event", "at")}
        made.entries[number - 1]["erased"] = {**left, "erased_at": VOID_SINCE}
    made.checkpoints = signed(made.entries, made.signer)
    made.anchor = [
        {"size": size_of(line), "at": line["at"], "note": line["checkpoint"]} for line in made.checkpoints
    ]
    return made


def test_a_record_of_which_content_was_erased_holds(honest: Exported, tmp_path: Path) -> None:
    assert with_an_erasure(honest, {}).kinds(tmp_path) == set()


@pytest.mark.parametrize(
    ("told", "void"),
    [
        ({}, (2, 3)),
        ({}, (2, 3, 6)),
        ({}, (2, 3, 5, 6)),
        ({}, ()),
        ({"numbers": "0" * 64}, (2, 3, 5)),
        ({"subjects": ["session"]}, (2, 3, 5)),
        ({"subjects": None}, (2, 3, 5)),
        ({"before": "2026-03-01T09:00:03.000000+00:00"}, (2, 3, 5)),
        ({"erased_at": "2026-03-10T09:00:00.000000+00:00"}, (2, 3, 5)),
    ],
)
def test_void_are_the_entries_that_were_said_to_be_erased_and_no_others(
    honest: Exported, told: dict[str, object], void: tuple[int, ...], tmp_path: Path
) -> None:
    assert with_an_erasure(honest, told, void).kinds(tmp_path) == {"erased"}


def of_numbers(*numbers: int) -> str:
    return sha256(b"".join(number.to_bytes(8, "big") for number in numbers)).hexdigest()


@pytest.mark.parametrize(
    ("told", "kinds"),
    [
        ({}, set()),
        ({"subjects": ["session"]}, {"erased"}),
        ({"before": "2026-03-01T09:00:03.000000+00:00"}, {"erased"}),
        ({"numbers": of_numbers(104)}, {"erased"}),
    ],
)
def test_a_part_tells_of_what_was_erased_by_class_age_and_number(
    honest: Exported, told: dict[str, object], kinds: set[str], tmp_path: Path
) -> None:
    whole = with_an_erasure(honest, {"numbers": of_numbers(2, 105), **told}, (2, 105))
    part = beginning_at(whole, 100)
    proof = {"erasure": proof_of(whole, ENTRIES - 1), "at": part.checkpoints[-1]["at"]}
    part.checkpoints.append({**proof, "numbers": [[2, 2], [105, 105]], "from": ENTRIES, "path": []})
    export, anchor = part.write(tmp_path)
    _, faults = check_export(export, Log.parse(part.key), [read_anchor(anchor)], part=True)
    assert {fault.kind for fault in faults} == kinds


def cosign(record: Exported, up_to: int) -> VerifierKey:
    """Have a witness cosign what is no larger; gives its key."""
    private = Ed25519PrivateKey.generate()
    witness = VerifierKey("witness.example/w1", private.public_key().public_bytes_raw(), 4)
    for line in record.checkpoints:
        if size_of(line) <= up_to:
            text = line["checkpoint"].rpartition("\n\n")[0] + "\n"
            word = witness.id + bytes(8) + private.sign(f"cosignature/v1\ntime 0\n{text}".encode())
            line["cosignatures"] = [f"\u2014 {witness.name} {base64.b64encode(word).decode()}"]
    return witness


def test_it_says_up_to_which_entry_a_witness_has_cosigned(
    honest: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = honest.copy()
    witness = cosign(seen, ENTRIES - EVERY)
    seen.header["made_at"] = seen.checkpoints[-1]["at"]  # the newest has only just been signed
    export, anchor = seen.write(tmp_path)
    arguments = ["record", str(export), "--key", seen.key, "--anchor", str(anchor), "--witness", str(witness)]
    assert main(arguments) == 0
    assert f"witness.example/w1 has cosigned up to {ENTRIES - EVERY}." in capsys.readouterr().out
    seen.header["made_at"] = honest.header["made_at"]
    seen.write(tmp_path)
    assert main([*arguments, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["witnessed"] == {"witness.example/w1": ENTRIES - EVERY}
    assert {fault["kind"] for fault in found["faults"]} == {"not witnessed"}


def test_a_witness_that_has_cosigned_nothing_is_a_fault(honest: Exported, tmp_path: Path) -> None:
    seen = honest.copy()
    witness = cosign(seen, 0)
    seen.header["made_at"] = seen.entries[0]["event"]["at"]
    _, faults = check_export(seen.write(tmp_path)[0], Log.parse(seen.key), [], [Key.parse(str(witness))])
    assert [str(fault) for fault in faults] == ["not witnessed: witness.example/w1 has cosigned nothing"]


@pytest.mark.parametrize(
    "line",
    [
        'app[3]: {"level": "info", half of it',
        'app[3]: {"size": 12, "path": "/x", half of it',
        '{"unfinished',
        'app[3]: {"a": {"note": "x"}} and more',
        '{"note": 3}',
    ],
)
def test_what_other_programs_say_to_the_same_log_host_is_theirs(
    honest: Exported, line: str, tmp_path: Path
) -> None:
    export, anchor = honest.write(tmp_path)
    lines = anchor.read_text().splitlines()
    wrapped = ['{"host": "h"} ' + each + ' {"seen": true}' for each in lines[20:]]
    anchor.write_text("\n".join([*lines[:20], line, *wrapped]) + "\n")
    _, faults = check_export(export, Log.parse(honest.key), [read_anchor(anchor)])
    assert faults == []


def test_two_anchors_of_one_name_do_not_stand_in_for_each_other(honest: Exported, tmp_path: Path) -> None:
    export, anchor = honest.write(tmp_path)
    lines = anchor.read_text().splitlines()
    paths = [tmp_path / folder / anchor.name for folder in ("one", "other")]
    for path, gap in zip(paths, (7, 30), strict=True):
        path.parent.mkdir()
        path.write_text("\n".join([*lines[:gap], *lines[gap + 1 :]]) + "\n")
    _, faults = check_export(export, Log.parse(honest.key), read_anchors(paths))
    assert [(fault.kind, fault.place) for fault in faults] == [
        ("anchor missing", 8 * EVERY),
        ("anchor missing", 31 * EVERY),
    ]
    assert [str(path) in fault.sentence for path, fault in zip(paths, faults, strict=True)] == [True, True]


def old_checkpoint(record: Exported, size: int, key: OKPKey) -> str:
    """As version 0.1 signed them."""
    payload = {"sequence": size, "hash": record.entries[size - 1]["hash"], "at": "2026-03-01T09:00:00+00:00"}
    return jws.serialize_compact({"alg": "Ed25519"}, json.dumps(payload), key, algorithms=["Ed25519"])


@pytest.fixture
def old(tmp_path: Path) -> tuple[Exported, OKPKey]:
    """A record that version 0.1 began, of which it anchored entry 60."""
    key = OKPKey.generate_key("Ed25519")
    record = exported(600)
    record.signer = CheckpointSigner(ORIGIN, key)
    made = [line for line in signed(record.entries, record.signer) if size_of(line) > 60]
    early = old_checkpoint(record, 60, key)
    record.checkpoints = [{"old_checkpoint": early, "size": 60}, *made]
    record.anchor = [{"sequence": 60, "signed": early}] + [
        {"size": size_of(line), "at": line["at"], "note": line["checkpoint"]} for line in made
    ]
    return record, key


def test_a_record_that_version_01_began_still_holds(old: tuple[Exported, OKPKey], tmp_path: Path) -> None:
    assert old[0].kinds(tmp_path) == set()


def test_what_was_rewritten_before_there_was_a_tree_is_found_by_the_old_anchor(
    old: tuple[Exported, OKPKey], tmp_path: Path
) -> None:
    record, _ = old
    record.entries[20]["event"]["actor"] = "somebody else"
    record.seal_again(20)
    made = [line for line in signed(record.entries, record.signer) if size_of(line) > 60]
    record.checkpoints = made
    record.anchor[1:] = [
        {"size": size_of(line), "at": line["at"], "note": line["checkpoint"]} for line in made
    ]
    assert record.kinds(tmp_path) == {"rewritten"}


def test_an_old_checkpoint_does_not_stand_for_what_came_after_it(
    old: tuple[Exported, OKPKey], tmp_path: Path
) -> None:
    record, _ = old
    record.checkpoints = record.checkpoints[:1]
    export, _ = record.write(tmp_path)
    _, faults = check_export(export, Log.parse(record.key), [])
    assert {fault.kind for fault in faults} == {"checkpoint removed"}


def test_a_line_that_a_full_disk_cut_short_is_no_fault_once_it_is_there_whole(
    honest: Exported, tmp_path: Path
) -> None:
    export, anchor = honest.write(tmp_path)
    lines = anchor.read_text().splitlines()
    for rest, kinds in (
        ([lines[20], *lines[21:]], set()),
        (lines[21:], {"anchor changed", "anchor missing"}),
    ):
        anchor.write_text("\n".join([*lines[:20], lines[20][:50], *rest]) + "\n")
        _, faults = check_export(export, Log.parse(honest.key), [read_anchor(anchor)])
        assert {fault.kind for fault in faults} == kinds


@pytest.mark.parametrize("line", ['{"export": ', '{"old_checkpoint": 3', '{"old_checkpoint": "x"}'])
def test_a_head_that_cannot_be_read_is_said_and_ends_in_no_trace(
    honest: Exported, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export, anchor = honest.write(tmp_path)
    export.write_text(export.read_text() + line + "\n")
    assert main(["record", str(export), "--key", honest.key, "--anchor", str(anchor)]) in (1, 3)
    assert "cannot be read" in "".join(capsys.readouterr())


def proof_of(record: Exported, index: int) -> str:
    event = json.dumps(record.entries[index]["event"], sort_keys=True, separators=(",", ":"))
    head: str = next(line["checkpoint"] for line in record.checkpoints if size_of(line) > index)
    leaves = [bytes.fromhex(entry["leaf"]) for entry in record.entries]

    def full(level: int, place: int) -> bytes:
        made = Frontier()
        for leaf in leaves[place << level : (place + 1) << level]:
            made.append(leaf)
        return made.root()

    size = int(head.split("\n")[1])
    path = [span_hash(span, full) for span in inclusion_spans(index, size)]
    assert leaf_hash(event.encode()) == leaves[index]
    lines = [
        "c2sp.org/tlog-proof@v1",
        "extra " + base64.b64encode(event.encode()).decode(),
        f"index {index}",
        *(base64.b64encode(each).decode() for each in path),
    ]
    return "\n".join(lines) + "\n\n" + head


@pytest.mark.parametrize("index", [0, 1, 5, 6, 100, ENTRIES - 1])
def test_a_proof_shows_one_event_and_no_other(
    honest: Exported, index: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "event.tlog-proof"
    file.write_text(proof_of(honest, index))
    arguments = ["proof", str(file), "--key", honest.key, "--json"]
    assert main(arguments) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["event"] == {**honest.entries[index]["event"], "sequence": index + 1}
    lines = proof_of(honest, index).split("\n")
    other = json.dumps({**honest.entries[index]["event"], "actor": "somebody else"}, sort_keys=True)
    for place, instead in (
        (1, "extra " + base64.b64encode(other.encode()).decode()),
        (2, f"index {index + 1}"),
        (3, base64.b64encode(bytes(32)).decode()),
        (-5, lines[-5] + "0"),
    ):
        bent = list(lines)
        bent[place] = instead
        file.write_text("\n".join(bent))
        assert main(arguments) == 1, place
        assert "does not hold" in capsys.readouterr().out
    file.write_text(proof_of(honest, index))
    assert main(["proof", str(file), "--key", exported(EVERY).key]) == 1
    file.write_text("nothing")
    assert main(arguments) == 3
