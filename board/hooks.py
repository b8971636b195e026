"""Webhooks of every channel: size cap, the connector's check, journal, and only then 200."""

from __future__ import annotations

import asyncio

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from connectors.base import Connector, Hook
from ledger.errors import LedgerAway
from ledger.storage import StorageError
from pipeline.channels import connector_of
from pipeline.intake import AccountIntake
from pipeline.parts import Parts

log = structlog.get_logger()

# The platform asks again where it gets no answer; a sender that dribbles its body must not hold a place for ever.
BODY_SECONDS = 15.0
JOURNAL_SECONDS = 8.0
MOST_STRANGERS = 100  # accounts of others that are told of, each once


class Hooks:
    """The webhook endpoint. A body that cannot be journalled gets 503, so that the platform sends it again."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._doors: dict[str, tuple[Connector, AccountIntake]] = {}
        self._strangers: set[tuple[str, str]] = set()

    def route(self) -> Route:
        """`GET|POST /hooks/NAME`."""
        return Route("/hooks/{name}", self.answer, methods=["GET", "POST"])

    async def answer(self, request: Request) -> Response:
        """Answer one request of a platform."""
        name = request.path_params["name"]
        if name not in self.parts.settings.channels:
            return PlainTextResponse("not found", 404)
        connector, intake = await self._door(name)
        body = await self._body(request)
        if body is None:
            # What still comes is not read: without this a sender without end would keep its place.
            return PlainTextResponse("too large", 413, headers={"Connection": "close"})
        hook = Hook(
            method="GET" if request.method in ("GET", "HEAD") else "POST",
            headers={key.decode("latin-1").lower(): value.decode("latin-1") for key, value in request.headers.raw},
            query=dict(request.query_params),
            body=body,
        )
        answer = connector.hook(hook)
        if answer.payloads or answer.others:
            try:
                async with asyncio.timeout(JOURNAL_SECONDS):
                    if answer.payloads:
                        await intake.accept_once(answer.payloads)
                    for account, payload in answer.others:
                        other = await self._other_door(connector.kind, account, hook)
                        await (other or intake).accept_once([payload])
            except (LedgerAway, StorageError, TimeoutError) as error:
                log.error(
                    "a webhook could not be journalled; the platform sends it again", channel=name, error=str(error)
                )
                return PlainTextResponse("try again later", 503, headers={"Retry-After": "5"})
        return Response(answer.body, answer.status, media_type=answer.media_type)

    async def _door(self, name: str) -> tuple[Connector, AccountIntake]:
        if name not in self._doors:
            connector = connector_of(self.parts.settings, name)
            account = await connector.account()
            intake = AccountIntake(self.parts, connector.kind, name, account, lease=None)
            self._doors[name] = connector, intake
        return self._doors[name]

    async def _other_door(self, kind: str, account: str, hook: Hook) -> AccountIntake | None:
        """The channel that has this account, if the request is shown to be authentic by its own secret as well."""
        for name, settings in self.parts.settings.channels.items():
            if settings.kind == kind:
                connector, intake = await self._door(name)
                if intake.platform_account == account and connector.hook(hook).status == 200:
                    return intake
        if (kind, account) not in self._strangers and len(self._strangers) < MOST_STRANGERS:
            self._strangers.add((kind, account))
            log.error(
                "messages for an account that no channel has are taken by the channel whose address they came to",
                kind=kind,
                account=account,
            )
        return None

    async def _body(self, request: Request) -> bytes | None:
        """The raw bytes; None when they are more than the limit, or do not come."""
        most = self.parts.settings.limits.webhook
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > most:
            return None
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for piece in request.stream():
                    body += piece
                    if len(body) > most:
                        return None
        except (TimeoutError, ClientDisconnect):
            return None
        return bytes(body)
