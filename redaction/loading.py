"""Analyzers put together: in a process of their own, or beside a pool of workers for the names."""

from __future__ import annotations

from secrets import token_bytes

from .cache import SpanCache
from .detectors.checksums import ChecksumDetector
from .entities import EntityType, Span
from .errors import DetectorFailed
from .gazetteer.gazetteer import Gazetteer
from .redactor import Redactor

_NER_TYPES = frozenset({EntityType.PERSON, EntityType.ORGANIZATION, EntityType.LOCATION})


def load_redactor(
    gazetteer: Gazetteer | None = None,
    ner: bool = True,
    cache: SpanCache | None = None,
    *,
    cache_key: bytes | None = None,
    ner_elsewhere: bool = False,
    ner_types: frozenset[EntityType] = _NER_TYPES,
) -> Redactor:
    """Load every detector (about two seconds with `ner`, half a second without).

    `ner_elsewhere` loads no model: the caller gives `ner_spans` from a pool of workers (see
    `start_ner_worker`). `cache_key` must be the same wherever one cache is shared; without it the
    cache is this process's own. Raises ModelMissing.
    """
    from .detectors.patterns import PatternDetector

    detector = None
    if ner and not ner_elsewhere:
        from .detectors.names import NerDetector

        detector = NerDetector(ner_types)
    return Redactor(
        [ChecksumDetector(), PatternDetector()],
        gazetteer,
        detector,
        needs_ner=ner and ner_elsewhere,
        cache=cache,
        cache_key=cache_key or token_bytes(32),
    )


class _Worker:
    """What a worker process keeps between texts."""

    redactor: Redactor | None = None


def start_ner_worker(ner_types: frozenset[EntityType] = _NER_TYPES) -> None:
    """Load the model in this worker process: `ProcessPoolExecutor(initializer=start_ner_worker)`."""
    from .detectors.names import NerDetector

    _Worker.redactor = Redactor([], ner=NerDetector(ner_types))


def ner_spans_in_worker(text: str) -> list[Span]:
    """`Redactor.ner_spans` in a started worker. Raises DetectorFailed."""
    if _Worker.redactor is None:
        raise DetectorFailed("ner", "the worker was not started")
    return _Worker.redactor.ner_spans(text)


def ner_version_in_worker() -> str:
    """`Redactor.ner_version` of a started worker: part of the key under which its spans are kept.

    Raises DetectorFailed.
    """
    if _Worker.redactor is None:
        raise DetectorFailed("ner", "the worker was not started")
    return _Worker.redactor.ner_version
