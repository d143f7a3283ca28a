"""Presidio as the frame: any of its recognisers is a detector here, run so that none can be skipped.

Presidio's own loop logs a pattern that ran out of time and goes on without it. Here that is an error, and so
is whatever a recogniser raises. Context words count as in Presidio: one of them near a weak match lifts it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import regex  # type: ignore[import-untyped]

from redaction.domains import is_public
from redaction.entities import EntityType, Source, Span
from redaction.errors import DetectorFailed, RecognizerMissing
from redaction.normalise import Reading

SECONDS = 2.0
"""How long one recogniser may look at one text."""
LEAST = 0.3
"""Weaker results do not count: Presidio gives patterns less that mean nothing without a context word."""

_WORD = re.compile(r"\w+(?:[-'.]\w+)*")
_TAX = re.compile(
    r"(?:^|_)(?:SSN|ITIN|EIN|NINO|TIN|TFN|NIF|NIE|CIF|VAT|FISCAL|TAX|PAN|GSTIN|SIN|SOCIAL|PESEL)"
)
_TYPES = {
    "EMAIL_ADDRESS": EntityType.EMAIL,
    "PHONE_NUMBER": EntityType.PHONE,
    "CREDIT_CARD": EntityType.CARD,
    "IBAN_CODE": EntityType.IBAN,
    "IP_ADDRESS": EntityType.IP,
    "GPE": EntityType.LOCATION,
    "ORG": EntityType.ORGANIZATION,
    "STREET_ADDRESS": EntityType.ADDRESS,
    "US_BANK_NUMBER": EntityType.ACCOUNT,
    "CRYPTO": EntityType.ACCOUNT,
    "PASSWORD": EntityType.SECRET,
    "API_KEY": EntityType.SECRET,
}


def entity_type(name: str) -> EntityType:
    """Ours for one of Presidio's entity names; a name that nobody knows is an ID."""
    if name in EntityType.__members__:
        return EntityType(name)
    return _TYPES.get(name) or (EntityType.TAX_ID if _TAX.search(name) else EntityType.ID)


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    entity: str
    score: float


class PresidioDetector:
    """One `presidio_analyzer.EntityRecognizer` as a detector.

    It reads normalised text, in which words and their places are given as `nlp_artifacts` but no lemmas,
    tags or entities. `types` says what its entity names mean here (see `entity_type` for those it does
    not name). Patterns are stopped after `seconds`. A recogniser with an `analyze` of its own runs in a
    thread; one that outlives its time fails the text, and every further text until it has come to an
    end. What holds the interpreter's lock, such as a runaway expression of `re`, cannot be stopped.
    """

    def __init__(
        self,
        recognizer: Any,
        types: Mapping[str, EntityType] | None = None,
        *,
        seconds: float = SECONDS,
        least: float = LEAST,
        source: Source = Source.PATTERN,
    ) -> None:
        from presidio_analyzer import PatternRecognizer

        self.name = str(recognizer.name)
        self._recognizer = recognizer
        self._types = {name: entity_type(name) for name in recognizer.supported_entities} | dict(types or {})
        self._seconds = seconds
        self._least = least
        self._source = source
        self._stuck: Thread | None = None
        own_loop = type(recognizer).analyze is PatternRecognizer.analyze
        self._patterns = _compiled(recognizer) if own_loop else None

    def find(self, reading: Reading) -> list[Span]:
        """Spans of the original text. Raises DetectorFailed."""
        text = reading.normalised.text
        if not text:
            return []
        found = self._by_patterns(text) if self._patterns is not None else self._by_analysis(text)
        spans = []
        for each in self._in_context(text, found):
            if each.score < self._least:
                continue
            if not 0 <= each.start < each.end <= len(text):
                raise DetectorFailed(self.name, "it gave a span outside the text")
            kind = self._types.get(each.entity) or entity_type(each.entity)
            span = reading.normalised.original(each.start, each.end)
            spans.append(Span(*span, kind, min(each.score, 1.0), self._source))
        return spans

    def _by_patterns(self, text: str) -> list[_Found]:
        entity = self._recognizer.supported_entities[0]
        found = []
        for name, score, compiled in self._patterns or ():
            try:
                for match in compiled.finditer(text, timeout=self._seconds):
                    sure = _validated(self._recognizer, match.group(), score)
                    if sure > 0:
                        found.append(_Found(match.start(), match.end(), entity, sure))
            except TimeoutError:
                raise DetectorFailed(f"{self.name}, {name}", "out of time") from None
        return found

    def _by_analysis(self, text: str) -> list[_Found]:
        recognizer = self._recognizer
        results = self._in_time(
            lambda: recognizer.analyze(text, recognizer.supported_entities, _artifacts(text, recognizer))
        )
        return [_Found(each.start, each.end, each.entity_type, each.score) for each in results or ()]

    def _in_time(self, call: Callable[[], Any]) -> Any:
        if self._stuck is not None and self._stuck.is_alive():
            raise DetectorFailed(self.name, "it has not come back from an earlier text")
        box: SimpleQueue[tuple[Any, str | None]] = SimpleQueue()

        def work() -> None:
            try:
                box.put((call(), None))
            except BaseException as error:  # noqa: BLE001 - whatever it is, the text is refused
                box.put((None, type(error).__name__))

        thread = Thread(target=work, name=f"recognizer {self.name}", daemon=True)
        thread.start()
        try:
            results, failure = box.get(timeout=self._seconds)
        except Empty:
            self._stuck = thread
            raise DetectorFailed(self.name, "out of time") from None
        if failure is not None:
            raise DetectorFailed(self.name, failure)
        return results

    def _in_context(self, text: str, found: list[_Found]) -> Iterable[_Found]:
        weak = [each for each in found if each.score < self._least]
        if not weak or not self._recognizer.context:
            return found
        return [each for each in found if each.score >= self._least] + _enhanced(text, weak, self._recognizer)


def load_recognizers(
    source: Path | str, types: Mapping[str, EntityType] | None = None
) -> list[PresidioDetector]:
    """A company's own recognisers: a registry file in Presidio's YAML, or `module:Class` in Python.

    The class is made without arguments. Raises RecognizerMissing. Recognisers that only pass on what a
    language model of Presidio's found are refused: there is no such model here, so they would find nothing.
    """
    place = str(source)
    try:
        recognizers = _from_file(Path(source)) if place.endswith((".yaml", ".yml")) else [_from_python(place)]
        detectors = [PresidioDetector(recognizer, types) for recognizer in recognizers]
    except RecognizerMissing:
        raise
    except Exception as error:  # foreign code: whatever it is, the start stops
        raise RecognizerMissing(place, f"{type(error).__name__}: {error}") from error
    if not detectors:
        raise RecognizerMissing(place, "it names none")
    return detectors


def presidio_detectors() -> list[PresidioDetector]:
    """Those of Presidio's own recognisers that are always on: mail, IP addresses, social security numbers."""
    from presidio_analyzer.predefined_recognizers import IpRecognizer, UsSsnRecognizer

    ssn = [pattern for pattern in UsSsnRecognizer.PATTERNS if pattern.score >= 0.5]
    return [
        mail_detector(),
        PresidioDetector(IpRecognizer(), least=0.1),
        PresidioDetector(UsSsnRecognizer(patterns=ssn)),
    ]


def mail_detector() -> PresidioDetector:
    """Presidio's, with the list of public suffixes that ships with tldextract: it must never go online."""
    from presidio_analyzer.predefined_recognizers import EmailRecognizer

    class OfflineEmailRecognizer(EmailRecognizer):  # type: ignore[misc]
        def validate_result(self, pattern_text: str) -> bool | None:
            """An address inside a company (anna@crm.local) is an address too, only less surely."""
            return True if is_public(pattern_text) else None

    return PresidioDetector(OfflineEmailRecognizer())


def validator(name: str) -> Callable[[str], bool]:
    """The checksum of one of Presidio's predefined recognisers, by its class name."""
    from presidio_analyzer import predefined_recognizers

    recognizer = getattr(predefined_recognizers, name)()
    return lambda value: bool(recognizer.validate_result(value))


def _validated(recognizer: Any, matched: str, score: float) -> float:
    """Presidio's rule: a validator lifts the score to 1 or rules the match out."""
    if not matched or recognizer.invalidate_result(matched):
        return 0.0
    valid = recognizer.validate_result(matched)
    return score if valid is None else float(valid)


def _compiled(recognizer: Any) -> list[tuple[str, float, Any]]:
    return [
        (pattern.name, pattern.score, regex.compile(pattern.regex, recognizer.global_regex_flags))
        for pattern in recognizer.patterns
    ]


def _artifacts(text: str, recognizer: Any) -> Any:
    from presidio_analyzer.nlp_engine import NlpArtifacts

    words = list(_WORD.finditer(text))
    tokens = [word.group() for word in words]
    artifacts = NlpArtifacts(
        [], tokens, [word.start() for word in words], tokens, None, recognizer.supported_language
    )
    artifacts.keywords = [token.lower() for token in tokens]
    return artifacts


def _enhanced(text: str, weak: list[_Found], recognizer: Any) -> list[_Found]:
    """What Presidio's context enhancer makes of it, by the words as they are written."""
    from presidio_analyzer import AnalysisExplanation, RecognizerResult
    from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer

    known = {RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recognizer.id}
    results = [
        RecognizerResult(
            each.entity,
            each.start,
            each.end,
            each.score,
            AnalysisExplanation(recognizer.name, each.score),
            known,
        )
        for each in weak
        if _WORD.search(text, each.start, each.end)
    ]
    better = LemmaContextAwareEnhancer().enhance_using_context(
        text, results, _artifacts(text, recognizer), [recognizer]
    )
    return [_Found(each.start, each.end, each.entity_type, each.score) for each in better]


def _from_file(path: Path) -> Iterator[Any]:
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer
    from presidio_analyzer.recognizer_registry import RecognizerRegistryProvider

    if not path.is_file():
        raise RecognizerMissing(str(path), "there is no such file")
    for recognizer in RecognizerRegistryProvider(conf_file=path).create_recognizer_registry().recognizers:
        if isinstance(recognizer, SpacyRecognizer):
            raise RecognizerMissing(str(path), f"{recognizer.name} needs a language model of Presidio's")
        yield recognizer


def _from_python(place: str) -> Any:
    from presidio_analyzer import EntityRecognizer

    module, colon, name = place.partition(":")
    if not colon:
        raise RecognizerMissing(place, "give a file ending in .yaml, or module:Class")
    recognizer = getattr(import_module(module), name)()
    if not isinstance(recognizer, EntityRecognizer):
        raise RecognizerMissing(place, "this is no presidio_analyzer.EntityRecognizer")
    return recognizer
