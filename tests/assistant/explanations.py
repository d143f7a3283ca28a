"""What an administrator may be told of a record's rights, as retrieval tells it."""

from retrieval import Explanation
from retrieval.search.explain import ConditionSaid, FieldSaid, IndexSaid, RecordSaid, RuleSaid

LONG = "00000000-0000-4000-8000-" + "0" * 12


def explained(login: str, record: str) -> Explanation:
    """`case:1` is hidden, `contact:1` has no consent, `case:404` is not there, other cases are shown."""
    if record == "case:404":
        return Explanation(
            login=login,
            user_known=True,
            record=record,
            exists=False,
            sees=False,
            sentence=f"There is no record {record} for Cloister: the CRM has none with this key.",
            index=IndexSaid(held=False, finds=False),
        )
    if login.startswith("nobody"):
        return Explanation(
            login=login,
            user_known=False,
            record=record,
            exists=True,
            sees=False,
            sentence=f"No active user of the CRM has the login {login}: every search in this name is empty.",
            index=IndexSaid(held=True, finds=False),
        )
    sees = record != "case:1"
    barred = ("No consent (consent, line 109): nobody sees it, and it is not processed.",)
    account = RecordSaid(record=f"account:{LONG}", exists=True, sees=sees, rules=_account_rules(sees=sees))
    seeing = f"The user {'sees' if sees else 'does not see'} account:{LONG}, to which it belongs."
    rules = (
        RuleSaid(
            number=1,
            line=151,
            rule="whoever sees its account",
            holds=sees,
            why=(ConditionSaid(holds=sees, sentence=seeing),),
            above=account,
        ),
        RuleSaid(
            number=2,
            line=152,
            rule="assigned_to in the user's id",
            holds=False,
            why=(ConditionSaid(holds=False, sentence="assigned_to is 14; the user's id: 9."),),
        ),
    )
    told = f"{login} sees {record} by rule 1 (line 151: whoever sees its account)."
    return Explanation(
        login=login,
        user_known=True,
        record=record,
        exists=True,
        sees=sees,
        sentence=told if sees else f"{login} does not see {record}. No rule of the map holds.",
        attributes={"id": ("9",), "role": ("rep",), "teams": ("2", "5"), "territories": ()},
        reading=RecordSaid(
            record=record,
            exists=True,
            sees=sees,
            barred=barred if record.startswith("contact") else (),
            rules=rules,
        ),
        fields=(FieldSaid(field="credit_limit", line=96, roles=("lead",), may_read=False),),
        internal=("internal_note",),
        index=IndexSaid(
            held=True, finds=sees, keys=("account.owner_id~id=9",), shared=("account.owner_id~id=9",)
        ),
        drift=("The index would still find it, the CRM's check withholds it.",) if record == "case:7" else (),
    )


def _account_rules(*, sees: bool) -> tuple[RuleSaid, ...]:
    owner = f"owner_id is {9 if sees else 3}; the user's id: 9."
    roles = (
        ConditionSaid(holds=False, sentence="The user has the role rep; it is for lead."),
        ConditionSaid(holds=True, sentence="territory_id is 4; the user's territories: 4."),
    )
    return (
        RuleSaid(
            number=1,
            line=91,
            rule="owner_id in the user's id",
            holds=sees,
            why=(ConditionSaid(holds=sees, sentence=owner),),
        ),
        RuleSaid(
            number=2,
            line=93,
            rule="territory_id in the user's territories, for the role lead",
            holds=False,
            why=roles,
        ),
    )
