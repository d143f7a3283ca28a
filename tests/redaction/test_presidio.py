from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult

from redaction import DetectorFailed, EntityType, RecognizerMissing, load_recognizers, load_redactor
from redaction.detectors.presidio import PresidioDetector, entity_type
from redaction.normalise import Reading

BADGE = Pattern("badge", r"\bB-\d{4}\b", 0.6)
WEAK = Pattern("locker", r"\b\d{3}\b", 0.05)


class Rooms(EntityRecognizer):  # type: ignore[misc]
    """A recogniser with a loop of its own, as a company would write it."""

    def __init__(self) -> None:
        super().__init__(["ROOM"], name="rooms")

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any) -> list[RecognizerResult]:
        return [
            RecognizerResult("ROOM", start, start + len(word), 0.9)
            for word, start in zip(nlp_artifacts.tokens, nlp_artifacts.tokens_indices, strict=True)
            if word.startswith("R") and word[1:].isdigit()
        ]


class Broken(Rooms):
    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any) -> list[RecognizerResult]:
        raise RuntimeError(f"cannot read {text}")


class Beyond(Rooms):
    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any) -> list[RecognizerResult]:
        return [RecognizerResult("ROOM", 0, len(text) + 1, 0.9)]


class Slow(Rooms):
    may_end = threading.Event()

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any) -> list[RecognizerResult]:
        if "wait" in text:
            self.may_end.wait()
        return []


def found(detector: PresidioDetector, text: str) -> list[tuple[str, EntityType]]:
    return [(text[span.start : span.end], span.type) for span in detector.find(Reading(text))]


def test_a_recogniser_of_patterns_is_a_detector() -> None:
    detector = PresidioDetector(PatternRecognizer("BADGE", patterns=[BADGE]))
    assert found(detector, "ask B-1234 or B-\u200b5678") == [
        ("B-1234", EntityType.ID),
        ("B-\u200b5678", EntityType.ID),
    ]


def test_a_recogniser_with_a_loop_of_its_own_is_given_the_words() -> None:
    assert found(PresidioDetector(Rooms()), "meet in R12, not in Rome") == [("R12", EntityType.ID)]


def test_its_names_may_be_mapped() -> None:
    detector = PresidioDetector(Rooms(), {"ROOM": EntityType.LOCATION})
    assert found(detector, "in R12") == [("R12", EntityType.LOCATION)]


def test_a_weak_pattern_counts_beside_one_of_its_words_only() -> None:
    detector = PresidioDetector(PatternRecognizer("LOCKER", patterns=[WEAK], context=["locker"]))
    assert found(detector, "the locker 417 is mine") == [("417", EntityType.ID)]
    assert found(detector, "we ordered 417 of them") == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("EMAIL_ADDRESS", EntityType.EMAIL),
        ("CREDIT_CARD", EntityType.CARD),
        ("US_SSN", EntityType.TAX_ID),
        ("IT_FISCAL_CODE", EntityType.TAX_ID),
        ("ACCOUNT", EntityType.ACCOUNT),
        ("COMPANY_CAR", EntityType.ID),
    ],
)
def test_an_entity_that_nobody_knows_is_an_id(name: str, kind: EntityType) -> None:
    assert entity_type(name) is kind


@pytest.mark.parametrize(
    ("recognizer", "reason"), [(Broken(), "RuntimeError"), (Beyond(), "outside the text")]
)
def test_a_recogniser_that_fails_refuses_the_text_and_says_nothing_of_it(
    recognizer: EntityRecognizer, reason: str
) -> None:
    redactor = load_redactor(ner=False, more=[PresidioDetector(recognizer)])
    with pytest.raises(DetectorFailed, match=reason) as failed:
        redactor.detect("a room")
    assert "a room" not in str(failed.value)


def test_a_recogniser_that_does_not_come_back_refuses_every_text_until_it_does() -> None:
    detector = PresidioDetector(Slow(), seconds=0.01)
    with pytest.raises(DetectorFailed, match="out of time"):
        detector.find(Reading("wait"))
    stuck = detector._stuck
    assert stuck is not None
    with pytest.raises(DetectorFailed, match="has not come back"):
        detector.find(Reading("anything"))
    Slow.may_end.set()
    stuck.join(timeout=30)
    detector._seconds = 30
    assert detector.find(Reading("anything")) == []


def test_a_pattern_that_runs_out_of_time_is_an_error() -> None:
    detector = PresidioDetector(PatternRecognizer("BADGE", patterns=[BADGE]), seconds=1e-9)
    with pytest.raises(DetectorFailed, match="out of time"):
        detector.find(Reading("ask B-1234 now " * 5000))


REGISTRY = """
supported_languages: [en]
recognizers:
  - name: badges
    supported_language: en
    supported_entity: BADGE
    patterns:
      - {name: badge, regex: 'B-\\d{4}', score: 0.6}
    context: [badge]
"""


def test_a_registry_file_of_presidio_gives_detectors(tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(REGISTRY)
    redactor = load_redactor(ner=False, more=load_recognizers(tmp_path / "ours.yaml"))
    (span,) = redactor.detect("the badge B-1234")
    assert (span.start, span.end, span.type) == (10, 16, EntityType.ID)


def test_a_class_is_named_by_its_module() -> None:
    (detector,) = load_recognizers("tests.redaction.test_presidio:Rooms")
    assert found(detector, "in R12") == [("R12", EntityType.ID)]


@pytest.mark.parametrize(
    "place",
    ["nowhere.yaml", "nowhere:Rooms", "tests.redaction.test_presidio:Nothing", "pathlib:Path", "Rooms"],
)
def test_recognisers_that_cannot_be_loaded_stop_the_start(place: str) -> None:
    with pytest.raises(RecognizerMissing, match=place):
        load_recognizers(place)


def test_a_recogniser_that_needs_presidios_own_model_is_refused(tmp_path: Path) -> None:
    registry = tmp_path / "spacy.yaml"
    registry.write_text(
        "supported_languages: [en]\nrecognizers:\n  - {name: SpacyRecognizer, type: predefined}\n"
    )
    with pytest.raises(RecognizerMissing, match="language model"):
        load_recognizers(registry)
