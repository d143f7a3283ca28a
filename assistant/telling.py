"""An answer's timeline in words, on the page and the command line: steps, versions, and what is missing."""

from collections.abc import Callable
from typing import Final

Say = Callable[[str], str]
SayMany = Callable[[str, str, int], str]


def _(text: str) -> str:
    return text


_STEPS: Final = {
    "asked": _("Asked"),
    "redacted": _("Redacted"),
    "searched": _("Searched"),
    "generated": _("Generated"),
    "scored": _("Scored"),
    "held": _("Held"),
    "reviewed": _("Under review"),
    "decided": _("Decided"),
    "shown": _("Shown"),
    "ended": _("Ended"),
    "opened": _("Opened afterwards"),
    "replayed": _("Replayed"),
    "audited": _("Read by an auditor"),
    "beside": _("Beside it"),
}
_VERSIONS: Final = {
    "policy": _("Risk policy"),
    "model": _("Model asked for"),
    "served": _("Model version that answered"),
    "deployment": _("Model server"),
    "prompt": _("Prompt"),
    "masking": _("Redaction policy"),
    "identities": _("Version of the known identities"),
    "map": _("CRM map"),
    "index": _("Generation of the index"),
}
_ENDINGS: Final = {
    "answered": _("answered"),
    "no_summary": _("answered without a summary"),
    "nothing_found": _("nothing found"),
    "released": _("held, and released"),
    "not_released": _("held, and not released"),
    "refused": _("refused"),
    "failed": _("failed"),
    "interrupted": _("interrupted"),
    "cancelled": _("cancelled"),
}
_GAPS: Final = {
    "beginning": _("How it began is not in the record: those events are gone, or were never here."),
    "end": _("It has not ended yet."),
    "decision": _("It waits for a decision."),
    "model": _("No model was asked."),
}
_BECAME: Final = {
    "shown": _("Whoever asked got the recorded answer as it was written."),
    "released": _("An officer released the recorded answer as it was written."),
    "edited": _(
        "An officer changed the recorded answer before it was released: whoever asked got the officer's text."
    ),
    "waits": _("The recorded answer waits for an officer."),
    "sent_back": _("An officer sent the recorded answer back: whoever asked did not get it."),
    "not_released": _("The recorded answer was not released."),
}
_NOTHING_SHOWN: Final = _(
    "The recorded answer did not get as far as an officer: whoever asked got nothing of it."
)


def step_title(step: str, say: Say) -> str:
    """What a step is called."""
    return say(_STEPS[step]) if step in _STEPS else step


def version_title(name: str, say: Say) -> str:
    """What a version is a version of."""
    return say(_VERSIONS[name]) if name in _VERSIONS else name


def ending_title(ending: str | None, say: Say) -> str:
    """How a run ended."""
    return say(_ENDINGS.get(ending, ending)) if ending else say("not ended")


def became_sentence(became: str, shown: int, say: Say, say_many: SayMany) -> str:
    """What whoever asked got of a recorded answer, of which so many sentences were `shown`."""
    if became != "broke_off":
        return say(_BECAME[became])
    if not shown:
        return say(_NOTHING_SHOWN)
    one = "The recorded answer did not get as far as an officer: whoever asked got only its first sentence."
    many = (
        "The recorded answer did not get as far as an officer: "
        "whoever asked got only its first %(num)s sentences."
    )
    return say_many(one, many, shown).replace("%(num)s", f"{shown:,}")


def gap_sentence(what: str, count: int, name: str, say: Say, say_many: SayMany) -> str:
    """What a timeline cannot show, plainly."""
    if what == "erased":
        one = "Of %(num)s event name, time and leaf alone are left: the time to keep its content was over."
        many = (
            "Of %(num)s events name, time and leaf alone are left: the time to keep their content was over."
        )
    elif what == "unsealed":
        one, many = "%(num)s event is not sealed yet.", "%(num)s events are not sealed yet."
    elif what == "unsigned":
        one = "%(num)s event is sealed, but no checkpoint is signed over it yet."
        many = "%(num)s events are sealed, but no checkpoint is signed over them yet."
    elif what == "version":
        return say("Not recorded: %(name)s.").replace("%(name)s", version_title(name, say))
    else:
        return say(_GAPS.get(what, what))
    return say_many(one, many, count).replace("%(num)s", f"{count:,}")
