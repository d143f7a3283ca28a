"""Whom a demo offers at its sign-in page, which is what the terminal prints."""

from collections import Counter

from assistant.up.accounts import demo_sign_ins, imported_sign_ins, offered


def test_two_reps_two_officers_and_one_of_each_other_role_are_offered() -> None:
    shown = offered(demo_sign_ins())
    assert Counter(role.value for one in shown for role in one.roles) == {
        "rep": 2,
        "lead": 1,
        "officer": 2,
        "auditor": 1,
        "admin": 1,
    }


def test_of_an_import_its_first_users_are_offered() -> None:
    shown = offered(imported_sign_ins(["zoe@shop.example", "adam@shop.example", "mia@shop.example"]))
    assert [one.login for one in shown][:2] == ["zoe@shop.example", "adam@shop.example"]
    assert [one.login.partition("@")[0] for one in shown][2:] == ["officer", "officer-2", "auditor", "admin"]
