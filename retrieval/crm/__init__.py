from retrieval.crm.errors import (
    AlreadyImported,
    CrmError,
    CrmRefused,
    CrmUnavailable,
    ImportFailed,
    MapInvalid,
    Problem,
)
from retrieval.crm.load import check_map, load_map
from retrieval.crm.map import CrmMap, Entity, FactKind, IdentityType
from retrieval.crm.render import Fact, Identity, RenderedPart, facts, identities, link, render, title
from retrieval.crm.rights import Predicate, acl_keys, consents, grant_keys, may_see_field, visible_sql

__all__ = [
    "AlreadyImported",
    "CrmError",
    "CrmMap",
    "CrmRefused",
    "CrmUnavailable",
    "Entity",
    "Fact",
    "FactKind",
    "Identity",
    "IdentityType",
    "ImportFailed",
    "MapInvalid",
    "Predicate",
    "Problem",
    "RenderedPart",
    "acl_keys",
    "check_map",
    "consents",
    "facts",
    "grant_keys",
    "identities",
    "link",
    "load_map",
    "may_see_field",
    "render",
    "title",
    "visible_sql",
]
