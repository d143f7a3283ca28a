"""Who may read whose identities in the clear: a short grant for the door, made anew each time."""

from collections.abc import Iterable
from typing import Final

from gateway import Principal, RevealGrant, Role, Tokens, require
from retrieval.crm import BODY
from retrieval.records import Records
from retrieval.rights import Visibility, visibility_of

from .focus import visible_rows
from .values import Grant, GrantQuestion

SECONDS: Final = 60
_RENDERED: Final = frozenset(
    {"title", "facts", BODY}
)  # made of several columns, for the viewer they are shown to
_EVERY_FIELD: Final = frozenset({"*"})


class Granter:
    """Makes RevealGrants. Only this process signs them, and the door believes no other."""

    def __init__(self, records: Records, tokens: Tokens) -> None:
        self._records = records
        self._tokens = tokens

    async def grant(self, principal: Principal, question: GrantQuestion) -> tuple[Grant, RevealGrant]:
        """The signed grant, and what it says.

        For a held item an officer gets all the records of its conversation, whatever the CRM says: that is
        the role's right, and the caller vouches for which records those are. Everybody else gets the
        records that the CRM lets them see, and of those the fields. Raises `NotAllowed`, `CrmUnavailable`.
        """
        if question.item is not None:
            require(principal, Role.OFFICER)
            fields = dict.fromkeys(_each_and_joined(question.entities), _EVERY_FIELD)
            scope = f"item:{question.item}"
        else:
            fields = await self._visible_fields(principal, question.entities)
            scope = "crm"
        grant = RevealGrant(principal.id, question.conversation, fields, scope, SECONDS)
        return Grant(grant=self._tokens.reveal_grant(grant), seconds=SECONDS), grant

    async def _visible_fields(
        self, principal: Principal, entities: Iterable[str]
    ) -> dict[str, frozenset[str]]:
        visibility = await visibility_of(self._records, principal)
        if visibility is None:
            return {}
        asked = list(entities)
        fields = {
            ref: self._fields(ref.partition(":")[0], visibility)
            for ref in await visible_rows(self._records, visibility, asked)
        }
        # A value that several records share is no secret to whoever may read it in one of them.
        for joined in asked:
            parts = [fields[one] for one in joined.split("|") if one in fields]
            if "|" in joined and parts:
                fields[joined] = frozenset().union(*parts)
        return fields

    def _fields(self, kind: str, visibility: Visibility) -> frozenset[str]:
        """Every field that may be read: identity columns, and prose in which others are named.

        A column that is called as what is made of several is still only for those who may read it.
        """
        names = _RENDERED | {name for name, _ in self._records.crm_map.entities[kind].readable}
        return frozenset(name for name in names if visibility.may_see_field(kind, name))


def _each_and_joined(entities: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(ref for joined in entities for ref in (joined, *joined.split("|"))))
