"""Who cancelled: somebody, or a library by itself."""

from __future__ import annotations

import asyncio


def cancelled() -> bool:
    """Did somebody cancel this task (a deadline does too), or did the library raise CancelledError by itself?"""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
