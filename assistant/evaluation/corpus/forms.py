"""How a value can be written: each writer gives other words for one value, and the name of that form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from .nicknames import NICKNAMES
from .spoken import say_mail, say_number
from .subjects import Subject, Value
from .wordnames import is_word

NAME_SLOTS = frozenset({"", "s"})
NUMBER_SLOTS = frozenset({"phone", "mobile", "office", "account", "iban", "vat", "card", "tax"})
_COUNTRY_CODES = {"en_GB": "44", "en_US": "1", "de_DE": "49"}
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_LATIN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_LONG_ENOUGH = 5


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a value is written; `is_prose` allows line breaks within it."""

    draw: Random
    language: str
    is_prose: bool


Writer = Callable[[Setting, Subject, Value], str | None]
"""Other words for the value; None where the form does not apply to it."""


@dataclass(frozen=True, slots=True)
class Form:
    """`name` is what labels call it; `writers` by slot; `fits` says who can be written so at all."""

    name: str
    writers: Mapping[str, Writer]
    fits: Callable[[Subject], bool] = lambda _: True


def misspell(draw: Random, word: str) -> str:
    """One edit inside a word: two letters swapped, one left out, doubled, or a neighbour on the keyboard."""
    while True:
        place = draw.randint(1, len(word) - 2)
        kind = draw.choice(("swap", "drop", "double", "neighbour"))
        if kind == "swap":
            wrong = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        elif kind == "drop":
            wrong = word[:place] + word[place + 1 :]
        elif kind == "double":
            wrong = word[: place + 1] + word[place:]
        else:
            wrong = word[:place] + _neighbour(draw, word[place]) + word[place + 1 :]
        if wrong.casefold() != word.casefold():
            return wrong


def _neighbour(draw: Random, letter: str) -> str:
    for row in _KEYS:
        if (place := row.find(letter.lower())) >= 0:
            near = row[max(0, place - 1) : place] + row[place + 1 : place + 2]
            found = draw.choice(near)
            return found.upper() if letter.isupper() else found
    return "e"


def _typo(setting: Setting, _: Subject, value: Value) -> str | None:
    words = [
        word
        for word in re.findall(r"[^\W\d_]+", value.text)
        if len(word) >= _LONG_ENOUGH and word not in {"Household", "Stiftung"}
    ]
    if not words:
        return None
    word = setting.draw.choice(words)
    return value.text.replace(word, misspell(setting.draw, word), 1)


def _initials(setting: Setting, subject: Subject, _: Value) -> str | None:
    letters = [part[0] for part in subject.first.split("-")]
    initial = "-".join(f"{letter}." for letter in letters)
    last = f"{subject.last[0].upper()}."
    return setting.draw.choice(
        (
            f"{initial} {subject.last}",
            f"{initial} {subject.last}",
            f"{initial}{subject.last}",
            f"{letters[0]} {subject.last}",
            f"{subject.first} {last}",
            f"{subject.first} {last}",
        )
    )


def _surname_first(setting: Setting, subject: Subject, _: Value) -> str | None:
    first, last = subject.first, subject.last
    return setting.draw.choice(
        (
            *(f"{last}, {first}",) * 3,
            f"{last.upper()}, {first}",
            f"{last} {first}",
            f"{last},{first}",
            f"{last}, {first[0]}.",
        )
    )


def _nickname(setting: Setting, subject: Subject, _: Value) -> str | None:
    return f"{setting.draw.choice(NICKNAMES[subject.first])} {subject.last}"


def _word_name(_: Setting, __: Subject, value: Value) -> str | None:
    return value.text


def _plain_letters(setting: Setting, _: Subject, value: Value) -> str | None:
    """Accents left out (`Rohrdanz`) or umlauts written out (`Roehrdanz`); None where there are none."""
    written = value.text.translate(_LATIN) if setting.draw.random() < 0.5 else value.text.replace("ß", "ss")
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKD", written)
        if not unicodedata.combining(character)
    )
    return plain if plain != value.text else None


def _split(setting: Setting, subject: Subject, value: Value) -> str | None:
    kind = value.type.value
    if kind == "PHONE":
        return _split_phone(setting, subject, value.text)
    compact = re.sub(r"[\s-]", "", value.text)
    lead = re.match(r"[A-Z]*", compact)
    letters = lead.group() if lead else ""
    if kind == "ACCOUNT":
        return _split_account(setting, letters, compact[len(letters) :])
    size = 4 if kind in {"IBAN", "CARD"} else 3
    groups = [compact[start : start + size] for start in range(0, len(compact), size)]
    return _joined(setting, groups)


def _split_account(setting: Setting, letters: str, digits: str) -> str:
    half = len(digits) // 2
    return setting.draw.choice(
        (
            f"{letters} {digits}",
            f"{letters}-{digits}",
            f"{letters} {digits[:half]} {digits[half:]}",
            f"{letters}{digits[:half]}-{digits[half:]}",
            f"{letters}.{digits[:half]}.{digits[half:]}",
            f"{letters.lower()}{digits[:half]} {digits[half:]}",
        )
    )


def _split_phone(setting: Setting, subject: Subject, number: str) -> str:
    code = _COUNTRY_CODES.get(subject.locale, "")
    digits = re.sub(r"\D", "", number)
    is_abroad = number.startswith("+")
    local = digits[len(code) :] if is_abroad else digits.removeprefix("" if code == "1" else "0")
    trunk = "" if code == "1" else "0"
    pairs = [(trunk + local)[start : start + 2] for start in range(0, len(trunk + local), 2)]
    threes = [local[start : start + 3] for start in range(0, len(local), 3)]
    choice = setting.draw.randint(0, 6 if code else 3)
    if choice == 0:
        return _joined(setting, pairs)
    if choice == 1:
        return trunk + local
    if choice == 2:
        return f"{trunk}{local[:3]}/{local[3:]}"
    if choice == 3:
        return f"({trunk}{local[:4]}) {local[4:]}"
    if choice == 4:
        return f"00{code} {_joined(setting, threes)}"
    return f"+{code} ({trunk}){local}" if choice == 5 and trunk else f"+{code}{local}"


def _joined(setting: Setting, groups: list[str]) -> str:
    separator = setting.draw.choice((" ", "-", ".", "\u00a0", " - ", "\u2013", "  "))
    if setting.is_prose and len(groups) > 2 and setting.draw.random() < 0.3:
        place = setting.draw.randint(1, len(groups) - 1)
        return separator.join(groups[:place]) + "\n" + separator.join(groups[place:])
    return separator.join(groups)


def _noisy(setting: Setting, _: Subject, value: Value) -> str | None:
    """As people type in a hurry: lower case, and in every third name a slip."""
    words = [word for word in value.text.split() if len(word) >= _LONG_ENOUGH and word.isalpha()]
    text = value.text
    if words and setting.draw.random() < 0.33:
        word = setting.draw.choice(words)
        text = text.replace(word, misspell(setting.draw, word), 1)
    return text.lower() if setting.draw.random() < 0.9 else text


def _has_long_part(subject: Subject) -> bool:
    return any(
        len(word) >= _LONG_ENOUGH for word in re.findall(r"[^\W\d_]+", f"{subject.first} {subject.last}")
    )


def spoken(setting: Setting, value: Value) -> str:
    """A number digit by digit in words, a mail address with its dots and its at."""
    if value.type.value == "EMAIL":
        return say_mail(setting.draw, setting.language, value.text)
    return say_number(setting.draw, setting.language, value.text)


def _for(slots: frozenset[str], writer: Writer) -> dict[str, Writer]:
    return dict.fromkeys(slots, writer)


_WITH_COMPANY = NAME_SLOTS | {"company"}
TYPO = Form("typo", _for(_WITH_COMPANY, _typo), _has_long_part)
INITIALS = Form("initials", _for(NAME_SLOTS, _initials))
SURNAME_FIRST = Form("surname-first", _for(NAME_SLOTS - {"s"}, _surname_first))
NICKNAME = Form("nickname", _for(NAME_SLOTS, _nickname), lambda subject: subject.first in NICKNAMES)
WORD_NAME = Form(
    "word-name",
    _for(NAME_SLOTS, _word_name),
    lambda subject: is_word(subject.first) or is_word(subject.last),
)
DIACRITICS = Form(
    "diacritics",
    _for(_WITH_COMPANY, _plain_letters),
    lambda subject: not f"{subject.first}{subject.last}".isascii(),
)
SPLIT = Form("split", _for(NUMBER_SLOTS, _split))
NOISY = Form("noisy", _for(frozenset({"", "s", "first", "last", "company", "address", "city"}), _noisy))


def drop_punctuation(text: str) -> str:
    """Sentence marks left out, as in chat; line ends stay."""
    return re.sub(r"[.,;:!?]+(?=\s|$)", "", text)
