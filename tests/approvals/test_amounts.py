"""Amounts are read as people write them, and in doubt not too small."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.risk.amounts import blank_tokens, find_amounts, find_shares, parse_number

values = st.decimals(min_value=1, max_value=9_999_999, places=2)
numbers_before = st.sampled_from(["€", "€ ", "EUR ", "$", "USD ", "£", "CHF "])
numbers_after = st.sampled_from([" €", "€", " EUR", " Euro", " euros", " dollars", " CHF", " pounds"])


def german(value: Decimal) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def swiss(value: Decimal) -> str:
    return f"{value:,.2f}".replace(",", "'")


styles = st.sampled_from([lambda v: f"{v:,.2f}", german, swiss, lambda v: f"{v:.2f}"])


@given(values, styles, st.one_of(numbers_before.map(lambda s: (s, "")), numbers_after.map(lambda s: ("", s))))
def test_an_amount_is_read_in_every_notation(value: Decimal, style, unit: tuple[str, str]) -> None:  # type: ignore[no-untyped-def]
    written = f"{unit[0]}{style(value)}{unit[1]}"
    text = f"We refund {written}, as agreed with <PERSON_12>."
    (found,) = find_amounts(text)
    assert found.value == value
    assert text[found.start : found.end] == written


@given(st.integers(1, 999_999), st.integers(1, 4))
def test_a_token_is_never_an_amount(number: int, digits: int) -> None:
    text = f"<ACCOUNT_{number}> EUR <PERSON_{digits}_EMAIL> € <IBAN_{number}>"
    assert find_amounts(text) == []
    assert len(blank_tokens(text)) == len(text)


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading(text: str) -> None:
    for found in find_amounts(text):
        assert 0 <= found.start < found.end <= len(text)
        assert found.value >= 0


@pytest.mark.parametrize(
    ("written", "value", "currency"),
    [
        ("1.234 EUR", 1234, "EUR"),
        ("1,234 EUR", 1234, "EUR"),
        ("12,5 EUR", Decimal("12.5"), "EUR"),
        ("$1.2k", 1200, "USD"),
        ("1,5 Mio. €", 1_500_000, "EUR"),
        ("500,- €", 500, "EUR"),
        ("€ 50.-", 50, "EUR"),
        ("1 234,56 €", Decimal("1234.56"), "EUR"),
        ("zweihundertfünfzig Euro", 250, "EUR"),
        ("zweihundertfuenfzig Euro", 250, "EUR"),
        ("eintausendzweihundert Euro", 1200, "EUR"),
        ("dreißig Euro", 30, "EUR"),
        ("dreissig Euro", 30, "EUR"),
        ("ein paar hundert Euro", 900, "EUR"),
        ("two hundred and fifty euros", 250, "EUR"),
        ("fifteen hundred dollars", 1500, "USD"),
        ("one thousand two hundred pounds", 1200, "GBP"),
        ("a thousand bucks", 1000, "USD"),
        ("EUR 500–800", 800, "EUR"),
        ("EUR 500 to 800", 800, "EUR"),
        ("99 cents", Decimal("0.99"), "EUR"),
        ("300 Franken", 300, "CHF"),
    ],
)
def test_a_written_amount_is_read(written: str, value: Decimal, currency: str) -> None:
    (found,) = find_amounts(f"It is {written}.")
    assert (found.value, found.currency) == (value, currency)


@pytest.mark.parametrize(
    "text", ["", "order 48213", "in 30 days", "on 3 May 2024", "chapter 4", "the euro", "a dollar sign $"]
)
def test_what_is_no_amount_is_not_read_as_one(text: str) -> None:
    assert find_amounts(text) == []


def test_shares_are_read() -> None:
    found = find_shares("30 % off, zehn Prozent Rabatt, half the price, 12,5% on <PERSON_3>")
    assert [share.value for share in found] == [30, 10, 50, Decimal("12.5")]


@pytest.mark.parametrize("text", ["", "abc", "a", "und", "1x"])
def test_what_is_no_number_gives_none(text: str) -> None:
    assert parse_number(text) is None
