"""What the commands show of the ledger: envelopes, the unified queue, one ticket with each link in a sentence."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from ledger import reports
from pipeline.parts import Parts
from pipeline.times import stamp

FOLLOW_SECONDS = 0.25


def each_envelope(parts: Parts, *, ticket: str | None, since: float | None, follow: bool) -> Iterator[bytes]:
    """The bodies in the order staged; with `follow`, for ever: one whose transaction was overtaken comes late."""
    after, seen = 0, deque[int](maxlen=reports.STRAGGLERS)

    def work(conn: Any) -> list[Any]:
        late = reports.overtaken(conn, seen, ticket=ticket, since=since) if follow and seen else []
        return [*late, *reports.envelopes(conn, after=after, ticket=ticket, since=since)]

    while True:
        rows = parts.database.look_now(work)
        for row in rows:
            yield bytes(row["body"])
            after = max(after, row["id"])
            seen.append(row["id"])
        if not rows:
            if not follow:
                return
            time.sleep(FOLLOW_SECONDS)


def queue_rows(parts: Parts) -> list[dict[str, Any]]:
    """The unified queue as JSON values, desks in the order of the rules."""
    desks = [desk.name for desk in parts.rules.desks]
    rows = parts.database.look_now(lambda conn: reports.queues(conn, desks, parts.clock()))
    for row in rows:
        row["oldest"] = stamp(row["oldest"])
    return rows


def queue_table(rows: Sequence[dict[str, Any]]) -> None:
    """The unified queue for a person."""
    table(
        ["desk", "waiting", "published", "oldest", "open", "past answer-by"],
        [
            [row["desk"], row["waiting"], row["published"], _seconds(row["oldest"]), row["open"], row["past_answer_by"]]
            for row in rows
        ],
    )


def _seconds(moment: str | None) -> str:
    """Without its thousandths, for which a terminal of 80 columns has no room."""
    return f"{moment[:19]}Z" if moment else ""


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on stdout."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        shown.add_column(head, overflow="fold")
    for row in rows:
        shown.add_row(*[Text("" if cell is None else str(cell)) for cell in row])
    Console(soft_wrap=True).print(shown)


def ticket_view(parts: Parts, number: str) -> dict[str, Any] | None:
    """Everything of one ticket, as JSON values; None when there is none."""

    def read(conn: Any) -> dict[str, Any] | None:
        ticket = reports.ticket(conn, number)
        if ticket is None:
            return None
        return {
            "number": number,
            "state": "erased" if ticket["erased_at"] else ticket["state"],
            "opened_at": stamp(ticket["opened_at"]),
            "closed_at": stamp(ticket["closed_at"]),
            "repeats": ticket["repeats"],
            "category": ticket["category"],
            "audience": ticket["audience"],
            "desk": ticket["desk"],
            "priority": ticket["priority"],
            "answer_by": stamp(ticket["answer_by"]),
            "answered_at": stamp(ticket["answered_at"]),
            "missing": [
                part for part in ("full_name", "contact", "description") if part not in ticket["known"].split()
            ],
            "why_this_desk": (ticket["why"] or "").splitlines(),
            "messages": [_message(parts, row) for row in reports.ticket_messages(conn, number)],
            "outgoing": [_outgoing(row) for row in reports.ticket_outgoing(conn, number)],
            "attachments": [_attachment(row) for row in reports.ticket_attachments(conn, number)],
            "deliveries": [_delivery(row) for row in reports.ticket_outbox(conn, number)],
            "erasures": [json.loads(row["record"]) for row in reports.ticket_erasures(conn, number)],
        }

    return parts.database.look_now(read)


def _message(parts: Parts, row: Any) -> dict[str, Any]:
    return {
        "sequence": row["sequence"],
        "kind": row["kind"],
        "channel": row["channel"],
        "account": row["account"],
        "received_at": stamp(row["received_at"]),
        "link": {"how": row["how"], "certainty": row["certainty"], "why": (row["why"] or "").splitlines()},
        "verified": row["verified"],
        "envelope": json.loads(bytes(row["body"])) if row["body"] else None,
    }


def _outgoing(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "purpose": row["purpose"],
        "channel": row["kind"],
        "account": row["account"],
        "state": row["state"],
        "attempts": row["attempts"],
        "reply": row["reply_id"],
        "created_at": stamp(row["created_at"]),
        "sent_at": stamp(row["sent_at"]),
        "reason": row["reason"],
    }


def _attachment(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "kind", "media_type", "size", "sha256", "state", "reason")}


def _delivery(row: Any) -> dict[str, Any]:
    return {
        "message_id": row["message_id"],
        "exchange": row["exchange"],
        "routing_key": row["routing_key"],
        "type": row["type"],
        "state": row["state"],
        "times": row["times"],
        "published_at": stamp(row["published_at"]),
        "reason": row["reason"],
    }


def describe(view: dict[str, Any]) -> str:
    """One ticket for a person."""
    lines = [
        f"{view['number']}  {view['state']}",
        f"desk {view['desk']}, {view['category']}, {view['audience']}, priority {view['priority']}",
        f"opened {view['opened_at']}, answer by {view['answer_by'] or 'no term'}, repeats {view['repeats']}",
    ]
    lines += [f"  this desk because: {why}" for why in view["why_this_desk"]]
    if view["missing"]:
        lines.append(f"missing: {', '.join(view['missing'])}")
    for message in view["messages"]:
        link = message["link"]
        certainty = f", {link['certainty']}" if link["certainty"] else ""
        lines.append("")
        lines.append(
            f"{message['sequence']}. {message['kind']} by {message['channel']} ({message['account']}) at"
            f" {message['received_at']}; linked by {link['how']}{certainty}"
        )
        lines += [f"   because {why}" for why in link["why"]]
        lines += _words(message["envelope"])
    if view["outgoing"]:
        lines += ["", "to the citizen:"]
        lines += [
            f"  {row['purpose']} by {row['channel']}: {row['state']}, attempts {row['attempts']}"
            + (f" ({row['reason']})" if row["reason"] else "")
            for row in view["outgoing"]
        ]
    lines += ["", "to the broker:"]
    lines += [
        f"  {row['exchange']} {row['routing_key']} {row['message_id']}: {row['state']}"
        + (f" ({row['reason']})" if row["reason"] else "")
        for row in view["deliveries"]
    ]
    lines += [f"erased at {record['at']}: {record['summary']}" for record in view["erasures"]]
    return "\n".join(lines)


def _words(envelope: dict[str, Any] | None) -> list[str]:
    if envelope is None:
        return ["   (erased)"]
    lines = [f"   subject: {envelope['subject']}"] if envelope["subject"] else []
    lines += [f"   | {line}" for line in envelope["text"].splitlines()[:20]]
    lines += [f"   file: {part['name'] or part['kind']} ({part['state']})" for part in envelope["attachments"]]
    if envelope["flags"]:
        lines.append(f"   flags: {', '.join(envelope['flags'])}")
    return lines
