# ruff: noqa: E501 - a table is easiest to read with a row in one piece
"""Tax and national numbers that prove themselves by a check digit, a fixed form, or a word beside them.

The checks are python-stdnum's, which follow each country's own rule; Presidio's where stdnum has none. A
check digit alone proves little of bare digits (every tenth order number has it), so these need a word of
their country near them; what also has a form of its own stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

from redaction.entities import EntityType, Source, Span
from redaction.normalise import Reading

from .presidio import validator

_BEFORE, _AFTER = 60, 25
_VAT_WORDS = r"\bvat\b|\btax\b|\bust\b|\bust-?id|umsatzst|\btva\b|\bp?iva\b|\bbtw\b"
_TAX_WORDS = r"\btax|\bvat\b|\btin\b|\btaxpayer"


@dataclass(frozen=True, slots=True)
class NationalNumber:
    """A kind of number. Its `shape` and `check` must hold, and `words` near it unless `alone` fits it too.

    `check` gets the number as it is written. Without `words` the shape is telling enough. Letters are
    capitals unless it is found in `any_case`.
    """

    name: str
    type: EntityType
    shape: str
    check: str
    words: str = ""
    alone: str = ""
    any_case: bool = False


# A check is `country.kind` of stdnum, or the class of a Presidio recogniser, or nothing.
_TAX, _ID = EntityType.TAX_ID, EntityType.ID
_DIGITS = (
    NationalNumber("social security number", _TAX, r"\d{3}[- ]?\d{2}[- ]?\d{4}", "us.ssn", r"social sec|\bss[ni]\b", r"\d{3}-\d{2}-\d{4}"),
    NationalNumber("ITIN", _TAX, r"9\d{2}[- ]?\d{2}[- ]?\d{4}", "us.itin", rf"\bitin\b|{_TAX_WORDS}", r"9\d{2}-\d{2}-\d{4}"),
    NationalNumber("EIN", _TAX, r"\d{2}-?\d{7}", "us.ein", r"\bf?ein\b|employer id|federal|\bvat\b|\btin\b|\btax"),
    NationalNumber("NHS number", _ID, r"\d{3}[- ]?\d{3}[- ]?\d{4}", "gb.nhs", r"\bnhs\b|national health"),
    NationalNumber("UTR", _TAX, r"\d{5} ?\d{5}", "gb.utr", r"\butr\b|unique tax|self.assessment|tax ref|hmrc"),
    NationalNumber("Steuer-ID", _TAX, r"\d{2} ?\d{3} ?\d{3} ?\d{3}", "de.idnr", rf"steuer|\bidnr|identifikationsn|bzst|{_TAX_WORDS}", r"\d{2} \d{3} \d{3} \d{3}"),
    NationalNumber("Steuernummer", _TAX, r"\d{2,5}[/ ]\d{3,4}[/ ]\d{4,5}|\d{10,13}", "de.stnr", r"steuern|steuer-n|st\.? ?-?nr|finanzamt|umsatzsteuer|\btax"),
    NationalNumber("NIR", _TAX, r"[1-478][- ]?\d{2}[- ]?\d{2}[- ]?\d{2}[- ]?\d{3}[- ]?\d{3}[- ]?\d{2}", "fr.nir", "", r".*"),
    NationalNumber("numéro fiscal", _TAX, r"[0-3]\d[ ]?\d{2} ?\d{3} ?\d{3} ?\d{3}", "fr.nif", r"fiscal|\bspi\b|impôt|impots|\btax"),
    NationalNumber("SIREN", _TAX, r"\d{3} ?\d{3} ?\d{3}", "fr.siren", r"\bsiren\b|\brcs\b|\btva\b"),
    NationalNumber("SIRET", _TAX, r"\d{3} ?\d{3} ?\d{3} ?\d{5}", "fr.siret", r"\bsiret\b"),
    NationalNumber("partita IVA", _TAX, r"\d{11}", "it.iva", r"\bp\.? ?iva\b|partita iva|\biva\b|\bvat\b|codice fiscale|\bcf\b"),
    NationalNumber("BSN", _TAX, r"\d{4}[. ]?\d{2}[. ]?\d{3}|\d{9}", "nl.bsn", r"\bbsn\b|burgerservice|sofi-?n|citizen service"),
    NationalNumber("Aadhaar", _ID, r"[2-9]\d{3}[- ]?\d{4}[- ]?\d{4}", "in_.aadhaar", r"aadha?ar|uidai|आधार", r"[2-9]\d{3} \d{4} \d{4}"),
    NationalNumber("rijksregisternummer", _ID, r"\d{2}[. ]?\d{2}[. ]?\d{2}[- ]?\d{3}[. ]?\d{2}", "be.nn", r"rijksregister|registre national|national n|\binsz\b|\bniss\b", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}"),
    NationalNumber("AHV-Nummer", _ID, r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2}", "ch.ssn", r"\bahv|\bavs\b|sozialvers", r"756\.\d{4}\.\d{4}\.\d{2}"),
    NationalNumber("österreichische SVNR", _ID, r"\d{4} ?\d{6}", "at.vnr", r"\bsvnr|sozialvers|versicherungsn|\bsv-n"),
    NationalNumber("NIF português", _TAX, r"[1-35689]\d{2} ?\d{3} ?\d{3}", "pt.nif", r"\bnif\b|contribuinte|\bnipc\b"),
    NationalNumber("PESEL", _ID, r"\d{11}", "pl.pesel", r"pesel"),
)  # fmt: skip
_LETTERED = (
    NationalNumber("NINO", _TAX, r"(?!BG|GB|NK|KN|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[A-D]", ""),
    NationalNumber("Sozialversicherungsnummer", _TAX, r"\d{2} ?\d{6} ?[A-Z] ?\d{3}", "DeSocialSecurityRecognizer", any_case=True),
    NationalNumber("Krankenversichertennummer", _ID, r"[A-Z]\d{9}", "DeHealthInsuranceRecognizer", r"krankenvers|krankenkass|versicherten|\bkvnr"),
    NationalNumber("Personalausweis", _ID, r"[A-Z][CFGHJKLMNPRTVWXYZ\d]{8}\d?", "icao", r"ausweis|identity card|\bid card|national id|reisepass|passport|\bpass(?:nummer|-?nr)?\b", any_case=True),
    NationalNumber("NIR corse", _TAX, r"[1-478][ ]?\d{2}[ ]?\d{2}[ ]?2[AB][ ]?\d{3}[ ]?\d{3}[ ]?\d{2}", "fr.nir", any_case=True),
    NationalNumber("DNI", _TAX, r"\d{2}\.?\d{3}\.?\d{3}[- ]?[A-Z]", "es.dni", any_case=True),
    NationalNumber("NIE", _TAX, r"[XYZ]-?\d{7}-?[A-Z]", "es.nie", any_case=True),
    NationalNumber("CIF", _TAX, r"[ABCDEFGHJNPQRSUVW]-?\d{7}-?[\dA-J]", "es.cif", r"\b[cn]if\b|\biva\b|\bvat\b|\bempresa|sociedad|\bs\.?[al]\."),
    NationalNumber("codice fiscale", _TAX, r"[A-Z]{6} ?\d[\dL-V] ?[A-EHLMPR-T][\dL-V]{2} ?[A-Z][\dL-V]{3} ?[A-Z]", "it.codicefiscale", any_case=True),
    NationalNumber("PAN", _TAX, r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", "in_.pan"),
    NationalNumber("GSTIN", _TAX, r"\d{2}[A-Z]{5}\d{4}[A-Z][A-Z\d]Z[A-Z\d]", "in_.gstin", any_case=True),
    NationalNumber("VAT number", _TAX, r"(?:AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI)[- ]?(?=[A-Z]{0,2}[\dU])[A-Z\d](?:[ .\-]?[\dA-Z+*]){6,12}", "eu.vat"),
    NationalNumber("VAT number, unchecked", _TAX, r"(?:DE-?\d{9}|ATU\d{8}|FR-?[A-Z\d]{2}\d{9}|NL-?\d{9}B\d{2}|BE-?[01]\d{9}|IT-?\d{11}|ES-?[A-Z]\d{7}[\dA-Z]|PL-?\d{10}|GB-?(?:\d{9}|\d{12})|CHE-?\d{3}\.?\d{3}\.?\d{3})", ""),
    NationalNumber("VAT number in small letters", _TAX, r"(?:DE-?\d{9}|ATU\d{8}|FR-?[A-Z\d]{2}\d{9}|NL-?\d{9}B\d{2}|BE-?[01]\d{9}|IT-?\d{11}|ES-?[A-Z]\d{7}[\dA-Z]|PL-?\d{10}|GB-?(?:\d{9}|\d{12})|CHE-?\d{3}\.?\d{3}\.?\d{3})", "", _VAT_WORDS, any_case=True),
)  # fmt: skip

_RUN_OF_DIGITS = re.compile(r"(?<!\w)(?<!\d[.,/\-])\d(?:[ ./\-]?\d){7,18}(?!\w)(?![.,]\d)")
_HAS_DIGITS = re.compile(r"\d{2}[^\n]{0,4}?\d{2}")


class NationalIdDetector:
    """Finds the numbers of the United States, the United Kingdom, India and a dozen countries of Europe."""

    name = "national number"

    def __init__(self) -> None:
        self._digits = [_Compiled(kind) for kind in _DIGITS]
        self._lettered = [_Compiled(kind) for kind in _LETTERED]

    def find(self, reading: Reading) -> list[Span]:
        """Spans of the original text."""
        text = reading.normalised.text
        if _HAS_DIGITS.search(text) is None:
            return []
        return [
            Span(*reading.normalised.original(start, end), kind, score, source)
            for start, end, kind, score, source in (*self._bare(text), *self._with_letters(text))
        ]

    def _bare(self, text: str) -> Iterator[tuple[int, int, EntityType, float, Source]]:
        for run in _RUN_OF_DIGITS.finditer(text):
            written = run.group()
            near = _around(text, run.start(), run.end())
            for each in self._digits:
                if each.shape.fullmatch(written) and each.stands(written, near) and each.holds(written):
                    yield *run.span(), each.kind.type, *each.trust
                    break

    def _with_letters(self, text: str) -> Iterator[tuple[int, int, EntityType, float, Source]]:
        for each in self._lettered:
            for found in each.anywhere.finditer(text):
                written = found.group()
                near = _around(text, found.start(), found.end())
                if each.stands(written, near) and each.holds(written):
                    yield *found.span(), each.kind.type, *each.trust


class _Compiled:
    """A kind with its expressions and its check."""

    def __init__(self, kind: NationalNumber) -> None:
        self.kind = kind
        self.shape = re.compile(kind.shape)
        self.anywhere = re.compile(rf"(?<![A-Za-z0-9])(?:{kind.shape})(?![A-Za-z0-9])", kind.any_case * re.I)
        self._alone = re.compile(kind.alone) if kind.alone else None
        self._words = re.compile(kind.words) if kind.words else None
        self.holds = _check(kind.check)
        self.trust = (1.0, Source.CHECKSUM) if kind.check else (0.5, Source.PATTERN)

    def stands(self, written: str, near: str) -> bool:
        """Whether the number may be taken for one here, if its check holds."""
        if self._words is None or (self._alone is not None and self._alone.fullmatch(written)):
            return True
        return self._words.search(near) is not None


def _around(text: str, start: int, end: int) -> str:
    return f"{text[max(0, start - _BEFORE) : start]} | {text[end : end + _AFTER]}".lower()


def _check(name: str) -> Callable[[str], bool]:
    if not name:
        return lambda _: True
    if name == "icao":
        return _has_icao_digit
    country, dot, kind = name.partition(".")
    if dot:
        is_valid: Callable[[str], bool] = import_module(f"stdnum.{country}.{kind}").is_valid
        return is_valid
    valid = validator(name)
    return lambda written: valid(re.sub(r"\W", "", written).upper())


def _has_icao_digit(written: str) -> bool:
    """Whether the tenth character is the check digit of the nine before (ICAO Doc 9303); nine have none."""
    values = [int(character, 36) for character in written]
    return (
        len(values) < 10 or sum(v * w for v, w in zip(values, (7, 3, 1) * 3, strict=False)) % 10 == values[9]
    )
