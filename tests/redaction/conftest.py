from __future__ import annotations

import pytest

from redaction import EntityType, Gazetteer, GazetteerEntry, Redactor, load_redactor

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
def redactor(gazetteer: Gazetteer) -> Redactor:
    return load_redactor(gazetteer)


@pytest.fixture(scope="session")
def quick_redactor(gazetteer: Gazetteer) -> Redactor:
    """Without the name detector, for laws that need many texts."""
    return load_redactor(gazetteer, ner=False)
