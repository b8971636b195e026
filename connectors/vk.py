"""VK: a community's events by Bots Long Poll or Callback API, journalled before VK is told; answers and files.

`ts` is moved in the same commit that journals what came before it; what the long poll lost is found in the histories
(see `vk_gap`). Source: dev.vk.com, API 5.199.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, SecretStr, model_validator

from config.channels import ChannelSettings
from connectors.backoff import Backoff, for_ever
from connectors.base import (
    AccountTrouble,
    Final,
    Hook,
    HookAnswer,
    Intake,
    Outgoing,
    Sent,
    Transient,
)
from connectors.vk_api_calls import Calls, Refused
from connectors.vk_gap import Backfill, Known, Whole, dump, message_of, number_of

if TYPE_CHECKING:
    import httpx

POLL_SECONDS = 25
ANSWER_SECONDS = 60.0  # for an answer of the long poll to come whole, beyond the waiting
LOOK_SECONDS = 300.0  # an outage at VK makes no gap in `ts`: the histories are looked at this often
MOST_CATCHING_UP_SECONDS = 60.0  # so long events may keep coming before the histories are looked at all the same
LONG_AWAY_SECONDS = 3600  # after this long the edits are looked for too
MOST_FAILS = 3  # `failed` answers in a row before it counts as trouble
QUICK_SECONDS, PAUSE_SECONDS = 0.2, 1.0  # an empty answer sooner than this is followed by a pause
_TS = re.compile(r'^\s*\{\s*"ts"\s*:\s*"?(\d{1,18})\b')
_SECRET = re.compile(rb',?\s*"secret"\s*:\s*"([^"\\]{0,200})"')
_LONGEST_INTEGER = 4000  # digits; Python converts no more than 4,300


class Settings(ChannelSettings):
    """A VK community."""

    kind: Literal["vk"] = "vk"
    token: SecretStr = Field(description="the community's key, with the rights to its messages and its management")
    group_id: int = Field(gt=0, description="the community's number")
    mode: Literal["longpoll", "callback"] = Field("longpoll", description="longpoll, or callback (needs a public_url)")
    api_url: str = Field("https://api.vk.ru", description="another address of the API")
    confirmation: str | None = Field(None, description="callback: the string that VK wants back")
    secret: SecretStr | None = Field(None, description="callback: the secret key that VK sends with each event")

    @model_validator(mode="after")
    def _can_work(self) -> Settings:
        if self.mode == "callback" and not (self.confirmation and self.secret and self.secret.get_secret_value()):
            raise ValueError("mode = callback: needs confirmation and secret, from the community's settings")
        if not self.api_url.startswith(("http://", "https://")):
            raise ValueError("api_url: must begin with https:// or http://")
        return self


def create(name: str, settings: Settings) -> Vk:
    """The connector of a community. Opens nothing."""
    return Vk(name, settings)


class Vk:
    """See `connectors.base.Connector`."""

    kind: ClassVar[str] = "vk"

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.polled = settings.mode == "longpoll"
        self._reading, self._sending = Calls(settings), Calls(settings)
        self._known = Known()
        self._whole = Whole(self._reading, settings.group_id)
        self._backfill = Backfill(self._reading, settings.group_id, self._known, self._whole)
        self._http: httpx.AsyncClient | None = None

    async def account(self) -> str:
        """The community's number."""
        return str(self.settings.group_id)

    # ---- receiving ------------------------------------------------------------------------------------------

    async def receive(self, intake: Intake) -> None:
        """Poll for ever; each trouble is followed by a wait, a new session and a look into the histories."""
        if not self.polled:
            await asyncio.Event().wait()
        session = _Session()
        await for_ever(intake, lambda backoff: self._run(intake, session, backoff))

    async def _run(self, intake: Intake, session: _Session, backoff: Backoff) -> None:
        """A session of the long poll. Leaves by an error only."""
        await self._open(session)
        cursor = await intake.cursor()
        if not cursor:  # the first start ever: what citizens wrote before is not ours to take in
            cursor = {"ts": session.offered_ts, "since": int(time.time())}
            await intake.accept([], cursor)
            look_at = time.monotonic() + LOOK_SECONDS
        else:
            look_at = time.monotonic()
            long_away = session.starts and time.time() - cursor["since"] > LONG_AWAY_SECONDS
            session.gap = session.gap or long_away
            if session.gap:
                cursor = await self._fill(intake, session, cursor)
        session.starts = False
        fails = 0
        while True:
            began = time.monotonic()
            # What VK has kept is taken before the histories are read: else an edit came behind what was written later.
            looks = began >= look_at
            answer = await self._poll(session, cursor["ts"], 0 if looks else POLL_SECONDS)
            failed = answer.get("failed")
            if failed is not None:
                fails += 1
                if fails > MOST_FAILS or failed not in (1, 2, 3):
                    raise Transient(f"VK's long poll fails again and again (failed: {str(failed)[:20]})")
                cursor = await self._mend(intake, session, cursor, answer)
                continue
            moved = await self._take(intake, cursor, answer, keep_since=looks)
            if looks and (moved is cursor or began - look_at > MOST_CATCHING_UP_SECONDS):
                await self._backfill.run(intake, cursor["since"], edits=False)
                look_at = time.monotonic() + LOOK_SECONDS
            elif moved is cursor and time.monotonic() - began < QUICK_SECONDS:
                await asyncio.sleep(PAUSE_SECONDS)
            cursor, fails = moved, 0
            await intake.healthy()
            backoff.reset()

    async def _open(self, session: _Session) -> None:
        try:
            server = await self._reading.call("groups.getLongPollServer", group_id=self.settings.group_id)
        except Refused as error:
            raise AccountTrouble(
                f"VK gives no long poll server ({error.code}): switch it on under API usage, check group_id and the "
                "key's right to manage the community"
            ) from None
        try:
            session.url, session.key = str(server["server"]), str(server["key"])
            session.offered_ts = str(server["ts"])
        except (KeyError, TypeError):
            raise Transient("VK names no long poll server") from None

    async def _mend(
        self, intake: Intake, session: _Session, cursor: dict[str, Any], answer: dict[str, Any]
    ) -> dict[str, Any]:
        """After `failed`: 1 the history is lost, 2 the key has ended, 3 both."""
        if answer["failed"] == 2:
            await self._open(session)
            return cursor
        session.gap = session.lost = True  # stays so until the histories have been read
        if answer["failed"] == 1 and answer.get("ts") is not None:
            session.offered_ts = str(answer["ts"])
        else:
            await self._open(session)
        return await self._fill(intake, session, cursor)

    async def _fill(self, intake: Intake, session: _Session, cursor: dict[str, Any]) -> dict[str, Any]:
        """Read the histories; then, where events were lost, go on from the `ts` that was offered before that."""
        await self._backfill.run(intake, cursor["since"], edits=session.gap)
        if session.lost:
            cursor = {**cursor, "ts": session.offered_ts}
            await intake.accept([], cursor)
        session.gap = session.lost = False
        return cursor

    async def _poll(self, session: _Session, ts: str, wait: int) -> dict[str, Any]:
        import httpx

        if self._http is None:
            self._http = httpx.AsyncClient(timeout=httpx.Timeout(POLL_SECONDS + 10, connect=10), trust_env=False)
        params = {"act": "a_check", "key": session.key, "ts": ts, "wait": str(wait)}
        try:
            async with asyncio.timeout(wait + ANSWER_SECONDS):
                response = await self._http.get(session.url, params=params)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Transient(f"VK's long poll cannot be reached: {type(error).__name__}") from None
        if response.status_code != 200:
            raise Transient(f"VK's long poll does not answer as it should ({response.status_code})")
        return _answer(response.text)

    async def _take(
        self, intake: Intake, cursor: dict[str, Any], answer: dict[str, Any], *, keep_since: bool
    ) -> dict[str, Any]:
        """Journal the events and move `ts` behind them, in one commit; `since` stays until the histories are read."""
        ts, updates = answer.get("ts"), answer.get("updates")
        if not isinstance(ts, str | int) or isinstance(ts, bool) or not isinstance(updates, list):
            raise Transient("VK's long poll answers without ts or updates")
        if not updates and str(ts) == cursor["ts"]:
            return cursor
        messages = [message for update in updates if (message := message_of(update)) is not None]
        since = max((number_of(one, "date") for one in messages if not number_of(one, "update_time")), default=0)
        # Never behind a date that some message merely claims.
        newest = cursor["since"] if keep_since else min(since, int(time.time())) or cursor["since"]
        moved = {"ts": str(ts), "since": newest}
        payloads = [answer["raw"]] if "raw" in answer else [dump(await self._whole_event(update)) for update in updates]
        await intake.accept(payloads, moved)
        for message in messages:
            self._known.seen(number_of(message, "peer_id"), number_of(message, "conversation_message_id"))
        return moved

    async def _whole_event(self, update: Any) -> Any:
        """The event, with the whole of a long message of which events bring only the beginning."""
        message = message_of(update)
        found = message if message is None else await self._whole(message)
        if found is message:
            return update
        content = update["object"]
        return {**update, "object": {**content, "message": found} if "message" in content else found}

    def hook(self, request: Hook) -> HookAnswer:
        """One event a request, in callback mode: 403 unless the secret is ours, else exactly `ok`."""
        if self.polled or self.settings.secret is None:
            return HookAnswer(404, "not found")
        if request.method != "POST":
            return HookAnswer(405, "POST only")
        try:
            event = json.loads(request.body, parse_int=_integer)
        except (ValueError, RecursionError):
            return self._unreadable(request.body)
        if not isinstance(event, dict) or event.get("group_id", self.settings.group_id) != self.settings.group_id:
            return HookAnswer(403, "not an event of this community")
        given = event.pop("secret", None)
        confirms = event.get("type") == "confirmation"
        if not self._is_secret(given) and not (confirms and given is None):
            return HookAnswer(403, "the secret is not ours")
        if confirms:
            return HookAnswer(200, self.settings.confirmation or "")
        return HookAnswer(200, "ok", payloads=(dump(event),))

    def _is_secret(self, given: Any) -> bool:
        secret = self.settings.secret.get_secret_value() if self.settings.secret else ""
        return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())

    def _unreadable(self, body: bytes) -> HookAnswer:
        """No JSON that can be read; authentic all the same when it shows the secret, which is cut out."""
        if any(self._is_secret(found.decode("utf-8", "replace")) for found in _SECRET.findall(body)):
            return HookAnswer(200, "ok", payloads=(_SECRET.sub(b"", body),))
        return HookAnswer(403, "not an event")

    # ---- sending --------------------------------------------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> Sent:
        """Send a text in as many messages as it needs. VK drops a copy by its random_id."""
        from connectors.vk_send import send

        return await send(self._sending, self.settings.group_id, outgoing)

    async def fetch(self, source: Mapping[str, Any], limit: int) -> AsyncIterator[bytes]:
        """A file by the address in the message; it needs no token. Of a message that came cut, the whole text."""
        from connectors.fetching import fetch, place

        if "message" in source:
            whole = await Whole(self._sending, self.settings.group_id).asked(source["message"])
            if whole is source["message"]:
                raise Final("VK does not give the whole message")
            yield str(whole.get("text") or "").encode("utf-8", "replace")
            return
        url = source.get("url")
        if not isinstance(url, str):
            raise Final("without an address")
        async for piece in fetch(url, limit, configured={place(self.settings.api_url)}):
            yield piece

    async def check(self) -> str:
        """Ask for the community, and in long poll mode whether its events are on."""
        group_id = self.settings.group_id
        answer = await self._sending.call("groups.getById", group_id=group_id)
        groups = answer.get("groups") if isinstance(answer, dict) else answer
        group = groups[0] if isinstance(groups, list) and groups and isinstance(groups[0], dict) else {}
        if group.get("id") != group_id:
            raise AccountTrouble("the token does not see this community: check group_id")
        name = f"community {group.get('screen_name') or group_id} answers"
        if not self.polled:
            return f"{name}; callback"
        try:
            settings = await self._sending.call("groups.getLongPollSettings", group_id=group_id)
        except Refused:
            return f"{name}; long poll; the token may not read its settings: see that message_new is on"
        events = settings.get("events") if isinstance(settings, dict) else {}
        if not settings.get("is_enabled"):
            raise AccountTrouble(f"{name}, but its long poll is off: switch it on under API usage")
        off = [one for one in ("message_new", "message_edit", "message_event") if not (events or {}).get(one)]
        if "message_new" in off:
            raise AccountTrouble(f"{name}, but its long poll brings no messages: switch message_new on under API usage")
        return f"{name}; long poll" + (f"; off: {', '.join(off)}" if off else "")

    async def close(self) -> None:
        """Release the connections."""
        self._reading.close()
        self._sending.close()
        client, self._http = self._http, None
        if client is not None:
            await client.aclose()


class _Session:
    """A long poll server's address and key, and what is still to be mended."""

    def __init__(self) -> None:
        self.url = self.key = self.offered_ts = ""
        self.starts = True  # this process has not polled yet
        self.gap = False  # edits may be lost too
        self.lost = False  # the stored ts is of no use any more


def _integer(digits: str) -> int | str:
    """An integer too long for Python stays a string: it must not spoil the events beside it."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


def _answer(body: str) -> dict[str, Any]:
    """The long poll's answer; one that cannot be read but has a `ts` is an answer with its bytes as the only event."""
    try:
        answer = json.loads(body, parse_int=_integer)
    except (ValueError, RecursionError):
        found = _TS.match(body)
        if found is None or not body.rstrip().endswith("}"):
            raise Transient("VK's long poll answers what is no JSON") from None
        return {"ts": found[1], "updates": [None], "raw": body.encode("utf-8", "surrogatepass")}
    if not isinstance(answer, dict):
        raise Transient("VK's long poll answers what is no object")
    return answer
