"""How people type: numbers in other forms, haste, and customers' mails pasted whole."""

from random import Random
from typing import Final

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def other_number(number: str, draw: Random) -> str:
    """`CS-30517` as somebody writes it: `cs30517`, `CS 30517`, `#30517` …"""
    head, _, digits = number.partition("-")
    small = head.lower()
    return draw.choice(
        (number, f"{head}{digits}", f"{small}{digits}", f"{head} {digits}", f"{small}-{digits}")
    )


def hurried(text: str, draw: Random) -> str:
    """Lower case, no mark at the end, and two letters of a longer word, no name, in the wrong order."""
    given = text.rstrip("?.!").split()
    words = [word.lower() for word in given]
    able = [at for at, word in enumerate(given) if len(word) > 5 and word.isalpha() and word.islower()]
    if able:
        at = draw.choice(able)
        word = words[at]
        place = draw.randrange(1, len(word) - 2)
        words[at] = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return " ".join(words)


def pasted(text: str, draw: Random) -> str:
    """The question inside of what somebody forwards without reading it again."""
    before = draw.choice(
        (
            "Hi, sorry for the long message, I am on the train and the line is bad. We talked about this "
            "some time ago and I did not write it down, my colleague is on holiday and her notes are in "
            "German. ",
            "Good morning! First of all thank you for last week, that was quick. Now the next thing, and my "
            "boss asks me every hour, so please have a look when you find a minute. ",
            "FW: FW: Re: question. See below, I cannot answer that one, can you? They called twice already "
            "and the tone is getting worse. ",
        )
    )
    after = draw.choice(
        (
            " No hurry, but before the weekend would be nice. All the best, and greetings to the team!",
            " By the way, the new coffee machine is great. Thanks a lot in advance!",
            " Sent from my phone, please excuse mistakes.",
        )
    )
    return before + text + after
