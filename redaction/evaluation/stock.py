"""Presidio as it comes, to measure beside ours: its own recognisers, spaCy, its own thresholds."""

from __future__ import annotations

import logging
import warnings

from redaction.detectors.spacy_names import model_path
from redaction.domains import is_public

from .labelled import as_entity_type
from .report import Finder


def stock_presidio() -> Finder:
    """Presidio's default analyzer for English with the spaCy model that we carry. Raises ModelMissing.

    Everything that it reports counts as masked, as its anonymizer does by default.
    """
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from presidio_analyzer.predefined_recognizers import EmailRecognizer

    class OfflineEmailRecognizer(EmailRecognizer):  # type: ignore[misc]
        """The same rule with the list of suffixes that is installed: Presidio's would be fetched now."""

        def validate_result(self, pattern_text: str) -> bool:
            return is_public(pattern_text)

    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning)
        provider = NlpEngineProvider(
            nlp_configuration={
                "nlp_engine_name": "spacy",
                "models": [{"lang_code": "en", "model_name": str(model_path())}],
            }
        )
        engine = AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=["en"])

    engine.registry.remove_recognizer("EmailRecognizer")
    engine.registry.add_recognizer(OfflineEmailRecognizer())

    def find(text: str) -> list[tuple[str, int, int]]:
        found = [(one.start, one.end, one) for one in engine.analyze(text, language="en")]
        found.sort(key=lambda each: (each[0], -each[1]))
        kept: list[tuple[str, int, int]] = []
        for start, end, one in found:
            if not kept or end > kept[-1][2]:  # what lies inside another is masked with it
                kept.append((as_entity_type(one.entity_type), start, end))
        return kept

    return find
