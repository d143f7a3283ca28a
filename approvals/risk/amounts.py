"""Amounts of money in German and English text, in digits and in words.

Where a number can be read in two ways (`1.234`), the larger reading counts: a limit must not be
missed by a decimal point. Offsets are code points, half open.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .timed import Finds

_UNITS: Final = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "a": 1, "an": 1, "couple": 2, "few": 9, "several": 9, "dozen": 12,
}  # fmt: skip
_SCALES: Final = {"hundred": 100, "grand": 1_000, "thousand": 1_000, "million": 1_000_000}
_EINER: Final = {
    "ein": 1, "eine": 1, "einen": 1, "eins": 1, "zwei": 2, "zwo": 2, "drei": 3, "vier": 4, "fünf": 5,
    "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "elf": 11, "zwölf": 12, "dreizehn": 13,
    "vierzehn": 14, "fünfzehn": 15, "sechzehn": 16, "siebzehn": 17, "achtzehn": 18, "neunzehn": 19,
    "zwanzig": 20, "dreißig": 30, "vierzig": 40, "fünfzig": 50, "sechzig": 60, "siebzig": 70,
    "achtzig": 80, "neunzig": 90, "paar": 9, "mehrere": 9, "einige": 9,
}  # fmt: skip
_MULTIPLIERS: Final = {
    "k": 1_000, "thousand": 1_000, "tausend": 1_000, "tsd": 1_000, "grand": 1_000, "hundred": 100,
    "hundert": 100, "m": 1_000_000, "mn": 1_000_000, "mio": 1_000_000, "million": 1_000_000,
    "millionen": 1_000_000, "millions": 1_000_000,
}  # fmt: skip
_CURRENCIES: Final = {
    "EUR": r"€|EUR|euros?",
    "USD": r"US\$|\$|USD|(?:US )?dollars?|US-dollar|bucks",
    "GBP": r"£|GBP|pounds?(?: sterling)?|quid|pfund",
    "CHF": r"CHF|SFr\.?|franken|(?:swiss )?francs?",
    "PLN": r"zł|PLN|złoty|zloty",
    "SEK": r"SEK",
    "NOK": r"NOK",
    "DKK": r"DKK|kr\.?|kron(?:er|or|en)",
    "CZK": r"Kč|CZK",
    "JPY": r"¥|JPY|yen",
}
_LONGEST: Final = 15  # words of a number; without an end each would be begun at every word of a long row
_CENTS: Final = r"cents?|ct|pence"

_DIGITS: Final = (
    r"(?:\d{1,3}(?:[.,'\u2019\u00a0\u202f ]\d{3}){1,6}(?!\d)(?:[.,]\d{1,2}(?!\d))?|\d+(?:[.,]\d+)?)"
    r"(?:[.,][-\u2013\u2014]+)?"
)
_SCALED: Final = rf"{_DIGITS}(?:[\s-]?(?:{'|'.join(sorted(_MULTIPLIERS, key=len, reverse=True))})\b\.?)?"
_ENGLISH_WORD: Final = "|".join(sorted([*_UNITS, *_SCALES], key=len, reverse=True))
_ENGLISH: Final = (
    rf"\b(?:{_ENGLISH_WORD})(?:(?:[\s-]{{1,3}}(?:and\s{{1,3}}|of\s{{1,3}})?|\s{{1,3}}and\s{{1,3}}a\s{{1,3}})(?:{_ENGLISH_WORD}))"
    rf"{{0,{_LONGEST}}}\b"
)


def _spelled(word: str) -> str:
    return word.replace("ü", "(?:ü|ue)").replace("ö", "(?:ö|oe)").replace("ß", "(?:ß|ss)")


_GERMAN_PART: Final = "|".join(
    _spelled(w) for w in sorted([*_EINER, "hundert", "tausend", "und"], key=len, reverse=True)
)
_GERMAN: Final = (
    rf"\b(?:(?:ein )?paar |mehrere |einige )?(?:{_GERMAN_PART}){{1,{_LONGEST}}}(?: million(?:en)?)?\b"
)
_NUMBER: Final = rf"(?:{_SCALED}|{_GERMAN}|{_ENGLISH})"
_MONEY: Final = "|".join(f"(?P<{{0}}{code}>{words})" for code, words in _CURRENCIES.items())
_RANGE: Final = r"\s?(?:-|\u2013|to|bis|and|und)\s?"
_AMOUNT: Final = re.compile(
    rf"(?<![\w.,])(?:{_MONEY.replace('{0}', 'before_')})"
    rf"\s?(?P<number>{_NUMBER})(?:{_RANGE}(?P<upper>{_SCALED})(?!\w))?"
    rf"|(?<![\w.,])(?P<leading>{_NUMBER})[\s-]{{0,2}}"
    rf"(?:{_MONEY.replace('{0}', 'after_')}|(?P<cents>{_CENTS}))(?!\w)",
    re.IGNORECASE,
)
_PERCENT: Final = re.compile(
    rf"(?<![\w.,])(?P<number>{_NUMBER})\s?(?:%|per ?cent\b|prozent\b|v\.\s?h\.)"
    r"|\b(?P<half>half|halbe[nrs]?|hälfte)\b",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(r"<[A-Z][A-Z_]*_\d+(?:_[A-Z0-9_]+)?>")
BLANK: Final = "\u25a1"  # no letter, no digit, no space


@dataclass(frozen=True)
class Amount:
    """An amount of money; `currency` is an ISO 4217 code, None where the text names none."""

    value: Decimal
    currency: str | None
    start: int
    end: int


@dataclass(frozen=True)
class Share:
    """A percentage."""

    value: Decimal
    start: int
    end: int


def find_amounts(text: str) -> list[Amount]:
    """Every amount with a currency, from left to right. Of a range (`EUR 500–800`) the upper end counts."""
    return [amount for found in _AMOUNT.finditer(blank_tokens(text)) if (amount := _amount(found))]


def find_bare_amounts(text: str, pattern: Finds) -> list[Amount]:
    """Numbers without a currency in the group `number` of `pattern`, made by `bare_amount_pattern`."""
    found = []
    for match in pattern.finditer(blank_tokens(text)):
        name = "number" if match["number"] else "leading"
        value = parse_number(match[name])
        if value is not None:
            found.append(Amount(value, None, *match.span(name)))
    return found


def bare_amount_pattern(before: str, after: str, unit: str) -> str:
    """Numbers after `before` and not before `unit`, or before `after`: of three regular expressions one."""
    ends = rf"(?![\w%]|[.,:/-]\d|\s?%|\.?\s+(?:{unit})\b)"
    return rf"\b(?:{before})\s+(?P<number>{_NUMBER}){ends}|(?<![\w.,])(?P<leading>{_NUMBER})\s+(?:{after})"


def find_shares(text: str) -> list[Share]:
    """Every percentage, from left to right; "half" is 50."""
    shares = []
    for found in _PERCENT.finditer(blank_tokens(text)):
        value = Decimal(50) if found["half"] else parse_number(found["number"])
        if value is not None:
            shares.append(Share(value, *found.span()))
    return shares


def parse_number(text: str) -> Decimal | None:
    """A number in digits (`1.234,56`, `1,234.56`, `1'200`, `1.2k`) or words; None when it is none.

    `1.234` and `1,234` are read as thousands, `1,5` and `1.50` as fractions.
    """
    text = text.strip().lower()
    match = re.match(_DIGITS, text)
    if match is None:
        return _german(text) if (value := _english(text)) is None else value
    factor = re.sub(r"[\s.-]", "", text[match.end() :])
    if factor and factor not in _MULTIPLIERS:
        return None
    return _digits(match.group()) * _MULTIPLIERS.get(factor, 1)


def blank_tokens(text: str) -> str:
    """The text with every token (`<PERSON_1>`) blanked, so that its letters and digits mean nothing."""
    return _TOKEN.sub(lambda found: BLANK * len(found.group()), text)


def count_persons(text: str) -> int:
    """How many different persons a tokenised text names."""
    return len(set(re.findall(r"<PERSON_(\d+)", text)))


def _amount(found: re.Match[str]) -> Amount | None:
    values = [
        value
        for name in ("number", "upper", "leading")
        if found[name] is not None and (value := parse_number(found[name])) is not None
    ]
    if not values:
        return None
    named = (
        name for name, words in found.groupdict().items() if words and name.partition("_")[2] in _CURRENCIES
    )
    code = next(named, "before_EUR").partition("_")[2]
    value = max(values) / 100 if found["cents"] else max(values)
    return Amount(value, code, *found.span())


def _digits(text: str) -> Decimal:
    text = re.sub(r"[.,][-\u2013\u2014]+$", "", text)
    grouped = re.fullmatch(r"(\d{1,3})((?:[.,'\u2019\u00a0\u202f ]\d{3})+)(?:[.,](\d{1,2}))?", text)
    if grouped and grouped[1].lstrip("0"):
        whole = grouped[1] + re.sub(r"\D", "", grouped[2])
        return Decimal(f"{whole}.{grouped[3] or 0}")
    whole, _, fraction = text.replace(",", ".").partition(".")
    return Decimal(f"{re.sub(r'[^0-9]', '', whole) or 0}.{re.sub(r'[^0-9]', '', fraction) or 0}")


def _english(text: str) -> Decimal | None:
    words = [word for word in re.split(r"[\s-]+", text) if word not in {"and", "of", ""}]
    total = current = 0
    for word in words:
        if word in _UNITS:
            current += _UNITS[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total += max(current, 1) * _SCALES[word]
            current = 0
        else:
            return None
    return Decimal(total + current) if words and words != ["a"] else None


def _german(text: str) -> Decimal | None:
    text = text.replace("ue", "ü").replace("oe", "ö").replace("neün", "neun").replace("dreissig", "dreißig")
    scale = 1
    if found := re.search(r"\s?million(?:en)?$", text):
        text, scale = text[: found.start()] or "ein", 1_000_000
    value = _compound(text.replace("ein paar", "paar").replace(" ", ""))
    return None if value is None else Decimal(value * scale)


def _compound(word: str) -> int | None:
    """A German number word: `zweihundertfünfzig`."""
    for name, factor in (("tausend", 1_000), ("hundert", 100)):
        if name in word:
            left, _, right = word.partition(name)
            head = _compound(left) if left else 1
            tail = _compound(right.removeprefix("und")) if right.removeprefix("und") else 0
            return None if head is None or tail is None else head * factor + tail
    if word in _EINER:
        return _EINER[word]
    ones, found, tens = word.partition("und")
    if found and ones in _EINER and tens in _EINER:
        return _EINER[ones] + _EINER[tens]
    return None
