"""WhatsApp: webhooks of the Cloud API, signed and journalled before they are answered; answers and files.

Source: developers.facebook.com, WhatsApp Cloud API (webhooks, messages, media).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr, model_validator

from config.channels import ChannelSettings
from connectors.base import (
    AccountTrouble,
    ConnectorError,
    Final,
    Hook,
    HookAnswer,
    Intake,
    Outgoing,
    OutgoingFile,
    Sent,
    Transient,
)
from connectors.long_text import pieces
from connectors.whatsapp_graph import Gone, Graph

TEXT_LIMIT, BODY_LIMIT, CAPTION_LIMIT = 4096, 1024, 1024
MOST_BUTTONS, TITLE_LIMIT, BUTTON_ID_LIMIT = 3, 20, 256
WINDOW = timedelta(hours=24)  # after the citizen's last message: outside, only templates are delivered
_LONGEST_INTEGER = 4000  # digits; Python converts no more than 4,300


class Settings(ChannelSettings):
    """A WhatsApp number of the Cloud API."""

    kind: Literal["whatsapp"] = "whatsapp"
    token: SecretStr = Field(description="a system user's token with whatsapp_business_messaging")
    phone_number_id: str = Field(pattern=r"^\d{1,40}$", description="the number's id, from the app's page")
    app_secret: SecretStr = Field(min_length=1, description="the app's secret, which signs the webhooks")
    verify_token: SecretStr = Field(min_length=1, description="the text that was entered beside the webhook's address")
    graph_url: str = Field("https://graph.facebook.com/v23.0", description="the Graph API, with its version")
    media_hosts: tuple[str, ...] = Field(
        ("lookaside.fbsbx.com",), description="hosts (or host:port) where files are fetched with the token"
    )

    @model_validator(mode="after")
    def _can_work(self) -> Settings:
        if not self.graph_url.startswith(("http://", "https://")):
            raise ValueError("graph_url: must begin with https:// or http://")
        if any("/" in host or not host.strip() for host in self.media_hosts):
            raise ValueError("media_hosts: names of hosts only, without https:// and path")
        return self


def create(name: str, settings: Settings) -> WhatsApp:
    """The connector of a number. Opens nothing."""
    return WhatsApp(name, settings)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class WhatsApp:
    """See `connectors.base.Connector`."""

    kind: ClassVar[str] = "whatsapp"
    polled = False

    def __init__(self, name: str, settings: Settings, now: Callable[[], datetime] = _utc_now) -> None:
        self.name = name
        self.settings = settings
        self._now = now
        self._graph = Graph(settings)

    async def account(self) -> str:
        """The number's id."""
        return self.settings.phone_number_id

    async def receive(self, intake: Intake) -> None:
        """Everything comes by webhook: wait until cancelled."""
        await asyncio.Event().wait()

    # ---- the webhook ----------------------------------------------------------------------------------------

    def hook(self, request: Hook) -> HookAnswer:
        """GET: the challenge. POST: 403 unless the signature over these very bytes is right."""
        if request.method == "GET":
            return self._challenge(request.query)
        signature = hmac.new(self.settings.app_secret.get_secret_value().encode(), request.body, hashlib.sha256)
        given = request.headers.get("x-hub-signature-256", "")
        if not _same(given, f"sha256={signature.hexdigest()}"):
            return HookAnswer(403, "the signature is not right")
        own, others = _by_number(request.body, self.settings.phone_number_id)
        return HookAnswer(200, payloads=own, others=others)

    def _challenge(self, query: Mapping[str, str]) -> HookAnswer:
        token = self.settings.verify_token.get_secret_value()
        if query.get("hub.mode") != "subscribe" or not _same(query.get("hub.verify_token", ""), token):
            return HookAnswer(403, "the verify token is not ours")
        return HookAnswer(200, query.get("hub.challenge", "")[:1000])

    # ---- sending --------------------------------------------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> Sent:
        """Send a text in as many messages as it needs, then its files. WhatsApp cannot tell a second copy."""
        if outgoing.last_message_at is not None and self._now() - outgoing.last_message_at > WINDOW:
            # The platform would take it with 200 and refuse it later (131047).
            raise Final("outside the 24-hour window: the citizen has to write first")
        to = _recipient(outgoing.address)
        contents = _contents(outgoing)
        total = len(contents) + len(outgoing.files)
        if not total:
            raise Final("there is nothing to send")
        done, sent = min(outgoing.already_sent, total), []
        try:
            for at in range(done, total):
                content = contents[at] if at < len(contents) else await self._file(outgoing.files[at - len(contents)])
                sent.append(await self._message(to, content, outgoing.reply_to if at == 0 else None))
                done += 1
        except (ConnectorError, asyncio.CancelledError) as error:  # the caller's deadline cancels
            error.already_sent = done  # type: ignore[union-attr]
            error.sent_ids = tuple(one for one in sent if one)  # type: ignore[union-attr]
            raise
        ids = [wamid for wamid in sent if wamid]
        return Sent(ids[0] if ids else None, tuple(ids[1:]))

    async def _message(self, to: dict[str, str], content: dict[str, Any], reply_to: str | None) -> str | None:
        body: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual", **to, **content}
        if reply_to and not reply_to.startswith("callback:"):
            body["context"] = {"message_id": reply_to}
        try:
            answer = await self._graph.post("messages", body)
        except Gone:
            raise AccountTrouble("the token does not see this phone_number_id: check both") from None
        messages = answer.get("messages")
        first = messages[0] if isinstance(messages, list) and messages else None
        return str(first["id"]) if isinstance(first, dict) and first.get("id") else None

    async def _file(self, file: OutgoingFile) -> dict[str, Any]:
        media_id = await self._graph.upload(file.name, file.media_type, file.content)
        return {"type": "document", "document": {"id": media_id, "filename": file.name[:240]}}

    # ---- files ----------------------------------------------------------------------------------------------

    async def fetch(self, source: Mapping[str, Any], limit: int) -> AsyncIterator[bytes]:
        """A file by its media id. Its address is good for five minutes, so each attempt asks for a new one."""
        from connectors.fetching import fetch, place

        media_id = source.get("media_id")
        if not isinstance(media_id, str) or not media_id.isascii() or not media_id.isalnum():
            raise Final("without a media id")
        described = await self._graph.get(media_id, phone_number_id=self.settings.phone_number_id)
        size, url = described.get("file_size"), described.get("url")
        if isinstance(size, int) and size > limit:
            raise Final("larger than the limit")
        if not isinstance(url, str):
            raise Final("WhatsApp gives no address of the file")
        graph_url = self.settings.graph_url
        scheme = graph_url.partition("://")[0]
        hosts = {place(f"{'https' if ':' not in host else scheme}://{host}") for host in self.settings.media_hosts}
        token = self.settings.token.get_secret_value()
        got = 0
        async for piece in fetch(
            url, limit, configured=hosts | {place(graph_url)}, bearer=token, insecure=scheme == "http"
        ):
            got += len(piece)
            yield piece
        if isinstance(size, int) and got < size:
            raise Transient("the file came cut")

    async def check(self) -> str:
        """Ask for the number. Whether webhooks arrive is seen only when one does."""
        try:
            number = await self._graph.get(
                self.settings.phone_number_id, fields="display_phone_number,verified_name,quality_rating"
            )
        except Gone:
            raise AccountTrouble("the token does not see this phone_number_id: check both") from None
        shown = number.get("display_phone_number") or self.settings.phone_number_id
        return f"{shown} answers ({number.get('verified_name') or 'without a name'}); webhook"

    async def close(self) -> None:
        """Release the connections."""
        await self._graph.close()


def _same(given: str, expected: str) -> bool:
    """Compared in constant time, as bytes: `compare_digest` refuses text that is not ASCII."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


def _by_number(body: bytes, own: str) -> tuple[tuple[bytes, ...], tuple[tuple[str, bytes], ...]]:
    """What of a body is ours, and what is for each other number of the same app: Meta sends all to one address.

    The very bytes where there are none of others. What cannot be read is kept whole: it is authentic, and an operator
    will see it.
    """
    try:
        document = json.loads(body, parse_int=_integer)
    except (ValueError, RecursionError):
        return (body,), ()
    entries = document.get("entry") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return (body,), ()
    parts: dict[str, list[Any]] = {}
    for entry in entries:
        changes = entry.get("changes") if isinstance(entry, dict) else None
        if not isinstance(changes, list):
            parts.setdefault(own, []).append(entry)
            continue
        of_entry: dict[str, list[Any]] = {own: []} if not changes or "errors" in entry else {}
        for change in changes:
            of_entry.setdefault(_number_of(change) or own, []).append(change)
        for number, some in of_entry.items():
            rest = entry if number == own else {name: value for name, value in entry.items() if name != "errors"}
            parts.setdefault(number, []).append({**rest, "changes": some})
    if parts.keys() <= {own}:
        return (body,), ()
    bodies = {number: json.dumps({**document, "entry": some}).encode() for number, some in parts.items()}
    ours = bodies.pop(own, None)
    return (ours,) if ours is not None else (), tuple(bodies.items())


def _number_of(change: Any) -> str | None:
    """The id of the number that a change is about; None where it names none."""
    value = change.get("value") if isinstance(change, dict) else None
    metadata = value.get("metadata") if isinstance(value, dict) else None
    number = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
    return str(number) if isinstance(number, str | int) and not isinstance(number, bool) else None


def _recipient(address: Mapping[str, Any]) -> dict[str, str]:
    """A group, else the phone, else the business-scoped id of a citizen who hides the phone. Raises `Final`."""
    group, colon, _ = str(address.get("conversation") or "").partition(":")
    if colon and group:
        return {"recipient_type": "group", "to": group}
    phone = str(address.get("phone") or "")
    sender = str(address.get("sender") or address.get("conversation") or "")
    if not phone and sender.removeprefix("+").isdecimal():
        phone = sender
    if phone:
        return {"to": phone.removeprefix("+")}
    if not sender:
        raise Final("there is nobody to answer to")
    return {"recipient": sender}


def _contents(outgoing: Outgoing) -> list[dict[str, Any]]:
    """The texts as messages; buttons stand under the last one where it is short enough to have any."""
    texts = pieces(outgoing.text, TEXT_LIMIT)
    contents: list[dict[str, Any]] = [{"type": "text", "text": {"body": text, "preview_url": False}} for text in texts]
    buttons = _buttons(outgoing.buttons)
    if texts and buttons and len(texts[-1]) <= BODY_LIMIT:
        action = {"buttons": [{"type": "reply", "reply": {"id": held, "title": title}} for title, held in buttons]}
        interactive = {"type": "button", "body": {"text": texts[-1]}, "action": action}
        contents[-1] = {"type": "interactive", "interactive": interactive}
    return contents


def _buttons(buttons: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """(title, id), both different from each other's: WhatsApp refuses the message otherwise."""
    found: dict[str, str] = {}
    for label, payload in buttons:
        title = label.strip()[:TITLE_LIMIT].strip()
        if title and 0 < len(payload) <= BUTTON_ID_LIMIT and payload not in found.values():
            found.setdefault(title, payload)
    return list(found.items())[:MOST_BUTTONS]
