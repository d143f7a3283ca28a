"""Rules that are Python functions. A policy may call only what a registered module has.

A function is given what is weighed and says where the text meets it: pairs of code points, half open.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from .errors import PolicyFaults

Spot = tuple[int, int]
_OURS: Final = "approvals.risk.functions"
_REACHED: Final = re.compile(r"<([A-Z]+_\d+)_(?:EMAIL|PHONE|ADDRESS|IBAN)(?:_\d+)?>")
_TOO_MANY: Final = 6


@dataclass(frozen=True)
class Weighed:
    """What a function may look at: a tokenised text, the question, the draft's earlier sentences, sources.

    In the question `place` is None, else the number of the draft's sentence.
    """

    text: str
    question: str
    place: int | None
    before: Sequence[str] = ()
    passages: Sequence[str] = ()


RuleFunction = Callable[[Weighed], Iterable[Spot]]


def registered(wanted: Iterable[str], modules: Collection[str] = ()) -> Mapping[str, RuleFunction]:
    """The functions by `module:name`. Raises `PolicyFaults` for a module that is not registered."""
    found: dict[str, RuleFunction] = {}
    for name in wanted:
        module, _, function = name.partition(":")
        if module not in {_OURS, *modules}:
            raise PolicyFaults(f"The module {module} is not registered for rules; name it in the settings.")
        try:
            called = getattr(import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise PolicyFaults(f"The function {name} of a rule does not exist: {error}.") from error
        if not callable(called):
            raise PolicyFaults(f"{name} of a rule is no function.")
        found[name] = called
    return found


def many_reached(weighed: Weighed) -> list[Spot]:
    """Where a draft comes to say how six or more different people or companies are reached."""
    whole = " ".join((*weighed.before, weighed.text))
    spots = [found.span() for found in _REACHED.finditer(weighed.text)]
    return spots[-1:] if len(set(_REACHED.findall(whole))) >= _TOO_MANY else []
