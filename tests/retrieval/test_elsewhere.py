"""CRMs in SQLite and in MariaDB: what is true of PostgreSQL is true of them."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from retrieval import CrmSettings, load_map
from retrieval.crm import CrmRefused, CrmTimedOut, CrmUnavailable
from retrieval.records import Match, Records
from retrieval.records.reader import Reader
from retrieval.rights import Visibility, visibility_of

from .elsewhere import ACCOUNTS, ARTICLES, CASES, USERS, WATCHERS, Elsewhere, in_mariadb, in_sqlite, now
from .stand import ADMIN, Running, Stand, principal
from .test_sync import until


@pytest.fixture(params=["sqlite", "mariadb"])
def crm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Elsewhere]:
    if request.param == "sqlite":
        with in_sqlite(tmp_path) as made:
            yield made
    else:
        with in_mariadb(request.getfixturevalue("mariadb"), tmp_path) as made:
            yield made


@pytest.fixture
async def records(crm: Elsewhere) -> AsyncIterator[Records]:
    made = Records(load_map(crm.settings.map_file), crm.settings, 5.0)
    yield made
    await made.close()


async def seen_by(records: Records, login: str) -> Visibility:
    found = await visibility_of(records, principal(login))
    assert found is not None
    return found


async def visible(records: Records, login: str) -> dict[str, set[str]]:
    found = await seen_by(records, login)
    return {
        kind: set(await records.rows(kind, await records.keys(kind), found))
        for kind in found.crm_map.entities
    }


async def test_rows_have_the_values_that_they_would_have_in_postgresql(records: Records) -> None:
    found = await records.rows("account", ["A-1", "B-2", "C-3", "nothing", "a-1", "A-1 "])
    assert list(found) == ["A-1", "B-2"]
    row = found["A-1"]
    assert (row["balance"], row["since"], row["vip"]) == (Decimal("120.50"), date(2020, 2, 3), True)
    assert type(row["gone"]) is bool
    assert row["extra"] == {"phone": ["+49 221 5550100"]}
    cases = await records.rows("case", ["1", "3", "4", "x", "99999999999999999999"])
    assert set(cases) == {"1", "3"}
    assert (cases["1"]["_rule_1_value"], cases["1"]["_rule_2_where"]) == (2, False)
    assert cases["3"]["_rule_2_where"] is True


async def test_only_active_staff_are_users_and_a_login_is_exactly_theirs(records: Records) -> None:
    maya = await records.user("maya@Shop.Example")
    assert maya is not None
    assert maya.attributes == {"id": (1,), "role": ("rep",), "teams": ()}
    lea = await records.user("lea@shop.example")
    assert lea is not None
    assert sorted(lea.attributes["teams"]) == [7, 8]
    assert await records.user("JOSÉ@shop.example") is not None
    for nobody in (
        "left@shop.example",
        "customer@shop.example",
        "jose@shop.example",
        "josé@shop.example ",
        "%",
    ):
        assert await records.user(nobody) is None, nobody


async def test_everybody_sees_what_the_rules_say(records: Records) -> None:
    assert await visible(records, "maya@shop.example") == {
        "account": {"A-1"}, "case": {"1", "3", "5"}, "article": {"1"},
    }  # fmt: skip
    assert await visible(records, "tom@shop.example") == {
        "account": {"B-2"}, "case": {"1", "2", "3"}, "article": {"1"},
    }  # fmt: skip
    # in the team of B-2, which is open; a lead where the level is Open, and open is not
    assert await visible(records, "lea@shop.example") == {
        "account": {"B-2", "D-4"}, "case": {"2", "3"}, "article": {"1"},
    }  # fmt: skip


async def test_lists_and_counts_are_asked_as_elsewhere(records: Records) -> None:
    maya, lea = await seen_by(records, "maya@shop.example"), await seen_by(records, "lea@shop.example")
    assert [row["code"] for row in await records.labelled("account", "KÖLN", maya, 5)] == ["A-1"]
    assert [row["code"] for row in await records.labelled("account", "0%_T", lea, 5)] == ["B-2"]
    assert await records.labelled("account", "%", maya, 5) == []
    assert [row["code"] for row in await records.labelled("account", "", lea, 5)] == ["B-2", "D-4"]
    assert await records.values("case", ["status", "subject"], maya, 2) == {
        "status": ["closed", "known"], "subject": ["Boiler leaks", "Known fault"],
    }  # fmt: skip
    assert await records.tally("case", "account_code", ["A-1", "B-2"], "status", maya) == {
        "A-1": {"closed": 1, "open": 1}, "B-2": {"known": 1},
    }  # fmt: skip
    waiting = [Match("status", ("waiting", "Known"))]
    assert await records.count("case", waiting, lea, "status") == {"waiting": 1}
    refused = [Match("status", ("waiting",), refused=True)]
    assert [row["id"] for row in await records.matching("case", refused, lea, 9)] == [3]
    assert await records.named_by("case", "account_code", [Match("id", ("2", "x"), key=True)], lea, 9) == [
        "B-2"
    ]
    assert [row["id"] for row in await records.linked("case", "account_code", ["B-2"], lea, 1)] == [3]
    assert await records.count("account", [Match("vip", ("true",))], maya, "vip") == {"true": 1}
    assert await records.children_keys("case", "account_code", ["A-1"]) == ["1", "4", "5"]
    assert await records.followed_keys("watchers", "case_id", "user_id", ["2"]) == ["1"]


async def test_pages_go_through_all_rows_in_the_order_of_their_keys(records: Records) -> None:
    after, found = None, []
    while page := await records.page("account", after, 1):
        after = page[-1]["code"]
        found.append(after)
    assert found == ["A-1", "B-2", "D-4"] == sorted(await records.keys("account"))


async def test_a_watermark_finds_what_is_new_and_what_is_gone(crm: Elsewhere, records: Records) -> None:
    clock = await records.now()
    assert abs(datetime.now(UTC) - clock) < timedelta(minutes=1)
    every = await records.changed("account", "updated_at", datetime.min.replace(tzinfo=UTC))
    assert set(every) == {"A-1", "B-2", "C-3", "D-4"}
    assert all(abs(at - clock) < timedelta(minutes=1) for at in every.values())
    assert await records.changed("account", "updated_at", clock + timedelta(hours=1)) == {}
    later = (now() + timedelta(hours=2)).replace(microsecond=0)
    crm.run(sa.update(ACCOUNTS).where(ACCOUNTS.c.code == "B-2").values(updated_at=later, gone=True))
    found = await records.changed("account", "updated_at", clock + timedelta(hours=1))
    assert found == {"B-2": later.replace(tzinfo=UTC)}


async def test_nothing_can_be_written(crm: Elsewhere) -> None:
    reader = Reader(crm.settings, 5.0)
    with pytest.raises(CrmRefused) as refused:
        await reader.all(sa.text("INSERT INTO articles VALUES (2, 'a secret title', '')"), {})
    assert "secret" not in str(refused.value)
    await reader.close()


async def test_a_statement_that_takes_too_long_is_ended(crm: Elsewhere) -> None:
    endless = {
        "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n",
        "mysql": "SELECT count(*) FROM seq_1_to_1000000000 a, seq_1_to_1000000 b",
    }
    reader = Reader(crm.settings, 0.3)
    for _ in range(crm.settings.pool_size + 1):
        with pytest.raises(CrmTimedOut):
            await reader.all(sa.text(endless[crm.settings.database]), {})
    assert await reader.all(sa.text("SELECT 1 AS one"), {}) == [{"one": 1}]
    await reader.close()


async def test_a_crm_that_is_not_there_is_said_to_be_unavailable(crm: Elsewhere, tmp_path: Path) -> None:
    changed = {"name": str(tmp_path / "nothing.db"), "port": 9, "user": "nobody"}
    lost = Records(load_map(crm.settings.map_file), crm.settings.model_copy(update=changed), 1.0)
    with pytest.raises(CrmUnavailable):
        await lost.ping()
    assert not (tmp_path / "nothing.db").exists()
    await lost.close()


async def test_what_it_says_of_a_fault_names_no_value(crm: Elsewhere, records: Records) -> None:
    crm.run(sa.text("ALTER TABLE accounts RENAME COLUMN town TO place"))
    with pytest.raises(CrmRefused, match="town"):
        await records.rows("account", ["A-1"])


async def test_the_index_follows(crm: Elsewhere, new_stand: Callable[..., Stand]) -> None:
    stand = new_stand()
    stand = replace(stand, settings=stand.settings.model_copy(update={"crm": crm.settings}))
    maya, tom = principal("maya@shop.example"), principal("tom@shop.example")
    async with stand.running() as process:
        await process.caught_up()
        status = await process.client.sync_status(ADMIN)
        assert {one.entity: one.rows for one in status.entities} == {"account": 3, "case": 4, "article": 1}
        assert "case:1" in await found(process, maya, "boiler drips")
        assert "case:2" not in await found(process, maya, "pump hums at night")

        await crm.change(
            sa.update(CASES).where(CASES.c.id == 1).values(description="Zwirbelventil", updated_at=now())
        )
        await crm.change(sa.insert(ARTICLES).values(id=2, title="Krumpel", body="About the Knarzdichtung."))
        await until(lambda: finds(process, maya, "Zwirbelventil", "case:1"))
        await until(lambda: finds(process, tom, "Knarzdichtung", "article:2"))

        for text in ("Ölfilter", "Gasdüse"):  # two changes within a second, and a time that lies ahead
            ahead = (
                sa.update(ACCOUNTS)
                .where(ACCOUNTS.c.code == "D-4")
                .values(updated_at=now().replace(year=2099))
            )
            change = sa.update(CASES).where(CASES.c.id == 5).values(description=text, updated_at=now())
            await crm.change(ahead, change)
            await until(partial(finds, process, maya, text, "case:5"))

        await crm.change(sa.delete(WATCHERS))
        assert "case:1" not in await found(process, tom, "Zwirbelventil")  # at the next question already
        await crm.change(
            sa.update(ACCOUNTS).where(ACCOUNTS.c.code == "A-1").values(owner_id=2, updated_at=now())
        )
        assert "case:1" not in await found(process, maya, "Zwirbelventil")
        await until(lambda: finds(process, tom, "Zwirbelventil", "case:1"))

        await crm.change(sa.delete(CASES).where(CASES.c.id == 2))
        await crm.change(
            sa.update(ACCOUNTS).where(ACCOUNTS.c.code == "D-4").values(gone=True, updated_at=now())
        )
        mirror = process.follower.mirror
        await until(lambda: _both(mirror, "2", "D-4"))
        await crm.change(sa.update(USERS).where(USERS.c.id == 2).values(active=False))
        assert not (await process.client.search(tom, "Zwirbelventil")).user_known


async def _both(mirror: object, case: str, account: str) -> bool:
    rows = mirror.rows  # type: ignore[attr-defined]
    return case not in rows("case") and account not in rows("account")


async def found(process: Running, who: object, question: str) -> set[str]:
    result = await process.client.search(who, question)  # type: ignore[arg-type]
    assert result.crm_available
    return {passage.entity for passage in result.passages}


async def finds(process: Running, who: object, question: str, entity: str) -> bool:
    return entity in await found(process, who, question)


def test_a_url_says_which_database_and_where(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("secret")
    made = CrmSettings(map_file=file, url="mysql+asyncmy://reader@crm.example:3307/shop", password_file=file)
    assert (made.database, made.host, made.port, made.name, made.user) == (
        "mysql", "crm.example", 3307, "shop", "reader",
    )  # fmt: skip
    made = CrmSettings(map_file=file, url="postgresql://reader@crm.example/shop", password_file=file)
    assert (made.database, made.port, made.parameters(1)["dbname"]) == ("postgresql", 5432, "shop")
    assert CrmSettings(map_file=file, url="sqlite+aiosqlite:////var/crm.db").name == "/var/crm.db"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "mysql://reader:secret@host/crm"}, "url holds a password"),
        ({"url": "oracle://reader@host/crm"}, "must begin with one of"),
        ({"url": "crm"}, "no database URL"),
        ({"url": "mysql://reader@host"}, "name and password_file is missing"),
        ({}, "name and user and password_file is missing"),
        ({"url": "sqlite:////x", "timezone": "Mars/Olympus"}, "timezone"),
        ({"url": "sqlite:////x", "sslmode": "verify-full"}, "ca_file is missing"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_the_reason(
    tmp_path: Path, given: dict[str, str], words: str
) -> None:
    file = tmp_path / "x"
    file.write_text("secret")
    with pytest.raises(ValueError, match=words) as refused:
        CrmSettings(map_file=file, **given)
    assert "secret" not in refused.value.errors()[0]["msg"]  # type: ignore[attr-defined]
