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
from .settings import CrmSettings, IndexSettings, RetrievalSettings, SyncSettings

__all__ = [
    "AlreadyImported",
    "CrmError",
    "CrmMap",
    "CrmRefused",
    "CrmSettings",
    "CrmUnavailable",
    "EntitySync",
    "Fact",
    "FoundEntity",
    "Grant",
    "ImportFailed",
    "IndexSettings",
    "MapInvalid",
    "Passage",
    "Problem",
    "RetrievalClient",
    "RetrievalSettings",
    "SearchResult",
    "SyncSettings",
    "SyncStatus",
    "check_map",
    "check_map_against",
    "create_crm_roles",
    "load_map",
]
