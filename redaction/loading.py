"""Analyzers put together: in a process of their own, or beside a pool of workers for the names."""

from __future__ import annotations

from secrets import token_bytes

from .analyzer import Analyzer
from .cache import SpanCache
from .checksums import ChecksumDetector
from .entities import EntityType, Span
from .errors import DetectorFailed
from .gazetteer import Gazetteer

_NER_TYPES = frozenset({EntityType.PERSON, EntityType.ORGANIZATION, EntityType.LOCATION})


def load_analyzer(
    gazetteer: Gazetteer | None = None,
    ner: bool = True,
    cache: SpanCache | None = None,
    *,
    cache_key: bytes | None = None,
    ner_elsewhere: bool = False,
    ner_types: frozenset[EntityType] = _NER_TYPES,
) -> Analyzer:
    """Load every detector (about two seconds with `ner`, half a second without).

    `ner_elsewhere` loads no model: the caller gives `ner_spans` from a pool of workers (see
    `start_ner_worker`). `cache_key` must be the same wherever one cache is shared; without it the
    cache is this process's own. Raises ModelMissing.
    """
    from .patterns import PatternDetector

    detector = None
    if ner and not ner_elsewhere:
        from .ner import NerDetector

        detector = NerDetector(ner_types)
    return Analyzer(
        [ChecksumDetector(), PatternDetector()],
        gazetteer,
        detector,
        needs_ner=ner and ner_elsewhere,
        cache=cache,
        cache_key=cache_key or token_bytes(32),
    )


class _Worker:
    """What a worker process keeps between texts."""

    analyzer: Analyzer | None = None


def start_ner_worker(ner_types: frozenset[EntityType] = _NER_TYPES) -> None:
    """Load the model in this worker process: `ProcessPoolExecutor(initializer=start_ner_worker)`."""
    from .ner import NerDetector

    _Worker.analyzer = Analyzer([], ner=NerDetector(ner_types))


def ner_spans_in_worker(text: str) -> list[Span]:
    """`Analyzer.ner_spans` in a started worker. Raises DetectorFailed."""
    if _Worker.analyzer is None:
        raise DetectorFailed("ner", "the worker was not started")
    return _Worker.analyzer.ner_spans(text)
