"""What a search answers: passages rendered from live rows, live facts, and how both were found.

Text here holds identities: it is shown to nobody and given to no model before the door has redacted it.
"""

from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

MAX_QUESTION: Final = 8_000
MAX_ENTITIES: Final = 200
MAX_REFERENCES: Final = 2_000
MAX_PASSAGES: Final = 50


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Question(_Value):
    """A question with durable ids in place of identities: `open cases of [account:12]`.

    `entities` are the records it names, `scope` the one record that it must stay within; `earlier` is what
    was asked before, for a question that goes on from there. `limit` is how many passages there may be,
    `listed` how many where records are listed; as many where it is not given.
    """

    question: str = Field(min_length=1, max_length=MAX_QUESTION)
    entities: tuple[str, ...] = Field((), max_length=MAX_ENTITIES)
    scope: str | None = None
    earlier: str = Field("", max_length=MAX_QUESTION)
    limit: int = Field(12, ge=1, le=MAX_PASSAGES)
    listed: int | None = Field(None, ge=1, le=MAX_PASSAGES)


class Passage(_Value):
    """A piece of one row, read from the CRM at `as_of` under the caller's rights.

    `id` is stable for the piece; `internal` text must not reach a customer; `open` text may be
    read by everybody who is signed in, such as an article; a `reference` was written to answer
    questions. `changed` is the time that the record speaks of, or of its last change; `span` the passage's
    place in the prose of its `field` (code points). `score` is comparable within one answer only and the
    weighted sum of `scores`, each from 0 to 1: terms, meaning, named, linked,
    belongs, words, phrases, kind, recent. `free`
    are the numbers of the lines, from 0, in which anything may stand, a stranger's name too; None where that
    is all of them.
    """

    id: str
    entity: str
    field: str
    title: str
    text: str
    url: str | None
    internal: bool
    open: bool = False
    reference: bool = False
    as_of: datetime
    changed: datetime | None = None
    score: float
    scores: dict[str, float] = {}
    span: tuple[int, int] | None = None
    free: tuple[int, ...] | None = None


class Fact(_Value):
    """One value of a record in scope, read from the CRM at `as_of`; `kind` is money, date, number …

    `entity` is empty for a count over all that the caller may see: it is of no record. In a `free` one
    anything may stand, a stranger's name too.
    """

    entity: str
    label: str
    field: str
    value: str
    kind: str
    as_of: datetime
    title: str
    free: bool = False


class ListCondition(_Value):
    """What a list was asked for by: a fact that has one of `values`, or with `refused` none of them."""

    label: str
    values: tuple[str, ...]
    refused: bool = False


class Listing(_Value):
    """The records of a kind that a question asks for, counted in the CRM under the caller's rights.

    `called` is the kind in the plural, `about` the named records that they belong to. `total` meet the
    conditions, out of `of`; `counts` says how many of them are in which state, where the kind has a state,
    and `label` how that is called. `records` are the entities of the passages of those that are listed, the
    latest first: fewer than `total` where there are too many. `owner` is the label of the line that tells to
    whom a record belongs. Where records were asked for by what belongs to
    them, customers by their cases, `above` is how those are called and `belonging` how many there are.
    Of what is `owned`, as `called` or `above`, only the asker's own counts, and `visible` are all of the kind
    that they may see.
    """

    kind: str
    called: str
    about: tuple[str, ...] = ()
    conditions: tuple[ListCondition, ...] = ()
    total: int
    of: int
    label: str = ""
    counts: tuple[tuple[str, int], ...] = ()
    records: tuple[str, ...] = ()
    owner: str = ""
    above: str = ""
    belonging: int = 0
    owned: tuple[str, ...] = ()
    visible: int = 0


class Missing(_Value):
    """A number, as it was typed, that a question names a record of a kind by, and that no record has which
    the asker may see."""

    kind: str
    number: str


class SearchResult(_Value):
    """The answer to one question.

    `words` are what the map says for words of the question: warranty for Garantie. With a `listing` the
    passages are those of its records, and the first fact is its count.

    `flags` are the marks that the company has put on the records that the question names and on those they
    belong to (`vip`), and with `source:` before them on the records of the passages.

    `weak` says that nothing of it is likely to answer the question.

    `missing` are the numbers of records in the question that no record has which the asker may see: what does
    not exist and what is not theirs are the same. What was found is then about the rest of the question, or
    has the very number in its text.

    `found` counts the pieces that were found and confirmed, `checked` the rows that they are of.
    `stale` says that the index is behind the CRM; `notices` are sentences for the rep (searched
    without vectors, the CRM does not answer).
    """

    user_known: bool
    crm_available: bool
    stale: bool
    found: int
    checked: int
    passages: tuple[Passage, ...]
    facts: tuple[Fact, ...]
    notices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    weak: bool = False
    listing: Listing | None = None
    missing: tuple[Missing, ...] = ()


class GrantQuestion(_Value):
    """Which records' identities somebody wants to see in the clear, in which conversation.

    `item` is a held answer that an officer reviews; its conversation's records are then granted.
    """

    conversation: str = Field(min_length=1, max_length=64)
    entities: tuple[str, ...] = Field((), max_length=MAX_REFERENCES)
    item: str | None = Field(None, min_length=1, max_length=64)


class Grant(_Value):
    """A signed RevealGrant for the door, and how long it holds."""

    grant: str
    seconds: int


class VisibleQuestion(_Value):
    """Records of which somebody wants to know whether they may be seen."""

    entities: tuple[str, ...] = Field((), max_length=MAX_REFERENCES)


class VisibleEntities(_Value):
    """Those of them that may be seen at this moment."""

    entities: tuple[str, ...]


class FoundEntity(_Value):
    """A record for the `@` list."""

    ref: str
    label: str
    kind: str


class TypedName(_Value):
    """What somebody has typed of a record's name; in a body, because proxies write addresses down."""

    typed: str = Field("", max_length=120)
    limit: int = Field(8, ge=1, le=50)


class Suggestions(_Value):
    """Questions that the caller could ask, with names of their records."""

    questions: tuple[str, ...]


class FactLabels(_Value):
    """What the CRM map calls the facts of records."""

    labels: tuple[str, ...]


class FoundEntities(_Value):
    """Records whose label contains what was typed."""

    entities: tuple[FoundEntity, ...]


class EntitySync(_Value):
    """How far the index is with one kind of record. `lag_seconds` is None before the first sync.

    `mode` says how it is followed, `rate` how many rows a second go by at the moment. `held` rows are gone
    from the CRM and wait for a person's word, `kept` ones stay by it; `parked` ones could not be indexed.
    """

    entity: str
    rows: int
    points: int
    vectors: int
    lag_seconds: float | None
    last_sync: datetime | None
    error: str | None
    running: bool
    mode: str | None = None
    rate: float | None = None
    held: int = 0
    kept: int = 0
    parked: int = 0


class Following(_Value):
    """How the CRM is followed: `decoding` its log, or `watermark`, `because` of something.

    `retained_bytes` of log are kept for the `slot`, and `safe_bytes` may be written before the CRM gives
    it up. `notices` are sentences for an administrator.
    """

    mode: str
    because: str = ""
    slot: str | None = None
    wal_status: str | None = None
    retained_bytes: int | None = None
    safe_bytes: int | None = None
    notices: tuple[str, ...] = ()


class SyncStatus(_Value):
    """How far the index is: `ready` when lexical search is; `filling` while pieces still get their vectors.

    Not every piece wants one: facts are found by words.
    """

    ready: bool
    filling: bool = False
    following: Following | None = None
    entities: tuple[EntitySync, ...]
