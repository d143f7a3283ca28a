# ruff: noqa: E501 - a regular expression is easiest to read in one piece
"""Keys and passwords: known forms of keys, values beside a word such as “password”, logins inside addresses.

The shapes are our own: the best kept library, detect-secrets 1.5, takes 6 ms for 500 characters.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from redaction.entities import EntityType, Source, Span
from redaction.normalise import Reading

_KNOWN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA)[A-Z0-9]{16}|"  # Amazon
    r"gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255}|"  # GitHub
    r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[A-Za-z0-9_\-.]{20,300}|GR1348941[A-Za-z0-9_\-]{20}|"  # GitLab
    r"xox[abeoprs]-[A-Za-z0-9\-]{10,250}|xapp-\d-[A-Za-z0-9\-]{10,250}|"  # Slack
    r"(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,250}|whsec_[A-Za-z0-9+/=]{20,100}|"  # Stripe
    r"AIza[A-Za-z0-9_\-]{35}|GOCSPX-[A-Za-z0-9_\-]{28}|ya29\.[A-Za-z0-9_\-]{20,500}|"  # Google
    r"sk-(?:proj-|ant-|svcacct-|admin-|or-)?[A-Za-z0-9_\-]{16,250}|gsk_[A-Za-z0-9]{40,60}|hf_[A-Za-z0-9]{30,50}|"  # models
    r"SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{16,64}|key-[0-9a-f]{32}|"  # SendGrid, Mailgun
    r"(?:AC|SK)[0-9a-f]{32}|"  # Twilio
    r"npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_\-]{16,300}|rubygems_[0-9a-f]{48}|dckr_pat_[A-Za-z0-9_\-]{20,60}|"  # packages
    r"dop_v1_[0-9a-f]{64}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|sq0(?:atp|csp)-[A-Za-z0-9_\-]{22,43}|"
    r"EAAC[A-Za-z0-9]{20,300}|hv[sb]\.[A-Za-z0-9_\-]{20,300}|NRAK-[A-Z0-9]{27}|glsa_[A-Za-z0-9_]{32,60}|"
    r"AGE-SECRET-KEY-1[A-Z0-9]{58}|clt_[A-Za-z0-9_\-]{16,120}|"
    r"eyJ[A-Za-z0-9_\-]{8,4000}\.eyJ[A-Za-z0-9_\-]{4,8000}(?:\.[A-Za-z0-9_\-]{0,2000})?|"  # JSON web tokens
    r"eyJ[A-Za-z0-9_\-]{8,4000}\.[A-Za-z0-9_\-]{8,8000}\.[A-Za-z0-9_\-]{8,2000}"
    r")(?![A-Za-z0-9])"
)
_HOOK = re.compile(
    r"https://(?:hooks\.slack\.com/(?:services|workflows)|(?:discord|discordapp)\.com/api/webhooks|"
    r"[a-z0-9\-]{1,60}\.webhook\.office\.com)/[A-Za-z0-9_\-/@]{10,300}"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[A-Za-z0-9+/=\s\\:,.]|-(?!-)){0,20000}(?:-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----)?"
)
_LOGIN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9+.\-]{1,20}://(?P<user>[^\s:/@'\"<>]{0,100}):(?P<secret>[^\s/@'\"<>]{1,200})@(?=[\w\[])"
)
_WORDS = (
    r"(?:pass(?:word|wd|phrase|code)?|pwd?|passwort|kennwort|zugangsdaten|sicherheitscode|security code|geheimnis|"
    r"mot de passe|mdp|code secret|contraseña|clave|"
    r"parola d'ordine|codice segreto|wachtwoord|palavra-passe|senha|pin(?:-?code)?|puk|tan|otp|cvv2?|cvc2?|"
    r"(?:api|access|secret|private|auth|encryption|signing|client|account|license|app|consumer|master|deploy|service)"
    r"[ _\-]?(?:key|token|secret)(?:[ _\-]?id)?|secret|token|bearer|api-schlüssel|zugangsschlüssel|clé d'api)"
)
_AFTER_WORD = re.compile(
    rf"(?<![A-Za-z])(?P<word>{_WORDS})[\"'`]?(?: ?(?:is|was|ist|lautet|est|es|è|é):?| ?[:=]+>?| (?=[A-Za-z0-9+/_\-.=]{{20}})"
    r"| (?=\S*[A-Za-z])(?=\S*\d)(?=\S{6})| (?=\d{3,8}\b))"
    r" ?[\"'`]?(?P<secret>[^\s\"'`<>]{3,512})",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?i)(?<![a-z])(?:authorization: ?)?(?:basic|bearer) (?P<secret>[A-Za-z0-9+/_\-.~=]{12,4000})"
)
_SHORT_WORDS = frozenset(
    {
        "pin",
        "security code",
        "sicherheitscode",
        "pincode",
        "pin-code",
        "puk",
        "tan",
        "otp",
        "cvv",
        "cvv2",
        "cvc",
        "cvc2",
        "passcode",
        "code secret",
    }
)
_LIST_ENDS = ".,;:)]}>"
_LOOKS_LIKE_A_KEY = re.compile(r"[A-Za-z0-9+/_\-.=]+")
_BITS = 3.0
_HINT = re.compile(
    r"pass|pwd?\b|kennwort|zugangsdaten|\wcode|code\b|geheim|mdp|secret|segreto|contraseña|clave|parola|wachtwoord|senha|pin|puk|tan|otp|cv[vc]|"
    r"key|token|bearer|basic|schlüssel|clé|://|-----BEGIN",
    re.IGNORECASE,
)


class SecretDetector:
    """Finds what opens a door. Of an assignment only the value is covered, so the text keeps its sense.

    Values beside a word must have a digit or a sign in them, or the disorder of a key: “the password is
    required” holds none.
    """

    name = "secret"

    def find(self, reading: Reading) -> list[Span]:
        """Spans of the original text."""
        text = reading.normalised.text
        return [
            Span(*reading.normalised.original(start, end), EntityType.SECRET, score, Source.PATTERN)
            for start, end, score in _secrets(text)
        ]


def _secrets(text: str) -> Iterator[tuple[int, int, float]]:
    for found in _KNOWN.finditer(text):
        yield *found.span(), 0.95
    if _HINT.search(text) is None:
        return
    for pattern in (_PRIVATE_KEY, _HOOK):
        for found in pattern.finditer(text):
            yield *found.span(), 0.95
    for found in _LOGIN.finditer(text):
        yield *found.span("secret"), 0.9
    for found in _HEADER.finditer(text):
        if _disorder(found.group("secret")) >= _BITS:
            yield *found.span("secret"), 0.8
    for found in _AFTER_WORD.finditer(text):
        start, end = found.span("secret")
        while end > start and text[end - 1] in _LIST_ENDS:
            end -= 1
        if _is_secret(found.group("word").lower(), text[start:end]):
            yield start, end, 0.7


def _is_secret(word: str, value: str) -> bool:
    if word in _SHORT_WORDS:
        return 3 <= len(value) <= 12 and value.isdigit()
    if len(value) < 4 or value.startswith(("http://", "https://")):
        return False
    if any(character.isdigit() or character in "!@#$%^&*_+=~?" for character in value):
        return True
    return (
        len(value) >= 16
        and _LOOKS_LIKE_A_KEY.fullmatch(value) is not None
        and _disorder(value) >= _BITS + 0.5
    )


def _disorder(value: str) -> float:
    """Shannon's entropy of the characters, in bits a character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
