"""Who is asking: the principal, and the short-lived signed tokens that carry it between processes."""

import json
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import Field

from .errors import NotAllowed, NotSignedIn
from .settings import ExistingFile, Settings, SettingsError, read_secret

PRINCIPAL_SECONDS: Final = 60
_ALGORITHM: Final = "Ed25519"  # RFC 9864
_FOR_OTHERS: Final = frozenset({"cli"})
"""Issuers that never speak for themselves: their tokens hold only with the name of who asks."""


class Role(StrEnum):
    """What a principal may do; an admin runs the machine and reads no content.

    A `service` is a program; a `delegate` is one that asks for people, each time naming whom it asks for.
    """

    REP = "rep"
    LEAD = "lead"
    OFFICER = "officer"
    AUDITOR = "auditor"
    ADMIN = "admin"
    SERVICE = "service"
    DELEGATE = "delegate"


AUDITING: Final = "auditor:"
"""How `by` begins where an auditor has an answer asked again."""


@dataclass(frozen=True)
class Principal:
    """One caller: an account of the appliance, with its CRM login.

    `by` is who asks in this principal's name, such as `service:crm-bridge`; empty when they do so themselves.
    It travels with every token, and the record holds both.
    """

    id: str
    login: str
    roles: frozenset[Role]
    name: str = ""
    by: str = ""

    def has(self, *roles: Role) -> bool:
        """Whether any of `roles` is held."""
        return not self.roles.isdisjoint(roles)

    @property
    def counted_as(self) -> str:
        """Of whose few places at the door this takes one: an auditor's who has the principal's answer asked
        again, else the principal's own."""
        return self.by if self.by.startswith(AUDITING) else self.id


@dataclass(frozen=True)
class RevealGrant:
    """What may be shown in the clear to one principal: fields of entities, for some seconds.

    `fields` maps an entity reference (`contact:17`) to field names; `*` stands for all of them.
    It does not promise that the principal may still see the record: it is asked for anew each time.
    """

    principal: str
    conversation: str
    fields: Mapping[str, Collection[str]] = field(default_factory=dict)
    scope: str = "crm"
    seconds: int = 60

    def permits(self, entity: str, name: str) -> bool:
        """Whether this field of this entity may be shown."""
        allowed = self.fields.get(entity, ())
        return "*" in allowed or name in allowed


class TrustSettings(Settings):
    """This process's signing key, and the public keys of those it believes."""

    issuer: str
    key_file: ExistingFile
    trusted: dict[str, ExistingFile] = Field(default_factory=dict)


class Tokens:
    """Signs this process's tokens and verifies those of the processes it trusts.

    A token is accepted from a trusted issuer only, for this audience only, and for its own kind only.
    """

    def __init__(self, settings: TrustSettings) -> None:
        self._issuer = settings.issuer
        self._key = read_key(settings.key_file)
        self._trusted = {issuer: read_key(path) for issuer, path in settings.trusted.items()}

    def for_principal(self, principal: Principal, audience: str, *, seconds: int = PRINCIPAL_SECONDS) -> str:
        """A token with which this process speaks for `principal` to the process `audience`."""
        claims = {
            "sub": principal.id,
            "login": principal.login,
            "name": principal.name,
            "roles": sorted(principal.roles),
            **({"act": {"sub": principal.by}} if principal.by else {}),  # RFC 8693, section 4.1
        }
        return self._sign("principal", audience, claims, seconds)

    def principal(self, token: str, *, audience: str) -> Principal:
        """Verify a principal token.

        Raises `NotSignedIn` when it is forged, foreign, expired or of another kind.
        """
        claims = self._verify("principal", token, audience)
        try:
            roles = frozenset(Role(role) for role in claims["roles"])
            name, by = str(claims.get("name", "")), str(claims["act"]["sub"]) if "act" in claims else ""
            if claims["iss"] in _FOR_OTHERS and not by:
                raise NotSignedIn("The token does not say who asks in this name.")
            return Principal(str(claims["sub"]), str(claims["login"]), roles, name, by)
        except (KeyError, ValueError, TypeError) as error:
            raise NotSignedIn("The token does not hold.") from error

    def reveal_grant(self, grant: RevealGrant, audience: str = "door") -> str:
        """Sign a grant for the door."""
        claims = {
            "sub": grant.principal,
            "conversation": grant.conversation,
            "fields": {entity: sorted(names) for entity, names in grant.fields.items()},
            "scope": grant.scope,
        }
        return self._sign("reveal", audience, claims, grant.seconds)

    def verified_grant(self, token: str, *, audience: str = "door", issuers: Collection[str]) -> RevealGrant:
        """Verify a grant; only `issuers` may issue one. Raises `NotSignedIn`."""
        claims = self._verify("reveal", token, audience, issuers)
        try:
            fields = {str(entity): frozenset(map(str, names)) for entity, names in claims["fields"].items()}
            return RevealGrant(
                str(claims["sub"]),
                str(claims["conversation"]),
                fields,
                str(claims["scope"]),
                int(claims["exp"] - time.time()),
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise NotSignedIn("The grant does not hold.") from error

    def _sign(self, kind: str, audience: str, claims: dict[str, Any], seconds: int) -> str:
        now = int(time.time())
        standard = {"iss": self._issuer, "aud": audience, "iat": now, "exp": now + seconds}
        header = {"alg": _ALGORITHM, "typ": f"{kind}+jwt"}
        return jwt.encode(
            header, {**claims, **standard, "jti": uuid.uuid4().hex}, self._key, algorithms=[_ALGORITHM]
        )

    def _verify(
        self, kind: str, token: str, audience: str, issuers: Collection[str] | None = None
    ) -> dict[str, Any]:
        for issuer, key in self._trusted.items():
            if issuers is not None and issuer not in issuers:
                continue
            try:
                decoded = jwt.decode(token, key, algorithms=[_ALGORITHM])
                _REQUIRED.validate(decoded.claims)
            except (JoseError, ValueError, UnicodeError):
                continue
            claims = decoded.claims
            if (decoded.header.get("typ"), claims["iss"], claims["aud"]) == (f"{kind}+jwt", issuer, audience):
                return dict(claims)
        raise NotSignedIn("The token does not hold: it is unknown, expired or meant for another process.")


_REQUIRED: Final = jwt.JWTClaimsRegistry(
    leeway=5,
    exp={"essential": True},
    iat={"essential": True},
    iss={"essential": True},
    aud={"essential": True},
    sub={"essential": True},
)


def make_signing_key(private_file: Path, public_file: Path) -> None:
    """Make an Ed25519 key pair as JWK files: the private one readable by its owner alone."""
    key = OKPKey.generate_key("Ed25519")
    private_file.touch(0o600)
    private_file.write_text(json.dumps(key.as_dict(private=True)), "utf-8")
    public_file.write_text(json.dumps(key.as_dict(private=False)), "utf-8")


def read_key(path: Path) -> OKPKey:
    """An Ed25519 key from a JWK file. Raises `SettingsError` when it is not one."""
    try:
        return OKPKey.import_key(json.loads(read_secret(path)))
    except (ValueError, JoseError) as error:
        raise SettingsError(f"The key file {path} does not hold a JWK.") from error


def bearer(request: Request) -> str:
    """The bearer token of a request. Raises `NotSignedIn` without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotSignedIn("This address needs a bearer token.")
    return token.strip()


def _calling_principal(request: Request) -> Principal:
    tokens: Tokens = request.state.tokens
    return tokens.principal(bearer(request), audience=request.state.audience)


CallingPrincipal = Annotated[Principal, Depends(_calling_principal)]
"""The principal of an internal call; the app's state has `tokens` and `audience`."""


def require(principal: Principal, *roles: Role) -> None:
    """Raise `NotAllowed` unless one of `roles` is held."""
    if not principal.has(*roles):
        raise NotAllowed(f"This needs the role {' or '.join(roles)}.")
