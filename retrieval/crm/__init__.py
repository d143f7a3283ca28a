from retrieval.crm.against import check_map_against, check_map_at, notes_at
from retrieval.crm.errors import (
    AlreadyImported,
    CrmError,
    CrmRefused,
    CrmUnavailable,
    ImportFailed,
    MapInvalid,
    Problem,
)
from retrieval.crm.importer import ImportedTable, import_folder
from retrieval.crm.load import check_map, load_map
from retrieval.crm.logins import read_logins
from retrieval.crm.map import CrmMap, Entity, FactKind, IdentityType
from retrieval.crm.render import (
    BODY,
    Fact,
    Identity,
    RenderedPart,
    changed_at,
    facts,
    identities,
    lead,
    link,
    render,
    title,
)
from retrieval.crm.rights import (
    EVERYONE,
    Predicate,
    UserAttributes,
    acl_keys,
    consents,
    grant_keys,
    may_see_field,
    visible_sql,
)
from retrieval.crm.roles import READER, columns_of, create_crm_roles
from retrieval.crm.schema import map_schema, map_schema_text
from retrieval.crm.script import PUBLICATION, admin_script, let_follow
from retrieval.crm.suggest import suggest_map, suggest_map_at
from retrieval.crm.users import AmbiguousUser, CrmUser, read_user, read_user_now, read_users_now

__all__ = [
    "BODY",
    "EVERYONE",
    "PUBLICATION",
    "READER",
    "AlreadyImported",
    "AmbiguousUser",
    "CrmError",
    "CrmMap",
    "CrmRefused",
    "CrmUnavailable",
    "CrmUser",
    "Entity",
    "Fact",
    "FactKind",
    "Identity",
    "IdentityType",
    "ImportFailed",
    "ImportedTable",
    "MapInvalid",
    "Predicate",
    "Problem",
    "RenderedPart",
    "UserAttributes",
    "acl_keys",
    "admin_script",
    "changed_at",
    "check_map",
    "check_map_against",
    "check_map_at",
    "columns_of",
    "consents",
    "create_crm_roles",
    "facts",
    "grant_keys",
    "identities",
    "import_folder",
    "lead",
    "let_follow",
    "link",
    "load_map",
    "map_schema",
    "map_schema_text",
    "may_see_field",
    "notes_at",
    "read_logins",
    "read_user",
    "read_user_now",
    "read_users_now",
    "render",
    "suggest_map",
    "suggest_map_at",
    "title",
    "visible_sql",
]
