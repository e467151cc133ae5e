"""A node that serves spares the collector of cycles what it held at its start."""

import asyncio
import gc
import signal
from pathlib import Path

from lastword.cli.serve import run_node
from lastword.config import NodeConfig

PATIENCE_S = 30


async def test_what_there_is_at_the_start_is_not_collected(tmp_path: Path) -> None:
    """A full collection would go over it, with all threads held up, while others read."""
    before = gc.get_freeze_count()
    serving = asyncio.create_task(run_node(NodeConfig(database=tmp_path / "db", port=0)))
    try:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.sleep(0)  # it opens its file in one go
            assert gc.get_freeze_count() > before + len(gc.get_objects())
            signal.raise_signal(signal.SIGTERM)
            await serving
    finally:
        gc.unfreeze()
