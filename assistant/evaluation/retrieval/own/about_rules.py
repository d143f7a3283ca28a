"""How-to questions: the help centre answers them."""

from collections.abc import Iterator
from random import Random

from assistant.evaluation.retrieval.queries import Query
from retrieval import Company, demo_staff

from .company import Known
from .howto import HOW_TO, LEADS_ONLY


def articles_of(company: Company) -> dict[str, str]:
    """Title → reference."""
    rows = dict(company.tables())["articles"]
    return {row["title"]: f"article:{row['id']}" for row in rows}


def how_tos(known: Known, draw: Random) -> Iterator[Query]:
    """Each question by some rep; what only leads read by a lead."""
    articles = articles_of(known.company)
    for who, questions in (("rep", HOW_TO), ("lead", LEADS_ONLY)):
        people = [person.login for person in demo_staff() if person.role == who]
        for title, question in questions:
            yield Query(
                id="",
                turns=(question,),
                relevant={articles[title]: 1},
                login=draw.choice(people),
                template=f"how-to/{question[:60]}",
            )
