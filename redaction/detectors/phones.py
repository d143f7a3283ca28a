"""Telephone numbers of strangers: groups of digits that the numbering plan of a country allows.

The plans are libphonenumber's. Its own matcher reads the whole text once for each country; here the groups
of digits are found once, and only what looks like a number is held against the plans.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from redaction.entities import EntityType, Source, Span
from redaction.normalise import Reading

_WITH_TRUNK_ZERO = ("DE", "GB", "FR", "CH", "AT", "NL", "BE", "AU", "IN", "IE", "SE", "PL")
_NORTH_AMERICA = ("US", "CA")
_OPEN = ("ES", "PT", "IT", "DK", "NO", "PL", "LU", "CZ")
"""Plans without a leading zero: a number stands as it is, so it must be grouped as it is spoken there."""
_PLANS = (*_WITH_TRUNK_ZERO, *_NORTH_AMERICA, *_OPEN)
_KINDS = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "uan",
)  # fmt: skip

_CANDIDATE = re.compile(
    r"(?<!\w)(?<!\d[./\-])(?:(?<!\d,)|(?=[+(]|0\d{2}))"
    r"(?:\+\s?)?\(?(?:\+\s?)?\d(?:[ ().\-/\n]{0,3}\d){6,30}(?!\w)"
)
_GROUP = re.compile(r"\d+")
_DATE = re.compile(r"\b(?:\d{1,2}([./\-])\d{1,2}\1(?:19|20)?\d{2}|(?:19|20)\d{2}([./\-])\d{1,2}\2\d{1,2})\b")
_EXTENSION = re.compile(r"\s?(?:x|ext\.?|extension|durchwahl|dw|poste|int\.?|toestel)\s?\d{1,6}\b", re.I)
_LABEL_AFTER = re.compile(
    r"(?:-|\s?[(\[])(?:office|fax|mobile|mobil|cell|phone|tel|telefon|home|work|desk|privat|direct|büro|bureau|handy)\b",
    re.I,
)
_SPOKEN = re.compile(
    r"[6-9]\d{2}(?: \d{2}){3}|[29]\d{2}[ .]\d{3}[ .]\d{3}|3\d{2}[ .\-/]\d{3} ?\d{3,4}|[6-9]\d{4}[ \-]\d{5}|"
    r"\d{2}(?: \d{2}){3}|\d{3} \d{2} \d{3}|\d{3} \d{3} \d{3}"
)
_AMERICAN = re.compile(r"(?:1[ .\-])?\(?[2-9]\d{2}\)?[ .\-]{0,2}[2-9]\d{2}[ .\-]\d{4}")
_AMOUNT_BEFORE = re.compile(r"(?:[€$£₹]|\b(?:eur|usd|gbp|chf|inr|rs\.?)) ?$", re.I)
_AMOUNT_AFTER = re.compile(
    r"[.,]\d| ?(?:[€$£₹%]|(?:eur|usd|gbp|chf|euros?|dollars?|pounds?|units?|pcs)\b)", re.I
)

_PHONE_WORDS = """
phone phones telephone tel mobile mob cell cellphone fax desk call calls called calling ring reach reached
dial text texted whatsapp sms signal hotline landline telefon telefonnummer fon handy handynummer mobil
rufnummer anrufen rufen ruf rückruf zurückrufen durchwahl erreichbar erreichen téléphone tél portable
appeler appelez rappeler joindre joignable fixe teléfono tlf tfno móvil movil celular llamar llame llámame
llamada telefono cellulare chiamare chiami chiamami telefoon telefoonnummer mobiel mobieltje gsm bellen bel
bereikbaar telefone telemóvel telemovel ligar ligue contacto
"""
_RECORD_WORDS = """
order orders po invoice ticket case ref reference article item tracking serial sku part batch parcel
shipment contract quote bestellung bestellnummer auftrag auftragsnummer rechnung rechnungsnummer vorgang
artikel artikelnummer sendung sendungsnummer kundennummer seriennummer vertrag vertragsnummer angebot charge
commande facture dossier colis référence contrat pedido factura referencia envío artículo contrato ordine
fattura pratica spedizione articolo contratto bestelling factuur zending encomenda fatura processo artigo
iban isbn ean gtin imei
"""
_NEAR = re.compile(r"[^\W\d_]+|#")
_IS_PHONE = frozenset(_PHONE_WORDS.split())
_IS_RECORD = frozenset([*_RECORD_WORDS.split(), "#"])


class PhoneDetector:
    """Numbers with a country code anywhere; national ones as they are grouped and dialled in each country.

    Digits that only happen to fit a plan are none without a word such as “phone” before them, and none at
    all after a word such as “order”, unless they begin with a country code.
    """

    name = "phone"

    def __init__(self) -> None:
        self._plans = {region: _plan(region) for region in _PLANS}

    def find(self, reading: Reading) -> list[Span]:
        """Spans of the original text."""
        text = reading.normalised.text
        spans = []
        for candidate in _CANDIDATE.finditer(text):
            for start, end in self._numbers(text, candidate.start(), candidate.end()):
                extension = _EXTENSION.match(text, end)
                end = extension.end() if extension else end
                place = reading.normalised.original(start, end)
                spans.append(Span(*place, EntityType.PHONE, 0.6, Source.PATTERN))
        return spans

    def _numbers(self, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The numbers in one run of groups, from the left, the longest first."""
        dates = [found.span() for found in _DATE.finditer(text, start, end)]
        groups = [
            group.span()
            for group in _GROUP.finditer(text, start, end)
            if not any(first <= group.start() < last for first, last in dates)
        ]
        first = 0
        while first < len(groups):
            begin = _with_prefix(text, groups[first][0], start)
            last = self._last_group(text, groups, first, begin)
            if last is None:
                first += 1
            else:
                yield begin, groups[last][1]
                first = last + 1

    def _last_group(self, text: str, groups: list[tuple[int, int]], first: int, begin: int) -> int | None:
        for last in reversed(range(first, min(len(groups), first + 8))):
            digits = sum(finish - start for start, finish in groups[first : last + 1])
            if digits < 7:
                return None
            if digits <= 16 and self._is_number(text, begin, groups[last][1], whole=len(groups) == last + 1):
                return last
        return None

    def _is_number(self, text: str, start: int, end: int, *, whole: bool) -> bool:
        written = text[start:end]
        digits = "".join(_GROUP.findall(written))
        if written.lstrip("( ").startswith("+"):
            return self._is_international(digits)
        if digits.startswith("00"):
            return self._is_international(digits[2:])
        word = _last_word(text, start)
        if word is False:
            return False
        if whole and _LABEL_AFTER.match(text, end):
            return len(digits) <= 15
        if word and len(digits) >= 7:
            return self._fits_anywhere(digits)
        if "\n" in written or (start > 0 and text[start - 1] in "#_-"):
            return False
        if digits[0] == "0":
            return self._fits_with_trunk(written, digits)
        if _AMOUNT_BEFORE.search(text, max(0, start - 6), start) or _AMOUNT_AFTER.match(text, end):
            return False
        if _AMERICAN.fullmatch(written):
            national = digits[-10:]
            return any(self._plans[region].fullmatch(national) for region in _NORTH_AMERICA)
        if not whole or not _SPOKEN.fullmatch(written) or digits.endswith("000"):
            return False
        return any(self._plans[region].fullmatch(digits) for region in (*_OPEN, "IN"))

    def _is_international(self, digits: str) -> bool:
        from phonenumbers import NumberParseException, is_valid_number, parse

        try:
            return is_valid_number(parse(f"+{digits}"))
        except NumberParseException:
            return False

    def _fits_with_trunk(self, written: str, digits: str) -> bool:
        """A number that begins with 0 is long enough to be no other, or divided as numbers are."""
        groups = _GROUP.findall(written)
        if len(groups[0]) < 2 or len(digits) < (9 if len(groups) > 1 else 10) or digits.endswith("0000"):
            return False
        return self._plans["IT"].fullmatch(digits) is not None or any(
            self._plans[region].fullmatch(digits[1:]) for region in _WITH_TRUNK_ZERO
        )

    def _fits_anywhere(self, digits: str) -> bool:
        bare = digits.lstrip("0")
        return any(plan.fullmatch(number) for number in {digits, bare} for plan in self._plans.values())


def _plan(region: str) -> re.Pattern[str]:
    """All numbers that a country has given out, without trunk prefix."""
    from phonenumbers import PhoneMetadata

    metadata = PhoneMetadata.metadata_for_region(region)
    kinds = (getattr(metadata, kind) for kind in _KINDS)
    patterns = dict.fromkeys(kind.national_number_pattern for kind in kinds if kind is not None)
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns if pattern))


def _with_prefix(text: str, position: int, least: int) -> int:
    """Where the number begins that has its first digit here: with its “+”, its bracket, or both."""
    start = position
    while start > least and text[start - 1] in "+( ":
        start -= 1
    prefix = text[start:position].strip()
    return position - len(text[start:position].lstrip()) if prefix else position


def _last_word(text: str, position: int) -> bool | None:
    """Whether the nearest telling word before says phone (True) or record number (False)."""
    words = _NEAR.findall(text, max(0, position - 36), position)
    for word in reversed(words[-5:]):
        lower = word.lower()
        if lower in _IS_PHONE:
            return True
        if lower in _IS_RECORD:
            return False
    return None
