"""Events in the shape of the Open Cybersecurity Schema Framework, for the SIEM of a company."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

VERSION: Final = "1.3.0"
_ACCOUNT_CHANGE: Final = 3001
_AUTHENTICATION: Final = 3002
_API_ACTIVITY: Final = 6003
_OTHER: Final = 99
_NAMES: Final = {
    _ACCOUNT_CHANGE: "Account Change",
    _AUTHENTICATION: "Authentication",
    _API_ACTIVITY: "API Activity",
}
_CATEGORIES: Final = {3: "Identity & Access Management", 6: "Application Activity"}
_KNOWN: Final[Mapping[str, tuple[int, int, str]]] = {
    "session.signed_in": (_AUTHENTICATION, 1, "Logon"),
    "session.sign_in_failed": (_AUTHENTICATION, 1, "Logon"),
    "session.signed_out": (_AUTHENTICATION, 2, "Logoff"),
    "account.created": (_ACCOUNT_CHANGE, 1, "Create"),
    "account.enabled": (_ACCOUNT_CHANGE, 2, "Enable"),
    "account.password_changed": (_ACCOUNT_CHANGE, 3, "Password Change"),
    "account.disabled": (_ACCOUNT_CHANGE, 5, "Disable"),
}
_VERBS: Final[Mapping[str, tuple[int, str]]] = {
    "asked": (1, "Create"),
    "issued": (1, "Create"),
    "held": (1, "Create"),
    "read": (2, "Read"),
    "opened": (2, "Read"),
    "searched": (2, "Read"),
    "restored": (2, "Read"),
    "exported": (2, "Read"),
    "verified": (2, "Read"),
    "edited": (3, "Update"),
    "revoked": (4, "Delete"),
    "erased": (4, "Delete"),
    "drafts_erased": (4, "Delete"),
}
_FAILED: Final = frozenset({"sign_in_failed", "refused", "slot_lost"})


def as_ocsf(line: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of an export as an OCSF event; one that is void has its id and time alone."""
    event = line.get("event") or {**line.get("erased", {}), "erased": True}
    name = str(event.get("event", "audit.unknown"))
    kind, activity, verb = _class_of(name)
    failed = name.partition(".")[2] in _FAILED
    found: dict[str, Any] = {
        "activity_id": activity,
        "activity_name": verb,
        "category_uid": kind // 1000,
        "category_name": _CATEGORIES[kind // 1000],
        "class_uid": kind,
        "class_name": _NAMES[kind],
        "type_uid": kind * 100 + activity,
        "severity_id": 1,
        "status_id": 2 if failed else 1,
        "status": "Failure" if failed else "Success",
        "time": _milliseconds(str(event.get("at", ""))),
        "metadata": {
            "version": VERSION,
            "product": {"name": "Cloister", "vendor_name": "Cloister"},
            "uid": event.get("id"),
            "event_code": name,
            "sequence": line.get("sequence"),
            "correlation_uid": event.get("correlation"),
        },
        "unmapped": {
            **{key: event.get(key) for key in ("conversation", "run", "subject", "detail") if event.get(key)},
            "leaf": line.get("leaf"),
            **({"erased_at": event["erased_at"]} if "erased_at" in event else {}),
        },
    }
    return found | _who(kind, name, event)


def _class_of(name: str) -> tuple[int, int, str]:
    if name in _KNOWN:
        return _KNOWN[name]
    subject, _, verb = name.partition(".")
    kind = _ACCOUNT_CHANGE if subject == "account" else _API_ACTIVITY
    activity, caption = _VERBS.get(verb, (_OTHER, verb)) if kind == _API_ACTIVITY else (_OTHER, verb)
    return kind, activity, caption


def _who(kind: int, name: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """The actor; whom an account event is about; where the call came from."""
    user = {"uid": event.get("actor", ""), "groups": [{"name": role} for role in event.get("roles", ())]}
    by = (event.get("detail") or {}).get("by")
    actor: dict[str, Any] = {"user": user, **({"app_name": by} if by else {})}
    process, _, address = str(event.get("origin") or "").partition(" ")
    found: dict[str, Any] = {"actor": actor}
    if kind == _API_ACTIVITY:
        found["api"] = {"operation": name, "service": {"name": process or "cloister"}}
        found["src_endpoint"] = {"ip": address} if address else {"name": "cloister"}
        return found
    about = event.get("subject") if kind == _ACCOUNT_CHANGE else event.get("actor")
    found["user"] = {"uid": about or event.get("actor", "")}
    if address:
        found["src_endpoint"] = {"ip": address}
    return found


def _milliseconds(at: str) -> int:
    try:
        return int(datetime.fromisoformat(at).timestamp() * 1000)
    except ValueError:
        return 0
