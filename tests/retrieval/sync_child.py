"""A retrieval process in a child, for a test to kill: `SETTINGS [once]`.

It follows for a minute; with `once` it ends after the first comparison.
"""

import asyncio
import sys
from pathlib import Path

from gateway import load_settings
from retrieval import HashedWords, RetrievalSettings, create_retrieval_app


async def main() -> None:
    settings = load_settings(Path(sys.argv[1]), RetrievalSettings)
    app = create_retrieval_app(settings, HashedWords())
    async with app.router.lifespan_context(app) as state:
        assert state is not None
        await state["follower"].caught_up.wait()
        if len(sys.argv) < 3:
            await asyncio.sleep(60)


asyncio.run(main())
