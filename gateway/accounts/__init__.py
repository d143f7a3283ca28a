"""Who may sign in: local accounts, sessions and API tokens."""

from .administration import (
    account_of,
    change_password,
    change_roles,
    create_account,
    disable_account,
    enable_account,
    has_admin,
    list_accounts,
    record_of_account,
    remove_password,
)
from .passwords import hash_password
from .places import Origin
from .service import (
    AccountSettings,
    NewToken,
    SignedIn,
    device_cookie,
    issue_api_token,
    list_api_tokens,
    principal_of_account,
    principal_of_api_token,
    principal_of_session,
    revoke_api_token,
    sign_in,
    sign_out,
)
from .tables import Account, ApiToken, Session

__all__ = [
    "Account",
    "AccountSettings",
    "ApiToken",
    "NewToken",
    "Origin",
    "Session",
    "SignedIn",
    "account_of",
    "change_password",
    "change_roles",
    "create_account",
    "device_cookie",
    "disable_account",
    "enable_account",
    "has_admin",
    "hash_password",
    "issue_api_token",
    "list_accounts",
    "list_api_tokens",
    "principal_of_account",
    "principal_of_api_token",
    "principal_of_session",
    "record_of_account",
    "remove_password",
    "revoke_api_token",
    "sign_in",
    "sign_out",
]
