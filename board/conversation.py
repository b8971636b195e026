"""One ticket as a conversation: what the citizen wrote by any channel, and what was answered, in order of time."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ledger import accounts, board, reports
from ledger.crypto import SealBroken
from ledger.database import Connection
from pipeline.parts import Parts

SHOWN_WORDS = 140  # characters of a request in a list
# Of a ticket into which somebody wrote without end, so many messages are a page; the first ones say who he is.
MOST_TURNS, FIRST_TURNS, MOST_DELIVERIES = 200, 20, 50


def load(parts: Parts, number: str, before: int | None = None) -> dict[str, Any] | None:
    """What the page of a ticket shows; None when there is none. Of a ticket with more messages than a page takes, the
    latest, or the latest before that sequence.
    """

    def read(conn: Connection) -> dict[str, Any] | None:
        ticket = reports.ticket(conn, number)
        if ticket is None:
            return None
        said = board.messages_of(conn, number, before, MOST_TURNS + 1)
        earlier, said = len(said) > MOST_TURNS, said[-MOST_TURNS:]
        files = board.files_of(conn, [row["envelope_id"] for row in said])
        turns = [_said(row, files) for row in said]
        first = [_said(row, {}) for row in board.messages_of(conn, number, FIRST_TURNS + 1, FIRST_TURNS)]
        citizen = _citizen([*first, *turns])
        since = turns[0]["at"] if earlier else -math.inf
        later = board.messages_of(conn, number, before + 1, 1) if before is not None else []
        until = later[0]["effective_at"] if later else math.inf
        ours = [_sent(parts, row) for row in board.sent(conn, number)]
        turns += [turn for turn in ours if since <= turn["at"] < until]
        turns.sort(key=lambda turn: turn["at"])
        return {
            "ticket": dict(ticket),
            "said": board.said(conn, number),
            "turns": turns,
            "earlier": said[0]["sequence"] if earlier else None,
            "later": before is not None,
            "citizen": citizen,
            "missing": [name for name in ("full_name", "contact", "description") if name not in ticket["known"].split()]
            if ticket["erased_at"] is None
            else [],
            "related": sorted({one for turn in turns for one in turn.get("related", ())}),
            "why": (ticket["why"] or "").splitlines(),
            "deliveries": [dict(row) for row in board.deliveries(conn, number, MOST_DELIVERIES)],
            "erasures": [dict(row) for row in reports.ticket_erasures(conn, number)],
            "looks": [dict(row) for row in accounts.notes(conn, ticket=number, most=30)],
        }

    return parts.database.look_now(read)


def _said(row: Any, files: Mapping[str, Any]) -> dict[str, Any]:
    envelope = json.loads(bytes(row["body"])) if row["body"] else None
    turn: dict[str, Any] = {
        "side": "citizen",
        "at": row["effective_at"],
        "sequence": row["sequence"],
        "kind": row["kind"],
        "channel": row["channel"],
        "how": row["how"],
        "certainty": row["certainty"],
        "why": (row["why"] or "").splitlines(),
        "verified": bool(row["verified"]),
        "envelope": envelope,
    }
    if envelope is not None:
        turn |= {
            "related": envelope["ticket"]["related"],
            "flags": envelope["flags"],
            "files": [_file(part, files.get(part["id"])) for part in envelope["attachments"]],
            "details": {name: value for name, value in envelope["details"].items() if value},
        }
    return turn


def _file(part: Mapping[str, Any], row: Any) -> dict[str, Any]:
    """An attachment as it is now: one that was pending may have come since."""
    state, reason = (row["state"], row["reason"]) if row is not None else (part["state"], part["reason"])
    size = row["size"] if row is not None else part["size"]
    there = row is not None and state == "stored"
    return {**part, "state": state, "reason": reason, "size": size, "there": there}


def _sent(parts: Parts, row: Any) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if row["content"] is not None:
        try:
            content = json.loads(parts.keys.unseal(bytes(row["content"]), b"outgoing"))
        except SealBroken:
            content = {}
    return {
        "side": "us",
        "at": row["sent_at"] or row["created_at"],
        "purpose": row["purpose"],
        "channel": row["kind"],
        "state": row["state"],
        "reason": row["reason"],
        "attempts": row["attempts"],
        "text": content.get("text"),
        "file_names": [file["name"] for file in content.get("files", ())],
    }


def _citizen(turns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the messages say of the citizen, the latest word of each field; what is not verified is left out."""
    found: dict[str, Any] = {}
    vouched: set[str] = set()
    for turn in turns:
        envelope = turn.get("envelope")
        if envelope is None or not turn["verified"]:
            continue
        for name, value in envelope["citizen"].items():
            if value and name not in ("id", "vouched", "language", "passport"):
                found[name] = value
        passport = envelope["citizen"]["passport"]
        if passport:
            found["passport"] = " ".join(str(value) for value in passport.values() if value)
        vouched |= set(envelope["citizen"]["vouched"])
    return {"fields": found, "vouched": vouched}


def rows(parts: Parts, tickets: Sequence[Any], bodies: Mapping[str, bytes], now: float) -> list[dict[str, Any]]:
    """Tickets as rows of a list: who, what, by which channel, and how urgent."""
    found = []
    for ticket in tickets:
        body = bodies.get(ticket["number"])
        envelope = json.loads(body) if body else None
        found.append(
            {
                **{name: ticket[name] for name in ("number", "desk", "opened_at", "priority", "repeats", "answer_by")},
                "state": "erased" if ticket["erased_at"] else ticket["state"],
                "waiting": ticket["waiting_since"] is not None,
                "late": ticket["answer_by"] is not None and ticket["answer_by"] < now and ticket["state"] == "open",
                "channel": envelope["source"]["channel"] if envelope else None,
                "who": _who(envelope) if envelope else "",
                "words": _words(envelope) if envelope else "",
                "flags": envelope["flags"] if envelope else [],
                "files": len(envelope["attachments"]) if envelope else 0,
            }
        )
    return found


def _who(envelope: Mapping[str, Any]) -> str:
    citizen = envelope["citizen"]
    return str(citizen["full_name"] or citizen["display_name"] or citizen["username"] or citizen["email"] or "")


def _words(envelope: Mapping[str, Any]) -> str:
    parts = (" ".join(part.split()) for part in (envelope["subject"] or "", envelope["text"][:400]))
    text = " — ".join(part for part in parts if part)
    return text if len(text) <= SHOWN_WORDS else text[: SHOWN_WORDS - 1].rstrip() + "…"
