"""`cloister account`: who may sign in. For whoever owns the state folder; no sign-in is asked for."""

import json
from collections.abc import Mapping, Sequence
from gettext import gettext as _
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import (
    Account,
    Role,
    account_of,
    change_password,
    change_roles,
    create_account,
    disable_account,
    enable_account,
    list_accounts,
)

from .exits import Exit, leave
from .local import LocalAppliance, operator
from .options import Data, Json
from .passwords import PasswordFile, PasswordStdin, read_password

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

app = typer.Typer(help="Who may sign in; managed by the machine's owner.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="The login, as the CRM knows this person.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take back that it was said.")]
Roles = Annotated[list[Role], typer.Option("--role", help="What they may do; give it again for another.")]


@app.command()
def add(
    login: Login,
    name: Annotated[str, typer.Option(help="What the person is called on the pages.")],
    role: Roles,
    password_file: PasswordFile = None,
    password_stdin: PasswordStdin = False,
    data: Data = None,
) -> None:
    """Make an account. Its password is asked for twice, and has 12 characters or more."""
    appliance = LocalAppliance.running(data)
    password = read_password(password_file, password_stdin, twice=True)
    made = appliance.change(
        lambda session: create_account(
            session, login=login, name=name, roles=role, password=password, operator=operator()
        )
    )
    print(_("{login} may sign in as {roles}.").format(login=made.login, roles=_and(made.roles)))


@app.command(name="list")
def list_(as_json: Json = False, data: Data = None) -> None:
    """Show every account, with its roles, whether it may sign in, and which others are the same person's."""
    accounts, others = LocalAppliance.running(data).change(_accounts_and_others)
    if as_json:
        print(json.dumps([_as_json(account, others[account.login]) for account in accounts], indent=2))
        return
    width = max((len(account.login) for account in accounts), default=0)
    for account in accounts:
        shown = f"{account.login:<{width}}  {_and(account.roles):<22}  {_state(account):<12}  {account.name}"
        print(shown + _same_person(others[account.login]))
    if not accounts:
        print(_("There is no account yet. Make one with `cloister account add`."))


@app.command()
def password(
    login: Login,
    password_file: PasswordFile = None,
    password_stdin: PasswordStdin = False,
    data: Data = None,
) -> None:
    """Give an account a new password, and end its sessions. Its API tokens go on."""
    appliance = LocalAppliance.running(data)
    new = read_password(password_file, password_stdin, twice=True)
    tokens = appliance.change(lambda session: change_password(session, login, new, operator=operator()))
    print(_("{login} has a new password; whoever was signed in no longer is.").format(login=login))
    if tokens:
        sentence = _("API tokens that go on: {count}. Disabling and enabling the account ends them.")
        print(sentence.format(count=tokens))


@app.command()
def disable(login: Login, data: Data = None) -> None:
    """End an account's sessions and API tokens at once, and let it sign in no more."""
    appliance = LocalAppliance.running(data)
    done = appliance.change(lambda session: disable_account(session, login, operator=operator()))
    sentence = _("{login} is disabled; sessions and API tokens have ended.")
    print((sentence if done else _("{login} was disabled already.")).format(login=login))


@app.command()
def enable(login: Login, data: Data = None) -> None:
    """Let a disabled account sign in again. Its former API tokens stay revoked."""
    appliance = LocalAppliance.running(data)
    done = appliance.change(lambda session: enable_account(session, login, operator=operator()))
    sentence = _("{login} may sign in again.")
    print((sentence if done else _("{login} was enabled already.")).format(login=login))


@app.command()
def roles(login: Login, role: Roles, data: Data = None) -> None:
    """Give an account these roles and no others, from its next request on."""
    appliance = LocalAppliance.running(data)
    before = appliance.change(lambda session: change_roles(session, login, role, operator=operator()))
    sentence = _("{login} is {after} now, and was {before}.")
    print(sentence.format(login=login, after=_and(sorted(set(role))), before=_and(sorted(before))))


@app.command(name="subject")
def subject_(
    login: Login,
    issuer: Annotated[
        str, typer.Option(help="The identity provider's address, as its tokens have it (iss).")
    ],
    subject: Annotated[str, typer.Option(help="What the provider calls this person in them (sub).")],
    undo: Undo = False,
    data: Data = None,
) -> None:
    """Say how the company's identity provider knows a person. Accounts of one subject are one person's.

    Nobody reviews what they asked for through another account of theirs, and two accounts of one person are
    one reviewer: at once, also for what waits already. What is kept is a hash.
    """

    async def say(session: "AsyncSession") -> tuple[bool, Account, Sequence[str]]:
        from approvals import forget_subject, know_person

        account = await account_of(session, login)
        do = forget_subject if undo else know_person
        done = await do(session, str(account.id), issuer=issuer, subject=subject, operator=operator())
        return done, account, await _others_of(session, account)

    done, account, others = LocalAppliance.running(data).change(say)
    known = {
        (False, True): _("{login} is known by this subject now."),
        (False, False): _("{login} was known by this subject already."),
        (True, True): _("{login} is no longer known by this subject."),
        (True, False): _("{login} was not known by this subject."),
    }
    print(known[undo, done].format(login=account.login) + _same_person(others))


@app.command()
def same(
    login: Login,
    other: Annotated[str, typer.Argument(help="Another login of the same person.")],
    undo: Undo = False,
    data: Data = None,
) -> None:
    """Say that two accounts are one person's.

    Nobody reviews what they asked for through another account of theirs, and two accounts of one person are
    one reviewer: at once, also for what waits already. Two logins that are one mail address, whatever its
    +label, are one person's without a word.
    """

    async def say(session: "AsyncSession") -> tuple[bool, Sequence[str], bool]:
        from approvals import is_same_person, join_accounts, part_accounts

        both = [await account_of(session, one) for one in (login, other)]
        ids = [str(account.id) for account in both]
        done = await (part_accounts if undo else join_accounts)(session, *ids, operator=operator())
        return done, [account.login for account in both], await is_same_person(session, *ids)

    done, (one, another), are_same = LocalAppliance.running(data).change(say)
    said = {
        (False, True): _("{one} and {other} are one person now."),
        (False, False): _("It was said already that {one} and {other} are one person."),
        (True, True): _("It is no longer said that {one} and {other} are one person."),
        (True, False): _("Nobody had said that {one} and {other} are one person."),
    }
    print(said[undo, done].format(one=one, other=another))
    if undo and are_same:
        leave(
            Exit.FAILED,
            _("They are one person all the same: by mail address, by subject or through another account."),
        )


async def _accounts_and_others(
    session: "AsyncSession",
) -> tuple[Sequence[Account], Mapping[str, Sequence[str]]]:
    """Every account, and by its login the logins of the same person's others."""
    from approvals import persons

    accounts, known = await list_accounts(session), await persons(session)
    logins = {str(account.id): account.login for account in accounts}
    return accounts, {
        login: sorted(logins[one] for one in known.get(account, ()) if one != account and one in logins)
        for account, login in logins.items()
    }


async def _others_of(session: "AsyncSession", account: Account) -> Sequence[str]:
    _accounts, others = await _accounts_and_others(session)
    return others[account.login]


def _same_person(others: Sequence[str]) -> str:
    return "  " + _("(one person with {logins})").format(logins=", ".join(others)) if others else ""


def _and(roles: list[str] | list[Role]) -> str:
    return ", ".join(roles)


def _state(account: Account) -> str:
    if account.disabled:
        return _("disabled")
    return _("enabled") if account.password_hash else _("no password")


def _as_json(account: Account, others: Sequence[str]) -> dict[str, object]:
    return {
        "id": str(account.id),
        "login": account.login,
        "name": account.name,
        "roles": account.roles,
        "disabled": account.disabled,
        "same_person": others,
        "password": account.password_hash is not None,
        "created_at": account.created_at.isoformat() if account.created_at else None,
    }
