"""Which written form of tokens a model copies best: measured with the model itself.

Sentences of customer service with tokens in them are given to a model in each form, to be repeated and
to be rewritten. What comes back is read as a `Restorer` reads it. Nothing here calls a model: `complete`
and `count` are the caller's.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from redaction.tokens.form import Token, find_tokens, parse_token
from redaction.tokens.restoration import Restorer

Complete = Callable[[Sequence[str]], Sequence[str]]
"""A model's answers to these prompts, in their order."""
Count = Callable[[Sequence[str]], Sequence[int]]
"""How many tokens of the model's own tokenizer each text has."""

_HIGHEST = 12
_TEMPLATES = (
    "<PERSON_a> asked for a call back on <PERSON_a_PHONE> before noon.",
    "Please send the invoice to <PERSON_a_EMAIL> and a copy to <PERSON_b_EMAIL>.",
    "<PERSON_a> of <ORGANIZATION_b> says the delivery to <ADDRESS_c> came late.",
    "The contract of <ORGANIZATION_a> ends in May, <PERSON_b> wants to renew it.",
    "Tell <PERSON_a_FIRST> that <PERSON_b> will bring the spare parts on Friday.",
    "<PERSON_a> cannot log in with <PERSON_a_EMAIL>; account <ACCOUNT_b> is locked.",
    "<PERSON_a>, <PERSON_b> and <PERSON_c> were on the call about order 4711.",
    "Refund 49.90 to <IBAN_a>, the account of <PERSON_b>.",
    "Dear <PERSON_a_FIRST>, <PERSON_b> has taken over your case.",
    "<PERSON_a> complained twice about <PERSON_b> from <ORGANIZATION_c>.",
    "Ship the coffee machine to <ADDRESS_a> and ring <PERSON_b_PHONE>.",
    "<ORGANIZATION_a> moved; the new address is <ORGANIZATION_a_ADDRESS>.",
    "Has <PERSON_a> answered the letter of <PERSON_b> from last week?",
    "Customer <ACCOUNT_a> is <PERSON_b>, not <PERSON_c>.",
    "<PERSON_a> asked us to delete <PERSON_a_EMAIL> and to use <PERSON_a_EMAIL_2>.",
    "Meet <PERSON_a_LAST> and <PERSON_b_LAST> in <LOCATION_c> on Monday at ten.",
    "The card <CARD_a> of <PERSON_b> was charged twice.",
    "<PERSON_a> will pay for <PERSON_b>, <PERSON_c> and <PERSON_d>.",
    "<ORGANIZATION_a> and <ORGANIZATION_b> share the contact <PERSON_c>.",
    "Call <PERSON_a> on <PHONE_b>, or write to <EMAIL_c>.",
    "<PERSON_a> is away; <PERSON_b> decides about the discount for <ORGANIZATION_c>.",
    "The parcel for <PERSON_a> went to <ADDRESS_b> instead of <ADDRESS_c>.",
    "<PERSON_a_FIRST> wrote from <EMAIL_b> that the pump is still broken.",
    "Thank <PERSON_a> for the photos, and ask <PERSON_b> for the serial number.",
    "<PERSON_a> (<PERSON_a_EMAIL>) reports that <PERSON_b> never came.",
)


class Task(StrEnum):
    """What the model is asked to do with a sentence."""

    REPEAT = "repeat"
    ANSWER = "answer"


_ASKED = {
    Task.REPEAT: "Repeat the following text exactly, word for word, and write nothing else.\n\n{text}",
    Task.ANSWER: (
        "Write one polite sentence to a colleague that says what this note says. Copy every placeholder, "
        "such as {example}, exactly as it is written.\n\nNote: {text}"
    ),
}


@dataclass(frozen=True, slots=True)
class TokenForm:
    """A way to write a token: its words joined by `joint` between `before` and `after`."""

    before: str = ""
    after: str = ""
    joint: str = "_"
    titled: bool = False

    @property
    def name(self) -> str:
        """`PERSON_1` in this form."""
        return self.write("<PERSON_1>")

    def write(self, token: str) -> str:
        """A token in this form."""
        core = token.strip("<>").replace("_", self.joint)
        return f"{self.before}{core.title() if self.titled else core}{self.after}"

    def write_all(self, text: str) -> str:
        """A text with all its tokens in this form."""
        return _replaced(text, find_tokens(text), self.write)

    def read(self, written: str, tokens: Iterable[str]) -> tuple[str, int]:
        """What a model wrote, its exact copies of `tokens` in their proper form again, and how many."""
        own = {self.write(token): token for token in tokens}
        longest = "|".join(re.escape(form) for form in sorted(own, key=len, reverse=True))
        start = "" if self.before else r"(?<![\w<])"
        end = "" if self.after else r"(?![\w\-])"
        return re.subn(f"{start}(?:{longest}){end}", lambda found: own[found.group()], written)


FORMS = (
    TokenForm("<", ">"),
    TokenForm("[", "]"),
    TokenForm("{", "}"),
    TokenForm(),
    TokenForm("⟦", "⟧"),
    TokenForm("@"),
    TokenForm("[[", "]]"),
    TokenForm(joint="-", titled=True),
    TokenForm("__", "__"),
)


@dataclass(slots=True)
class FormRow:
    """What became of the tokens of one form in one task.

    Of the `given` tokens the model wrote some again: `copied` to the letter, `repaired` by a restorer, or
    `unresolved`, so that they stay marked; `wrong` of the restored are another subject's than what was
    written. `omitted` did not come back. `doubled` came back more often than they were given, and `invented`
    are tokens that the sentence does not hold: they stay marked too. `length` is tokens of the tokenizer.
    """

    form: str
    task: Task
    length: float = 0.0
    given: int = 0
    copied: int = 0
    repaired: int = 0
    unresolved: int = 0
    wrong: int = 0
    omitted: int = 0
    doubled: int = 0
    invented: int = 0

    @property
    def repeated(self) -> int:
        """All that the model wrote again."""
        return self.copied + self.repaired + self.unresolved

    @property
    def exact(self) -> float:
        """The share of repeated tokens that are restored, and to what was meant."""
        return (self.copied + self.repaired - self.wrong) / self.repeated if self.repeated else 0.0


def measure_forms(
    complete: Complete,
    texts: Sequence[str],
    forms: Sequence[TokenForm] = FORMS,
    *,
    tasks: Sequence[Task] = tuple(Task),
    count: Count | None = None,
) -> Iterator[FormRow]:
    """A row for each form and task, as soon as it is measured; `texts` hold tokens in their proper form.

    A restorer is given the tokens of the one text, as the door gives it those of the prompt.
    """
    tokens = sorted({token for text in texts for _, _, token in find_tokens(text)})
    for form in forms:
        lengths = list(count([form.write(token) for token in tokens])) if count else []
        for task in tasks:
            prompts = [_prompt(task, form, text) for text in texts]
            row = FormRow(form.name, task, sum(lengths) / len(lengths) if lengths else 0.0)
            for text, written in zip(texts, complete(prompts), strict=True):
                _add(row, form, text, written)
            yield row


def sample_texts(number: int = 200, seed: int = 7) -> list[str]:
    """Short sentences as customer service writes them, with two to four tokens each."""
    chance = random.Random(seed)  # noqa: S311 - a sample, no secret
    return [_numbered(_TEMPLATES[place % len(_TEMPLATES)], chance) for place in range(number)]


def _numbered(template: str, chance: random.Random) -> str:
    """A template with a number of its own for each letter, the same for the same letter."""
    numbers = dict(zip("abcd", map(str, chance.sample(range(1, _HIGHEST + 1), 4)), strict=True))
    return re.sub(r"(?<=_)[a-d](?=[_>])", lambda found: numbers[found.group()], template)


def _prompt(task: Task, form: TokenForm, text: str) -> str:
    example = form.write(find_tokens(text)[0][2])
    return _ASKED[task].format(text=form.write_all(text), example=example)


def _add(row: FormRow, form: TokenForm, text: str, written: str) -> None:
    given = Counter(token for _, _, token in find_tokens(text))
    read, copied = form.read(written, given)
    restorer = Restorer({token: token for token in given})
    found = restorer.find(read)
    again = Counter(token for _, _, token in found)
    subjects = {_subject(token) for token in given}
    left = [mark for mark in restorer.marks(read, 0) if restorer.token_of(mark, read) is None]
    invented = [mark for mark in left if str(Token(*mark.subject)) not in subjects]
    row.given += given.total()
    row.copied += copied
    row.repaired += len(found) - copied
    row.unresolved += len(left) - len(invented)
    row.invented += len(invented)
    row.wrong += sum(1 for start, end, token in found if _number(read[start:end]) != _number(token))
    row.omitted += (given - again).total()
    row.doubled += (again - given).total()


def _number(written: str) -> str:
    found = re.search(r"(?<![0-9#ux])[0-9]+", written)
    return found.group() if found else ""


def _subject(token: str) -> str:
    parsed = parse_token(token)
    return token if parsed is None else str(Token(parsed.stem, parsed.number))


def _replaced(text: str, places: Iterable[tuple[int, int, str]], write: Callable[[str], str]) -> str:
    pieces: list[str] = []
    position = 0
    for start, end, token in places:
        pieces += text[position:start], write(token)
        position = end
    return "".join([*pieces, text[position:]])
