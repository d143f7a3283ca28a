from __future__ import annotations

import pytest

from redaction import EntityType
from redaction.detectors.secrets import SecretDetector
from redaction.normalise import Reading

DETECTOR = SecretDetector()
LETTERS = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0fG3hJ6"


def found(text: str) -> set[str]:
    spans = DETECTOR.find(Reading(text))
    assert {span.type for span in spans} <= {EntityType.SECRET}
    return {text[span.start : span.end] for span in spans}


@pytest.mark.parametrize(
    "key",
    [
        "AKIA" + "IOSFODNN7ABCDEFG",
        "ghp_" + LETTERS,
        "github_pat_" + LETTERS,
        "glpat-" + LETTERS[:20],
        "xoxb-" + "123456789012-" + LETTERS[:24],
        "sk_live_" + LETTERS[:24],
        "AIza" + LETTERS[:35],
        "sk-proj-" + LETTERS,
        "sk-ant-" + LETTERS,
        "SG." + LETTERS[:22] + "." + LETTERS,
        "SK" + "0a" * 16,
        "npm_" + LETTERS,
        "pypi-" + LETTERS,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0." + LETTERS,
    ],
)
def test_a_key_of_a_known_form_is_covered_whole(key: str) -> None:
    assert key in found(f"we use {key}, and it fails")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("My password is hunter2.", "hunter2"),
        ("Passwort: Sommer2024!", "Sommer2024!"),
        ("mot de passe : Soleil75", "Soleil75"),
        ("contraseña: Verano_24", "Verano_24"),
        ("wachtwoord=Fiets99", "Fiets99"),
        ("senha: abc123", "abc123"),
        ("PIN: 1234", "1234"),
        ("api_key=9f86d081884c7d659a2feaa0c55ad015", "9f86d081884c7d659a2feaa0c55ad015"),
        ('"client_secret": "abCdEfGhIjKlMnOpQrSt"', "abCdEfGhIjKlMnOpQrSt"),
        ("Authorization: Bearer abcDEF123456xyz7890", "abcDEF123456xyz7890"),
        ("postgresql://app:s3cr3t@db.example/x", "s3cr3t"),
        ("https://bob:open@host.example/", "open"),
        ("hook https://hooks.slack.com/services/T00/B00/XyZ", "https://hooks.slack.com/services/T00/B00/XyZ"),
    ],
)
def test_of_an_assignment_the_value_is_covered(text: str, secret: str) -> None:
    assert secret in found(text)


@pytest.mark.parametrize("end", ["-----END RSA PRIVATE KEY-----", ""])
def test_a_private_key_is_covered_even_when_its_end_is_cut_off(end: str) -> None:
    key = f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEabc/def+\nghi=\n{end}"
    assert {part.strip() for part in found(key)} == {key.strip()}


@pytest.mark.parametrize(
    "text",
    [
        "the password is required",
        "password reset requested",
        "The token is expired",
        "API key: see attachment",
        "the PIN is required",
        "The basic information about heat pumps",
        "the key accounts of 2024",
        "the tan line was 12 cm",
        "secret: none",
        "see https://host.example:8080/path",
    ],
)
def test_talk_about_secrets_holds_none(text: str) -> None:
    assert found(text) == set()
