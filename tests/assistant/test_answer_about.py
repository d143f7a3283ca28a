from assistant.answer.evidence import about
from assistant.answer.support import Source

MINE = Source(1, "Order HT-206106", "The total of Order HT-206106 is EUR 95.68.", kind="order")
ARTICLE = Source(2, "Refunds", "A refund takes five days.", published=True, kind="article")
NOTE = Source(3, "Note", "We promised a call.", kind="note")


def test_another_order_is_no_answer() -> None:
    assert about("What is the total of order HT-212889?", [MINE, NOTE], named=False) == []


def test_the_order_of_the_question_is() -> None:
    assert about("What is the total of order HT-206106?", [MINE, NOTE], named=False) == [MINE]


def test_articles_answer_what_names_nobody_and_records_what_names_a_customer() -> None:
    assert about("How long does a refund take?", [NOTE, ARTICLE], named=False) == [ARTICLE]
    assert about("What did we promise?", [NOTE, ARTICLE], named=True) == [NOTE]


def test_the_price_of_another_thing_is_no_answer() -> None:
    def product(n: int, title: str) -> Source:
        return Source(
            n, title, f"The price of {title} is EUR {n}.", published=True, facts=(("price", f"EUR {n}"),)
        )

    tokdis, noise = product(4, "Tokdis MX-1 Pro Smartwatch"), product(5, "Noise ColorFit Pro 4 Smart Watch")
    asked = "What is the price of the Tokdis MX-1 Pro smartwatch?"
    assert about(asked, [noise, tokdis, ARTICLE], named=False) == [tokdis, ARTICLE]
    assert about("What is the price of a smartwatch?", [noise, tokdis], named=False) == [noise, tokdis]
