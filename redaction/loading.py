"""Redactors put together: in a process of their own, or beside a pool of workers for the names."""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_bytes

from .cache import SpanCache
from .entities import EntityType, Span
from .errors import DetectorFailed
from .gazetteer.gazetteer import Gazetteer
from .policy import Level, Policy
from .redactor import Detector, Redactor


def load_redactor(
    gazetteer: Gazetteer | None = None,
    ner: bool = True,
    cache: SpanCache | None = None,
    *,
    policy: Policy | None = None,
    cache_key: bytes | None = None,
    ner_elsewhere: bool = False,
    more: Sequence[Detector] = (),
) -> Redactor:
    """Load every detector (about two seconds with `ner`, half a second without).

    `ner_elsewhere` loads no model: the caller gives `ner_spans` from a pool of workers that were started
    with `policy.models` (see `start_ner_worker`). `cache_key` must be the same wherever one cache is
    shared; without it the cache is this process's own. `more` are detectors of a company's own (see
    `load_recognizers`). Raises ModelMissing.
    """
    chosen = policy or Policy()
    detector = None
    if ner and not ner_elsewhere:
        from .detectors.ner import NerDetector

        detector = NerDetector(chosen.models)
    return Redactor(
        [*_quick_detectors(chosen), *more],
        gazetteer,
        detector,
        policy=chosen,
        needs_ner=ner and ner_elsewhere,
        cache=cache,
        cache_key=cache_key or token_bytes(32),
    )


def _quick_detectors(policy: Policy) -> list[Detector]:
    from .detectors import default_detectors

    if policy.level is not Level.QUASI:
        return default_detectors()
    from .detectors.quasi import QuasiDetector

    return [*default_detectors(), QuasiDetector()]


class _Worker:
    """What a worker process keeps between texts."""

    redactor: Redactor | None = None


def start_ner_worker(types: frozenset[EntityType] | None = None) -> None:
    """Load the models in this worker process: `ProcessPoolExecutor(initializer=start_ner_worker)`.

    `types` is what they report, by default what the default policy wants of them.
    """
    from .detectors.ner import NerDetector

    _Worker.redactor = Redactor([], ner=NerDetector(Policy().models if types is None else types))


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
