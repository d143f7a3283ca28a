"""Which given names a pet name stands for: “Bob” for Robert, “Lena” for Helena and Magdalena."""

from __future__ import annotations

from functools import lru_cache

_MORE = """
johannes hans hannes; josef sepp jupp; ulrich uli; katharina kathi kati; jose pepe; francisco paco pancho;
ignacio nacho; dolores lola; alexander sascha sasha; aleksander sasha; michael micha mischa misha;
katarzyna kasia; sebastian basti; wolfgang wolf; matthias matze; andreas andi; stefan steff; stephan
steff; susanne susi; elisabeth lisbeth liesel sissi elli; margarete grete gretel gretchen; johanna hanna;
heinrich heinz heiner; friedrich fritz; karlheinz kalle; manfred manni; siegfried sigi siggi; joachim
jochen achim; guadalupe lupe; giuseppe beppe peppe; luigi gigi; giovanni gianni nino; francesca franca;
maria mia; jan janek; cornelis cees kees
"""
_NEVER_SAID = {("robert", "bill"), ("robert", "billy")}
_TAKEN_FOR_THEIR_OWN = frozenset(
    "rupert erin jack ann anne anna alan allan henry lee mary may will mark".split()
)


def full_names(pet_name: str) -> frozenset[str]:
    """Folded full given names for a folded pet name; none for what is no pet name."""
    return _by_pet_name().get(pet_name, frozenset())


def is_pet_name(word: str) -> bool:
    """Whether a folded word is somebody's short name."""
    return word in _by_pet_name()


def pet_names(full_name: str) -> frozenset[str]:
    """Folded pet names of a folded full given name."""
    return _by_full_name().get(full_name, frozenset())


def other_given_names(name: str) -> frozenset[str]:
    """By which other names the bearer of this given name may be known: full names, or else pet names."""
    return _others().get(name, frozenset())


@lru_cache(maxsize=1)
def _others() -> dict[str, frozenset[str]]:
    return _by_full_name() | _by_pet_name()


@lru_cache(maxsize=1)
def _by_pet_name() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for full, pets in _by_full_name().items():
        for pet in pets:
            found.setdefault(pet, set()).add(full)
    return {pet: frozenset(fulls) for pet, fulls in found.items()}


@lru_cache(maxsize=1)
def _by_full_name() -> dict[str, frozenset[str]]:
    from nicknames import name_triplets

    found: dict[str, set[str]] = {}
    for full, _, pet in name_triplets():
        if (full, pet) not in _NEVER_SAID:
            found.setdefault(full.lower(), set()).add(pet.lower())
    for family in _MORE.replace("\n", " ").split(";"):
        full, *pets = family.split()
        found.setdefault(full, set()).update(pets)
    return {full: frozenset(pets - _TAKEN_FOR_THEIR_OWN - {full}) for full, pets in found.items()}
