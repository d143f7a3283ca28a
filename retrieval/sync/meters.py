"""What Prometheus is told of following; the only module of retrieval that imports it."""

from typing import Final

from prometheus_client import Counter, Gauge

from .feed import FeedState

_DECODING: Final = Gauge("cloister_sync_decoding", "1 while the CRM's log is followed, 0 while it is polled.")
_LAG: Final = Gauge("cloister_sync_lag_seconds", "Age of the oldest change when it was written to the index.")
_RETAINED: Final = Gauge("cloister_slot_retained_bytes", "Log that the CRM keeps for our replication slot.")
_SAFE: Final = Gauge("cloister_slot_safe_bytes", "Log the CRM may still write before it gives our slot up.")
_LOST: Final = Counter("cloister_slot_lost_total", "Replication slots lost; everything was compared.")
_CHANGES: Final = Counter("cloister_sync_changes_total", "Rows that changes were told of.", ["mode"])


def tell(state: FeedState) -> None:
    """How the feed is."""
    _DECODING.set(state.mode == "decoding")
    if state.retained_bytes is not None:
        _RETAINED.set(state.retained_bytes)
    if state.safe_bytes is not None:
        _SAFE.set(state.safe_bytes)


def tell_written(mode: str, rows: int, lag: float) -> None:
    """Changes have reached the index."""
    _CHANGES.labels(mode).inc(rows)
    _LAG.set(lag)


def tell_lost() -> None:
    """A slot was lost."""
    _LOST.inc()
