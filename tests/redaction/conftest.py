from __future__ import annotations

import pytest

from redaction import Analyzer, EntityType, Gazetteer, GazetteerEntry, load_analyzer

ANNA = "contact:17"
NORDWIND = "account:3"


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    return Gazetteer.build(
        [
            GazetteerEntry("Anna Schmidt", EntityType.PERSON, ANNA, "name"),
            GazetteerEntry("anna.schmidt@nordwind.example", EntityType.EMAIL, ANNA, "email"),
            GazetteerEntry("+49 (0)30 1234567", EntityType.PHONE, ANNA, "phone"),
            GazetteerEntry("12 Main Street, 12345 Berlin", EntityType.ADDRESS, ANNA, "address"),
            GazetteerEntry("Nordwind Logistik GmbH", EntityType.ORGANIZATION, NORDWIND, "name"),
            GazetteerEntry("AC-100-234", EntityType.ACCOUNT, NORDWIND, "number"),
        ]
    )


@pytest.fixture(scope="session")
def analyzer(gazetteer: Gazetteer) -> Analyzer:
    return load_analyzer(gazetteer)


@pytest.fixture(scope="session")
def quick_analyzer(gazetteer: Gazetteer) -> Analyzer:
    """Without the name detector, for laws that need many texts."""
    return load_analyzer(gazetteer, ner=False)
