"""The maps of public CRMs, on small data of the same shape."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from redaction import EntityType
from retrieval.crm import (
    CrmMap,
    IdentityType,
    check_map_against,
    create_crm_roles,
    identities,
    import_folder,
    load_map,
    parameters,
    read_logins,
    read_user_now,
    rows_of,
    visible_sql,
)
from retrieval.crm.engines import engine_at

MAPS = Path(__file__).parents[2] / "retrieval" / "maps"


def employee(number: int, boss: str | None = None, *, left: str = "Present") -> dict[str, Any]:
    return {
        "emp_id": f"emp_{number}", "Name": f"Person {number}", "email": f"p{number}@firm.example",
        "category": "Sales", "Level": "S1", "Salary": "100", "DOL": left, "is_valid": "TRUE",
        "description": "Works.", "Description": "Works hard.", "reportees": [], "reports_to": boss,
    }  # fmt: skip


ENTERPRISE: dict[str, list[dict[str, Any]]] = {
    "employees": [
        employee(1), employee(2, "emp_1"), employee(3, "emp_2"), employee(4, "emp_1", left="09-08-2018"),
    ],
    "clients": [
        {
            "client_id": f"c{number}", "business_name": f"Firm {number}", "industry": "Retail",
            "business_type": "SME", "contact_person_id": f"k{number}", "contact_person_name": "Ann Lee",
            "contact_email": "ann@firm.example", "phone_number": phone, "registered_address": "1 Road, Town",
            "tax_id": "iG1", "monthly_revenue": "$1", "onboarding_date": "2024-02-03",
            "current_POC_product": "Chat", "POC_status": "ongoing", "engagement_description": "We build.",
            "business_representative_employee": f"emp_{number}",
        }
        for number, phone in ((2, 2065550100), (3, "+1-206-555-0101"), (4, "206.555.0102"))
    ],
    "customer_support_chats": [
        {
            "chat_id": number, "product_id": "B1", "product_name": "Cable", "customer_name": "thomas hardy",
            "customer_id": "arout", "emp_id": f"emp_{number}", "text": "CUSTOMER: Hi",
            "interaction_date": "2015-01-02",
        }
        for number in (2, 3)
    ],
    "sales": [
        {
            "sales_record_id": number, "product_id": "B1", "discounted_price": "₹1", "actual_price": "₹2",
            "discount_percentage": "50%", "customer_id": buyer, "Date_of_Purchase": "2013-02-06",
        }
        for number, buyer in enumerate(("arout", "other"))
    ],
    "products": [
        {
            "product_id": "B1", "product_name": "Cable", "category": "Cables", "discounted_price": "₹1",
            "actual_price": "₹2", "rating": "4.0", "about_product": "A cable.",
        }
    ],
}  # fmt: skip


def seen(crm_map: CrmMap, connection: sa.Connection, login: str) -> dict[str, set[Any]] | None:
    user = read_user_now(crm_map, connection, login)
    if user is None:
        return None
    found = {}
    for name, entity in crm_map.entities.items():
        source = rows_of(entity)
        statement = sa.select(source.c[entity.key]).where(visible_sql(crm_map, name, user.attributes, source))
        found[name] = set(connection.scalars(statement, parameters(crm_map, user.attributes)))
    return found


def rows(crm_map: CrmMap, connection: psycopg.Connection[Any], entity: str) -> list[dict[str, Any]]:
    statement = psycopg.sql.SQL("SELECT * FROM {}").format(
        psycopg.sql.Identifier(crm_map.entities[entity].table)
    )
    return connection.cursor(row_factory=dict_row).execute(statement).fetchall()


def test_enterprisebench_is_seen_by_representatives_and_their_leads(
    tmp_path: Path, postgres_dsn: str
) -> None:
    for name, content in ENTERPRISE.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    import_folder(tmp_path, postgres_dsn)
    crm_map = load_map(MAPS / "enterprisebench.yaml")
    engine = engine_at(postgres_dsn)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection, engine.connect() as asked:
        assert check_map_against(crm_map, connection) == []
        open_to_all = {"product": {"B1"}}
        lead = seen(crm_map, asked, "p1@firm.example")
        assert lead == {"client": {"c2", "c4"}, "chat": {2}, "sale": set(), **open_to_all}
        rep = seen(crm_map, asked, "P3@Firm.example")
        assert rep == {"client": {"c3"}, "chat": {3}, "sale": {0}, **open_to_all}
        assert seen(crm_map, asked, "p4@firm.example") is None
        client = rows(crm_map, connection, "client")[0]
        values = {field: value for value, _, field in identities(crm_map, "client", client)}
        assert values["phone_number"] == "2065550100"
        assert "salary" not in {
            column for entity in crm_map.entities.values() for column in entity.read_columns
        }
    # who sees two clients; who sees as many chats as others but comes first by name; nobody who left
    offered = [f"p{number}@firm.example" for number in (1, 2, 3)]
    assert read_logins(crm_map, postgres_dsn) == offered
    assert read_logins(crm_map, postgres_dsn, limit=1) == offered[:1]


def test_the_first_sign_ins_offered_have_each_kind_of_record_to_ask_about(
    tmp_path: Path, postgres_dsn: str
) -> None:
    crowd = [employee(number) for number in range(10, 60)]
    twins = [{**employee(number), "email": "Same@firm.example"} for number in (90, 91)]
    busy = [employee(number) for number in (80, 81)]
    client, chat = ENTERPRISE["clients"][0], ENTERPRISE["customer_support_chats"][0]
    content = {
        **ENTERPRISE,
        "employees": [*crowd, *busy, *twins],
        "clients": [
            {**client, "client_id": f"c{number}", "business_representative_employee": who}
            for number, who in enumerate(["emp_81", "emp_90", "emp_90"])
        ],
        "customer_support_chats": [{**chat, "emp_id": "emp_80"}],
    }
    for name, rows_ in content.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(rows_), encoding="utf-8")
    import_folder(tmp_path, postgres_dsn)
    logins = read_logins(load_map(MAPS / "enterprisebench.yaml"), postgres_dsn, limit=10)
    assert logins == [f"p{number}@firm.example" for number in (81, 80, *range(10, 18))]


def test_whoever_reads_a_table_reads_the_one_that_replaces_it(tmp_path: Path, postgres_dsn: str) -> None:
    for name, content in ENTERPRISE.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    import_folder(tmp_path, postgres_dsn)
    crm_map = load_map(MAPS / "enterprisebench.yaml")
    reader = f"reader_{uuid4().hex}"
    create_crm_roles(postgres_dsn, "secret", crm_map, reader=reader)
    reader_dsn = make_conninfo(postgres_dsn, user=reader, password="secret")
    with psycopg.connect(postgres_dsn, autocommit=True) as owner:
        owner.execute("GRANT SELECT ON products TO PUBLIC")
        try:
            import_folder(tmp_path, postgres_dsn, replace=True)
            with psycopg.connect(reader_dsn, autocommit=True) as connection:
                assert check_map_against(crm_map, connection) == []
                assert connection.execute("SELECT * FROM products").fetchall()
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("SELECT salary FROM employees")
        finally:
            owner.execute(f"DROP OWNED BY {reader}; DROP ROLE {reader}".encode())


def test_identities_of_maps_have_the_types_that_redaction_knows() -> None:
    quasi = {"DATE", "AGE", "GROUP"}  # of a column that holds one it is said that it is a fact, or not read
    assert {kind.value for kind in IdentityType} == {kind.value for kind in EntityType} - {"LITERAL"} - quasi


@pytest.mark.parametrize("path", sorted(MAPS.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_map_that_ships_reads_a_password(path: Path) -> None:
    for entity in load_map(path).entities.values():
        assert not [column for column in entity.read_columns if "password" in column]
