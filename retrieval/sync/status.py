"""How far the sync is, as an administrator reads it."""

from collections.abc import Mapping

from retrieval.search.values import EntitySync, Following, SyncStatus

from .feed import FeedState
from .mirror import Mirror
from .passes import Passes
from .progress import Progress


async def sync_status(
    feed: FeedState,
    progress: Mapping[str, Progress],
    mirror: Mirror,
    passes: Passes,
    fault: str | None,
    *,
    ready: bool,
) -> SyncStatus:
    """`progress` is by kind; `fault` is what is wrong with the CRM itself."""
    counts = await mirror.index.counts(list(progress))
    brake, parking = passes.brake, passes.parking
    return SyncStatus(
        ready=ready,
        following=Following(
            mode=feed.mode,
            because=feed.because,
            slot=feed.slot,
            wal_status=feed.wal_status,
            retained_bytes=feed.retained_bytes,
            safe_bytes=feed.safe_bytes,
            notices=feed.notices,
        ),
        entities=tuple(
            EntitySync(
                entity=kind,
                rows=len(mirror.rows(kind)),
                points=counts[kind].points,
                vectors=counts[kind].vectors,
                lag_seconds=one.lag_seconds,
                last_sync=one.last_sync,
                error=one.error or fault or brake.sentence(kind) or parking.sentence(kind, mirror.rows(kind)),
                running=one.running,
                mode=one.mode,
                rate=passes.rates.of(kind),
                held=brake.held(kind),
                kept=brake.kept(kind),
                parked=len(parking.of(kind)),
            )
            for kind, one in progress.items()
        ),
    )
