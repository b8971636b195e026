"""Receiving for ever: a trouble is told and waited for, doubled each time, with jitter, never a busy loop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from connectors.base import AccountTrouble, ConnectorError, Fenced, Intake, Transient

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
# A revoked token does not come back by itself, and platforms dislike being asked: somebody has to act first.
LONGEST_TROUBLE_WAIT = 300.0
FIRST_TROUBLE_WAIT = 5.0
LONGEST_RETRY_AFTER = 3600.0  # a platform that names a longer one is asked once an hour all the same


class Backoff:
    """The waits of one loop, in seconds. `reset` after a round that went well."""

    def __init__(self) -> None:
        self._tries = 0

    def reset(self) -> None:
        """The platform answers: the next trouble starts from the first wait."""
        self._tries = 0

    def wait_after(self, error: ConnectorError) -> float:
        """Seconds to wait after this error; what the platform asked for (`retry_after`) is never undercut."""
        first, longest = FIRST_WAIT, LONGEST_WAIT
        if isinstance(error, AccountTrouble):
            first, longest = FIRST_TROUBLE_WAIT, LONGEST_TROUBLE_WAIT
        wait = min(longest, first * 2.0 ** min(self._tries, 16)) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        self._tries += 1
        asked = error.retry_after if isinstance(error, Transient) else None
        return wait if asked is None else max(wait, min(asked, LONGEST_RETRY_AFTER))


async def for_ever(intake: Intake, work: Callable[[Backoff], Awaitable[None]]) -> None:
    """Do `work` again and again; it resets the back-off when a round went well. Returns never; raises `Fenced`."""
    backoff = Backoff()
    while True:
        try:
            await work(backoff)
            continue
        except Fenced:
            raise
        except ConnectorError as error:
            trouble = error
        except Exception as error:
            trouble = Transient(f"the round failed: {type(error).__name__}")
            trouble.__cause__ = error  # a fault of ours: the log says where
        await intake.trouble(trouble)
        await asyncio.sleep(backoff.wait_after(trouble))
