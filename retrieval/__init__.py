"""CRM records in, permitted passages and live facts out."""

from .app import create_retrieval_app
from .client import RetrievalClient
from .crm import (
    AlreadyImported,
    CrmError,
    CrmMap,
    CrmRefused,
    CrmUnavailable,
    ImportedTable,
    ImportFailed,
    MapInvalid,
    Problem,
    check_map,
    check_map_against,
    check_map_at,
    create_crm_roles,
    import_folder,
    load_map,
    map_schema_text,
    read_logins,
)
from .demo import (
    Company,
    DemoQuestion,
    Employee,
    build_company,
    demo_questions,
    demo_staff,
    seed_demo_company,
)
from .index import Embedder, HashedWords
from .maps import shipped_map
from .pieces import FACTS
from .search.events import RetrievalEvent, register_retrieval_events
from .search.values import (
    EntitySync,
    Fact,
    FoundEntity,
    Grant,
    ListCondition,
    Listing,
    Passage,
    SearchResult,
    SyncStatus,
)
from .search.words import is_negated, is_whether, says_open, unfinished
from .settings import CrmSettings, IndexSettings, RetrievalSettings, SyncSettings
from .sync.offline import identities_in

__all__ = [
    "FACTS",
    "AlreadyImported",
    "Company",
    "CrmError",
    "CrmMap",
    "CrmRefused",
    "CrmSettings",
    "CrmUnavailable",
    "DemoQuestion",
    "Embedder",
    "Employee",
    "EntitySync",
    "Fact",
    "FoundEntity",
    "Grant",
    "HashedWords",
    "ImportFailed",
    "ImportedTable",
    "IndexSettings",
    "ListCondition",
    "Listing",
    "MapInvalid",
    "Passage",
    "Problem",
    "RetrievalClient",
    "RetrievalEvent",
    "RetrievalSettings",
    "SearchResult",
    "SyncSettings",
    "SyncStatus",
    "build_company",
    "check_map",
    "check_map_against",
    "check_map_at",
    "create_crm_roles",
    "create_retrieval_app",
    "demo_questions",
    "demo_staff",
    "identities_in",
    "import_folder",
    "is_negated",
    "is_whether",
    "load_map",
    "map_schema_text",
    "read_logins",
    "register_retrieval_events",
    "says_open",
    "seed_demo_company",
    "shipped_map",
    "unfinished",
]
