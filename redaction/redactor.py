"""All detectors over one text: the union of what they cover, or nothing at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from .cache import SpanCache, span_digest
from .detectors.addresses import grow_addresses, join_addresses
from .detectors.dictionary import find_known
from .entities import GazetteerEntry, Source, Span
from .errors import DetectorFailed
from .gazetteer.gazetteer import Gazetteer
from .normalise import Reading
from .overlaps import resolve, subtract
from .policy import Policy
from .tokens.form import find_lookalikes
from .tokens.replacement import Redaction, redact
from .tokens.token_map import TokenMap


class Detector(Protocol):
    """Finds spans of the original text in a reading of it."""

    @property
    def name(self) -> str:
        """How an error calls it."""
        ...

    def find(self, reading: Reading) -> list[Span]:
        """All spans, overlapping ones too."""
        ...


class NameDetector(Detector, Protocol):
    """A detector whose result depends on the text and this version alone."""

    @property
    def version(self) -> str:
        """Changes whenever the same text could give other spans."""
        ...


class Redactor:
    """Runs the gazetteer, `detectors`, the name detector and the dictionary; fails if any of them fails.

    `ner=None` with `needs_ner=True` is a redactor beside a pool of workers: it insists on being given
    `ner_spans`, so that a forgotten pool is an error and not a hole.
    """

    def __init__(
        self,
        detectors: Sequence[Detector],
        gazetteer: Gazetteer | None = None,
        ner: NameDetector | None = None,
        *,
        policy: Policy | None = None,
        needs_ner: bool = False,
        cache: SpanCache | None = None,
        cache_key: bytes = b"",
    ) -> None:
        if cache is not None and len(cache_key) < 16:
            raise ValueError("A cache of spans needs a key of at least 16 bytes.")
        self.gazetteer = Gazetteer.build([]) if gazetteer is None else gazetteer
        self._detectors = tuple(detectors)
        self._ner = ner
        self.policy = policy or Policy()
        self._needs_ner = needs_ner
        self._cache = cache
        self._cache_key = cache_key

    def with_gazetteer(self, gazetteer: Gazetteer) -> Redactor:
        """The same redactor with other customers; the rest is shared."""
        return Redactor(
            self._detectors,
            gazetteer,
            self._ner,
            policy=self.policy,
            needs_ner=self._needs_ner,
            cache=self._cache,
            cache_key=self._cache_key,
        )

    def detect(
        self,
        text: str,
        dictionary: Iterable[GazetteerEntry] = (),
        *,
        ner_spans: Sequence[Span] | None = None,
        prefer: Iterable[str] = (),
    ) -> list[Span]:
        """Disjoint spans in text order (code points of `text`).

        `dictionary` holds the values already known in this conversation. `ner_spans` is what `ner_spans`
        gave for the same text, here or in a worker. `prefer` names the records that the text is about.
        Raises DetectorFailed; there is no partial result.
        """
        reading = Reading(text, frozenset(prefer))
        names = self.ner_spans(text) if ner_spans is None else list(ner_spans)
        with _closed("gazetteer"):
            found = self.gazetteer.find_in(reading)
            if reading.spoken is not None:
                found += self.gazetteer.find_in(reading.spoken)
        for detector in self._detectors:
            with _closed(detector.name):
                found += detector.find(reading)
        found = [span for span in found if self.policy.masks(text, span)]
        names = [span for span in names if self.policy.masks(text, span)]
        lookalikes = list(find_lookalikes(text))
        names = [piece for span in names for piece in _without(text, span, lookalikes)]
        with _closed("address"):
            found += grow_addresses(reading, resolve(text, found + names))
        with _closed("dictionary"):
            disjoint = join_addresses(text, resolve(text, found + names))
            return resolve(text, disjoint + find_known(reading, disjoint, dictionary))

    def redact(self, text: str, tokens: TokenMap) -> Redaction:
        """Detect, with what this conversation already knows, and put tokens in place of what was found.

        Raises DetectorFailed; then `tokens` is as it was.
        """
        return redact(text, self.detect(text, tokens.dictionary()), tokens)

    def ner_spans(self, text: str) -> list[Span]:
        """What the name detector finds: the slow part, kept in the cache."""
        known = self.cached_ner_spans(text)
        if known is not None:
            return known
        if self._ner is None:
            if self._needs_ner:
                raise DetectorFailed("ner", "it runs elsewhere and gave no spans")
            return []
        with _closed("ner"):
            spans = self._ner.find(Reading(text))
        self.remember_ner_spans(text, spans)
        return spans

    def cached_ner_spans(self, text: str) -> list[Span] | None:
        """What the cache knows of `ner_spans`, None if nothing."""
        if self._cache is None:
            return None
        with _closed("ner cache"):
            spans = self._cache.get(self._digest(text))
        return None if spans is None else list(spans)

    def remember_ner_spans(self, text: str, spans: Sequence[Span]) -> None:
        """Put into the cache what a worker found."""
        if self._cache is not None:
            with _closed("ner cache"):
                self._cache.put(self._digest(text), spans)

    @property
    def ner_version(self) -> str:
        """What the spans of names depend on besides the text: the models, their settings, the types."""
        return "elsewhere" if self._ner is None else self._ner.version

    def _digest(self, text: str) -> bytes:
        return span_digest(text, self._cache_key, self.ner_version)


def _without(text: str, span: Span, lookalikes: list[tuple[int, int]]) -> list[Span]:
    """A guessed name that is only text that looks like a token is none; `redact` escapes that text."""
    return subtract(text, span, lookalikes) if span.source is Source.NER else [span]


@contextmanager
def _closed(detector: str) -> Iterator[None]:
    """Turn whatever a detector raises into a refusal that names it and holds nothing of the text."""
    try:
        yield
    except DetectorFailed:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing may go out
        raise DetectorFailed(detector, type(error).__name__) from None
