"""Numbers in words of seven languages: “null eins sieben”, “double five”, “soixante-dix-huit”."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import pairwise

from .sayings import Piece, Saying

_WORD = re.compile(r"[^\W\d_]+")
_LEAST_DIGITS, _LEAST_WORDS = 6, 3

_UNITS = {
    "en": "zero one two three four five six seven eight nine",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "it": "zero uno due tre quattro cinque sei sette otto nove",
    "nl": "nul één twee drie vier vijf zes zeven acht negen",
    "pt": "zero um dois três quatro cinco seis sete oito nove",
}
_TEENS = {
    "en": "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    "de": "zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn",
    "fr": "dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf",
    "es": "diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve",
    "it": "dieci undici dodici tredici quattordici quindici sedici diciassette diciotto diciannove",
    "nl": "tien elf twaalf dertien veertien vijftien zestien zeventien achttien negentien",
    "pt": "dez onze doze treze catorze quinze dezesseis dezessete dezoito dezenove",
}
_TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "fr": "vingt trente quarante cinquante soixante soixante-dix quatre-vingts quatre-vingt-dix",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "it": "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
    "nl": "twintig dertig veertig vijftig zestig zeventig tachtig negentig",
    "pt": "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
}
_ALSO = {
    "en": {"oh": "0", "o": "0", "nought": "0", "naught": "0", "nil": "0", "niner": "9"},
    "de": {"zwo": "2", "ein": "1", "fuenf": "5", "dreissig": "30", "zwoelf": "12", "fuenfzig": "50"},
    "fr": {"zero": "0", "une": "1", "quatre vingt": "80", "septante": "70", "huitante": "80",
           "nonante": "90"},
    "es": {"un": "1", "una": "1", "dieciseis": "16", "veintidos": "22", "veintitres": "23"},
    "it": {"un": "1"},
    "nl": {"een": "1", "eén": "1"},
    "pt": {"uma": "1", "duas": "2", "tres": "3", "meia": "6", "dezasseis": "16", "dezassete": "17",
           "dezanove": "19"},
}  # fmt: skip
_TWICE = frozenset("double doppel doppelt doble doppio doppia dubbel dubbele duplo dobro".split())
_THRICE = frozenset("triple treble dreifach dreimal tripel triplo triplice".split())
_PLUS = frozenset({"plus", "più", "más", "mais"})
_IN_NUMBER = re.compile(r"[^\W\d_]+|\d+|\+")
_BETWEEN = re.compile(r"[\s,.;:/()\-–…]{0,4}")
_JOINED = re.compile(r"[ \-]")

Phrases = dict[tuple[str, ...], str]


@cache
def _numbers() -> tuple[dict[str, Phrases], frozenset[str]]:
    """The numbers below a hundred by language, as words; and every word that can begin one."""
    languages = {language: _phrases(language) for language in _UNITS}
    first = frozenset(words[0] for phrases in languages.values() for words in phrases)
    return languages, first


def _phrases(language: str) -> Phrases:
    written = dict(_ALSO[language])
    units, teens = _UNITS[language].split(), _TEENS[language].split()
    written |= {word: str(value) for value, word in enumerate(units)}
    written |= {word: str(value) for value, word in enumerate(teens, 10)}
    for ten, word in enumerate(_TENS[language].split(), 2):
        written[word] = f"{ten}0"
        for unit in range(1, 10):
            for compound in _COMPOUNDS[language](word, units, teens, unit, ten):
                written[compound] = f"{ten}{unit}"
    return {tuple(re.split(r"[ \-]", phrase)): digits for phrase, digits in written.items()}


def _french(word: str, units: list[str], teens: list[str], unit: int, ten: int) -> Iterable[str]:
    if ten in (7, 9):
        base = "soixante" if ten == 7 else "quatre-vingt"
        return (f"{base}-{teens[unit]}", f"{base} et {teens[unit]}")
    base = "quatre-vingt" if ten == 8 else word
    return (f"{base}-{units[unit]}", f"{base} et {units[unit]}")


def _italian(word: str, units: list[str], _teens: list[str], unit: int, _ten: int) -> Iterable[str]:
    stem = word[:-1] if unit in (1, 8) else word
    return (f"{stem}{units[unit]}", f"{stem}tré") if unit == 3 else (f"{stem}{units[unit]}",)


def _spanish(word: str, units: list[str], _teens: list[str], unit: int, ten: int) -> Iterable[str]:
    accents = {2: "veintidós", 3: "veintitrés", 6: "veintiséis"}
    one = (accents.get(unit, f"veinti{units[unit]}"),) if ten == 2 else ()
    return (f"{word} y {units[unit]}", *one)


_COMPOUNDS: dict[str, Callable[[str, list[str], list[str], int, int], Iterable[str]]] = {
    "en": lambda word, units, _, unit, __: (f"{word}-{units[unit]}",),
    "de": lambda word, units, _, unit, __: (f"{'ein' if unit == 1 else units[unit]}und{word}",),
    "fr": _french,
    "es": _spanish,
    "it": _italian,
    "nl": lambda word, units, _, unit, __: (
        f"{'een' if unit == 1 else units[unit]}{'ën' if unit in (2, 3) else 'en'}{word}",
        f"{'een' if unit == 1 else units[unit]}en{word}",
    ),
    "pt": lambda word, units, _, unit, __: (f"{word} e {units[unit]}",),
}


def spoken_numbers(text: str, words: set[str]) -> Iterator[Saying]:
    """Runs of at least six digits, three words among them, in lower-case text that has these `words`."""
    languages, first = _numbers()
    if len(words & first) == 0 or sum(word in first for word in _WORD.findall(text)) < _LEAST_WORDS:
        return
    for phrases in languages.values():
        yield from _runs(text, phrases)


def _runs(text: str, phrases: Phrases) -> Iterator[Saying]:
    """Spoken digits in a row, in one language, groups of written ones among them."""
    tokens = [(found.start(), found.end(), found.group()) for found in _IN_NUMBER.finditer(text)]
    place = 0
    while place < len(tokens):
        start, end, digits, spoken = tokens[place][0], tokens[place][0], "", 0
        times, after, pieces = 1, place, list[Piece]()
        while after < len(tokens) and (after == place or _BETWEEN.fullmatch(text, end, tokens[after][0])):
            word = tokens[after][2]
            used, value = _number_at(text, tokens, after, phrases)
            sign = ""
            if used:
                sign = value * times
                spoken += not word.isdigit()
                times = 1
            elif word in _TWICE or word in _THRICE:
                times, used = (2 if word in _TWICE else 3), 1
            elif not digits and (word in _PLUS or word == "+"):
                sign, used = "+", 1
            else:
                break
            if tokens[after][0] > end:
                pieces.append((end, tokens[after][0], ""))
            after += used
            pieces.append((tokens[after - used][0], tokens[after - 1][1], sign))
            digits += sign
            end = tokens[after - 1][1]
        if spoken >= _LEAST_WORDS and len(digits) >= _LEAST_DIGITS:
            yield start, end, pieces
        place = max(after, place + 1)


def _number_at(
    text: str, tokens: list[tuple[int, int, str]], place: int, phrases: Phrases
) -> tuple[int, str]:
    """How many words from here make a number, and its digits; (0, "") if none do."""
    if tokens[place][2].isdigit():
        return 1, tokens[place][2]
    for length in range(min(4, len(tokens) - place), 0, -1):
        words = tokens[place : place + length]
        value = phrases.get(tuple(word for _, _, word in words))
        gaps = pairwise(words)
        if value is not None and all(_JOINED.fullmatch(text, one[1], other[0]) for one, other in gaps):
            return length, value
    return 0, ""
