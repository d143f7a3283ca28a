"""People at work in the CRM: seeded writers that insert, update, delete, move and undo at a steady rate."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

Do = Callable[["psycopg.Connection[Any]", random.Random], None]

_LONG = "repeat(md5(random()::text), 300 + (random() * 300)::int)"


def _update_note(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    crm.execute(
        "UPDATE case_notes SET body = body || %s WHERE id = %s", (_words(draw), _any(crm, "case_notes", draw))
    )


def _shorten_note(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    crm.execute(
        "UPDATE case_notes SET body = %s WHERE id = %s", (_words(draw), _any(crm, "case_notes", draw))
    )


def _long_case(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    """A text that is kept outside of its row, and then a change beside it."""
    key = _any(crm, "cases", draw)
    crm.execute(f"UPDATE cases SET description = {_LONG} WHERE id = %s", (key,))
    crm.execute("UPDATE cases SET priority = %s WHERE id = %s", (draw.choice(("low", "high")), key))


def _case_status(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    status = draw.choice(("open", "waiting", "escalated"))
    crm.execute("UPDATE cases SET status = %s WHERE id = %s", (status, _any(crm, "cases", draw)))


def _new_mail(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    crm.execute(
        "INSERT INTO mails (id, case_id, contact_id, direction, sender, recipient, subject, body, sent_on)"
        " SELECT (SELECT coalesce(max(id), 0) + 1 FROM mails), id, contact_id, 'in', 'a@example.org',"
        " 'b@example.org', %s, %s, current_date FROM cases WHERE id = %s",
        (_words(draw), _words(draw), _any(crm, "cases", draw)),
    )


def _drop_mail(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    crm.execute("DELETE FROM mails WHERE id = %s", (_any(crm, "mails", draw),))


def _move_note_key(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    crm.execute(
        "UPDATE case_notes SET id = (SELECT max(id) + 1 FROM case_notes) WHERE id = %s",
        (_any(crm, "case_notes", draw),),
    )


def _move_note(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    """To another case: other rights, another title above it."""
    crm.execute(
        "UPDATE case_notes SET case_id = %s WHERE id = %s",
        (_any(crm, "cases", draw), _any(crm, "case_notes", draw)),
    )


def _new_owner(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    crm.execute(
        "UPDATE accounts SET owner_id = %s, restricted = %s WHERE id = %s",
        (_any(crm, "users", draw), draw.random() < 0.5, _any(crm, "accounts", draw)),
    )


def _consent(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    crm.execute("UPDATE contacts SET consent = NOT consent WHERE id = %s", (_any(crm, "contacts", draw),))


def _new_name(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    name = "".join(draw.choice("bdfglmnrst") + draw.choice("aeiou") for _ in range(4)).title()
    crm.execute("UPDATE contacts SET last_name = %s WHERE id = %s", (name, _any(crm, "contacts", draw)))


def _undone(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    with crm.transaction(force_rollback=True):
        crm.execute("UPDATE articles SET body = 'never was'")
        crm.execute("DELETE FROM mails WHERE id %% 7 = %s", (draw.randrange(7),))


def _half_undone(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    with crm.transaction():
        _update_note(crm, draw)
        with crm.transaction(force_rollback=True):
            _drop_mail(crm, draw)
        _new_mail(crm, draw)


def _empty_and_fill(crm: "psycopg.Connection[Any]", draw: random.Random) -> None:
    """As loads by night do: everything out and in again."""
    with crm.transaction():
        crm.execute("CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM articles")
        crm.execute("TRUNCATE articles")
        crm.execute("UPDATE kept SET body = body || %s WHERE id %% 5 = 0", (_words(draw),))
        crm.execute("INSERT INTO articles SELECT * FROM kept")


_DEEDS: tuple[tuple[int, Do], ...] = (
    (30, _update_note),
    (10, _shorten_note),
    (3, _long_case),
    (12, _case_status),
    (14, _new_mail),
    (12, _drop_mail),
    (4, _move_note_key),
    (4, _move_note),
    (2, _new_owner),
    (3, _consent),
    (2, _new_name),
    (2, _undone),
    (4, _half_undone),
)


def _words(draw: random.Random) -> str:
    return " " + " ".join("".join(draw.choice("abcdefghijklmnop") for _ in range(6)) for _ in range(4))


def _any(crm: "psycopg.Connection[Any]", table: str, draw: random.Random) -> int | None:
    """A row near a random key; the seed does not say which, as writers race."""
    row = crm.execute(
        f"SELECT id FROM {table} WHERE id >= (SELECT min(id) + (max(id) - min(id)) * %s FROM {table})"
        " ORDER BY id LIMIT 1",
        (draw.random(),),
    ).fetchone()
    return row[0] if row else None


class Writers:
    """Two threads that write until they are stopped, and go on when the CRM comes back."""

    def __init__(
        self,
        dsn: str,
        *,
        rate: float,
        seed: int,
        truncating: bool = False,
        renaming: bool = True,
        owners: float = 2,
    ) -> None:
        """`rate` deeds a second, together; `truncating` empties a small table at times, `renaming` renames
        people: what was written of them before is masked anew by the next whole comparison only. `owners` of
        100 deeds give an account another owner, which moves the rights of all that belongs to it.
        """
        self._dsn = dsn
        self._rate = rate
        self._seed = seed
        deeds = (*_DEEDS, (1, _empty_and_fill)) if truncating else _DEEDS
        self._deeds = [
            (owners if deed is _new_owner else weight, deed)
            for weight, deed in deeds
            if renaming or deed is not _new_name
        ]
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self.written = 0
        self.failed = 0

    def start(self) -> None:
        self._threads = [threading.Thread(target=self._write, args=(one,), daemon=True) for one in range(2)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns when the last write has been committed."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _write(self, number: int) -> None:
        draw = random.Random(self._seed * 2 + number)  # noqa: S311 - test data
        weights = [weight for weight, _ in self._deeds]
        pause = len(self._threads) / self._rate
        crm: psycopg.Connection[Any] | None = None
        due = time.monotonic()
        while not self._stopping.is_set():
            due = max(
                due + pause, time.monotonic() - 1
            )  # what was missed while the CRM was away is caught up on
            self._stopping.wait(max(0.0, due - time.monotonic()))
            try:
                if crm is None or crm.closed:
                    crm = psycopg.connect(self._dsn, autocommit=True, connect_timeout=5)
                draw.choices(self._deeds, weights)[0][1](crm, draw)
                self.written += 1
            except psycopg.errors.IntegrityError:
                self.failed += 1  # two writers chose the same key
            except psycopg.OperationalError:
                self.failed += 1
                crm = None
                self._stopping.wait(0.1)
        if crm is not None:
            crm.close()
