"""The operators' pages: the unified queue, lists, one ticket, the search; and answering and closing."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import uuid
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from board import conversation
from board.bodies import Sent
from board.guard import Guard, whole
from board.live import LOOKERS, Live
from board.lookup import Lookup, page_key
from board.sessions import Signed
from ledger import board, replies
from ledger.database import Connection
from normalizer import file_names
from normalizer.envelope import FLAGS
from normalizer.media_type import sniff
from normalizer.ticket_number import parse_exact
from pipeline.replies import REFUSALS, accept_reply
from router.replies import MOST_ATTACHMENT, MOST_ATTACHMENTS, DeskReply

PAGE = 50
STATES = ("open", "late", "closed")


class QueuePages:
    """The pages."""

    def __init__(self, guard: Guard, stop: asyncio.Event) -> None:
        self.guard = guard
        self.parts = guard.parts
        self.live = Live(guard.parts, self._fragment)
        self.lookup = Lookup(guard.parts)
        self.stop = stop

    def routes(self) -> list[Route]:
        """All of them."""
        most = self.parts.settings.limits.mail
        return [
            self.guard.get("/board", self.queue),
            self.guard.get("/board/live", self.events),
            self.guard.get("/board/tickets", self.tickets),
            self.guard.get("/board/tickets/{number}", self.ticket),
            self.guard.get("/board/search", self.search),
            self.guard.post("/board/search", self.ask),
            self.guard.post("/board/tickets/{number}/answer", self.answer, most=most, most_files=MOST_ATTACHMENTS),
        ]

    async def queue(self, request: Request, signed: Signed) -> Response:
        """Desks and the newest requests; kept up to date by `events`."""
        fragment = await self.live.fragment(self.guard.pages.language(request))
        return self.guard.page(request, signed, "board_queue.html", fragment=fragment, lookers=self.live.lookers)

    async def events(self, request: Request, _signed: Signed) -> Response:
        """The same as a stream of events."""
        if self.live.lookers >= LOOKERS:
            return PlainTextResponse("too many look at once", 503, headers={"Retry-After": "30"})

        async def signed_in() -> bool:
            return await self.guard.sessions.current(request) is not None

        stream = self.live.stream(self.guard.pages.language(request), self.stop, signed_in)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    def _fragment(self, state: dict[str, Any], language: str) -> str:
        rows = conversation.rows(self.parts, state["tickets"], state["bodies"], self.parts.clock())
        titles = self.parts.rules.titles[language]
        return self.guard.pages.text(
            "board_fragment.html", language, desks=state["desks"], former=state["former"], rows=rows, titles=titles
        )

    async def tickets(self, request: Request, signed: Signed) -> Response:
        """A list of one desk or of all, paged by the key of its last row."""
        ruled = [desk.name for desk in self.parts.rules.desks]
        known = ruled + await self.parts.database.look(lambda conn: board.former_desks(conn, ruled))
        desk = request.query_params.get("desk", "")
        state = request.query_params.get("state", "open")
        state = state if state in STATES else "open"
        names = [desk] if desk in known else known
        before = page_key(request.query_params.get("after", ""))

        def read(conn: Connection) -> tuple[list[Any], dict[str, bytes]]:
            found = board.page(conn, names, state, before, PAGE + 1)  # type: ignore[arg-type]
            return found, dict(board.first_words(conn, [row["number"] for row in found]))

        found, bodies = await self.parts.database.look(read)
        last = found[PAGE - 1] if len(found) > PAGE else None
        return self.guard.page(
            request,
            signed,
            "board_tickets.html",
            rows=conversation.rows(self.parts, found[:PAGE], bodies, self.parts.clock()),
            after=f"{last['answer_by'] or 0}_{last['number']}" if last is not None else None,
            desk=desk if desk in known else "",
            state=state,
            titles=self.parts.rules.titles[self.guard.pages.language(request)],
            desks=known,
        )

    async def ticket(self, request: Request, signed: Signed) -> Response:
        """One ticket; that it was looked at is recorded."""
        return await self._ticket(request, signed)

    async def _ticket(self, request: Request, signed: Signed, status: int = 200, **values: Any) -> Response:
        number = request.path_params["number"]
        before = whole(request.query_params.get("before", ""))
        view = await asyncio.to_thread(conversation.load, self.parts, number, before) if parse_exact(number) else None
        if view is None:
            return self.guard.page(request, signed, "board_message.html", 404, message="no_ticket")
        await self.guard.note(signed, "look", ticket=number)
        defaults = {"error": None, "draft": "", "reply_id": str(uuid.uuid4()), "done": request.query_params.get("done")}
        return self.guard.page(
            request,
            signed,
            "board_ticket.html",
            status,
            view=view,
            number=number,
            meanings=FLAGS,
            titles=self.parts.rules.titles[self.guard.pages.language(request)],
            **{**defaults, **values},
        )

    async def answer(self, request: Request, signed: Signed, sent: Sent) -> Response:
        """Answer, close, or both: the same way as a desk's reply."""
        number = request.path_params["number"]
        text, close = sent.fields.get("text", "").strip(), "close" in sent.fields
        words = self.guard.pages.words[self.guard.pages.language(request)]
        with contextlib.suppress(ValueError):
            reply_id = str(uuid.UUID(sent.fields.get("reply_id", "")))

            async def refused(status: int, why: str) -> Response:
                error = f"{why} {words['form.files_again']}" if sent.files else why
                return await self._ticket(request, signed, status, error=error, draft=text, reply_id=reply_id)

            try:
                reply = self._reply(reply_id, number, text, close, sent)
            except ValidationError:
                return await refused(422, f"{words[_wrong(sent)]}.")
            if await self._overtaken(reply, sent.fields.get("seen")):
                return await refused(409, words["board.overtaken"])
            reason = await asyncio.to_thread(accept_reply, self.parts, reply)
            if reason is not None:
                why = words[f"refusal.{REFUSALS[reason]}"] if reason in REFUSALS else f"{reason}."
                return await refused(409, f"{words['board.not_sent']}: {why}")
            await self.guard.note(signed, "answer" if text or sent.files else "close", ticket=number, detail=reply_id)
            return RedirectResponse(f"/board/tickets/{number}?done={'closed' if close else 'answered'}", 303)
        return PlainTextResponse("not a form of the board", 400)

    async def _overtaken(self, reply: DeskReply, seen: str | None) -> bool:
        """Whether the citizen or a colleague has said something since the page was shown that this was written on."""

        def look(conn: Connection) -> bool:
            return not replies.known(conn, reply.ticket, reply.id) and str(board.said(conn, reply.ticket)) != seen

        return seen is not None and await self.parts.database.look(look)

    def _reply(self, reply_id: str, number: str, text: str, close: bool, sent: Sent) -> DeskReply:
        files = [
            {
                "name": file_names.clean(name) or "file",
                "media_type": sniff(content[:8192], declared) or "application/octet-stream",
                "data": base64.b64encode(content).decode(),
            }
            for name, declared, content in sent.files
        ]
        # The same form sent twice is one answer; another text from a page that was gone back to is another.
        said = json.dumps([text, close, files]).encode()
        name = f"board:{reply_id}:{self.parts.keys.keyed_hash(b'board reply', said).hex()[:16]}"
        given = {"id": name, "ticket": number, "text": text, "attachments": files, "close": close}
        return DeskReply.model_validate(given)

    async def ask(self, _request: Request, _signed: Signed, sent: Sent) -> Response:
        """A phone or a name is sent in the body, and nowhere stands in an address."""
        return RedirectResponse(f"/board/search?q={quote(self.lookup.seal(sent.fields.get('q', '')))}", 303)

    async def search(self, request: Request, signed: Signed) -> Response:
        """A number leads to its ticket; a contact or an id to the citizen's; words to what holds them."""
        sealed = request.query_params.get("q", "")
        query = self.lookup.unseal(sealed)
        if not query:
            return self.guard.page(request, signed, "board_search.html", query="", found=None, rows=[], titles={})
        found = await self.lookup.find(query, request.query_params.get("after"))
        await self.guard.note(signed, "search", detail=found.by)
        if found.number is not None:
            return RedirectResponse(f"/board/tickets/{found.number}", 303)
        return self.guard.page(
            request,
            signed,
            "board_search.html",
            query=query,
            sealed=sealed,
            found=found,
            rows=conversation.rows(self.parts, found.tickets, found.bodies, self.parts.clock()),
            titles=self.parts.rules.titles[self.guard.pages.language(request)],
        )


def _wrong(sent: Sent) -> str:
    if len(sent.files) > MOST_ATTACHMENTS:
        return "form.files_many"
    large = any(len(content) > MOST_ATTACHMENT for _, _, content in sent.files)
    return "form.files_too_large" if large else "board.nothing_to_send"
