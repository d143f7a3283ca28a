"""Random CRMs: a map, users, rows and a history, and a naive reading of the map's rules over all of it.

The reading shares nothing with the code under test: it is a few plain functions over dictionaries. Each text
and identity of each row is a word that occurs nowhere else, so that a leak can be seen in any text.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

import yaml

T = TypeVar("T")

ROLES = ("rep", "lead", "chief")
STATES = ("open", "waiting", "closed")
AREAS = ("north", "south", "west")
KINDS = ("client", "ticket", "remark", "parcel")
CANARY = re.compile(r"zq[a-z]+x\d+", re.IGNORECASE)
_FIELDS = ("title", "body", "extra", "person", "amount")
_VISIBLE_WORDS = ("refund", "delivery", "filter", "warranty", "invoice", "repair")


class Draw(Protocol):
    """Where choices come from: a seeded generator, or Hypothesis."""

    def number(self, least: int, most: int) -> int: ...

    def choose(self, options: Sequence[T]) -> T: ...


class Seeded:
    """Choices of a seeded generator."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - test data

    def number(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def choose(self, options: Sequence[T]) -> T:
        return self._random.choice(options)


@dataclass
class User:
    """A user of the CRM with everything that rules can go by."""

    id: int
    role: str
    active: bool = True
    teams: set[int] = field(default_factory=set)

    @property
    def login(self) -> str:
        return f"user{self.id}@example.org"


Row = dict[str, Any]
_TODAY = datetime.now(UTC).date()
Statement = tuple[str, tuple[Any, ...]]


@dataclass
class World:
    """A CRM as it is now. Changing it gives the SQL that changes the real one alike."""

    draw: Draw
    entities: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[int, User] = field(default_factory=dict)
    team_areas: dict[int, set[str]] = field(default_factory=dict)
    rows: dict[str, dict[int, Row]] = field(default_factory=dict)
    canaries: dict[str, tuple[str, str]] = field(default_factory=dict)
    _words: int = 0

    @classmethod
    def drawn(cls, draw: Draw) -> "World":
        """A random map with users; the rows come from `fill`."""
        world = cls(draw)
        for number, kind in enumerate(KINDS[: draw.number(2, 4)]):
            world.entities[kind] = world._entity(kind, KINDS[:number])
            world.rows[kind] = {}
        world.team_areas = {
            team: {draw.choose(AREAS) for _ in range(draw.number(0, 2))} for team in (1, 2, 3)
        }
        for number in range(1, 8):
            teams = {draw.number(1, 3) for _ in range(draw.number(0, 2))}
            world.users[number] = User(number, draw.choose(ROLES), draw.number(1, 8) > 1, teams)
        return world

    # ── the map

    def map_text(self) -> str:
        """The map as a file."""
        attributes = {
            "id": "id",
            "role": "role",
            "teams": {"table": "user_teams", "user": "user_id", "value": "team"},
            "areas": {"table": "team_areas", "column": "team", "in": "$user.teams", "value": "area"},
        }
        users = {
            "table": "users",
            "key": "id",
            "login": "login",
            "active": "active",
            "attributes": attributes,
        }
        content = {"crm": "random", "version": 1, "users": users, "entities": self.entities}
        return yaml.safe_dump(content, sort_keys=False)

    def _entity(self, kind: str, above: Sequence[str]) -> dict[str, Any]:
        draw = self.draw
        entity: dict[str, Any] = {
            "table": f"{kind}s",
            "key": "id",
            "label": draw.choose(("{title}", "{person}", f"{kind} {{id}}")),
            "columns": {
                "person": {"class": "identity", "type": draw.choose(("PERSON", "ORGANIZATION"))},
                "title": {"class": "text"},
                "body": {"class": "text", "internal": draw.number(0, 1) == 1},
                "extra": {"class": draw.choose(("text", "fact"))},
                "amount": {"class": "fact", "kind": "number", "live": True},
                "state": {"class": "fact", "live": True, "choice": list(STATES)},
                "keeper": {"class": "key"},
            },
            "visible": [],
        }
        if draw.number(0, 1):
            entity["changed"] = "changed"
        if draw.number(0, 2) == 0:
            entity["consent"] = "consent"
        if draw.number(0, 2) == 0:
            entity["reference"] = True
        if draw.number(0, 3) == 0:
            entity["where"] = {"gone": [False, None]}
        if draw.number(0, 3) == 0:
            entity["retention"] = {"column": "closed_on", "days": 100}
        if above and draw.number(0, 3):
            entity["parent"] = {"entity": draw.choose(above), "column": "parent_id"}
        if above and draw.number(0, 1):
            entity["columns"]["other_id"] = {"class": "key", "entity": draw.choose(above)}
        rights = {
            name: {"roles": self._roles()} for name in ("extra", "amount", "body") if not draw.number(0, 3)
        }
        if rights:
            entity["fields"] = rights
        rules = {repr(rule): rule for rule in (self._rule(entity) for _ in range(draw.number(1, 3)))}
        entity["visible"] = list(rules.values())
        return entity

    def _rule(self, entity: dict[str, Any]) -> dict[str, Any]:
        draw = self.draw
        forms: list[dict[str, Any]] = [
            {"column": "keeper", "in": "$user.id"},
            {"column": "team", "in": "$user.teams"},
            {"column": "area", "in": "$user.areas"},
            {"everyone": True},
            {"roles": self._roles()},
            {"value_sql": "t.team", "in": "$user.teams"},
            {"value_sql": "ARRAY[t.keeper, t.team]", "in": "$user.id"},
            {"roles": self._roles(), "where_sql": "t.keeper > 3 AND t.area IS NOT NULL"},
        ]
        forms += [{"parent": entity["parent"]["entity"]}] * 3 if "parent" in entity else []
        rule = dict(draw.choose(forms))
        if rule == {"everyone": True} and draw.number(0, 2):
            rule["where"] = {"shared": True}
        elif draw.number(0, 2) == 0:
            rule["where"] = {
                draw.choose(("shared", "area")): draw.choose((True, [False, None]))
                if draw.number(0, 1)
                else [True],
            }
            if "area" in rule["where"]:
                rule["where"] = {"area": [draw.choose(AREAS), None]}
        if "roles" not in rule and "everyone" not in rule and draw.number(0, 3) == 0:
            rule["roles"] = self._roles()
        return rule

    def _roles(self) -> list[str]:
        return sorted({self.draw.choose(ROLES) for _ in range(self.draw.number(1, 2))})

    # ── the database

    def schema(self) -> Iterator[Statement]:
        """Tables, users and rows as they are."""
        yield "CREATE TABLE users (id bigint PRIMARY KEY, login text, role text, active boolean)", ()
        yield "CREATE TABLE user_teams (user_id bigint, team bigint)", ()
        yield "CREATE TABLE team_areas (team bigint, area text)", ()
        for kind in self.entities:
            yield (
                f"CREATE TABLE {kind}s (id bigint PRIMARY KEY, keeper bigint, team bigint, area text,"
                " shared boolean, consent boolean, gone boolean, closed_on date,"
                " parent_id bigint, other_id bigint, state text,"
                " amount numeric, title text, body text, extra text, person text,"
                " changed timestamptz DEFAULT now())",
                (),
            )
        for user in self.users.values():
            yield (
                "INSERT INTO users VALUES (%s, %s, %s, %s)",
                (user.id, user.login, user.role, user.active),
            )
            for team in user.teams:
                yield "INSERT INTO user_teams VALUES (%s, %s)", (user.id, team)
        for team, areas in self.team_areas.items():
            for area in areas:
                yield "INSERT INTO team_areas VALUES (%s, %s)", (team, area)

    def fill(self, rows: int) -> Iterator[Statement]:
        """Insert so many rows of each kind."""
        for kind in self.entities:
            for _ in range(rows):
                yield self._insert(kind)

    def change(self) -> Iterator[Statement]:
        """One random change of rows or of users."""
        kind = self.draw.choose(list(self.entities))
        what = self.draw.number(0, 11)
        if what == 0:
            yield self._insert(kind)
        elif what == 1 and len(self.rows[kind]) > 3:
            key = self.draw.choose(sorted(self.rows[kind]))
            del self.rows[kind][key]
            yield f"DELETE FROM {kind}s WHERE id = %s", (key,)
        elif what <= 7 and self.rows[kind]:
            yield self._move(kind)
        else:
            yield from self._change_user(what)

    def _change_user(self, what: int) -> Iterator[Statement]:
        user = self.users[self.draw.choose(sorted(self.users))]
        if what == 8:
            user.role = self.draw.choose(ROLES)
            yield "UPDATE users SET role = %s WHERE id = %s", (user.role, user.id)
        elif what == 9:
            user.active = not user.active
            yield "UPDATE users SET active = %s WHERE id = %s", (user.active, user.id)
        elif user.teams:
            team = user.teams.pop()
            yield "DELETE FROM user_teams WHERE user_id = %s AND team = %s", (user.id, team)
        else:
            team = self.draw.number(1, 3)
            user.teams.add(team)
            yield "INSERT INTO user_teams VALUES (%s, %s)", (user.id, team)

    def _insert(self, kind: str) -> Statement:
        key = max(self.rows[kind], default=0) + 1 + self.draw.number(0, 1)
        row = {"id": key, **{name: self._value(kind, name) for name in self._columns(kind)}}
        for name in _FIELDS:
            row[name] = self._fresh(f"{kind}:{key}", name)
        self.rows[kind][key] = row
        names = ", ".join(row)
        places = ", ".join(["%s"] * len(row))
        return f"INSERT INTO {kind}s ({names}) VALUES ({places})", tuple(row.values())

    def _move(self, kind: str) -> Statement:
        key = self.draw.choose(sorted(self.rows[kind]))
        name = self.draw.choose((*self._columns(kind), "body"))
        value = self._fresh(f"{kind}:{key}", "body") if name == "body" else self._value(kind, name)
        self.rows[kind][key][name] = value
        return (
            f"UPDATE {kind}s SET {name} = %s, changed = clock_timestamp() WHERE id = %s",
            (value, key),
        )

    def _columns(self, kind: str) -> tuple[str, ...]:
        return (
            *("keeper", "team", "area", "shared", "consent", "gone", "closed_on"),
            *("parent_id", "other_id", "state"),
        )

    def _value(self, kind: str, name: str) -> Any:
        draw = self.draw
        if name == "state":
            return draw.choose(STATES)
        if name == "consent":
            return draw.choose((True, True, True, False, None))
        if draw.number(0, 7) == 0:
            return None
        if name == "gone":
            return draw.number(0, 5) == 0
        if name == "closed_on":
            return _TODAY - timedelta(days=draw.choose((2, 50, 400)))
        match name:
            case "keeper":
                return draw.number(1, 7)
            case "team":
                return draw.number(1, 3)
            case "area":
                return draw.choose(AREAS)
            case "shared":
                return draw.number(0, 1) == 1
        above = self.entities[kind].get("parent", {}).get("entity")
        if name == "other_id":
            above = self.entities[kind]["columns"].get("other_id", {}).get("entity")
        return draw.choose(sorted(self.rows[above])) if above and self.rows[above] else draw.number(1, 9)

    def _fresh(self, ref: str, name: str) -> Any:
        """A value of a row that no other row has; what is in it is noted."""
        self._words += 1
        if name == "amount":
            word = str(700_000_000 + self._words)
            self.canaries[word] = (ref, name)
            return int(word)
        word = f"zq{name}x{self._words}"
        self.canaries[word] = (ref, name)
        if name == "person":
            return f"Z{word[1:]} Quillfeather"
        topic = " ".join(self.draw.choose(_VISIBLE_WORDS) for _ in range(3))
        return f"{topic} {word}"

    # ── the naive reading

    def sees(self, user: User, ref: str) -> bool:
        """Whether the user may see the record now."""
        kind, _, key = ref.partition(":")
        row = self.rows.get(kind, {}).get(int(key)) if key.isdecimal() else None
        return user.active and row is not None and self._sees_row(user, kind, row)

    def _sees_row(self, user: User, kind: str, row: Row) -> bool:
        entity = self.entities[kind]
        if "consent" in entity and row["consent"] is not True:
            return False
        if "where" in entity and row["gone"] is True:
            return False
        if "retention" in entity and row["closed_on"] is not None:
            return row["closed_on"] > _TODAY - timedelta(days=101) and self._by_a_rule(user, entity, row)
        return self._by_a_rule(user, entity, row)

    def _by_a_rule(self, user: User, entity: dict[str, Any], row: Row) -> bool:
        return any(self._holds(user, entity, rule, row) for rule in entity["visible"])

    def _holds(self, user: User, entity: dict[str, Any], rule: dict[str, Any], row: Row) -> bool:
        if "roles" in rule and user.role not in rule["roles"]:
            return False
        for column, wanted in rule.get("where", {}).items():
            if row[column] not in (wanted if isinstance(wanted, list) else [wanted]):
                return False
        if "where_sql" in rule and not (row["keeper"] and row["keeper"] > 3 and row["area"] is not None):
            return False
        if "value_sql" in rule:
            members = {row["team"]} if rule["value_sql"] == "t.team" else {row["keeper"], row["team"]}
            return bool(members & self._values_of(user, rule["in"]))
        if "column" in rule:
            return row[rule["column"]] is not None and row[rule["column"]] in self._values_of(
                user, rule["in"]
            )
        if "parent" in rule:
            parent = self.rows[entity["parent"]["entity"]].get(row["parent_id"])
            return parent is not None and self._sees_row(user, entity["parent"]["entity"], parent)
        return True

    def _values_of(self, user: User, attribute: str) -> set[Any]:
        if attribute == "$user.id":
            return {user.id}
        if attribute == "$user.teams":
            return set(user.teams)
        return {area for team in user.teams for area in self.team_areas[team]}

    def reads(self, user: User, ref: str, name: str) -> bool:
        """Whether the user may read this field of the record now."""
        right = self.entities[ref.partition(":")[0]].get("fields", {}).get(name)
        return self.sees(user, ref) and (right is None or user.role in right["roles"])

    def refs(self) -> list[str]:
        return [f"{kind}:{key}" for kind, rows in self.rows.items() for key in rows]

    def leaks(self, user: User, text: str, *, said: str = "") -> list[str]:
        """Words in a text that this user may not read, but for those that they said themselves."""
        spoken = {word.lower() for word in CANARY.findall(said)}
        found = {word.lower() for word in CANARY.findall(text)} | set(re.findall(r"7\d{8}", text))
        known = ((word, self.canaries.get(word)) for word in found - spoken)
        return [word for word, place in known if place and not self.reads(user, *place)]
