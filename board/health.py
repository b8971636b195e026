"""`/healthz`, `/readyz`, `/metrics`: whether this process lives, what every part says of itself, and the numbers."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from config import metrics
from ledger import health, numbers
from ledger.errors import LedgerAway
from pipeline.parts import Parts
from pipeline.times import stamp

# The numbers are read from the ledger at most this often: a scrape costs a pass over its indexes.
METRICS_SECONDS = 10.0


class Health:
    """The endpoints of the machines that watch."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._read_at = 0.0
        self._text = ""

    def routes(self) -> list[Route]:
        """All three."""
        return [
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics),
        ]

    async def healthz(self, _request: Request) -> Response:
        """This process answers."""
        return PlainTextResponse("ok")

    async def readyz(self, _request: Request) -> Response:
        """503 when nothing can be journalled. A channel in trouble is named, and does not make the others unready."""
        now = self.parts.clock()
        try:
            found = await self.parts.database.look(health.read)
        except LedgerAway as error:
            return JSONResponse({"ready": False, "ledger": f"away: {error}", "components": []}, 503)
        components = []
        for part in found:
            silent = part.state == "ok" and now - part.seen_at > health.SILENT_AFTER
            components.append(
                {
                    "component": part.component,
                    "state": "silent" if silent else part.state,
                    "detail": part.detail,
                    "since": stamp(part.seen_at if silent else part.since),
                }
            )
        degraded = [part["component"] for part in components if part["state"] != "ok"]
        return JSONResponse({"ready": True, "ledger": "ok", "degraded": degraded, "components": components})

    async def metrics(self, _request: Request) -> Response:
        """The numbers, in Prometheus' text format."""
        if time.monotonic() - self._read_at > METRICS_SECONDS:
            try:
                samples = await self.parts.database.look(lambda conn: numbers.samples(conn, self.parts.clock()))
            except LedgerAway:
                return PlainTextResponse("the ledger is away", 503)
            self._text, self._read_at = metrics.render(samples), time.monotonic()
        return Response(self._text, media_type=metrics.CONTENT_TYPE)
