"""Working on a running appliance's database, for whoever owns its state folder."""

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from assistant.appliance import default_folder
from gateway import (
    CloisterError,
    Database,
    DoorClient,
    NotAllowed,
    PartUnavailable,
    Principal,
    Role,
    SettingsError,
    Tokens,
    TrustSettings,
    create_http_client,
    load_settings,
    principal_of_account,
)

from .exits import Exit, exit_of, leave

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from assistant.settings import WebSettings
    from retrieval import RetrievalClient

T = TypeVar("T")


class LocalAppliance:
    """The appliance that `up` keeps in a state folder: its database, with the rights of its web process, and
    its signing key for the command line."""

    def __init__(self, state: Path, settings: "WebSettings") -> None:
        self._state = state
        self._settings = settings

    @classmethod
    def running(cls, folder: Path | None) -> "LocalAppliance":
        """The appliance of a state folder. Ends with 3 when there is none or it does not run, with 4 when
        the folder belongs to somebody else."""
        state = (folder or default_folder()).expanduser()
        file = state / "etc" / "web.yaml"
        try:
            file.stat()
        except PermissionError:
            sentence = _("{folder} is closed to you. Run this as the account that runs `cloister up`.")
            leave(Exit.REFUSED, sentence.format(folder=state))
        except OSError:
            sentence = _("There is no appliance in {folder}. Start one with `cloister up`, or give --data.")
            leave(Exit.NOT_RUNNING, sentence.format(folder=state))
        from assistant.composition import register_all_events
        from assistant.settings import WebSettings

        register_all_events()
        appliance = cls(state, load_settings(file, WebSettings))
        appliance._end_well(appliance._with_database(_ping))
        return appliance

    def change(self, work: "Callable[[AsyncSession], Awaitable[T]]") -> T:
        """Do `work` in one transaction; a refusal ends the command with its sentence and changes nothing."""

        async def transact(database: Database) -> T:
            async with database.transaction() as session:
                return await work(session)

        return self._end_well(self._with_database(transact))

    def speak_for(
        self, login: str, ask: "Callable[[Principal, DoorClient, RetrievalClient], Awaitable[T]]"
    ) -> T:
        """Ask the appliance in the name of a person who reads records, with their rights and no others.

        The record names them, and in `by` the machine's user who asks. Needs the signing key that only the
        owner of the state folder reads; ends with 4 without it, and for who has no account or reads nothing.
        """
        key = self._state / "secrets" / "sign-cli.jwk"
        try:
            tokens = Tokens(TrustSettings(issuer="cli", key_file=key))
        except (SettingsError, ValueError, OSError):
            sentence = _(
                "The key {file} cannot be read: only the owner of the state folder may ask in somebody's "
                "name. Give that person's own API token with --token-file."
            )
            leave(Exit.REFUSED, sentence.format(file=key))

        from retrieval import RetrievalClient

        async def speak(database: Database) -> T:
            async with database.transaction() as session:
                person = await _reader(session, login)
            person = replace(person, by=f"operator:{operator()}")
            async with AsyncExitStack() as stack:
                peers = (self._settings.door, self._settings.retrieval)
                door, retrieval = [
                    await stack.enter_async_context(create_http_client(peer.url, tls=peer.tls, timeout=60))
                    for peer in peers
                ]
                return await ask(person, DoorClient(door, tokens), RetrievalClient(retrieval, tokens))

        return self._end_well(self._with_database(speak))

    async def _with_database(self, work: Callable[[Database], Awaitable[T]]) -> T:
        database = Database(self._settings.database, overflow=0)
        try:
            return await work(database)
        finally:
            await database.close()

    @staticmethod
    def _end_well(work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run(work)
        except PartUnavailable as error:
            leave(Exit.NOT_RUNNING, _("{sentence} Is `cloister up` running?").format(sentence=error.sentence))
        except CloisterError as error:
            leave(exit_of(error.status), error.sentence)


async def _reader(session: "AsyncSession", login: str) -> Principal:
    person = await principal_of_account(session, login=login)
    roles = person.roles & {Role.REP, Role.LEAD, Role.OFFICER}
    if not roles:
        raise NotAllowed(f"{person.login} has no role that reads records, so nobody reads any in this name.")
    return replace(person, roles=roles)


async def _ping(database: Database) -> None:
    await database.ping()


def operator() -> str:
    """The machine's user who types this, as the record names them."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
