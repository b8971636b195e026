"""What the platforms would send for a message of a case: small builders, one for each kind of channel."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

BOT, COMMUNITY, PHONE_NUMBER_ID, MAILBOX = "7000000001", "220000001", "106540352242922", "priemnaya@gosorgan.example"
ACCOUNTS = {
    "telegram": BOT, "vk": COMMUNITY, "whatsapp": PHONE_NUMBER_ID, "email": MAILBOX, "portal": "portal",
}  # fmt: skip
AUTHSERV = "mx.gosorgan.example"
_POLICY = SMTP.clone(max_line_length=998)  # its folding would cut long ids in two
_FIRST_VK_CHAT = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Written:
    """A message of a case with its numbers filled in. `serial` makes its ids; an edit has that of what it edits."""

    event: Mapping[str, Any]
    at: datetime
    serial: int
    text: str
    subject: str | None = None
    quoted: str | None = None
    file_names: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()  # native ids, nearest first
    references: tuple[str, ...] = field(default=())  # mail: the thread so far, oldest first

    @property
    def channel(self) -> str:
        return str(self.event["channel"])

    @property
    def edit(self) -> bool:
        return self.event.get("change") == "edit"

    @property
    def vouched(self) -> Mapping[str, str]:
        return self.event.get("vouched", {})  # type: ignore[no-any-return]


def build(written: Written) -> list[bytes]:
    """The payloads, in the order in which the platform would send them."""
    return _BUILDERS[written.channel](written)


def own_id(kind: str, address: Mapping[str, Any], serial: int, signed: str | None) -> str:
    """The native id that the platform would give to a message of ours in that conversation."""
    if kind == "email":
        return f"{signed}@gosorgan.example"
    chat = str(address["conversation"]).split(":")[0]
    return f"wamid.OURS{serial}" if kind == "whatsapp" else f"{chat}:{serial}"


def native_id(written: Written) -> str:
    """The native id of a citizen's message (`normalizer/<kind>.py`)."""
    return {
        "telegram": lambda: f"{_telegram_chat(written)['id']}:{written.serial}",
        "vk": lambda: f"{_vk_peer(written)}:{written.serial}",
        "whatsapp": lambda: f"wamid.IN{written.serial}",
        "email": lambda: f"m{written.serial}@mail.example",
        "portal": lambda: f"{written.event['via']}:k{written.serial}",
    }[written.channel]()


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _group(written: Written) -> int | None:
    name = written.event.get("conversation")
    return int(str(name).rpartition("-")[2]) if name and written.channel != "email" else None


def _telegram_chat(written: Written) -> dict[str, Any]:
    group = _group(written)
    if group is not None:
        return {"id": -1_001_000_000_000 - group, "type": "supergroup", "title": "Дом"}
    return {"id": int(written.event["sender"]), "type": "private"}


def _telegram(written: Written) -> list[bytes]:
    sender = int(written.event["sender"])
    person = {"id": sender, "is_bot": False, "first_name": "Анна", "language_code": "ru"}
    at = int(written.at.timestamp())
    message: dict[str, Any] = {
        "message_id": written.serial, "from": person, "chat": _telegram_chat(written), "date": at,
    }  # fmt: skip
    content = "caption" if written.file_names else "text"
    message[content] = written.text
    if written.file_names:
        (name,) = written.file_names
        message["document"] = {"file_id": "A", "file_unique_id": "B", "file_name": name, "file_size": 1000}
    if written.links:
        message["entities"] = [{"type": "text_link", "offset": 0, "length": 2, "url": url} for url in written.links]
    if written.quoted:
        elsewhere = {"type": "hidden_user", "sender_user_name": "Приёмная", "date": at}
        message |= {"external_reply": {"origin": elsewhere}, "quote": {"text": written.quoted, "position": 0}}
    if written.replies:
        replied = int(written.replies[0].rpartition(":")[2])
        message["reply_to_message"] = {"message_id": replied, "chat": message["chat"], "date": at, "text": "…"}
    if written.edit:
        return [_dump({"update_id": written.serial, "edited_message": message | {"edit_date": at}})]
    update = _dump({"update_id": written.serial, "message": message})
    if "phone" not in written.vouched:
        return [update]
    # A citizen of Telegram shows his phone in a message of its own: here after what he wrote first, before the rest.
    contact = {"phone_number": written.vouched["phone"].lstrip("+"), "first_name": "Анна", "user_id": sender}
    shared = {"message_id": written.serial + 500_000, "from": person, "chat": message["chat"], "date": at}
    share = _dump({"update_id": written.serial + 500_000, "message": shared | {"contact": contact}})
    return [update, share] if "ticket" in written.event else [share, update]


def _vk_peer(written: Written) -> int:
    group = _group(written)
    return int(written.event["sender"]) if group is None else _FIRST_VK_CHAT + group


def _vk(written: Written) -> list[bytes]:
    sender, peer = int(written.event["sender"]), _vk_peer(written)
    message: dict[str, Any] = {
        "date": int(written.at.timestamp()), "from_id": sender, "id": written.serial, "out": 0, "peer_id": peer,
        "conversation_message_id": written.serial, "text": written.text, "attachments": [], "fwd_messages": [],
    }  # fmt: skip
    for name in written.file_names:
        doc = {"id": 1, "owner_id": sender, "title": name, "size": 1000, "url": "https://vk.com/doc1_1"}
        message["attachments"].append({"type": "doc", "doc": doc})
    if written.links:
        items = [{"type": "url", "offset": 0, "length": 2, "url": url} for url in written.links]
        message["format_data"] = {"version": "1", "items": items}
    if written.quoted:
        forwarded = {"date": message["date"], "from_id": -1, "peer_id": peer, "text": written.quoted}
        message["fwd_messages"].append(forwarded | {"conversation_message_id": 1, "attachments": []})
    if written.replies:
        number = int(written.replies[0].rpartition(":")[2])
        message["reply_message"] = {"conversation_message_id": number, "peer_id": peer, "text": "…"}
    event = {"group_id": int(COMMUNITY), "event_id": f"e{written.serial}", "v": "5.199"}
    if written.edit:
        edited = message | {"update_time": message["date"]}
        return [_dump(event | {"type": "message_edit", "object": edited})]
    return [_dump(event | {"type": "message_new", "object": {"message": message, "client_info": {"lang_id": 0}}})]


def _whatsapp(written: Written) -> list[bytes]:
    sender = str(written.event["sender"])
    message: dict[str, Any] = {
        "from": sender, "id": f"wamid.IN{written.serial}", "timestamp": str(int(written.at.timestamp())),
    }  # fmt: skip
    text = "\n".join(part for part in (written.text, written.quoted, *written.links) if part)
    if written.file_names:
        document = {"id": "1", "mime_type": "application/pdf", "filename": written.file_names[0], "caption": text}
        message |= {"type": "document", "document": document}
    else:
        message |= {"type": "text", "text": {"body": text}}
    if written.replies:
        message["context"] = {"from": "74951234567", "id": written.replies[0]}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "74951234567", "phone_number_id": PHONE_NUMBER_ID},
        "contacts": [{"profile": {"name": "Анна"}, "wa_id": sender}],
        "messages": [message],
    }
    change = {"field": "messages", "value": value}
    return [_dump({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]})]


def _email(written: Written) -> list[bytes]:
    sender, letter = str(written.event["sender"]), EmailMessage(_POLICY)
    letter["Message-ID"] = f"<{native_id(written)}>"
    letter["Date"] = format_datetime(written.at)
    letter["From"], letter["To"] = f"Анна <{sender}>", MAILBOX
    letter["Subject"] = " ".join((written.subject or "").split()) or (
        "Re: обращение" if written.replies else "Обращение"
    )
    if written.replies:
        letter["In-Reply-To"] = f"<{written.replies[0]}>"
        letter["References"] = " ".join(f"<{one}>" for one in (*written.references, written.replies[0]))
    lines = [written.text]
    if written.quoted:
        quoted = [line if line.startswith(">") else f"> {line}" for line in written.quoted.splitlines()]
        lines += ["", "22.11.2026 12:00, Приёмная <priemnaya@gosorgan.example> пишет:", *quoted]
    letter.set_content("\n".join(lines) + "\n")
    if written.links:
        shown = "".join(f'<p><a href="{url}">ссылка</a></p>' for url in written.links)
        letter.add_alternative(f"<html><body><p>{written.text}</p>{shown}</body></html>", subtype="html")
    for name in written.file_names:
        letter.add_attachment(b"%PDF-1.4 ...", maintype="application", subtype="pdf", filename=name)
    verdict = written.event.get("authentication") or ("pass" if "email" in written.vouched else None)
    head = b""
    if verdict:
        head = f"Authentication-Results: {AUTHSERV}; dmarc={verdict} header.from={sender.split('@')[1]}\r\n".encode()
    return [head + letter.as_bytes()]


def _portal(written: Written) -> list[bytes]:
    event = written.event
    source = event["via"]
    sender = event["sender"]
    stated, vouched = event.get("stated", {}), written.vouched
    value: dict[str, Any] = {
        "source": source,
        "kind": "appeal",
        "idempotency_key": f"k{written.serial}",
        "sent_at": written.at.isoformat(),
        "subject": written.subject,
        "text": "\n".join(part for part in (written.text, written.quoted, *written.links) if part),
        "citizen": {**stated, **vouched},
    }
    if sender:
        value["sign_in"] = {"id": str(sender).rpartition(":")[2], "vouched": sorted(vouched)}
    if written.file_names:
        value["attachments"] = [
            {"name": name, "media_type": "application/pdf", "content": "JVBERi0xLjQ="} for name in written.file_names
        ]
    return [_dump(value)]


_BUILDERS: dict[str, Callable[[Written], list[bytes]]] = {
    "telegram": _telegram, "vk": _vk, "whatsapp": _whatsapp, "email": _email, "portal": _portal,
}  # fmt: skip
