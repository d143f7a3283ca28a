"""Files that the stand-alone verifier cannot check: a sentence and 3, and never a traceback."""

import gzip
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.audit.standalone import verify_record
from gateway.audit.standalone.verify_record import main

from .tampering import Exported, exported

SCRIPT = Path(verify_record.__file__)
ENTRIES = 120
BENT = 400
NEW = (b"", b'"', b"{", b"0", b"9" * 30, b"\n", b"null")


@pytest.fixture(scope="module")
def honest() -> Exported:
    return exported(ENTRIES)


@pytest.fixture
def files(honest: Exported, tmp_path: Path) -> dict[str, Path]:
    """What an auditor has been given."""
    export, anchor = honest.write(tmp_path)
    key = tmp_path / "record.key"
    key.write_text(f"{honest.key}\n")
    return {"export": export, "key": key, "anchor": anchor}


# root reads every file; without these capabilities it reads what others do
_LIKE_ANYBODY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def checked(files: dict[str, Path]) -> "subprocess.CompletedProcess[str]":
    given = ("record", files["export"], "--key", files["key"], "--anchor", files["anchor"])
    command = [*_LIKE_ANYBODY, sys.executable, "-I", str(SCRIPT), *map(str, given)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def nowhere(path: Path) -> str:
    path.unlink()
    return "is not there"


def a_folder(path: Path) -> str:
    path.unlink()
    path.mkdir()
    return "is a folder"


def empty(path: Path) -> str:
    path.write_bytes(b"")
    return "is empty"


def a_picture(path: Path) -> str:
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    return "is no text"


def packed_and_cut(path: Path) -> str:
    path.write_bytes(gzip.compress(path.read_bytes())[:-20])
    return "is damaged: it cannot be unpacked"


def packed_and_bent(path: Path) -> str:
    packed = bytearray(gzip.compress(path.read_bytes()))
    packed[len(packed) // 2] ^= 0xFF
    path.write_bytes(packed)
    return "is damaged: it cannot be unpacked"


def a_device(path: Path) -> str:
    path.unlink()
    path.symlink_to(path)
    return "cannot be read"


UNREADABLE = [nowhere, a_folder, empty, a_picture, packed_and_cut, packed_and_bent, a_device]


@pytest.mark.parametrize("spoil", UNREADABLE, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("which", ["export", "key", "anchor"])
def test_a_file_that_cannot_be_read_is_named_in_a_sentence(
    files: dict[str, Path], which: str, spoil: Callable[[Path], str]
) -> None:
    sentence = spoil(files[which])
    done = checked(files)
    assert (done.returncode, done.stdout) == (3, "")
    if which == "anchor" and spoil is empty:
        sentence = "holds no checkpoint"
    assert done.stderr.startswith(f"{files[which]} {sentence}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("which", ["export", "key", "anchor"])
def test_a_file_that_the_auditor_may_not_read_is_named(files: dict[str, Path], which: str) -> None:
    files[which].chmod(0)
    done = checked(files)
    assert (done.returncode, "cannot be read: Permission denied" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("which", "instead", "sentence"),
    [
        ("export", "anchor", "is not an export of a record"),
        ("export", "key", "is not an export of a record"),
        ("anchor", "key", "holds no checkpoint"),
        ("anchor", "export", "holds no checkpoint"),
        ("key", "export", "is no verifier key"),
        ("key", "anchor", "is no verifier key"),
    ],
)
def test_a_file_of_another_kind_is_not_taken_for_one(
    files: dict[str, Path], which: str, instead: str, sentence: str
) -> None:
    done = checked({**files, which: files[instead]})
    assert (done.returncode, done.stdout) == (3, "")
    assert sentence in done.stderr


def test_a_file_is_packed_by_what_is_in_it_and_not_by_its_name(files: dict[str, Path]) -> None:
    plain = files["export"].rename(files["export"].with_name("plain.gz"))
    packed = plain.with_name("packed.jsonl")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for export in (plain, packed):
        assert checked({**files, "export": export}).returncode == 0


@pytest.mark.parametrize("given", ["nobody", "a+b", "+", "x.key", f"a.org/b+00000000+{'A' * 400}"])
def test_what_is_no_key_is_said(files: dict[str, Path], given: str) -> None:
    done = checked({**files, "key": Path(given)})
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)


def test_an_export_without_an_entry_holds_nothing(files: dict[str, Path]) -> None:
    """As of a time in which nothing happened, or as somebody made it."""
    files["export"].write_text('{"export":"cloister-record/1","first":1,"last":0}\n')
    given = ("record", files["export"], "--part", "--key", files["key"], "--anchor", files["anchor"])
    for more in ((), ("--json",)):
        command = [sys.executable, "-I", str(SCRIPT), *map(str, given), *more]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 3
        assert "nothing of the record was checked" in done.stdout or '"holds": false' in done.stdout


def test_a_command_that_lacks_something_ends_otherwise(files: dict[str, Path]) -> None:
    assert main(["record", str(files["export"]), "--key", str(files["key"])]) == 2


@pytest.mark.parametrize("line", ["", '{"export": ', '{"checkpoint": '])
def test_what_is_nested_without_end_is_no_traceback(files: dict[str, Path], line: str) -> None:
    line += "[" * 100_000
    for which in ("export", "anchor"):
        whole = files[which].read_text()
        files[which].write_text(whole + line + "\n" + '{"size":1,"note":' + line + "\n")
        done = checked(files)
        assert done.returncode in (1, 3)
        assert "Traceback" not in done.stderr
        files[which].write_text(whole)


@pytest.mark.parametrize(
    "head",
    [
        '"made_at":5',
        '"made_at":"0001-01-01T00:00:00+14:00"',
        '"made_at":"9999-12-31T23:59:59-14:00"',
        '"last":1e999',
        '"last":"x"',
        '"before":{"size":-1,"hashes":["00"]}',
        '"before":{"size":9223372036854775808,"hashes":["00"]}',
        '"before":{"size":1e999}',
        '"before":{"size":0,"hashes":5}',
    ],
)
def test_a_head_that_says_what_cannot_be_is_no_traceback(files: dict[str, Path], head: str) -> None:
    _, _, rest = files["export"].read_text().partition("\n")
    files["export"].write_text('{"export":"cloister-record/1",' + head + "}\n" + rest)
    done = checked(files)
    assert done.returncode in (1, 3)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [str(2**63), str(2**62 - 1), "-1", "0", "1e999", "true", "null"])
def test_an_entry_far_off_neither_ends_nor_halts_it(files: dict[str, Path], number: str) -> None:
    lines = files["export"].read_text().splitlines()
    at = next(place for place, line in enumerate(lines) if '"sequence": 60,' in line)
    lines[at] = lines[at].replace('"sequence": 60,', f'"sequence": {number},')
    files["export"].write_text("\n".join(lines) + "\n")
    done = checked(files)
    assert done.returncode == 1
    assert "does NOT hold" in done.stdout


@pytest.mark.parametrize("which", ["export", "anchor"])
def test_whatever_is_done_to_a_file_it_ends_with_a_word(
    files: dict[str, Path], which: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes changed, taken out and put in at chance; the chance is the same each time."""
    chance, whole = random.Random(7), files[which].read_bytes()  # noqa: S311 - no secret
    arguments = ["record", str(files["export"]), "--key", str(files["key"]), "--anchor", str(files["anchor"])]
    ends = set()
    for _ in range(BENT):
        bent = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            at, length = chance.randrange(len(bent)), chance.choice((1, 1, 1, 2, 9, 300))
            new = chance.choice((*NEW, bytes([chance.randrange(256)])))
            bent[at : at + length] = new
        files[which].write_bytes(bent)
        ends.add(main(arguments))
        told = capsys.readouterr()
        assert bool(told.out) != bool(told.err)
    assert ends <= {0, 1, 3}
    assert {1, 3} <= ends
