"""Numbers and mail addresses as they are said on the telephone and typed by whoever listens."""

from __future__ import annotations

from random import Random

_DIGITS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "de": ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"),
}
_PLUS = {"en": "plus", "de": "plus"}
_MARKS = {
    "en": {"@": (" at ", " at ", " (at) ", "[at]"), ".": " dot ", "-": (" dash ", " hyphen ", "-")},
    "de": {
        "@": (" at ", " ät ", " (at) ", " Klammeraffe "),
        ".": " Punkt ",
        "-": (" minus ", " Bindestrich ", "-"),
    },
}


def say_number(draw: Random, language: str, number: str) -> str:
    """`07700 900` → “oh seven seven double oh, nine …”; letters stay as they are."""
    words = _DIGITS[language]
    zero = draw.choice(("oh", "zero", "o")) if language == "en" else words[0]
    two = draw.choice(("zwei", "zwo")) if language == "de" else words[2]
    doubles = language == "en" and draw.random() < 0.4
    said: list[str] = []
    place = 0
    while place < len(number):
        character = number[place]
        if character.isdigit():
            word = {"0": zero, "2": two}.get(character, words[int(character)])
            if doubles and number[place + 1 : place + 2] == character:
                said.append(f"double {word}")
                place += 1
            else:
                said.append(word)
        elif character == "+":
            said.append(_PLUS[language])
        elif character.isalpha():
            said.append(character)
        place += 1
    separator = draw.choice((" ", " ", " ", ", ", "-"))
    return separator.join(said)


def say_mail(draw: Random, language: str, address: str) -> str:
    """`anna.ross@post.example` → “anna dot ross at post dot example”, or with (at) and [dot] alone."""
    marks = _MARKS[language]
    at, dash = draw.choice(marks["@"]), draw.choice(marks["-"])
    dot = str(marks["."])
    local, _, host = address.partition("@")
    if draw.random() < 0.25:
        at, dot, dash = draw.choice((("(at)", ".", "-"), ("[at]", "[dot]", "-"), (" @ ", " . ", "-")))
        local_dot = dot if dot != "[dot]" else "."
        return f"{local.replace('.', local_dot)}{at}{host.replace('.', dot)}"
    spoken = [part.replace("-", dash).replace(".", dot) for part in (local, host)]
    return at.join(spoken)
