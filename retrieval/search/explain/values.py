"""What an administrator is told of a record's rights: keys, names of columns and values of rights columns.

Never prose, never an identity: a value of a column that the map calls an identity, a text or a secret is left
out, also where a rule goes by it.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class ExplainQuestion(_Value):
    """Whose sight of which record is to be explained: a CRM login, and a reference such as `account:12`."""

    login: str = Field(min_length=1, max_length=320)
    record: str = Field(min_length=1, max_length=400)


class ConditionSaid(_Value):
    """One thing that a rule asks for, and whether it is so."""

    holds: bool
    sentence: str


class RuleSaid(_Value):
    """One rule of the map: its number from 1, its line in the map, and why it holds or does not.

    It holds when every one of its conditions, `why`, holds. `above` is how the parent's rights read, where
    the rule goes by them.
    """

    number: int
    line: int
    rule: str
    holds: bool
    why: tuple[ConditionSaid, ...]
    above: RecordSaid | None = None


class RecordSaid(_Value):
    """How the rules of the map read for one record.

    `sees` is true when one of them holds and nothing bars it; `barred` are the reasons for which
    nobody sees it, whatever the rules say.
    """

    record: str
    exists: bool
    sees: bool
    barred: tuple[str, ...] = ()
    rules: tuple[RuleSaid, ...] = ()


class FieldSaid(_Value):
    """A field that only some roles read, at a line of the map."""

    field: str
    line: int
    roles: tuple[str, ...]
    may_read: bool


class IndexSaid(_Value):
    """What the index's filter says: `finds` is true when the record's keys and the user's have one in common.

    `held` is whether the index has the record, `keys` those that let somebody see it, and `shared` those of
    them that the user holds.
    """

    held: bool
    finds: bool
    keys: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()


class Explanation(_Value):
    """The whole answer: the map's rules as they read, the index's filter, and the CRM's own late check.

    `sees` is the late check's word, and that is what counts: nothing is shown without it. `drift` are
    sentences for when the three do not say the same. `attributes` is what the CRM knows of the user.
    """

    login: str
    user_known: bool
    record: str
    exists: bool
    sees: bool
    sentence: str
    attributes: dict[str, tuple[str, ...]] = {}
    reading: RecordSaid | None = None
    fields: tuple[FieldSaid, ...] = ()
    internal: tuple[str, ...] = ()
    index: IndexSaid
    drift: tuple[str, ...] = ()


RuleSaid.model_rebuild()
