"""Why an answer is not replayed."""

from gateway import Conflict


class AnotherVersion(Conflict):
    """The version of the model that answered then is not served any more; another may be, if that is said."""

    def __init__(self, then: str, now: str) -> None:
        super().__init__(
            f"This answer was written by {then}, which is not served any more; now served: {now}. Replay it "
            "with another version only if you say so.",
            served_then=then,
            served_now=now,
        )
