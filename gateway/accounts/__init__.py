"""Who may sign in: local accounts, sessions and API tokens."""

from .service import (
    AccountSettings,
    NewToken,
    create_account,
    issue_api_token,
    principal_of_account,
    principal_of_api_token,
    principal_of_session,
    sign_in,
    sign_out,
)
from .tables import Account, ApiToken, Session

__all__ = [
    "Account",
    "AccountSettings",
    "ApiToken",
    "NewToken",
    "Session",
    "create_account",
    "issue_api_token",
    "principal_of_account",
    "principal_of_api_token",
    "principal_of_session",
    "sign_in",
    "sign_out",
]
