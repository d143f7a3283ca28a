from retrieval.crm.suggest.propose import propose, suggest_map, suggest_map_at
from retrieval.crm.suggest.schema import LiveColumn, LiveSchema, LiveTable, read_schema

__all__ = ["LiveColumn", "LiveSchema", "LiveTable", "propose", "read_schema", "suggest_map", "suggest_map_at"]
