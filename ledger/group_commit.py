"""Many small writes, one durable transaction: what arrives while a commit runs goes into the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import Connection

from ledger.database import Database

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Grouped commits without a timer: a lone item is committed at once, a crowd shares.

    `apply` gets the items of one transaction and returns a result for each. An error fails all of that transaction.
    `first`: see `Database.write`.
    """

    def __init__(
        self,
        database: Database,
        apply: Callable[[Connection, Sequence[Item]], Sequence[Result]],
        most: int = 256,
        *,
        first: bool = False,
    ) -> None:
        self._database = database
        self._first = first
        self._apply = apply
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """Returns when the item is durable. Raises what the transaction raised."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            items = [item for item, _ in taken]
            try:
                results = await self._database.run(
                    lambda conn, items=items: self._apply(conn, items),  # type: ignore[misc]
                    first=self._first,
                )
            except BaseException as error:  # whoever waits must learn of it, whatever it was
                for _, future in taken:
                    if not future.done():
                        future.set_exception(error)
                if not isinstance(error, Exception):
                    raise
                continue
            for (_, future), result in zip(taken, results, strict=True):
                if not future.done():
                    future.set_result(result)
