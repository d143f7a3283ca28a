"""Why a sync stops by itself."""


class TooManyGone(Exception):
    """The CRM no longer has so many rows that a person is asked before they leave the index."""

    def __init__(self, kind: str, gone: int, known: int) -> None:
        super().__init__(
            f"The CRM no longer has {gone} of {known} rows of “{kind}”. Nothing of it was deleted from the "
            "index; if this is right, run the sync again with --allow-deletes."
        )
        self.kind = kind
