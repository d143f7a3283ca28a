"""Names that are words, in English and German."""

from __future__ import annotations

from typing import Final

_WORDS: Final = frozenset(
    """
    angel autumn banks baker beer bell bill birch black bloch booker brandy brock brooks burns carter chad
    chambers chandler chase clay collier colon conway cook cooper cox cross crystal curry daisy dale dawn
    dean don drake english farmer faith field fisher ford foster fox frank french fry garrison gay good
    grace grant gray green grey guy hale hall hardy harm heath herring hill hope hunter iris ivy jade
    jasmine jay joy king knight lamb lane lee lily long lynch mark marsh mason may mayo mercer mercy miles
    miller moss noble page paige parish penny pope porter potts power price prince reed rice rich rob rock
    rose rust sandy savage sawyer sharp short skinner smart speer stone sue summer summers swift temple
    tucker turner walker ward ware warner waters webb webster west wheeler white will wise wolf wood young
    bach baum becker berg bien bruder ehlert eimer engel ernst falk fischer fuchs geisel hahn haase herring
    kaiser karz keller killer klapp klein koch kohl kraushaar kuhl kurz lange loos meister mende neu nette
    otto ritter sager salz sauer schacht schenk schleich schneider schüler seifert sommer stein stoll stumpf
    trommler trüb vogel vogt wagner warmer weber winter wirth wohlgemut zirme
    """.split()
)

PAIRS: Final = (
    ("Will", "Price"),
    ("Mark", "Stone"),
    ("Rose", "Hill"),
    ("Grace", "Field"),
    ("Bill", "Cash"),
    ("Dawn", "Waters"),
    ("Art", "Mason"),
    ("Hope", "Power"),
    ("Chase", "Banks"),
    ("Penny", "Sharp"),
    ("Sue", "Long"),
    ("Rob", "Banks"),
    ("Faith", "Young"),
    ("Iris", "Green"),
    ("Frank", "Short"),
    ("Summer", "Day"),
    ("Miles", "Street"),
    ("Olive", "Branch"),
    ("Dean", "Street"),
    ("Carol", "Winter"),
    ("May", "Church"),
    ("Jack", "Frost"),
    ("Drew", "Marks"),
    ("Pat", "Butcher"),
    ("Joy", "Noble"),
    ("Sandy", "Beach"),
    ("Max", "Power"),
    ("Earl", "Grey"),
    ("Holly", "Wood"),
    ("Duke", "Moody"),
    ("Gene", "Pool"),
    ("Ray", "Day"),
    ("Christian", "Temple"),
    ("Clay", "Potter"),
    ("April", "Rice"),
    ("Ivy", "Page"),
    ("Ernst", "Lustig"),
    ("Rosa", "Sommer"),
    ("Mark", "Euro"),
    ("Klara", "Fall"),
)
"""First and last names that both are words, of nobody in the CRM."""


def is_word(name: str) -> bool:
    """Whether a name is also a word of the language."""
    return name.casefold() in _WORDS
