"""`cloister account`: who may sign in. For whoever owns the state folder; no sign-in is asked for."""

import json
from gettext import gettext as _
from typing import Annotated

import typer

from gateway import (
    Account,
    Role,
    change_password,
    change_roles,
    create_account,
    disable_account,
    enable_account,
    list_accounts,
)

from .local import LocalAppliance, operator
from .options import Data, Json
from .passwords import PasswordFile, PasswordStdin, read_password

app = typer.Typer(help="Who may sign in; managed by the machine's owner.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="The login, as the CRM knows this person.")]
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
    """Show every account, with its roles and whether it may sign in."""
    accounts = LocalAppliance.running(data).change(list_accounts)
    if as_json:
        print(json.dumps([_as_json(account) for account in accounts], indent=2))
        return
    width = max((len(account.login) for account in accounts), default=0)
    for account in accounts:
        print(f"{account.login:<{width}}  {_and(account.roles):<22}  {_state(account):<12}  {account.name}")
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


def _and(roles: list[str] | list[Role]) -> str:
    return ", ".join(roles)


def _state(account: Account) -> str:
    if account.disabled:
        return _("disabled")
    return _("enabled") if account.password_hash else _("no password")


def _as_json(account: Account) -> dict[str, object]:
    return {
        "id": str(account.id),
        "login": account.login,
        "name": account.name,
        "roles": account.roles,
        "disabled": account.disabled,
        "password": account.password_hash is not None,
        "created_at": account.created_at.isoformat() if account.created_at else None,
    }
