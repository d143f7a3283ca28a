"""Why a CRM is not followed by its log.

CrmError
├── CannotDecode     something is missing that an administrator of the CRM could give; follow another way
│   └── SlotBusy     another process listens through the slot
└── SlotLost         what the slot kept is gone: everything must be compared again
"""

from retrieval.crm import CrmError


class CannotDecode(CrmError):
    """Its text is a sentence for the status: what is missing, and what would give it."""


class SlotBusy(CannotDecode):
    retry_helps = True


class SlotLost(CrmError):
    retry_helps = True
