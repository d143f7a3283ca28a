"""What a company says itself of what is masked."""

import re
import uuid
from pathlib import Path

import httpx
import pytest
from presidio_analyzer import Pattern, PatternRecognizer

from gateway import DoorClient, SettingsError, TextPart
from gateway.door import create_door_app
from gateway.door.settings import MaskingSettings
from gateway.http import create_http_client
from redaction import Level

from .conftest import Site, principal, until_ready
from .server import serving

_TEXT = "Norbert Quandt (31 years old) has permit P-12345."


class PermitRecognizer(PatternRecognizer):  # type: ignore[misc]
    """As a company would write it for Presidio."""

    def __init__(self) -> None:
        super().__init__("ID", patterns=[Pattern("permit", r"\bP-\d{5}\b", 0.8)])


async def _redacted(http: httpx.AsyncClient, site: Site) -> str:
    client = DoorClient(http, site.tokens["work"])
    done = await client.redact(principal(), uuid.uuid4(), [TextPart("q", _TEXT)], purpose="question")
    return done.parts[0].text


async def test_a_companys_own_recogniser_its_words_and_its_level_count_in_the_door(site: Site) -> None:
    masking = MaskingSettings(
        level=Level.QUASI,
        allowed=frozenset({"Norbert Quandt"}),
        recognizers=(f"{__name__}:PermitRecognizer",),
    )
    door = site.settings.model_copy(update={"masking": masking})
    async with (
        serving(create_door_app(door)) as address,
        create_http_client(address, read_timeout=30) as http,
    ):
        await until_ready(http)
        masked = await _redacted(http, site)
        assert masked == "Norbert Quandt (<AGE_1> years old) has permit <ID_1>."
    usual = await _redacted(site.http, site)
    assert re.fullmatch(r"<PERSON_1> \(31 years old\) has permit .*", usual)


async def test_a_recogniser_that_is_not_there_stops_the_start(site: Site) -> None:
    masking = MaskingSettings(recognizers=(str(Path("nowhere.yaml")),))
    door = site.settings.model_copy(update={"masking": masking})
    app = create_door_app(door)
    with pytest.raises(SettingsError, match=r"masking\.recognizers"):
        async with app.router.lifespan_context(app):
            pass
