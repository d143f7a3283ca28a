"""References that somebody has typed: whether the map knows records of such a kind at all."""

from gateway import NotFound
from retrieval.crm import CrmMap

_SHOWN = 40


def require_kind(crm_map: CrmMap, ref: str) -> tuple[str, str]:
    """Kind and key of a reference such as `account:12`. Raises `NotFound` with the kinds that there are.

    It does not say whether there is such a record.
    """
    kind, _, key = ref.partition(":")
    kinds = ", ".join(sorted(crm_map.entities))
    typed = ref[:_SHOWN]
    if not (kind and key):
        example = f"{next(iter(crm_map.entities))}:12"
        raise NotFound(
            f"“{typed}” names no record; write its kind and key, as in {example}. Kinds are {kinds}."
        )
    if kind not in crm_map.entities:
        raise NotFound(f"The map knows no records of the kind “{kind[:_SHOWN]}”; it knows {kinds}.")
    return kind, key
