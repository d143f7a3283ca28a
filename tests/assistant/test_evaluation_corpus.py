import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date

import ahocorasick_rs
import phonenumbers
import pytest

from assistant.evaluation.corpus import (
    build_corpus,
    gazetteer_entries,
    is_held_out,
    is_negative,
    write_jsonl,
)
from assistant.evaluation.corpus.templates import load_templates
from redaction import EntityType, LabelledText
from retrieval import Company, build_company

DAY = date(2026, 3, 2)
HARD = (
    *("lower", "upper", "typo", "initials", "surname-first", "nickname", "possessive", "word-name"),
    *("diacritics", "split", "multiline", "spelled", "alias"),
)
PINNED = {
    "note-site-call": True,
    "mail-fault": True,
    "chat-short": False,
    "fr-panne": True,
    "neg-article-text": False,
    "noisy-note": False,
}
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")


@pytest.fixture(scope="module")
def company() -> Company:
    return build_company(7, DAY)


@pytest.fixture(scope="module")
def corpus(company: Company) -> list[LabelledText]:
    return build_corpus(company)


def unlabelled(text: LabelledText) -> Iterator[str]:
    """What stands between the labels."""
    end = 0
    for span in text.spans:
        yield text.text[end : span.start]
        end = span.end
    yield text.text[end:]


def values_of(corpus: list[LabelledText], kind: EntityType, language: str = "") -> set[str]:
    return {
        text.text[span.start : span.end]
        for text in corpus
        for span in text.spans
        if span.type == kind and span.form == "stranger" and language in {"", text.language}
    }


def test_the_same_seed_and_company_make_the_same_texts(company: Company, corpus: list[LabelledText]) -> None:
    assert build_corpus(company) == corpus
    assert build_corpus(company, seed=4) != corpus


def test_there_are_enough_texts_of_every_length(corpus: list[LabelledText]) -> None:
    lengths = sorted(len(text.text) for text in corpus)
    assert len(corpus) >= 3000
    assert lengths[0] < 50
    assert lengths[-1] > 1200
    assert sum(length > 500 for length in lengths) >= 250


def test_there_are_enough_mentions_of_known_customers(corpus: list[LabelledText]) -> None:
    forms = Counter(span.form for text in corpus for span in text.spans if span.entity)
    assert forms["clean"] >= 5000
    assert {form: forms[form] for form in HARD if forms[form] < 300} == {}


def test_every_slice_has_texts(corpus: list[LabelledText]) -> None:
    groups = Counter(text.group for text in corpus)
    wanted = {*HARD, "clean", "look-alike", "stranger-noisy", "stranger-company", "stranger-word-name"}
    wanted |= {f"language-{language}" for language in LANGUAGES}
    assert wanted <= groups.keys()
    assert {group for group in groups.keys() - wanted if not is_negative(group)} == set()
    assert min(groups.values()) >= 50
    assert sum(count for group, count in groups.items() if is_negative(group)) >= 500


def test_labels_lie_in_their_text_and_beside_each_other(corpus: list[LabelledText]) -> None:
    for text in corpus:
        end = 0
        for span in text.spans:
            assert end <= span.start < span.end <= len(text.text), text
            end = span.end
            assert EntityType(span.type)
            value = text.text[span.start : span.end]
            assert value == value.strip()
            assert any(character.isalnum() for character in value)


def test_a_clean_label_is_letter_by_letter_what_the_record_says(
    company: Company, corpus: list[LabelledText]
) -> None:
    known = {(entry.entity, entry.type, entry.value) for entry in gazetteer_entries(company)}
    addresses = {(f"account:{account.id}", str(account.address)) for account in company.accounts}
    seen = 0
    for text in corpus:
        for span in text.spans:
            if span.form == "clean":
                value = text.text[span.start : span.end]
                for ref in str(span.entity).split("|"):
                    assert (ref, EntityType(span.type), value) in known or (ref, value) in addresses, text
                    seen += 1
    assert seen >= 5000


def test_what_a_hard_form_says_differs_from_the_record(company: Company, corpus: list[LabelledText]) -> None:
    values = {entry.value for entry in gazetteer_entries(company)}
    same_on_purpose = {"clean", "part", "possessive", "word-name", "alias", None}
    for text in corpus:
        for span in text.spans:
            if span.entity and span.form not in same_on_purpose:
                assert text.text[span.start : span.end] not in values, (span, text)


def test_nobody_known_stands_in_a_text_without_a_label(company: Company, corpus: list[LabelledText]) -> None:
    kinds = {EntityType.PERSON, EntityType.EMAIL, EntityType.PHONE, EntityType.ACCOUNT, EntityType.IBAN}
    values = sorted({entry.value.casefold() for entry in gazetteer_entries(company) if entry.type in kinds})
    finder = ahocorasick_rs.AhoCorasick(values)
    assert finder.find_matches_as_strings(values[0]) == [values[0]]
    for text in corpus:
        for gap in unlabelled(text):
            assert finder.find_matches_as_strings(gap.casefold()) == [], text


def test_no_mail_or_long_number_stands_in_a_text_without_a_label(corpus: list[LabelledText]) -> None:
    for text in corpus:
        for gap in unlabelled(text):
            assert "@" not in gap, text
            assert not re.search(r"\+\d{2}|\d{3} \d{3} \d{3}", gap), text


def test_strangers_are_not_in_the_crm(company: Company, corpus: list[LabelledText]) -> None:
    known = {entry.value.casefold() for entry in gazetteer_entries(company)}
    for text in corpus:
        for span in text.spans:
            if span.entity is None and " " in (value := text.text[span.start : span.end]):
                assert value.casefold() not in known, text
            assert (span.entity is None) == str(span.form).startswith("stranger")


def test_negatives_have_nothing_to_mask(corpus: list[LabelledText]) -> None:
    for text in corpus:
        assert bool(text.spans) != is_negative(text.group), text


def test_there_are_enough_templates_in_every_language() -> None:
    templates = load_templates()
    languages = Counter(template.language for template in templates if template.family == "strangers")
    assert len(templates) >= 150
    assert {language: languages[language] for language in LANGUAGES if languages[language] < 12} == {}
    kinds = {template.kind for template in templates if template.family == "known"}
    assert kinds == {"note", "mail", "chat", "call", "table", "json", "csv", "form", "question"}


def test_about_half_of_the_texts_are_held_out(corpus: list[LabelledText]) -> None:
    templates = load_templates()
    held_out = {template.id for template in templates if is_held_out(template.id)}
    assert 0.4 <= len(held_out) / len(templates) <= 0.6
    sides = Counter((text.group, text.template in held_out) for text in corpus)
    for group in {text.group for text in corpus}:
        assert sides[group, True] >= 10, group
        assert sides[group, False] >= 10, group


def test_the_division_never_moves() -> None:
    assert [is_held_out(name) for name in PINNED] == list(PINNED.values())


def luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def test_cards_have_right_check_digits(corpus: list[LabelledText]) -> None:
    cards = values_of(corpus, EntityType.CARD)
    assert len(cards) >= 10
    assert [card for card in cards if not luhn(card.replace(" ", ""))] == []


def test_ibans_have_right_check_digits(corpus: list[LabelledText]) -> None:
    ibans = values_of(corpus, EntityType.IBAN)
    assert len({iban[:2] for iban in ibans}) >= 7
    for iban in ibans:
        compact = iban.replace(" ", "")
        assert int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1, iban


@pytest.mark.parametrize(
    ("language", "shape", "weights"),
    [("nl", r"(\d{9})", (9, 8, 7, 6, 5, 4, 3, 2, -1)), ("pt", r"(\d{9})", (9, 8, 7, 6, 5, 4, 3, 2, 1))],
)
def test_dutch_and_portuguese_numbers_pass_their_eleven_test(
    corpus: list[LabelledText], language: str, shape: str, weights: tuple[int, ...]
) -> None:
    numbers = [
        found
        for value in values_of(corpus, EntityType.TAX_ID, language)
        if (found := re.fullmatch(shape, value))
    ]
    assert len(numbers) >= 5
    for found in numbers:
        total = sum(int(digit) * weight for digit, weight in zip(found[1], weights, strict=True))
        # a Portuguese check digit of 10 is written 0
        assert total % 11 == 0 or (language == "pt" and found[1][8] == "0" and total % 11 == 1), found[1]


def test_french_italian_and_spanish_numbers_have_right_check_digits(corpus: list[LabelledText]) -> None:
    for value in values_of(corpus, EntityType.TAX_ID, "fr"):
        number = value.replace(" ", "")
        if number.startswith("FR"):
            assert luhn(number[4:])
            assert (12 + 3 * int(number[4:])) % 97 == int(number[2:4])
        else:
            assert (int(number[:13]) + int(number[13:])) % 97 == 0
    for value in values_of(corpus, EntityType.TAX_ID, "es"):
        if value.startswith("ES"):
            assert luhn(value[3:])
        else:
            assert value[8] == "TRWAGMYFPDXBNJZSQVHLCKE"[int(value[:8]) % 23]
    for value in values_of(corpus, EntityType.TAX_ID, "it"):
        assert (
            luhn(value[2:])
            if value.startswith("IT")
            else re.fullmatch(r"[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z]", value)
        )


def test_german_numbers_pass_mod_11_10(corpus: list[LabelledText]) -> None:
    numbers = values_of(corpus, EntityType.TAX_ID, "de")
    assert len(numbers) >= 10
    for value in numbers:
        state = 10
        *body, check = (int(digit) for digit in re.sub(r"\D", "", value))
        for digit in body:
            state = ((digit + state) % 10 or 10) * 2 % 11
        assert (state + check) % 10 == 1, value


@pytest.mark.parametrize("language", LANGUAGES)
def test_telephone_numbers_of_strangers_are_well_formed(corpus: list[LabelledText], language: str) -> None:
    regions = {"en": ("GB", "US")}.get(language, (language.upper(),))
    numbers = values_of(corpus, EntityType.PHONE, language)
    assert len(numbers) >= 20
    for number in numbers:
        assert any(phonenumbers.is_valid_number(phonenumbers.parse(number, region)) for region in regions), (
            number
        )


def test_mail_addresses_are_reserved_ones(corpus: list[LabelledText]) -> None:
    for text in corpus:
        for span in text.spans:
            value = text.text[span.start : span.end].casefold()
            if span.type == EntityType.EMAIL and span.form != "spelled":
                assert re.search(r"(?:\.example|[@.]example\.(?:com|org|net))$", value), value


def test_json_texts_are_json_and_csv_texts_have_columns(corpus: list[LabelledText]) -> None:
    parsed = 0
    for text in corpus:
        if text.group == "clean" and text.template.startswith("json-"):
            assert json.loads(text.text)
            parsed += 1
        if text.group == "clean" and text.template == "csv-quoted":
            rows = list(csv.reader(io.StringIO(text.text)))
            assert {len(row) for row in rows} == {5}
            parsed += 1
    assert parsed >= 20


def test_texts_are_written_as_json_lines(corpus: list[LabelledText]) -> None:
    file = io.StringIO()
    write_jsonl(corpus[:20], file)
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert len(lines) == 20
    for line, text in zip(lines, corpus, strict=False):
        assert (line["text"], line["group"], line["template"]) == (text.text, text.group, text.template)
        assert line["language"] == text.language
        assert [
            (span["start"], span["end"], span["type"], span["entity"], span["form"]) for span in line["spans"]
        ] == [(span.start, span.end, span.type, span.entity, span.form) for span in text.spans]


def test_the_crm_knows_every_contact_and_account(company: Company) -> None:
    entries = gazetteer_entries(company)
    refs = {entry.entity for entry in entries}
    assert {f"account:{account.id}" for account in company.accounts} <= refs
    assert {f"contact:{contact.id}" for account in company.accounts for contact in account.contacts} <= refs
    shared = [entry for entry in entries if entry.entity == "contact:1" and entry.field == "email"]
    assert shared == []  # a household's contact shares the account's, which publishes it
