"""What belongs to a guessed name and what only stands at its edge."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_PART = re.compile(r"[^\n\r\t\"“”|;:<>{}()\[\]=]+")
_TRIMMED = " .,!?'`*#-–—/\\_~&+"
_WORD = re.compile(r"[^\s]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_WORD_START = re.compile(r"(?<![^\W_])[^\W\d_]")
_FEW_CAPITALS = 0.05
# words that no name begins or ends with, in the languages that our customers write; “de” or “von” may
# stand inside one
_FUNCTION_WORDS = """
a an and are as at be been but by call can cc did do does for from had has have he hello hey hi her his how
i i'm i'd i've i'll if in into is it it's its let's me my near not of off on onto or our please she
since so still than thank thanks that that's the their them then there these they this those to today until
up us was we we're were what when where which who whose with would you you're your yours re fw fwd am
pm ok yes no sir madam dear regards best kind sincerely cheers originally der die das dem ein eine einem
einen einer und oder aber ist sind war hat haben bei für mit nach zu zum zur im am ich wir sie er es ihr
ihre ihren mein meine bitte danke hallo liebe lieber sehr geehrte geehrter mfg grüße herr frau un une et
ou est dans pour avec chez sur bonjour merci madame monsieur cordialement y o es en con por para hola
gracias señor señora buenos il lo gli uno e è con ciao grazie signor signora buongiorno het een en of is
met voor bij naar hallo bedankt meneer mevrouw o os as um uma e ou com para olá obrigado obrigada senhor
senhora
"""
_ENGLISH_WORDS = """
an and are as at be but by for from has have he in is it not of on or our she so than that the their they to
was we were when where who will with you your
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
# frequent words that no English text is full of
_FOREIGN_WORDS = """
der die das und ist nicht ein eine den dem von mit für auf sich ich wir sie ihr bitte bei wird hat haben
wurde dass le les des une est dans pour que qui pas vous nous avec votre sur et du au el los las una por
para con del su es se y il gli che non per della di è sono e het een van niet voor met dat zijn wij u op te
aan o os um uma não com da em é
"""
_FOREIGN = frozenset(_FOREIGN_WORDS.split())
_FIELD_NAMES = """
account address answer bot card case cell city company contact country customer date desk email e-mail fax
iban id invoice job mail mobile name names no note number order phone plz price question ref sirs ssn state
street subject tel telephone title town user zip ht cs eur usd gbp placeholder installer service express
update firmware customs
"""
# what stands in letters to a company and is nobody's name, where nouns or the first words have capitals
_LETTER_WORDS = """
anliegen anruf anrufer anschrift ansprechpartner auftrag auskunft bestellung betreff eingang firma gebäude
gemeint haus hausmeister hinweis karte kollege kollegin kontakt kulanz kunde kunden kundendienst
kundennummer leider lieferung mal mitarbeiter morgen nachmittag nachricht name öffnen preis prozent rechnung
rückfrage rückfragen rückruf stück straße tag tage tagen telefon telefonisch termin unsere uhr vertrag
vormittag wasser woche wochen angezeigt entschieden gehabt gehoord bin dass durch gegen gerne genau geht
hier ihre ihrem ihren ihres jetzt kann keine können lautet muss müssen nicht nichts niemand noch nun nur ob
ohne rang schon schriftlich seit seitdem sein seine sich soll unter vor weil weiter wenn werden wie wieder
wir wird wurde wurden zurück zurückrufen zuständig zwei zweiten über adresse appel bon client commande
contrat demande facture livraison mère numéro objet rendez-vous ville vous s'il plaît agua apellidos asunto
cliente ciudad código contrato correo dirección dni empresa factura filtro llamar madre nombre número pedido
teléfono usted azienda chiamata chiamo città cliente codice contratto fattura indirizzo ordine nome numero
oggetto parlo partita sito telefono adres bedrijf bestelling brief factuur ik klant klantnummer naam nieuwe
nummer onderwerp plaats telefoon wij assunto chamada cidade copia cópia contrato correio empresa encomenda
fatura ligar morada nome número pedido rua telefone
"""
_NO_NAMES = frozenset(_FIELD_NAMES.split()) | frozenset(_LETTER_WORDS.split()) | FUNCTION_WORDS
# `CS-30517`, `R2026-52706`: the number of a record, whatever a model takes it for
_NUMBERED = re.compile(r"[A-Z]{0,4}[-#]?\d[\d/-]*")
_SPACELESS = re.compile(r"[\u0e00-\u0eff\u2e80-\ud7af\uf900-\ufaff]")


def is_cased(text: str) -> bool:
    """Whether the writer marks names with capitals: some words have one, and not all letters are."""
    starts = [found.start() for found in _WORD_START.finditer(text)]
    if len(starts) < 2:
        return True
    capitals = sum(text[start].isupper() for start in starts)
    letters = sum(character.isalpha() for character in text)
    shouted = sum(character.isupper() for character in text) > 0.8 * letters
    return capitals > _FEW_CAPITALS * len(starts) and not shouted


def is_english(text: str) -> bool:
    """Whether the function words in `text` are English; short texts without any count as English."""
    words = [word.lower() for word in _LETTERS.findall(text)]
    foreign = sum(word in _FOREIGN for word in words)
    return foreign < 2 or foreign < sum(word in _ENGLISH for word in words)


def name_pieces(
    text: str, start: int, end: int, is_sure: Callable[[int, int], bool] = lambda _start, _end: False
) -> Iterator[tuple[int, int]]:
    """Ranges of `text` between `start` and `end` that may be names: a name goes over no line's end.

    Function words, names of fields, possessive endings and punctuation at the edges are left out, and
    so is what has fewer than two letters, or is the number of a record. A word that a model is sure of
    (`is_sure` of its range) stays beside another: people are called Susan Price and Will Smith.
    """
    for part in _PART.finditer(text, start, end):
        first, last = trimmed(text, part.start(), part.end(), _NO_NAMES, is_sure)
        piece = text[first:last]
        if _letters(piece) >= 2 and not _NUMBERED.fullmatch(piece):
            yield first, last


def between_capitals(text: str, start: int, end: int) -> tuple[int, int]:
    """The range from the first to the last word that is not in lower case; the whole when all are."""
    marked = [word.span() for word in _WORD.finditer(text, start, end) if not word.group().islower()]
    return (marked[0][0], marked[-1][1]) if marked else (start, end)


def trimmed(
    text: str,
    start: int,
    end: int,
    words: frozenset[str] = FUNCTION_WORDS,
    is_sure: Callable[[int, int], bool] = lambda _start, _end: False,
) -> tuple[int, int]:
    """The range without `words` (in lower case) and punctuation at its edges; it may be empty."""
    first, last = _stripped(text, start, end)
    while (word := _WORD.match(text, first, last)) and _is_one_of(words, word.group()):
        if " " in text[first:last] and is_sure(*word.span()):
            break
        first, last = _stripped(text, word.end(), last)
    while first < last and _is_one_of(words, text[(begin := _last_word(text, first, last)) : last]):
        if " " in text[first:last] and is_sure(begin, last):
            break
        first, last = _stripped(text, first, begin)
    return first, last


def is_function_word(word: str) -> bool:
    """Whether no name ends or goes on with this English word."""
    return word.lower() in _ENGLISH


def is_no_name(word: str) -> bool:
    """Whether this is a function word, the name of a field, or another word that letters are full of."""
    return word.lower() in _NO_NAMES


def _is_one_of(words: frozenset[str], word: str) -> bool:
    bare = word.strip(_TRIMMED).lower()
    return not bare or bare in words


def _last_word(text: str, first: int, last: int) -> int:
    while last > first and not text[last - 1].isspace():
        last -= 1
    return last


def _stripped(text: str, first: int, last: int) -> tuple[int, int]:
    while first < last and (text[first] in _TRIMMED or text[first].isspace()):
        first += 1
    while first < last and (text[last - 1] in _TRIMMED or text[last - 1].isspace()):
        last -= 1
    if text[max(first, last - 2) : last].lower() in {"'s", "’s"}:
        last -= 2
    return first, last


def _letters(piece: str) -> int:
    return sum(character.isalpha() for character in piece) + len(_SPACELESS.findall(piece))
