"""A map for a live schema, for a person to finish: what is likely is said, what is uncertain is marked, and
who may see a row is never guessed where nothing says it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from retrieval.crm.database import Connection, connect, translated
from retrieval.crm.map import IdentityType
from retrieval.crm.names import singular, snake_case
from retrieval.crm.suggest.classes import COMPANIES, Guess, guess, is_named
from retrieval.crm.suggest.schema import LiveSchema, LiveTable, Reference, read_schema, sample
from retrieval.crm.suggest.traits import Detect, Traits, traits_of
from retrieval.crm.suggest.write import Checked, EntityDraft, MapDraft, RuleDraft, UsersDraft, written

SAMPLE_ROWS: Final = 200

TraitsOf = Callable[[LiveTable], Mapping[str, Traits]]

_TECHNICAL: Final = re.compile(
    r"^(alembic|schema_migrations|django|auth|ir|bus|base|pg|flyway|knex|ar_internal|spatial_ref|procrastinate)"
    r"(_|$)|(^|_)(logs?|audits?|histor(y|ies)|sessions?|tokens?|migrations?|jobs?|queues?|caches?|settings?|"
    r"configs?|config_parameters?|translations?|notifications?|subscriptions?|permissions?|versions?)$"
)
_STAFF: Final = re.compile(
    r"(^|_)(users?|staff|employees?|agents?|operators?|workspace_?members?|benutzer|mitarbeiter)$"
)
_LOGINS: Final = ("login", "email", "user_email", "mail", "username", "user_name", "sign_in")
_OWNERS: Final = re.compile(
    r"(^|_)(owner|assigned|assignee|assigned_to|responsible|agent|representative|rep|manager|user|handler|"
    r"salesperson|account_owner)(_|$)"
)
_NOT_OWNERS: Final = re.compile(
    r"(^|_)(created?|modified|updated?|write|deleted|changed|closed)(_by|_uid|_user)?(_|$)"
)
_TEAMS: Final = re.compile(r"(^|_)(teams?|groups?|departments?|queues?)$")
_AREAS: Final = re.compile(r"(^|_)(territor(y|ies)|regions?|areas?|districts?)$")
_ADDRESS_PART: Final = re.compile(
    r"^(.*?)_?(address(?:_line)?(?:_?\d)?|street\d?|postal_?code|post_?code|zip(?:_?code)?|city|town)$"
)
_NAME_PART: Final = ("first_name", "middle_name", "last_name")
_CHANGED: Final = (
    "updated_at", "modified_at", "write_date", "date_modified", "last_modified", "modified_on", "changed_at",
    "updated_on", "last_update",
)  # fmt: skip
_LABELS: Final = (
    "number",
    "case_number",
    "case_no",
    "order_no",
    "ticket_ref",
    "code",
    "subject",
    "title",
    "name",
)


@dataclass
class _Plan:
    """What is known while entities are drafted: each entity's table, and the users."""

    schema: LiveSchema
    users: UsersDraft | None
    staff: str | None
    team_table: str | None
    area_table: str | None
    names: dict[str, str] = field(default_factory=dict)
    """Table → entity."""
    parents: dict[str, str] = field(default_factory=dict)
    """Table → its parent's table, as far as decided."""


def suggest_map(connection: Connection[Any], schema: str = "public", detect: Detect | None = None) -> str:
    """The YAML of a map for ``schema``, the same each time where schema and samples are.

    ``detect`` finds identities in a text; some values of columns whose name says nothing go through it and
    are forgotten. Raises :class:`CrmRefused`.
    """
    with translated():
        live = read_schema(connection, schema)

        def look(table: LiveTable) -> dict[str, Traits]:
            with translated():
                rows = sample(connection, schema, table, SAMPLE_ROWS)
            return {
                column.name: traits_of(
                    [row[column.name] for row in rows], None if is_named(column, table.name) else detect
                )
                for column in table.columns
                if column.is_text
            }

        return propose(live, look)


def suggest_map_at(dsn: str, schema: str = "public", detect: Detect | None = None) -> str:
    """:func:`suggest_map` on a connection of its own. Raises :class:`CrmUnavailable` too."""
    with connect(dsn, application_name="cloister-suggest") as connection:
        return suggest_map(connection, schema, detect)


def propose(schema: LiveSchema, look: TraitsOf) -> str:
    """:func:`suggest_map` of a schema that has been read."""
    plan = _planned(schema)
    drafts: dict[str, EntityDraft] = {}
    left_out: dict[str, str] = {}
    for table in schema.tables:
        if reason := _not_an_entity(table, plan):
            left_out[table.name] = reason
            continue
        guesses = _guesses(table, look(table))
        if reason := _without_content(table, guesses):
            left_out[table.name] = reason
            continue
        plan.names[table.name] = _entity_name(table.name, set(plan.names.values()))
        drafts[table.name] = EntityDraft(plan.names[table.name], table.name, str(table.key), guesses)
    for name, draft in drafts.items():
        table = next(table for table in schema.tables if table.name == name)
        _complete(draft, table, plan)
    return written(MapDraft(schema.name, plan.users, list(drafts.values()), left_out))


# ── Users ────────────────────────────────────────────────────────────────────────────────────────


def _planned(schema: LiveSchema) -> _Plan:
    staff = _staff(schema)
    plan = _Plan(schema, None, staff.name if staff else None, None, None)
    if staff is None:
        return plan
    login = staff.first(*_LOGINS)
    active = next(
        (column for name in ("is_active", "active", "enabled") if (column := staff.first(name))), None
    )
    users = UsersDraft(staff.name, str(staff.key), login.name if login else "")
    if active and active.type_name == "bool":
        users.active = active.name
    users.where = _existing(staff)
    users.attributes["id"] = str(staff.key)
    role = staff.first("role", "user_role")
    if role and (role.is_text or role.type_name.startswith("_")):
        users.attributes["role"] = role.name
    for relation in schema.tables:
        references = _plain_references(relation)
        to_staff = [each.column for each in references if each.table == staff.name]
        others = [each for each in references if each.table != staff.name]
        teams = [each for each in others if _TEAMS.search(snake_case(each.table))]
        if to_staff and teams and len(relation.columns) <= len(relation.references) + 4:
            users.attributes["teams"] = {
                "table": relation.name, "user": to_staff[0], "value": teams[0].column
            }  # fmt: skip
            plan.team_table = teams[0].table
            break
    own_team = next((each for each in staff.references if _TEAMS.search(snake_case(each.table))), None)
    if "teams" not in users.attributes and own_team and _mappable(own_team.column):
        users.attributes["teams"] = own_team.column
        plan.team_table = own_team.table
    _territories(schema, users, plan)
    plan.users = users
    return plan


def _staff(schema: LiveSchema) -> LiveTable | None:
    """The table of those who sign in: named so, with a login; the one that most columns refer to."""
    counted = {table.name: 0 for table in schema.tables}
    for table in schema.tables:
        for reference in table.references:
            counted[reference.table] = counted.get(reference.table, 0) + 1
    fitting = [
        table
        for table in schema.tables
        if _STAFF.search(snake_case(table.name))
        and table.key
        and _mappable(table.key)
        and _mappable(table.name)
        and table.first(*_LOGINS)
    ]
    return max(fitting, key=lambda table: (counted[table.name], -len(table.name)), default=None)


def _territories(schema: LiveSchema, users: UsersDraft, plan: _Plan) -> None:
    for relation in schema.tables:
        references = _plain_references(relation)
        teams = [each.column for each in references if each.table == plan.team_table]
        areas = [each for each in references if _AREAS.search(snake_case(each.table))]
        if teams and areas and relation.name != plan.staff and len(relation.columns) <= 4:
            users.attributes["territories"] = {
                "table": relation.name, "column": teams[0], "in": "$user.teams", "value": areas[0].column
            }  # fmt: skip
            plan.area_table = areas[0].table
            return


# ── Entities ─────────────────────────────────────────────────────────────────────────────────────


def _not_an_entity(table: LiveTable, plan: _Plan) -> str | None:
    if table.name == plan.staff:
        return "the users"
    if table.name in (plan.team_table, plan.area_table):
        return "the rules use it"
    if not _mappable(table.name):
        return "its name cannot stand in a map; give it a view with a plain name"
    if _TECHNICAL.search(snake_case(table.name)):
        return "by its name it serves the CRM itself"
    if table.key is None or not _mappable(table.key):
        return "no column of it alone tells rows apart; give it a key, or a view that has one"
    return None


def _without_content(table: LiveTable, guesses: Mapping[str, Guess | str]) -> str | None:
    if any(_says_who(table.key, field, found) for field, found in guesses.items()):
        return f"its key, {table.key}, says who somebody is; give it another one, such as a number"
    kinds = [found.kind for name, found in guesses.items() if isinstance(found, Guess) and name != table.key]
    if "text" in kinds or "identity" in kinds:
        return None
    return "it holds no text and nobody's identity"


def _says_who(key: str | None, field: str, found: Guess | str) -> bool:
    """Whether the key is this identity or secret, or a part of it: of a name that is joined of several."""
    if not isinstance(found, Guess) or found.kind not in ("identity", "secret"):
        return False
    sources = dict(found.parts).get("of")
    return key in (sources if isinstance(sources, tuple) else (field,))


def _guesses(table: LiveTable, traits: Mapping[str, Traits]) -> dict[str, Guess | str]:
    found: dict[str, Guess | str] = {}
    for column in table.columns:
        if column.name in _technical_columns(table) or table.reference(column.name):
            continue
        if not _mappable(column.name):
            found[column.name] = "its name cannot stand in a map"
            continue
        known = guess(column, table.name, traits.get(column.name, Traits()))
        if column.name != table.key or (isinstance(known, Guess) and column.is_text):
            found[column.name] = known
    _join_names(table, found)
    _join_addresses(table, found)
    return found


def _technical_columns(table: LiveTable) -> set[str]:
    """Columns that say something of the row and not of the record."""
    names = {*_existing(table)}
    changed, consent, internal = _changed(table), _consent(table), _internal(table)
    names.update(column for column in (changed, consent, internal) if column)
    return names


def _join_names(table: LiveTable, found: dict[str, Guess | str]) -> None:
    parts = [column.name for name in _NAME_PART if (column := table.first(name))]
    if len(parts) < 2 or any(part not in found for part in parts):
        return
    for part in parts:
        del found[part]
    field_name = "name" if "name" not in table.by_name else "full_name"
    whole = (("class", "identity"), ("type", IdentityType.PERSON), ("of", tuple(parts)))
    found.pop(field_name, None)
    rest = dict(found)
    found.clear()
    found[field_name] = Guess(whole)
    found.update(rest)


def _join_addresses(table: LiveTable, found: dict[str, Guess | str]) -> None:
    groups: dict[str, list[str]] = {}
    for name, known in found.items():
        is_address = isinstance(known, Guess) and ("type", IdentityType.ADDRESS) in known.parts
        match = _ADDRESS_PART.match(snake_case(name))
        if is_address and match:
            groups.setdefault(match.group(1), []).append(name)
    for prefix, parts in groups.items():
        whole = f"{prefix}_address".strip("_")
        if len(parts) < 2 or (whole in table.by_name and whole not in parts):
            continue
        for part in parts:
            del found[part]
        found[whole] = Guess((("class", "identity"), ("type", IdentityType.ADDRESS), ("of", tuple(parts))))


def _complete(draft: EntityDraft, table: LiveTable, plan: _Plan) -> None:
    """Everything of an entity that depends on the other entities."""
    draft.where = _existing(table)
    draft.changed, draft.consent, draft.internal = _changed(table), _consent(table), _internal(table)
    draft.label = _label(draft, table)
    _parent(draft, table, plan)
    for reference in table.references:
        target = plan.names.get(reference.table)
        is_parent = draft.parent is not None and draft.parent.value[1] == reference.column
        if not _mappable(reference.column) or reference.column in draft.columns or is_parent:
            continue
        if target or reference.table == plan.staff:
            draft.columns[reference.column] = Guess(
                (("class", "key"), *((("entity", target),) if target else ())),
                None if reference.declared else f"by its name; no foreign key says {reference.table}",
            )
    draft.rules = list(_rules(draft, table, plan))


def _parent(draft: EntityDraft, table: LiveTable, plan: _Plan) -> None:
    """The reference that most likely says what the record belongs to, without a circle of parents."""

    def rank(column: str, other: str) -> tuple[bool, int, str]:
        words = set(snake_case(other).split("_")) | {singular(word) for word in snake_case(other).split("_")}
        belongs = 0 if words & {"case", "ticket", "conversation", "thread"} else 1 if words & COMPANIES else 2
        return (not table.by_name[column].required, belongs, column)

    fitting = [
        each
        for each in table.references
        if each.table in plan.names
        and each.table != table.name
        and each.column in table.by_name
        and _mappable(each.column)
        and table.name not in _ancestors(each.table, plan)
        and _is_whole(each.table, table, plan)
    ]
    if not fitting:
        return
    chosen = min(fitting, key=lambda each: rank(each.column, each.table))
    plan.parents[table.name] = chosen.table
    why = []
    if not chosen.declared:
        why.append("by its name; no foreign key says it")
    if len(fitting) > 1:
        why.append(f"or {', '.join(sorted(each.column for each in fitting if each is not chosen))}")
    draft.parent = Checked((plan.names[chosen.table], chosen.column), "; ".join(why) or None)


def _is_whole(other: str, table: LiveTable, plan: _Plan) -> bool:
    """Whether rows of ``other`` may be what a row belongs to: a product or a stage is what it is about."""
    above = plan.schema.table(other)
    if above is None or table.key is None:
        return False
    words = {singular(word) for word in snake_case(other).split("_")}
    return not words & {
        "product",
        "item",
        "stage",
        "type",
        "category",
        "tag",
        "article",
        "country",
        "currency",
    }


def _ancestors(table: str, plan: _Plan) -> Iterator[str]:
    step: str | None = table
    while step is not None:
        yield step
        step = plan.parents.get(step)


def _rules(draft: EntityDraft, table: LiveTable, plan: _Plan) -> Iterator[RuleDraft]:
    for reference in table.references:
        name = snake_case(reference.column)
        if not _mappable(reference.column):
            continue
        if reference.table == plan.staff and _OWNERS.search(name) and not _NOT_OWNERS.search(name):
            yield RuleDraft("owner", reference.column, "who owns the row sees it")
        if plan.users and reference.table == plan.team_table and "teams" in plan.users.attributes:
            yield RuleDraft("team", reference.column, "the whole team sees it")
        if plan.users and reference.table == plan.area_table and "territories" in plan.users.attributes:
            yield RuleDraft("territory", reference.column, "whoever works the territory sees it")
    if draft.parent:
        yield RuleDraft("parent", draft.parent.value[0], "who sees the parent sees it")


# ── Columns with a meaning of their own ─────────────────────────────────────────────────────────


def _existing(table: LiveTable) -> dict[str, tuple[Any, ...]]:
    """The condition that a row has not been deleted softly."""
    gone = table.first("deleted", "is_deleted", "removed", "is_removed")
    if gone and gone.type_name in ("bool", "int2", "int4"):
        no = False if gone.type_name == "bool" else 0
        return {gone.name: (no,) if gone.required else (no, None)}
    when = table.first("deleted_at", "removed_at", "deleted_on")
    if when and (when.is_moment or when.type_name == "date"):
        return {when.name: (None,)}
    return {}


def _changed(table: LiveTable) -> str | None:
    column = table.first(*_CHANGED)
    return column.name if column and column.is_moment else None


def _consent(table: LiveTable) -> str | None:
    column = table.first("consent", "gdpr_consent", "has_consent", "may_process", "processing_consent")
    return column.name if column and column.type_name == "bool" else None


def _internal(table: LiveTable) -> str | None:
    column = table.first("internal", "is_internal", "staff_only", "private", "is_private")
    return column.name if column and column.type_name == "bool" else None


def _label(draft: EntityDraft, table: LiveTable) -> Checked[str]:
    shown = {
        name for name, known in draft.columns.items() if isinstance(known, Guess) and known.kind != "secret"
    }
    named = [column.name for name in _LABELS if (column := table.first(name)) and column.name in shown]
    whole = [name for name in ("name", "full_name") if name in shown and name not in named]
    chosen = [*whole, *named][:2]
    if not chosen:
        return Checked(f"{draft.entity} {{{draft.key}}}", "the title of a source; a better one?")
    return Checked(": ".join(f"{{{name}}}" for name in chosen))


def _entity_name(table: str, taken: set[str]) -> str:
    plain = re.sub(r"[^a-z0-9_]", "", singular(snake_case(table))).strip("_") or "record"
    base = plain if plain[0].isalpha() and plain not in ("null", "true", "false") else f"record_{plain}"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return name


def _plain_references(table: LiveTable) -> list[Reference]:
    """Its references as far as a map can name them."""
    return [each for each in table.references if _mappable(table.name) and _mappable(each.column)]


def _mappable(name: str) -> bool:
    return re.fullmatch(r"[^\W\d][\w$ -]*", name) is not None
