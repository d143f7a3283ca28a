# ruff: noqa: E501 - a regular expression is easiest to read in one piece
"""The shapes of identities that we add to Presidio's: regular expressions in the syntax of `regex`."""

from __future__ import annotations

from dataclasses import dataclass

from redaction.entities import EntityType


@dataclass(frozen=True, slots=True)
class Shape:
    """One pattern; the whole match is the identity, so what must stand beside it is looked around at.

    `needs` is a quicker pattern (in any case): a text in which it is not found cannot hold the shape.
    """

    name: str
    type: EntityType
    regex: str
    score: float
    any_case: bool = True
    needs: str = ""


_DATE = (
    r"(?:\d{1,2}[./\-]\d{1,2}[./\-]\d{2,4}|\d{4}[-/.]\d{2}[-/.]\d{2}|"
    r"\d{1,2}(?:st|nd|rd|th|\.)? ?(?:of )?[a-zäé]{3,9}\.?,? \d{4}|[a-zäé]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4})"
)
_SUFFIX = (
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|ter|way|"
    r"parkway|pkwy|highway|hwy|circle|cir|trail|trl|crescent|close|walk|row|loop|alley|plaza|pike|gardens|grove|mews)"
)
# words that stand in sentences ("900 has been promised to Lane Group") and in hardly any name of a street
_NO_STREET = (
    r"(?!(?:to|for|from|by|with|in|on|at|is|are|was|were|be|been|being|has|have|had|will|would|can|could|may|must|"
    r"should|not|that|which|who|per|until|since|before|after|because|when|if)\b)"
)
_EUROPEAN_ENDING = (
    r"(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer|straat|laan|plein|gade|vej|vägen|gatan|veien|"
    r"katu|kuja|tie|utca|útja?|út|ulice|ulica|gata|gate|vegen|veien|stien|terrasse|stræti|stræde|braut|tér|körút)"
)
_PARTICLES = (
    r"(?: (?:de|du|des|la|le|les|del|della|dei|delle|di|da|do|dos|das|san|santa|saint|van|von|der|den)\b)"
)
_EUROPEAN_SUFFIX = rf"\w*{_EUROPEAN_ENDING}"
_EUROPEAN_PREFIX = (
    r"(?:rue|avenue|via|viale|piazza|corso|calle|avenida|plaza|rua|praça|ul\.|ulica|carrer|boulevard|place|allée|"
    r"chemin|largo|travessa|strada|quai)"
)
_UNIT = r"(?:,?[ \n]+(?:apt|apartment|suite|ste|unit|floor|room|box|#)\.? ?#?\w{1,6}\b)?"
_PHONE_WORD = (
    r"(?:phone|telephone|tel|mobile|cell|cellphone|fax|desk|call|ring|reach|text|whatsapp|telefon|telefonnummer|handy|"
    r"handynummer|rufnummer|mobil|hotline|téléphone|tél|portable|teléfono|tlf|móvil|telefono|cellulare|telefoon|"
    r"telefoonnummer|mobiel|gsm|telefone|telemóvel)"
)
_NUMBER_WORD = r"(?: ?(?:number|no|nr|num|id|code|nummer|numéro|número|numero|n°|nº)\b\.?)?"
_BIRTH_WORD = (
    r"(?:born|birthday|birthdate|birth|dob|d\.o\.b\.?|geboren|geb\.|geburtsdatum|geburtstag|née?|naissance|nacid[oa]|"
    r"nacimiento|nat[oa] (?:il|a)|nascita|geboortedatum|nascid[oa]|nascimento)"
)

SHAPES: tuple[Shape, ...] = (
    Shape(
        "web address",
        EntityType.URL,
        r"\b(?:https?|ftp)://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]|(?<![@\w.])www\.[a-z0-9\-]+(?:\.[a-z0-9\-]+)+(?:/[^\s<>\"']*)?",
        0.7,
    ),
    Shape(
        "web host",
        EntityType.URL,
        r"(?<![@\w.\-])(?:[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?\.)+(?:com|net|org|io|de|at|ch|eu|fr|nl|biz|info|co\.uk|dev|app)"
        r"\b(?:/[^\s<>\"']*)?(?![\w@])",
        0.5,
        any_case=False,
    ),
    Shape(
        "bracketed e-mail",
        EntityType.EMAIL,
        r"(?<![\w.+\-])[\w.+\-]{1,64} ?[\[(](?:at|@)[\])] ?[\w\-]+(?:(?:\.| ?[\[(]dot[\])] ?)\w+)+",
        0.6,
    ),
    Shape(
        "telephone after its word",
        EntityType.PHONE,
        rf"(?<=\b{_PHONE_WORD}\b[^\n\d+(]{{0,24}})(?:\+|\(\+?)?\d(?:[ ().\-/]{{0,3}}\d){{5,15}}(?:\s?(?:x|ext\.?)\s?\d{{1,6}})?(?![\w])",
        0.6,
    ),
    Shape(
        "international telephone",
        EntityType.PHONE,
        r"(?<![\w+])\+\d{1,3}(?:[ ().\-/]{0,3}\d){6,13}(?:\s?(?:x|ext\.?)\s?\d{1,6})?(?!\w)",
        0.6,
    ),
    Shape(
        "American telephone",
        EntityType.PHONE,
        r"(?<![\w\-.])(?:001[\-. ]|1[\-. ])?(?:\(\d{3}\) ?|\d{3}[\-.])\d{3}[\-. ]\d{4}(?:\s?(?:x|ext\.?)\s?\d{1,6})?(?![\w\-])",
        0.5,
    ),
    Shape(
        "date of birth",
        EntityType.DATE_OF_BIRTH,
        rf"(?<=\b{_BIRTH_WORD}(?!\w)[^\n\d]{{0,20}}){_DATE}\b",
        0.7,
        needs=rf"\b{_BIRTH_WORD}",
    ),
    Shape(
        "card after its word",
        EntityType.CARD,
        r"(?<=\b(?:card|visa|mastercard|amex|karte)\b[^\n\d]{0,24})\d(?:[ \-]?\d){11,18}(?!\w)",
        0.6,
    ),
    Shape(
        "IBAN",
        EntityType.IBAN,
        r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",
        0.5,
        any_case=False,
    ),
    Shape(
        "account after its word",
        EntityType.ACCOUNT,
        rf"(?<=\b(?:account|acct|a/c|konto|kontonummer|customer|kundennummer|member|policy|contract){_NUMBER_WORD}"
        r"[ :#]{1,3}(?:is )?)(?=[A-Z\-]*\d)[A-Z0-9][A-Z0-9\-]{4,24}[A-Z0-9]\b",
        0.5,
    ),
    Shape(
        "tax number after its word",
        EntityType.TAX_ID,
        rf"(?<=\b(?:tax|vat|tin|ein|itin|ssn|nino|ust-?id|ustid(?:nr)?|steuernummer|steuer-id|social security|tva|iva|btw|p\. ?iva|"
        rf"nif|cif|nie|dni|bsn|numéro fiscal|codice fiscale|nss)"
        rf"{_NUMBER_WORD}[ :#\-]{{1,3}}(?:(?:is|reads?|should|be|ist|lautet|est|es|è|:) ){{0,2}})"
        r"[A-Z]{0,3}[ \-]?\d(?:[ ./\-]?\d){4,14}[A-Z]?\b",
        0.6,
    ),
    Shape(
        "document after its word",
        EntityType.ID,
        rf"(?<=\b(?:passport|licen[cs]e|identity card|id card|ausweis|personalausweis|reisepass|führerschein|national id|passeport|"
        rf"carte d'identité|pasaporte|passaporto|carta d'identità|paspoort|rijbewijs|passaporte){_NUMBER_WORD}[ :#]{{1,3}}(?:is )?)"
        r"(?=[A-Z\-]*\d)[A-Z0-9][A-Z0-9\-]{4,16}[A-Z0-9]\b",
        0.6,
    ),
    Shape(
        "user name after its word",
        EntityType.USERNAME,
        r"(?<=\b(?:user ?name|login|user id|benutzername)(?: is|:|=)? ?[\"']?)(?!is\b|and\b|or\b)(?=\w*[\d_.\-])[\w.\-]{3,32}\w",
        0.5,
    ),
    Shape(
        "street and number",
        EntityType.ADDRESS,
        rf"(?<!\d\.)\b\d{{1,6}}[A-Z]?(?:[ \-]\d{{1,5}})?,? (?:{_NO_STREET}[\w.'’\-]+ ){{1,4}}?{_SUFFIX}\b\.?(?: (?:NW|NE|SW|SE|N|S|E|W)\b)?{_UNIT}",
        0.6,
    ),
    Shape(
        "European street and number",
        EntityType.ADDRESS,
        rf"\b(?:\d{{1,6}} )?(?:[^\W\d]{{2,20}} )?{_EUROPEAN_SUFFIX} \d{{1,5}} ?[a-z]?\b(?:[/\-]\d{{1,4}})?{_UNIT}|"
        rf"\b\d{{1,5}}(?: bis| ter)?,? {_EUROPEAN_PREFIX}{_PARTICLES}{{0,3}} [\w'’.\-]*\w(?: {_NO_STREET}(?-i:\p{{Lu}})[\w'’\-]+){{0,3}}|"
        rf"\b{_EUROPEAN_PREFIX}(?: [\w'’.\-]+){{1,4}},? \d{{1,5}}\b",
        0.6,
        needs=rf"{_EUROPEAN_ENDING} \d|\b{_EUROPEAN_PREFIX} ",
    ),
    Shape(
        "post box",
        EntityType.ADDRESS,
        r"\bP\.? ?O\.? ?Box \d{1,7}\b|\b(?:PSC|Unit|CMR) \d{3,5},? Box \d{1,5}\b",
        0.6,
    ),
    Shape(
        "military post",
        EntityType.ADDRESS,
        r"\b(?:APO|FPO|DPO),? (?:AA|AE|AP) \d{5}(?:-\d{4})?\b",
        0.7,
        any_case=False,
    ),
    Shape(
        "number, street, flat",
        EntityType.ADDRESS,
        r"\b\d{1,6} (?:[\w'’.\-]+ ){1,6}?(?:\d{1,5})?[\s>?|,]*(?:apt|apartment|suite)\.? #?\d{1,5}\b",
        0.6,
    ),
    Shape(
        "number and name after “at”",
        EntityType.ADDRESS,
        r"(?<=\b(?i:address|at|in|to|is)[: ]\s{0,8})\d{1,6} (?:\p{Lu}[\w'’.\-]+ ){1,4}\d{1,5}\b(?!:)",
        0.5,
        any_case=False,
    ),
    Shape("flat", EntityType.ADDRESS, r"\b(?:apt|apartment|suite)\.? #?\d{1,5}\b", 0.5),
    Shape(
        "post code after its word",
        EntityType.ADDRESS,
        r"(?<=\b(?:zip|post ?code|postal code|plz|postleitzahl)(?: ?code)?[ :#]{1,3}(?:is )?)(?!is\b)(?=[A-Z]{0,2} ?\d)[A-Z0-9][A-Z0-9 \-]{2,9}[A-Z0-9]\b",
        0.6,
    ),
    Shape(
        "American state and post code",
        EntityType.ADDRESS,
        r"\b[A-Z]{2} \d{5}(?:-\d{4})?\b",
        0.5,
        any_case=False,
    ),
    Shape(
        "British post code", EntityType.ADDRESS, r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b", 0.5, any_case=False
    ),
)
