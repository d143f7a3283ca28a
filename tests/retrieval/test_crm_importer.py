import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.crm import AlreadyImported, CrmUnavailable, ImportFailed, import_folder
from retrieval.crm.inference import ColumnType, convert, infer
from retrieval.crm.names import column_names, snake_case


@pytest.fixture
def database(postgres_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        yield connection


def tables(database: psycopg.Connection[Any]) -> list[str]:
    found = database.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    return sorted(name for (name,) in found)


def test_a_csv_becomes_a_table_with_inferred_types(
    tmp_path: Path, postgres_dsn: str, database: psycopg.Connection[Any]
) -> None:
    (tmp_path / "My Clients.csv").write_text(
        "Client ID,Full Name,postCode,Balance,Active,Since,Seen At,Note\n"
        '1,"Löw, Ada",01234,12.50,TRUE,2024-02-29,2024-02-29T10:00:00Z,\n'
        '2,Ben,99999,3,false,,2024-03-01 11:30,"two\nlines"\n',
        encoding="utf-8-sig",
    )
    (table,) = import_folder(tmp_path, postgres_dsn)
    assert (table.name, table.key, table.rows) == ("my_clients", "client_id", 2)
    assert list(table.columns.values()) == [
        "bigint", "text", "text", "numeric", "boolean", "date", "timestamptz", "text"
    ]  # fmt: skip
    rows = database.execute("SELECT * FROM my_clients ORDER BY client_id").fetchall()
    seen = datetime(2024, 2, 29, 10, tzinfo=UTC)
    assert rows[0] == (1, "Löw, Ada", "01234", Decimal("12.50"), True, date(2024, 2, 29), seen, None)
    assert rows[1][3:6] == (Decimal(3), False, None)
    assert rows[1][7] == "two\nlines"


def test_json_keeps_nesting_and_quoted_numbers(
    tmp_path: Path, postgres_dsn: str, database: psycopg.Connection[Any]
) -> None:
    rows = [
        {
            "emp_id": "e1",
            "zip": "80279",
            "phone": 49301234,
            "tags": ["a"],
            "Description": "x",
            "description": "y",
        },
        {"emp_id": "e2", "zip": "00001", "phone": "030 1234", "extra": {"k": 1.25}},
    ]
    (tmp_path / "employees.json").write_text(json.dumps(rows), encoding="utf-8")
    (table,) = import_folder(tmp_path, postgres_dsn)
    assert table.key == "emp_id"
    assert table.columns["zip"] == "text"
    assert table.columns["phone"] == "text"
    assert table.renamed == {"description": "Description", "description_2": "description"}
    assert database.execute("SELECT tags, extra, phone FROM employees ORDER BY emp_id").fetchall() == [
        (["a"], None, "49301234"),
        (None, {"k": 1.25}, "030 1234"),
    ]


def test_a_file_of_several_collections_becomes_several_tables(
    tmp_path: Path, postgres_dsn: str, database: psycopg.Connection[Any]
) -> None:
    content = {
        "users": {"ann_1": {"user_id": "ann_1", "name": {"first": "Ann"}}},
        "orders": {"#W1": {"user_id": "ann_1", "items": [{"price": 3.5}]}},
        "tags": [{"id": 7}],
    }
    (tmp_path / "db.json").write_text(json.dumps(content), encoding="utf-8")
    assert {table.name: table.key for table in import_folder(tmp_path, postgres_dsn)} == {
        "users": "row_id",  # ann_1 says who she is
        "orders": "key",
        "tags": "id",
    }
    assert database.execute("SELECT key, items FROM orders").fetchall() == [("#W1", [{"price": 3.5}])]


def test_an_object_of_records_is_one_table(tmp_path: Path, postgres_dsn: str) -> None:
    content = {"9": {"product_id": "9", "sizes": {"a": {}}}, "8": {"product_id": "8", "name": "T"}}
    (tmp_path / "products.json").write_text(json.dumps(content), encoding="utf-8")
    (table,) = import_folder(tmp_path, postgres_dsn)
    assert (table.name, table.key, table.rows) == ("products", "product_id", 2)


def test_rows_without_a_key_get_one(
    tmp_path: Path, postgres_dsn: str, database: psycopg.Connection[Any]
) -> None:
    (tmp_path / "visits.jsonl").write_text('{"who_id": 1}\n\n{"who_id": 1}\n', encoding="utf-8")
    (table,) = import_folder(tmp_path, postgres_dsn)
    assert table.key == "row_id"
    assert database.execute("SELECT row_id FROM visits ORDER BY 1").fetchall() == [(1,), (2,)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("b.csv", "id,name\n1,a\n2,b,c\n", "b.csv, row 3: 3 cells where the headings have 2"),
        ("b.csv", "id,id\n1,2\n", "names the column “id” twice"),
        ("b.csv", "", "has no headings"),
        ("b.csv", 'id,name\n1,"open\n', "b.csv, row 2"),
        ("b.json", '[{"id": 1},\n{"id": }]', "b.json, line 2"),
        ("b.json", "[]", "holds no records"),
        ("b.json", "[1]", "b.json, entry 1: this is no object"),
        ("b.json", '[{"id": NaN}]', "NaN is not a JSON number"),
        ("b.json", '{"id": 1}', "neither a list of objects"),
        ("b.json", '[{"id": 1, "t": "a\\u0000b"}]', "b.json, entry 1, column “t”: it holds a NUL character"),
        ("b.json", '[{"id": 1, "t": ["\\u0000"]}]', "b.json, entry 1, column “t”: it holds a NUL character"),
        ("b.json", '[{"id": 1, "t": "\\ud800"}]', "column “t”: it holds half of a character"),
        ("b.jsonl", '{"id": 1}\n{"id": \n', "b.jsonl, line 2"),
        ("---.csv", "id\n1\n", "a name without letters"),
        ("A.json", '[{"id": 1}]', "would both become the table a"),
    ],
)  # fmt: skip
def test_a_broken_file_is_named_with_its_row_and_nothing_is_imported(
    tmp_path: Path, postgres_dsn: str, database: psycopg.Connection[Any], name: str, content: str, words: str
) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n", encoding="utf-8")
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ImportFailed) as caught:
        import_folder(tmp_path, postgres_dsn)
    assert words in str(caught.value)
    assert tables(database) == []


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path, postgres_dsn: str) -> None:
    (tmp_path / "a.csv").write_bytes("name\ngröße\n".encode("latin-1"))
    with pytest.raises(ImportFailed, match=r"a.csv is not UTF-8"):
        import_folder(tmp_path, postgres_dsn)


def test_a_folder_without_files_is_refused(tmp_path: Path, postgres_dsn: str) -> None:
    with pytest.raises(ImportFailed, match="There is no CSV or JSON file"):
        import_folder(tmp_path, postgres_dsn)
    with pytest.raises(ImportFailed, match="There is no folder"):
        import_folder(tmp_path / "none", postgres_dsn)


def test_tables_are_replaced_only_when_asked(
    tmp_path: Path, postgres_dsn: str, database: psycopg.Connection[Any]
) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n", encoding="utf-8")
    import_folder(tmp_path, postgres_dsn)
    (tmp_path / "a.csv").write_text("id\n2\n", encoding="utf-8")
    with pytest.raises(AlreadyImported, match="The table a exists already"):
        import_folder(tmp_path, postgres_dsn)
    assert database.execute("SELECT id FROM a").fetchall() == [(1,)]
    import_folder(tmp_path, postgres_dsn, replace=True)
    assert database.execute("SELECT id FROM a").fetchall() == [(2,)]


def test_progress_is_told_for_each_table(tmp_path: Path, postgres_dsn: str) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("id\n1\n2\n", encoding="utf-8")
    told: list[tuple[str, int]] = []
    import_folder(tmp_path, postgres_dsn, lambda table, rows: told.append((table, rows)))
    assert told == [("a", 1), ("b", 2)]


def test_a_database_that_is_down_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n", encoding="utf-8")
    with pytest.raises(CrmUnavailable, match="does not answer") as caught:
        import_folder(tmp_path, "postgresql://nobody:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)


def test_backslash_text_that_looks_like_nul_is_kept() -> None:
    assert convert("C:\\u0000", ColumnType.TEXT) == "C:\\u0000"
    assert convert(["C:\\u0000"], ColumnType.JSONB) == '["C:\\\\u0000"]'


@given(
    st.lists(
        st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
    )
)
def test_every_value_fits_the_type_inferred_for_its_column(values: list[str | None]) -> None:
    for quoted in (True, False):
        kind = infer(values, quoted_numbers_are_text=quoted)
        for value in values:
            convert(value, kind)


@given(st.lists(st.text(), unique=True, max_size=20))
def test_column_names_are_distinct_and_fit(headings: list[str]) -> None:
    names = list(column_names(headings).values())
    assert len(set(names)) == len(headings)
    assert all(name and len(name.encode()) <= 63 for name in names)


def test_names_become_snake_case() -> None:
    assert snake_case("Total Casual Leaves") == "total_casual_leaves"
    assert snake_case("current_POC_product") == "current_poc_product"
    assert snake_case("customerID") == "customer_id"
    assert snake_case("2nd line") == "c_2nd_line"


def test_keys_that_say_who_somebody_is_are_numbered_wherever_they_stand(
    tmp_path: Path, postgres_dsn: str, database: psycopg.Connection[Any]
) -> None:
    content = {
        "people": [
            {"user_id": "mei_patel_7", "name": {"first_name": "Mei", "last_name": "Patel"}, "row_id": "x"},
            {"user_id": "jan_berg_9", "name": {"first_name": "Jan", "last_name": "Berg"}, "row_id": "y"},
        ],
        "orders": [
            {"order_id": "#W2", "user_id": "jan_berg_9", "item_id": "a_1"},
            {"order_id": "#W1", "user_id": "mei_patel_7", "item_id": "a_1"},
            {"order_id": "#W3", "user_id": None, "item_id": "b_2"},
        ],
        "items": [{"item_id": "a_1", "name": "Kettle"}, {"item_id": "b_2", "name": "Pan"}],
    }
    (tmp_path / "db.json").write_text(json.dumps(content), encoding="utf-8")
    keys = {table.name: table.key for table in import_folder(tmp_path, postgres_dsn)}
    assert keys == {"people": "row_id_2", "orders": "order_id", "items": "item_id"}
    statement = "SELECT order_id, user_row_id, user_id FROM orders ORDER BY order_id"
    assert database.execute(statement).fetchall() == [
        ("#W1", 1, "mei_patel_7"),
        ("#W2", 2, "jan_berg_9"),
        ("#W3", None, None),
    ]
    assert database.execute("SELECT row_id_2, row_id FROM people ORDER BY 1").fetchall() == [
        (1, "x"),
        (2, "y"),
    ]


def test_every_key_that_is_no_number_can_be_made_one(
    tmp_path: Path, postgres_dsn: str, database: psycopg.Connection[Any]
) -> None:
    content = {
        "items": [{"item_id": "a_1", "name": "Kettle"}, {"item_id": "b_2", "name": "Pan"}],
        "parts": [{"id": 4, "item_id": "b_2"}],
    }
    (tmp_path / "db.json").write_text(json.dumps(content), encoding="utf-8")
    keys = {table.name: table.key for table in import_folder(tmp_path, postgres_dsn, opaque_keys=True)}
    assert keys == {"items": "row_id", "parts": "id"}
    assert database.execute("SELECT item_row_id FROM parts").fetchall() == [(2,)]


def test_who_may_sign_in_can_be_given_for_an_export_without_users(
    tmp_path: Path, postgres_dsn: str, database: psycopg.Connection[Any]
) -> None:
    (tmp_path / "items.json").write_text('[{"id": 1}]', encoding="utf-8")
    import_folder(tmp_path, postgres_dsn, staff={"ann@shop.example": "agent", "bob@shop.example": "lead"})
    assert database.execute("SELECT staff_id, email, role FROM staff ORDER BY 1").fetchall() == [
        (1, "ann@shop.example", "agent"),
        (2, "bob@shop.example", "lead"),
    ]
    (tmp_path / "staff.json").write_text('[{"id": 1}]', encoding="utf-8")
    with pytest.raises(ImportFailed, match="would be the table staff; leave --staff out"):
        import_folder(tmp_path, postgres_dsn, replace=True, staff={"ann@shop.example": "agent"})
