"""CRM records in, permitted passages and live facts out."""

from .client import RetrievalClient
from .crm import (
    AlreadyImported,
    CrmError,
    CrmMap,
    CrmRefused,
    CrmUnavailable,
    ImportFailed,
    MapInvalid,
    Problem,
    check_map,
    check_map_against,
    create_crm_roles,
    load_map,
)
from .search.values import (
    EntitySync,
    Fact,
    FoundEntity,
    Grant,
    Passage,
    SearchResult,
    SyncStatus,
)

__all__ = [
    "AlreadyImported",
    "CrmError",
    "CrmMap",
    "CrmRefused",
    "CrmUnavailable",
    "EntitySync",
    "Fact",
    "FoundEntity",
    "Grant",
    "ImportFailed",
    "MapInvalid",
    "Passage",
    "Problem",
    "RetrievalClient",
    "SearchResult",
    "SyncStatus",
    "check_map",
    "check_map_against",
    "create_crm_roles",
    "load_map",
]
