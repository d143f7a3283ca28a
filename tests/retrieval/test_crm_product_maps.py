"""The maps of products, on the part of each product's public schema that they read, as its users see it."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from retrieval import CrmSettings
from retrieval.crm import (
    CrmMap,
    acl_keys,
    check_map_against,
    check_map_at,
    grant_keys,
    import_folder,
    load_map,
    parameters,
    read_logins,
    read_user_now,
    rows_of,
    suggest_map_at,
    visible_sql,
)
from retrieval.crm.engines import bound, engine_at
from retrieval.records import Records

from .mariadb import MariaDb
from .test_crm_map import MAPS
from .test_crm_suggest import decided

ODOO = """
CREATE TABLE res_users (id int PRIMARY KEY, login varchar NOT NULL UNIQUE, active boolean, share boolean,
    company_id int NOT NULL, partner_id int NOT NULL, password varchar, create_date timestamp);
CREATE TABLE res_groups_users_rel (gid int NOT NULL, uid int NOT NULL, PRIMARY KEY (gid, uid));
CREATE TABLE ir_model_data (id int PRIMARY KEY, name varchar NOT NULL, module varchar NOT NULL,
    model varchar NOT NULL, res_id int);
CREATE TABLE res_partner (id int PRIMARY KEY, name varchar, is_company boolean, parent_id int, user_id int,
    company_id int, ref varchar, email varchar, phone varchar, website varchar, vat varchar, street varchar,
    street2 varchar, zip varchar, city varchar, function varchar, lang varchar, comment text, active boolean,
    write_date timestamp);
CREATE TABLE crm_lead (id int PRIMARY KEY, name varchar NOT NULL, active boolean, company_id int, user_id int,
    team_id int, partner_id int, type varchar, priority varchar, contact_name varchar, partner_name varchar,
    email_from varchar, phone varchar, street varchar, street2 varchar, zip varchar, city varchar,
    description text, expected_revenue numeric, probability float8, date_deadline date, write_date timestamp);
CREATE TABLE sale_order (id int PRIMARY KEY, name varchar NOT NULL, state varchar, company_id int NOT NULL,
    user_id int, partner_id int NOT NULL, client_order_ref varchar, date_order timestamp,
    commitment_date timestamp, amount_total numeric, invoice_status varchar, note text, write_date timestamp);
CREATE TABLE helpdesk_ticket_team (id int PRIMARY KEY, name varchar NOT NULL);
CREATE TABLE helpdesk_ticket_team_res_users_rel (helpdesk_ticket_team_id int NOT NULL,
    res_users_id int NOT NULL, PRIMARY KEY (helpdesk_ticket_team_id, res_users_id));
CREATE TABLE helpdesk_ticket (id int PRIMARY KEY, number varchar, name varchar NOT NULL, description text,
    active boolean, company_id int NOT NULL, user_id int, team_id int, partner_id int, partner_name varchar,
    partner_email varchar, priority varchar, kanban_state varchar, create_date timestamp,
    closed_date timestamp, write_date timestamp);
CREATE TABLE mail_message (id int PRIMARY KEY, model varchar, res_id int, message_type varchar NOT NULL,
    subject varchar, body text, email_from varchar, is_internal boolean, date timestamp,
    write_date timestamp);
CREATE TABLE mail_followers (id int PRIMARY KEY, res_model varchar NOT NULL, res_id int,
    partner_id int NOT NULL);
CREATE TABLE project_project (id int PRIMARY KEY, active boolean, company_id int, partner_id int,
    privacy_visibility varchar NOT NULL, description text, date date, write_date timestamp);
CREATE TABLE project_task (id int PRIMARY KEY, name varchar NOT NULL, active boolean, company_id int,
    project_id int, partner_id int, description text, priority varchar, state varchar,
    date_deadline timestamp, write_date timestamp);
CREATE TABLE project_task_user_rel (task_id int NOT NULL, user_id int NOT NULL,
    PRIMARY KEY (task_id, user_id));

INSERT INTO res_users (id, login, active, share, company_id, partner_id) VALUES
    (5, 'own@x.example', true, false, 1, 105), (6, 'all@x.example', true, false, 1, 106),
    (7, 'portal@x.example', true, true, 1, 107), (8, 'other@x.example', true, false, 2, 108),
    (9, 'desk@x.example', true, false, 1, 109);
INSERT INTO ir_model_data VALUES
    (1, 'group_sale_salesman', 'sales_team', 'res.groups', 11),
    (2, 'group_sale_salesman_all_leads', 'sales_team', 'res.groups', 12),
    (3, 'group_helpdesk_user_own', 'helpdesk_mgmt', 'res.groups', 13),
    (4, 'group_helpdesk_user_team', 'helpdesk_mgmt', 'res.groups', 14),
    (5, 'group_project_user', 'project', 'res.groups', 15),
    (6, 'group_sale_salesman_all_leads', 'elsewhere', 'res.groups', 16),
    (7, 'group_project_manager', 'project', 'ir.ui.menu', 11);
INSERT INTO res_groups_users_rel VALUES (11, 5), (13, 5), (15, 5), (16, 5), (11, 6), (12, 6), (15, 9),
    (13, 9), (14, 9);
INSERT INTO res_partner (id, name, is_company, parent_id, company_id) VALUES
    (1, 'Firm', true, NULL, NULL), (2, 'Ann', false, 1, NULL), (3, 'Elsewhere', true, NULL, 2);
INSERT INTO crm_lead (id, name, active, company_id, user_id) VALUES
    (1, 'mine', true, 1, 5), (2, 'unassigned', true, NULL, NULL), (3, 'hers', true, 1, 6),
    (4, 'archived', false, 1, 5), (5, 'of another company', true, 2, 5);
INSERT INTO sale_order (id, name, company_id, user_id, partner_id) VALUES
    (1, 'S1', 1, 6, 1), (2, 'S2', 1, 5, 1);
INSERT INTO helpdesk_ticket_team VALUES (1, 'first'), (2, 'second');
INSERT INTO helpdesk_ticket_team_res_users_rel VALUES (1, 9);
INSERT INTO helpdesk_ticket (id, number, name, active, company_id, user_id, team_id) VALUES
    (1, 'T1', 'mine', true, 1, 5, 2), (2, 'T2', 'ours', true, 1, 6, 1), (3, 'T3', 'of others', true, 1, 6, 2);
INSERT INTO mail_message (id, model, res_id, message_type, is_internal) VALUES
    (1, 'helpdesk.ticket', 1, 'comment', true), (2, 'helpdesk.ticket', 2, 'email', false),
    (3, 'helpdesk.ticket', 1, 'notification', false), (4, 'crm.lead', 3, 'comment', false);
INSERT INTO project_project (id, active, privacy_visibility) VALUES
    (1, true, 'employees'), (2, true, 'followers'), (3, true, 'followers');
INSERT INTO mail_followers VALUES (1, 'project.project', 2, 105), (2, 'project.task', 3, 109),
    (3, 'res.partner', 3, 105);
INSERT INTO project_task (id, name, active, project_id) VALUES
    (1, 'open', true, 1), (2, 'followed', true, 2), (3, 'closed', true, 3), (4, 'assigned', true, 3);
INSERT INTO project_task_user_rel VALUES (4, 9), (4, 6);
"""

ESPO = """
CREATE TABLE "user" (id varchar(17) PRIMARY KEY, deleted boolean DEFAULT false, user_name varchar(50),
    type varchar(24), is_active boolean, password varchar(150));
CREATE TABLE team_user (id bigint PRIMARY KEY, team_id varchar(17), user_id varchar(17), role varchar(100),
    deleted boolean DEFAULT false);
CREATE TABLE entity_team (id bigint PRIMARY KEY, entity_id varchar(17), team_id varchar(17),
    entity_type varchar(100), deleted boolean DEFAULT false);
CREATE TABLE account (id varchar(17) PRIMARY KEY, deleted boolean DEFAULT false, name varchar(249),
    website varchar(255), type varchar(100), industry varchar(100), billing_address_street varchar(255),
    billing_address_postal_code varchar(40), billing_address_city varchar(100),
    billing_address_country varchar(100), description text, assigned_user_id varchar(17),
    modified_at timestamp);
CREATE TABLE contact (id varchar(17) PRIMARY KEY, deleted boolean DEFAULT false, first_name varchar(100),
    last_name varchar(100), account_id varchar(17), address_street varchar(255),
    address_postal_code varchar(40), address_city varchar(100), do_not_call boolean, description text,
    assigned_user_id varchar(17), modified_at timestamp);
CREATE TABLE "case" (id varchar(17) PRIMARY KEY, deleted boolean DEFAULT false, name varchar(255), number int,
    status varchar(255), priority varchar(255), type varchar(255), description text, account_id varchar(17),
    contact_id varchar(17), is_internal boolean, assigned_user_id varchar(17), created_at timestamp,
    modified_at timestamp);
CREATE TABLE note (id varchar(17) PRIMARY KEY, deleted boolean DEFAULT false, post text, type varchar(24),
    parent_id varchar(17), parent_type varchar(100), is_internal boolean, created_at timestamp,
    modified_at timestamp);
CREATE TABLE email (id varchar(17) PRIMARY KEY, deleted boolean DEFAULT false, name varchar(255),
    from_string varchar(255), body_plain text, body text, status varchar(255), account_id varchar(17),
    assigned_user_id varchar(17), date_sent timestamp, modified_at timestamp);
CREATE TABLE email_user (id bigint PRIMARY KEY, email_id varchar(17), user_id varchar(17),
    deleted boolean DEFAULT false);
CREATE TABLE knowledge_base_article (id varchar(17) PRIMARY KEY, deleted boolean DEFAULT false,
    name varchar(255), status varchar(255), description text, body text, publish_date date,
    language varchar(255), modified_at timestamp);

INSERT INTO "user" (id, user_name, type, is_active, deleted) VALUES
    ('u1', 'ann', 'regular', true, false), ('u2', 'bob', 'regular', true, false),
    ('u3', 'root', 'admin', true, false), ('u4', 'gone', 'regular', true, true),
    ('u5', 'customer', 'portal', true, false);
INSERT INTO team_user VALUES (1, 't1', 'u1', NULL, false), (2, 't2', 'u1', NULL, true),
    (3, 't2', 'u2', NULL, false);
INSERT INTO account (id, deleted, name, assigned_user_id) VALUES
    ('a1', false, 'Own', 'u1'), ('a2', false, 'Team', 'u3'), ('a3', false, 'Other', 'u3'),
    ('a4', true, 'Gone', 'u1');
INSERT INTO entity_team VALUES (1, 'a2', 't1', 'Account', false), (2, 'a3', 't1', 'Account', true),
    (3, 'a3', 't2', 'Account', false), (4, 'c2', 't1', 'Account', false), (5, 'c2', 't2', 'Case', false);
INSERT INTO "case" (id, name, number, account_id, assigned_user_id) VALUES
    ('c1', 'one', 1, 'a1', 'u1'), ('c2', 'two', 2, 'a2', NULL);
INSERT INTO note (id, post, type, parent_id, parent_type, is_internal) VALUES
    ('n1', 'x', 'Post', 'c1', 'Case', true), ('n2', 'x', 'Update', 'c1', 'Case', false),
    ('n3', 'x', 'Post', 'a3', 'Account', false);
INSERT INTO email (id, name, status) VALUES
    ('e1', 'x', 'Sent'), ('e2', 'x', 'Draft'), ('e3', 'x', 'Archived');
INSERT INTO email_user VALUES (1, 'e1', 'u1', false), (2, 'e2', 'u1', false), (3, 'e3', 'u1', true);
INSERT INTO knowledge_base_article (id, name, status) VALUES ('k1', 'x', 'Published'), ('k2', 'x', 'Draft');
"""

# SuiteCRM's schema is MySQL's: what is tinyint(1) there is smallint here.
SUITE = """
CREATE TABLE users (id varchar(36) PRIMARY KEY, user_name varchar(60), status varchar(100), deleted smallint,
    is_group smallint, portal_only smallint, user_hash varchar(255));
CREATE TABLE securitygroups_users (id varchar(36) PRIMARY KEY, securitygroup_id varchar(36),
    user_id varchar(36), deleted smallint);
CREATE TABLE securitygroups_records (id varchar(36) PRIMARY KEY, securitygroup_id varchar(36),
    record_id varchar(36), module varchar(36), deleted smallint);
CREATE TABLE accounts (id varchar(36) PRIMARY KEY, name varchar(150), date_modified timestamp,
    deleted smallint, assigned_user_id varchar(36), phone_office varchar(100), phone_alternate varchar(100),
    website varchar(255), billing_address_street varchar(150), billing_address_postalcode varchar(20),
    billing_address_city varchar(100), billing_address_country varchar(255), account_type varchar(50),
    industry varchar(50), rating varchar(100), description text);
CREATE TABLE contacts (id varchar(36) PRIMARY KEY, first_name varchar(100), last_name varchar(100),
    date_modified timestamp, deleted smallint, assigned_user_id varchar(36), title varchar(100),
    department varchar(255), phone_work varchar(100), phone_mobile varchar(100),
    primary_address_street varchar(150), primary_address_postalcode varchar(20),
    primary_address_city varchar(100), birthdate date, description text);
CREATE TABLE cases (id varchar(36) PRIMARY KEY, name varchar(255), date_entered timestamp,
    date_modified timestamp, deleted smallint, assigned_user_id varchar(36), case_number int,
    type varchar(100), status varchar(100), state varchar(100), priority varchar(100), description text,
    resolution text, account_id varchar(36), contact_created_by_id varchar(36));
CREATE TABLE aop_case_updates (id varchar(36) PRIMARY KEY, name varchar(255), date_entered timestamp,
    date_modified timestamp, deleted smallint, assigned_user_id varchar(36), description text,
    case_id varchar(36), contact_id varchar(36), internal boolean);
CREATE TABLE notes (id varchar(36) PRIMARY KEY, name varchar(255), date_entered timestamp,
    date_modified timestamp, deleted smallint, assigned_user_id varchar(36), description text,
    parent_type varchar(255), parent_id varchar(36), contact_id varchar(36));
CREATE TABLE emails (id varchar(36) PRIMARY KEY, name varchar(255), deleted smallint,
    assigned_user_id varchar(36));
CREATE TABLE emails_text (email_id varchar(36) PRIMARY KEY, from_addr varchar(255), to_addrs text,
    description text, description_html text, deleted smallint);
CREATE TABLE aok_knowledgebase (id varchar(36) PRIMARY KEY, name varchar(255), date_modified timestamp,
    deleted smallint, status varchar(100), description text, additional_info text, revision varchar(255));

INSERT INTO users (id, user_name, status, deleted, is_group) VALUES
    ('u1', 'ann', 'Active', 0, 0), ('u2', 'bob', 'Active', 0, NULL), ('u3', 'gone', 'Inactive', 0, 0),
    ('u4', 'inbox', 'Active', 0, 1);
INSERT INTO securitygroups_users VALUES ('1', 'g1', 'u1', 0), ('2', 'g2', 'u1', 1), ('3', 'g2', 'u2', 0);
INSERT INTO securitygroups_records VALUES ('1', 'g1', 'a2', 'Accounts', 0), ('2', 'g1', 'a3', 'Accounts', 1),
    ('3', 'g1', 'c2', 'Accounts', 0), ('4', 'g2', 'c2', 'Cases', 0), ('5', 'g2', 'm2', 'Emails', 0);
INSERT INTO accounts (id, name, deleted, assigned_user_id) VALUES
    ('a1', 'Own', 0, 'u1'), ('a2', 'Group', 0, NULL), ('a3', 'Other', 0, 'u2'), ('a4', 'Gone', 1, 'u1');
INSERT INTO cases (id, name, deleted, assigned_user_id, case_number, account_id) VALUES
    ('c1', 'x', 0, 'u1', 1, 'a1'), ('c2', 'x', 0, NULL, 2, 'a3');
INSERT INTO aop_case_updates (id, deleted, case_id, internal) VALUES
    ('p1', 0, 'c1', true), ('p2', 0, 'c2', false);
INSERT INTO notes (id, deleted, parent_type, parent_id) VALUES
    ('n1', 0, 'Cases', 'c2'), ('n2', 0, 'Accounts', 'a2'), ('n3', 0, 'Leads', 'l1');
INSERT INTO emails VALUES ('m1', 'x', 0, 'u1'), ('m2', 'x', 0, NULL), ('m3', 'x', 1, 'u1');
INSERT INTO emails_text (email_id, deleted) VALUES ('m1', 0), ('m2', 0), ('m3', 0);
INSERT INTO aok_knowledgebase (id, name, deleted, status) VALUES
    ('k1', 'x', 0, 'published_public'), ('k2', 'x', 0, 'published_private');
"""

TWENTY = """
CREATE SCHEMA workspace_change_me;
SET search_path = workspace_change_me;
CREATE TYPE stages AS ENUM ('NEW', 'SCREENING', 'MEETING', 'PROPOSAL', 'CUSTOMER');
CREATE TYPE states AS ENUM ('TODO', 'IN_PROGRESS', 'DONE');
CREATE TABLE "workspaceMember" (id uuid PRIMARY KEY, "userEmail" text, "nameFirstName" text,
    "nameLastName" text, "userId" uuid, "deletedAt" timestamptz);
CREATE TABLE company (id uuid PRIMARY KEY, name text, "domainNamePrimaryLinkUrl" text,
    "addressAddressStreet1" text, "addressAddressPostcode" text, "addressAddressCity" text,
    "addressAddressCountry" text, employees float8, "idealCustomerProfile" boolean, "accountOwnerId" uuid,
    "updatedAt" timestamptz, "deletedAt" timestamptz);
CREATE TABLE person (id uuid PRIMARY KEY, "nameFirstName" text, "nameLastName" text,
    "emailsPrimaryEmail" text, "phonesPrimaryPhoneNumber" text, "linkedinLinkPrimaryLinkUrl" text,
    "jobTitle" text, city text, "companyId" uuid, "updatedAt" timestamptz, "deletedAt" timestamptz);
CREATE TABLE opportunity (id uuid PRIMARY KEY, name text, stage stages, "closeDate" timestamptz,
    "companyId" uuid, "pointOfContactId" uuid, "updatedAt" timestamptz, "deletedAt" timestamptz);
CREATE TABLE note (id uuid PRIMARY KEY, title text, "bodyV2Markdown" text, "bodyV2Blocknote" text,
    "createdAt" timestamptz, "updatedAt" timestamptz, "deletedAt" timestamptz);
CREATE TABLE task (id uuid PRIMARY KEY, title text, "bodyV2Markdown" text, status states, "dueAt" timestamptz,
    "assigneeId" uuid, "updatedAt" timestamptz, "deletedAt" timestamptz);
INSERT INTO "workspaceMember" (id, "userEmail", "deletedAt") VALUES
    (gen_random_uuid(), 'ann@x.example', NULL), (gen_random_uuid(), 'gone@x.example', now());
INSERT INTO company (id, name, "deletedAt") VALUES
    ('00000000-0000-0000-0000-000000000001', 'Firm', NULL),
    ('00000000-0000-0000-0000-000000000002', 'Gone', now());
INSERT INTO person (id, "nameFirstName", "companyId") VALUES
    ('00000000-0000-0000-0000-000000000003', 'Ann', '00000000-0000-0000-0000-000000000001');
"""


def fitted(name: str, dsn: str, schema: str) -> CrmMap:
    with psycopg.connect(dsn) as connection:
        connection.execute(schema.encode())
    assert check_map_at(MAPS / f"{name}.yaml", dsn) == []
    return load_map(MAPS / f"{name}.yaml")


def seen(crm_map: CrmMap, where: str | sa.URL, login: str) -> dict[str, str] | None:
    """Entity → the keys of what this user sees, in one text; entities without are left out."""
    engine = engine_at(where) if isinstance(where, str) else sa.create_engine(where)
    with engine.connect() as connection:
        user = read_user_now(crm_map, connection, login)
        if user is None:
            return None
        found = {}
        for name, entity in crm_map.entities.items():
            source = rows_of(entity)
            statement = sa.select(source.c[entity.key]).where(
                visible_sql(crm_map, name, user.attributes, source)
            )
            values = bound(engine.dialect, parameters(crm_map, user.attributes))
            keys = sorted(map(str, connection.scalars(statement, values)))
            if keys:
                found[name] = " ".join(keys)
    engine.dispose()
    return found


def test_odoo_users_see_own_unassigned_team_and_all_documents(postgres_dsn: str) -> None:
    crm_map = fitted("odoo", postgres_dsn, ODOO)
    people = {"company": "1", "contact": "2"}
    assert seen(crm_map, postgres_dsn, "own@x.example") == {
        **people, "lead": "1 2", "order": "2", "ticket": "1", "ticket_message": "1",
        "project": "1 2", "task": "1 2",
    }  # fmt: skip
    assert seen(crm_map, postgres_dsn, "all@x.example") == {
        **people, "lead": "1 2 3", "order": "1 2", "lead_message": "4",
    }  # fmt: skip
    assert seen(crm_map, postgres_dsn, "desk@x.example") == {
        **people, "ticket": "2", "ticket_message": "2", "project": "1", "task": "1 3 4",
    }  # fmt: skip
    assert seen(crm_map, postgres_dsn, "portal@x.example") is None
    assert seen(crm_map, postgres_dsn, "other@x.example") is None


ESPO_SEEN = {
    "ann": {"account": "a1 a2", "case": "c1", "case_note": "n1", "email": "e1", "article": "k1"},
    "bob": {"account": "a3", "case": "c2", "account_note": "n3", "article": "k1"},
    "root": {
        "account": "a1 a2 a3", "case": "c1 c2", "case_note": "n1", "account_note": "n3", "email": "e1 e3",
        "article": "k1",
    },
    "gone": None,
    "customer": None,
}  # fmt: skip
SUITE_SEEN = {
    "ann": {
        "account": "a1 a2", "case": "c1", "case_update": "p1", "account_note": "n2", "email": "m1",
        "article": "k1",
    },
    "bob": {
        "account": "a3", "case": "c2", "case_update": "p2", "case_note": "n1", "email": "m2",
        "article": "k1",
    },
    "gone": None,
    "inbox": None,
}  # fmt: skip


def test_espocrm_users_see_what_is_theirs_or_their_teams(postgres_dsn: str) -> None:
    crm_map = fitted("espocrm", postgres_dsn, ESPO)
    assert {login: seen(crm_map, postgres_dsn, login) for login in ESPO_SEEN} == ESPO_SEEN
    assert read_logins(crm_map, postgres_dsn)[:2] == ["root", "ann"]


def test_suitecrm_users_see_what_is_theirs_or_their_groups(postgres_dsn: str) -> None:
    crm_map = fitted("suitecrm", postgres_dsn, SUITE)
    assert {login: seen(crm_map, postgres_dsn, login) for login in SUITE_SEEN} == SUITE_SEEN


async def seen_by_keys(crm_map: CrmMap, records: Records, login: str) -> dict[str, str] | None:
    """What :func:`seen` gives, by the keys of rows and of the user: as the index has it."""
    user = await records.user(login)
    if user is None:
        return None
    grants = set(grant_keys(crm_map, user.attributes))
    keys: dict[str, dict[str, list[str]]] = {}
    for name in crm_map.parents_first:
        parent = crm_map.entities[name].parent
        keys[name] = {}
        for row in await records.page(name, None, 1000):
            above = keys[parent.entity].get(str(row[parent.column]), []) if parent else []
            keys[name][str(row[crm_map.entities[name].key])] = acl_keys(crm_map, name, row, above)
    return {
        name: " ".join(visible)
        for name in crm_map.entities
        if (visible := sorted(key for key, held in keys[name].items() if grants.intersection(held)))
    }


@pytest.mark.parametrize(
    ("name", "schema", "expected"), [("espocrm", ESPO, ESPO_SEEN), ("suitecrm", SUITE, SUITE_SEEN)]
)
async def test_in_mariadb_the_same_users_see_the_same(
    mariadb: MariaDb, tmp_path: Path, name: str, schema: str, expected: dict[str, dict[str, str] | None]
) -> None:
    server = sa.create_engine(mariadb.url(), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        connection.exec_driver_sql(f"USE {name}")
        for statement in schema.replace("smallint", "tinyint(1)").replace('"', "`").split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
    crm_map = load_map(MAPS / f"{name}.yaml")
    (tmp_path / "password").write_text(MariaDb.password("owner"), encoding="utf-8")
    settings = CrmSettings(
        map_file=MAPS / f"{name}.yaml",
        url=str(mariadb.url(password=False).set(database=name)),
        password_file=tmp_path / "password",
    )
    records = Records(crm_map, settings, 10)
    try:
        for login, found in expected.items():
            assert seen(crm_map, mariadb.url().set(database=name), login) == found
            assert await seen_by_keys(crm_map, records, login) == found
    finally:
        await records.close()
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}")
        server.dispose()


def test_twenty_members_see_their_workspace(postgres_dsn: str) -> None:
    crm_map = fitted("twenty", postgres_dsn, TWENTY)
    assert seen(crm_map, postgres_dsn, "Ann@x.example") == {
        "company": "00000000-0000-0000-0000-000000000001", "person": "00000000-0000-0000-0000-000000000003"
    }  # fmt: skip
    assert seen(crm_map, postgres_dsn, "gone@x.example") is None


RETAIL: dict[str, Any] = {
    "users": {
        "mei_patel_7767": {
            "user_id": "mei_patel_7767", "name": {"first_name": "Mei", "last_name": "Patel"},
            "address": {"address1": "445 Maple Drive", "address2": "Suite 394", "city": "Fort Worth",
                        "country": "USA", "state": "TX", "zip": "76165"},
            "email": "mei@x.example", "orders": ["#W1"],
            "payment_methods": {"credit_card_1": {"source": "credit_card", "last_four": "1234"}},
        }
    },
    "orders": {
        "#W1": {
            "order_id": "#W1", "user_id": "mei_patel_7767", "address": {"address1": "1 Road", "city": "Town"},
            "items": [{"name": "Kettle", "price": 5.5}], "status": "pending", "fulfillments": [],
            "payment_history": [{"amount": 5.5}],
        }
    },
    "products": {"9": {"product_id": "9", "name": "Kettle", "variants": {"1": {"price": 5.5}}}},
}  # fmt: skip


def test_retail_agents_see_every_customer_and_no_reference_holds_a_name(
    tmp_path: Path, postgres_dsn: str
) -> None:
    (tmp_path / "db.json").write_text(json.dumps(RETAIL), encoding="utf-8")
    import_folder(tmp_path, postgres_dsn, staff={"ann@x.example": "agent", "intern@x.example": "none"})
    assert check_map_at(MAPS / "retail.yaml", postgres_dsn) == []
    crm_map = load_map(MAPS / "retail.yaml")
    assert seen(crm_map, postgres_dsn, "ann@x.example") == {"customer": "1", "order": "#W1", "product": "9"}
    assert seen(crm_map, postgres_dsn, "intern@x.example") == {"product": "9"}
    assert seen(crm_map, postgres_dsn, "mei@x.example") is None


@pytest.mark.parametrize(("schema", "users"), [(ODOO, "res_users"), (ESPO, "user"), (SUITE, "users")])
def test_a_proposal_for_a_product_fits_its_schema(
    postgres_dsn: str, tmp_path: Path, schema: str, users: str
) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(schema.encode())
    crm_map = decided(suggest_map_at(postgres_dsn), tmp_path)
    assert crm_map.users.table == users
    assert len(crm_map.entities) >= 5
    with psycopg.connect(postgres_dsn) as connection:
        problems = [str(problem) for problem in check_map_against(crm_map, connection)]
    # what stands in for a decision, {owner: id}, may compare what cannot be compared
    assert [problem for problem in problems if ".visible." not in problem] == []
