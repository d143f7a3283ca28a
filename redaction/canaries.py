"""Known identities in made-up sentences: whoever redacts must hide every one of them before it may begin.

They prove that each detector is there and works, not how good it is: `cloister evaluate redaction` does that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from .entities import EntityType, GazetteerEntry, Span
from .redactor import Redactor


@dataclass(frozen=True, slots=True)
class Canary:
    """A sentence, what must be hidden in it to the last character, and what must stay to be read.

    `kind` says in words what is hidden. A `guessed` one is known to nobody but the name detector.
    """

    kind: str
    text: str
    hidden: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class CanaryFailed:
    """What was not as it must be: `kind` of the identity that showed, or of the text that was hidden."""

    kind: str
    hidden: bool = False


def _known(kind: str, text: str, hidden: str) -> Canary:
    return Canary(f"{kind} of a customer", text, (hidden,))


def _name(language: str, text: str, hidden: str) -> Canary:
    return Canary(f"a stranger's name in {language}", text, (hidden,), guessed=True)


def _plain(kind: str, text: str, *stays: str) -> Canary:
    return Canary(kind, text, stays=stays)


CANARY_CUSTOMERS: Final = (
    GazetteerEntry("Ottilie Zwanziger", EntityType.PERSON, "canary:1", "name"),
    GazetteerEntry("o.zwanziger@kanarien.example", EntityType.EMAIL, "canary:1", "email"),
    GazetteerEntry("+49 30 901820173", EntityType.PHONE, "canary:1", "phone"),
    GazetteerEntry("KV-7719042", EntityType.ACCOUNT, "canary:1", "account_no"),
    GazetteerEntry("Lerchenfelder Gasse 117, 1080 Wien", EntityType.ADDRESS, "canary:1", "address"),
    GazetteerEntry("Żaneta Brzęczyk", EntityType.PERSON, "canary:2", "name"),
    GazetteerEntry("Ευαγγελία Παπαδοπούλου", EntityType.PERSON, "canary:3", "name"),
    GazetteerEntry("Светлана Бондаренко", EntityType.PERSON, "canary:4", "name"),
    GazetteerEntry("欧阳慧敏", EntityType.PERSON, "canary:5", "name"),
    GazetteerEntry("ليلى الحسيني", EntityType.PERSON, "canary:6", "name"),
    GazetteerEntry("Kanarienhof Kältetechnik GmbH", EntityType.ORGANIZATION, "canary:7", "name"),
)
"""Customers whom no CRM has: the gazetteer that is asked must know them."""

CANARIES: Final = (
    _known("the name", "Yesterday Ottilie Zwanziger called about the pump.", "Ottilie Zwanziger"),
    _known("the name in lower case", "what does ottilie zwanziger owe us?", "ottilie zwanziger"),
    _known("the name, last one first,", "Reported by: Zwanziger, Ottilie (by phone).", "Zwanziger"),
    _known("the possessive name", "Ottilie Zwanziger's order is late.", "Ottilie Zwanziger"),
    _known("the mail address", "Send it to O.Zwanziger@Kanarien.example today.", "Zwanziger@Kanarien"),
    _known("the phone number, written otherwise,", "Call back at 030 / 90182-0173 after five.", "90182-0173"),
    _known("the account number", "Book it on kv-7719042, please.", "kv-7719042"),
    _known("the address", "Deliver to Lerchenfelder Gasse 117, 1080 Wien.", "Lerchenfelder Gasse 117"),
    _known("the name with accents", "Żaneta Brzęczyk asks for a quote.", "Żaneta Brzęczyk"),
    _known("the name without its accents", "zaneta brzeczyk asks for a quote.", "zaneta brzeczyk"),
    _known("the Greek name", "Τηλεφώνησε η Ευαγγελία Παπαδοπούλου χθες.", "Ευαγγελία Παπαδοπούλου"),
    _known("the Cyrillic name", "Звонила Светлана Бондаренко, ждёт ответа.", "Светлана Бондаренко"),
    _known("the Chinese name", "欧阳慧敏要求退款。", "欧阳慧敏"),
    _known("the Arabic name", "اتصلت ليلى الحسيني أمس.", "ليلى الحسيني"),
    _known("the company", "Kanarienhof Kältetechnik GmbH ordered two.", "Kanarienhof Kältetechnik"),
    _name("English", "Yesterday Margaret Thornbury called about her order.", "Margaret Thornbury"),
    _name("English, in lower case", "please call margaret thornbury about her order.", "margaret thornbury"),
    _name("German", "Gestern hat Herr Wolfgang Petersen wegen der Pumpe angerufen.", "Wolfgang Petersen"),
    _name("French", "Hier, Monsieur Philippe Dubois a téléphoné au sujet de la pompe.", "Philippe Dubois"),
    _name("Spanish", "Ayer llamó el señor Carlos Fernández por la bomba.", "Carlos Fernández"),
    _name("Italian", "Ieri ha chiamato il signor Marco Bianchi per la pompa.", "Marco Bianchi"),
    _name("Dutch", "Gisteren belde meneer Pieter Janssen over de pomp.", "Pieter Janssen"),
    Canary("a mail address", "Write to r.haverkamp@gmail.com instead.", ("r.haverkamp@gmail.com",)),
    Canary("an American phone number", "Call me at (415) 555-0132 tonight.", ("(415) 555-0132",)),
    Canary("a British phone number", "My number is +44 20 7946 0958.", ("+44 20 7946 0958",)),
    Canary("a German phone number", "Tel.: +49 89 636 48018", ("+49 89 636 48018",)),
    Canary("a card number", "Charge 4111 1111 1111 1111, valid to 08/29.", ("4111 1111 1111 1111",)),
    Canary("a card number without spaces", "card=5555555555554444 ok", ("5555555555554444",)),
    Canary("an IBAN of Germany", "IBAN DE89 3704 0044 0532 0130 00", ("DE89 3704 0044 0532 0130 00",)),
    Canary("an IBAN of Britain", "Pay from GB29NWBK60161331926819.", ("GB29NWBK60161331926819",)),
    Canary("an IBAN of France", "FR14 2004 1010 0505 0001 3M02 606", ("FR14 2004 1010 0505 0001 3M02 606",)),
    Canary("an IP address", "The login came from 84.17.45.92 at noon.", ("84.17.45.92",)),
    Canary(
        "an IPv6 address", "It was 2a01:4f8:c17:2e1b::8a2e:7334 again.", ("2a01:4f8:c17:2e1b::8a2e:7334",)
    ),
    Canary("a social security number", "Her SSN is 536-22-8714.", ("536-22-8714",)),
    Canary(
        "a street address",
        "Ship it to 221 Birchwood Avenue, Springfield, IL 62704.",
        ("221 Birchwood Avenue",),
    ),
    Canary("an access key", "key AKIAQZ7RW4TNB6KXM2PD in the log", ("AKIAQZ7RW4TNB6KXM2PD",)),
    Canary("a personal access token", "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a", ("16C7e42F292c",)),
    Canary("a private web address", "See https://portal.rhaverkamp.com/u/1", ("rhaverkamp",)),
    _plain("an order", "Order 2026-0047 holds 12 filters of type F7.", "holds 12 filters of type"),
    _plain("a rule", "Returns are free within 30 days of delivery.", "free within 30 days of delivery"),
    _plain("a measurement", "The pump runs at 3.5 bar and 1450 rpm.", "3.5 bar and 1450 rpm"),
    _plain("a date and an amount", "On 2026-03-14 we refunded EUR 250.00.", "we refunded EUR 250.00"),
    _plain("a German sentence", "Die Pumpe ist seit gestern wieder in Betrieb.", "seit gestern wieder"),
    _plain("a token's look-alike", "The field PERSON_1 is empty in the form.", "is empty in the form"),
)


def check_canaries(
    redactor: Redactor, names_in: Callable[[str], Sequence[Span]] | None = None
) -> list[CanaryFailed]:
    """What is not hidden as it must be, or hidden although it must stay; nothing when all is well.

    `redactor` must know `CANARY_CUSTOMERS`. `names_in` gives the spans of a text that workers have read;
    without it nobody guesses names, and those canaries are left out. Raises DetectorFailed.
    """
    failed = []
    for canary in CANARIES:
        if canary.guessed and names_in is None:
            continue
        spans = redactor.detect(canary.text, ner_spans=() if names_in is None else names_in(canary.text))
        covered = {place for span in spans for place in range(span.start, span.end)}
        if any(not _places(canary.text, value) <= covered for value in canary.hidden):
            failed.append(CanaryFailed(canary.kind))
        if any(_places(canary.text, words) & covered for words in canary.stays):
            failed.append(CanaryFailed(canary.kind, hidden=True))
    return failed


def describe_failures(failed: Sequence[CanaryFailed]) -> str:
    """A sentence that names what failed by kind, never by text."""
    shown = [each.kind for each in failed if not each.hidden]
    gone = [each.kind for each in failed if each.hidden]
    sentences = []
    if shown:
        sentences.append(f"Redaction does not hide {_listed(shown)}.")
    if gone:
        sentences.append(f"It hides {_listed(gone)}, which is nobody's identity.")
    return " ".join(sentences)


def _listed(kinds: Sequence[str]) -> str:
    first = ", ".join(kinds[:4])
    return f"{first} and {len(kinds) - 4} more" if len(kinds) > 4 else first


def _places(text: str, words: str) -> frozenset[int]:
    """Places of letters and digits: whether the blank between two names is hidden says nothing."""
    start = text.index(words)
    return frozenset(place for place in range(start, start + len(words)) if text[place].isalnum())
