"""`--as-columns`: what a CRM map says of an entity's columns, in the redaction library's terms."""

from gettext import gettext as _
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redaction import ColumnRule, TableRules
    from retrieval import CrmMap

    Columns = dict[str, ColumnRule]
    Whole = dict[tuple[str, ...], ColumnRule]

from .exits import Exit, leave
from .maps import map_file


def table_rules(place: str) -> "TableRules":
    """The rules of `MAP.ENTITY`; leaves with a sentence when there is no such map or entity."""
    from redaction import EntityType, TableRules
    from retrieval import MapInvalid, load_map

    name, _dot, entity = place.rpartition(".")
    if not name or not entity:
        sentence = _("--as-columns {place}: give MAP.ENTITY, for example demo.contact.")
        leave(Exit.FAILED, sentence.format(place=place))
    try:
        crm_map = load_map(map_file(name))
    except MapInvalid as error:
        leave(Exit.FAULTS, str(error))
    if entity not in crm_map.entities:
        sentence = _("The map {map} has no entity “{entity}”; it has {known}.")
        leave(
            Exit.FAILED, sentence.format(map=name, entity=entity, known=", ".join(sorted(crm_map.entities)))
        )
    columns, whole = _columns_of(crm_map, entity)
    names = (EntityType.PERSON, EntityType.ORGANIZATION)
    subject = next((rule.type for rule in columns.values() if rule.type in names), None)
    return TableRules(entity, crm_map.entities[entity].key, columns, whole, subject)


def _columns_of(crm_map: "CrmMap", entity: str) -> "tuple[Columns, Whole]":
    """By column or path, and by the field's own name where several columns make it.

    A column that two fields use is treated as the stricter one says.
    """
    from redaction import ColumnRule, EntityType, Treatment

    treatments = {
        "identity": Treatment.IDENTITY,
        "text": Treatment.TEXT,
        "secret": Treatment.DROPPED,
        "ignore": Treatment.DROPPED,
    }
    strictness = (Treatment.FACT, Treatment.TEXT, Treatment.IDENTITY, Treatment.DROPPED)
    mapped = crm_map.entities[entity]
    columns: Columns = {}
    whole: Whole = {}
    for field, column in mapped.columns.items():
        kind = EntityType(column.type) if column.kind_of == "identity" else None
        treatment = treatments.get(column.kind_of, Treatment.FACT)
        sources = mapped.sources(field)
        if kind is not None and len(sources) > 1:
            whole[sources] = ColumnRule(treatment, kind, field)
        for name in (field, *sources):
            rule = ColumnRule(treatment, kind, name if len(sources) > 1 else field)
            known = columns.get(name)
            if known is None or strictness.index(treatment) > strictness.index(known.treatment):
                columns[name] = rule
    paths = {path.split(".", 1)[0] for path in columns if "." in path}
    for name in mapped.read_columns:
        if name not in paths:
            columns.setdefault(name, ColumnRule(Treatment.FACT))
    return columns, whole
