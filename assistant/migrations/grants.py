"""What each process may do in the database; applied after every upgrade, so that it is never behind.

The audit log can be added to and read, and by nobody changed: there is no UPDATE or DELETE on it. So it is
with the events of runs, the votes of reviewers and what is known of who is one person, but that one of the
last two was taken back is written into it. A worker holds, escalates, expires and releases; it votes on
nothing, knows nobody, and has no words of anybody.
Hashes of passwords are read by web, where people sign in, and by the owner of the tables.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, text

from gateway import SCHEMAS

_READ: Final = "SELECT"
_ADD: Final = "SELECT, INSERT"
_CHANGE: Final = "SELECT, INSERT, UPDATE"
_ALL: Final = "SELECT, INSERT, UPDATE, DELETE"

_AUDIT: Final = ("gateway.audit_event",)
_SEALS: Final = (
    "gateway.audit_seal",
    "gateway.audit_node",
    "gateway.audit_checkpoint",
    "gateway.audit_cosignature",
)
_ANCHORS: Final = ("gateway.audit_anchor",)
_HOLDS: Final = ("gateway.audit_hold",)

_SAID: Final = ("approvals.vote", "approvals.remark", "approvals.person_key")
_WHAT_HAPPENED: Final = (
    "assistant.generation",
    "assistant.run_event",
    "approvals.draft",
)
_APPENDED: Final = frozenset({*_SAID, *_WHAT_HAPPENED})
"""Tables of what happened, which a right on their whole schema leaves out: nobody may write them anew."""
_BECAME: Final = ("INSERT (id, item, round, kind, queue)", ("approvals.remark",))
"""That an item was escalated, or a vote lapsed: by nobody, and without a word."""
_TAKE_BACK: Final = ("UPDATE (undone_at)", ("approvals.vote",))
_FORGET: Final = ("UPDATE (undone_at)", ("approvals.person_key",))

_REVIEWERS: Final = (
    "approvals.review_queue",
    "approvals.member",
    "approvals.absence",
    "approvals.opening",
    "approvals.presence",
)
"""Who reviews, and what they did: theirs to say, in the process where they sign in."""

_WHO: Final = ("SELECT (id, login, name, roles, disabled)", ("gateway.account",))
"""Who somebody is and may do; not the hash of their password."""

GRANTS: Final[Mapping[str, Sequence[tuple[str, Sequence[str]]]]] = {
    "cloister_web": (
        (_ADD, _AUDIT),
        (_READ, (*_SEALS, *_ANCHORS)),
        (_ADD, _HOLDS),
        ("UPDATE (lifted_by, lifted_at)", _HOLDS),
        (_ALL, ("gateway.account", "gateway.session", "gateway.api_token")),
        (_CHANGE, ("schema assistant", "schema approvals")),
        (_ADD, (*_WHAT_HAPPENED, *_SAID)),
        _TAKE_BACK,
        _FORGET,
        (_ALL, ("assistant.saved_filter",)),
        (_ALL, ("schema jobs",)),
    ),
    "cloister_work": (
        (_ADD, _AUDIT),
        (_ADD, _SEALS),
        (_CHANGE, _ANCHORS),
        (_READ, _HOLDS),
        _WHO,
        (_CHANGE, ("schema assistant", "approvals.held_item", "approvals.notice", "approvals.weighed")),
        (_ADD, _WHAT_HAPPENED),
        ("DELETE", ("assistant.generation",)),
        (_READ, (*_REVIEWERS, *_SAID)),
        _BECAME,
        _TAKE_BACK,
        (_ALL, ("schema jobs",)),
    ),
    "cloister_door": (
        (_ADD, _AUDIT),
        _WHO,
        (_READ, ("gateway.api_token", "gateway.identity", "gateway.identity_version")),
        (_CHANGE, ("gateway.token", "gateway.subject_key")),
        (_ALL, ("gateway.name_spans",)),
    ),
    "cloister_retrieval": (
        (_ADD, _AUDIT),
        (_CHANGE, ("gateway.subject_key",)),
        (_ALL, ("gateway.identity", "gateway.identity_version", "schema retrieval")),
    ),
}


def apply_grants(connection: Connection) -> None:
    """Take every right away and give those above. Raises `ValueError` for a table that is not there."""
    tables = _tables(connection)
    for role, rights in GRANTS.items():
        for schema in SCHEMAS:
            connection.execute(text(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}"))
            connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {role}"))
            connection.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"))
        for verbs, patterns in rights:
            for pattern in patterns:
                for table in _matching(pattern, tables):
                    connection.execute(text(f"GRANT {verbs} ON {table} TO {role}"))


def _tables(connection: Connection) -> list[str]:
    found = connection.execute(
        text(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = ANY(:schemas) ORDER BY 1"
        ),
        {"schemas": list(SCHEMAS)},
    )
    return [name for (name,) in found if not name.endswith(".alembic_version")]


def _matching(pattern: str, tables: Sequence[str]) -> list[str]:
    if pattern.startswith("schema "):
        prefix = pattern.removeprefix("schema ") + "."
        return [table for table in tables if table.startswith(prefix) and table not in _APPENDED]
    found = [table for table in tables if table == pattern]
    if not found:
        raise ValueError(f"rights are given on {pattern}, which does not exist")
    return found
