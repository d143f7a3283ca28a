"""The record's own code names events of rooms above it; each of them is one that these rooms record."""

import re
from pathlib import Path

from assistant.composition import register_all_events
from gateway import audit, class_of, registered_events
from gateway.audit.retention import CLASS_OF_SUBJECT, RecordClass

register_all_events()
SUBJECTS = {name.partition(".")[0] for name in registered_events()}
NAMED = re.compile(rf"""['"]((?:{"|".join(sorted(SUBJECTS))})\.[a-z_]+)['"]""")
LOGGED = re.compile(r'\blog\.[a-z]+\(\s*"[^"]+"')
GONE = "audit.unknown"
"""What a SIEM is told of an entry whose event is not there."""


def named() -> set[str]:
    """Every event that the code of the record names."""
    sources = [file.read_text("utf-8") for file in Path(audit.__file__).parent.rglob("*.py")]
    return {name for source in sources for name in NAMED.findall(LOGGED.sub("", source))}


def test_every_event_that_the_record_names_is_recorded_by_somebody() -> None:
    found = named()
    assert {"run.asked", "item.voted", "audit.erased"} <= found
    assert found - set(registered_events()) == {GONE}


def test_every_subject_that_has_a_class_is_one_of_events() -> None:
    assert set(CLASS_OF_SUBJECT) <= SUBJECTS
    assert {class_of(name) for name in registered_events()} == {None, *RecordClass}
