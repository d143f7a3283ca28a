"""What is said of records that a question names by a number, and that are not there for the asker."""

from collections.abc import Mapping, Sequence

from retrieval import Missing, missing_sentence


def tell_missing(missing: Sequence[Missing], typed: Mapping[str, str]) -> str:
    """`There is no case CS-4711 that you may see.`; empty where nothing is missing.

    `typed` are the words that tokens stand for: a number that the door has hidden stays hidden.
    """
    hidden = [_hidden(one, typed) for one in missing]
    return missing_sentence(hidden) if hidden else ""


def _hidden(one: Missing, typed: Mapping[str, str]) -> Missing:
    for token, words in typed.items():
        if one.number == words:
            return one.model_copy(update={"number": token})
        if words and (one.number in words or words in one.number):
            return Missing(kind="record", number=token)  # the token may hold the word for its kind as well
    return one
