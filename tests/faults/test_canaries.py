"""Faults 32 and 33: secrets and personal data of a run over every channel, searched for wherever they must not be.

Every field that a stranger fills in holds canaries; every path is walked that goes wrong: quarantine, forged webhooks,
platforms and mail servers that repeat what they were sent, replies that are refused, exceptions in the middle.
"""

import asyncio
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import aio_pika
import httpx
import pytest

from config.settings import load
from tests.contract.drivers import Email, Portal, Telegram, Vk, WhatsApp
from tests.harness.mail import mailbox
from tests.harness.worker import ROOT, Worker
from tests.pipeline.test_replies_end_to_end import publish
from tests.services.dovecot import DovecotServer
from tests.services.rabbitmq import RabbitNode
from tests.services.smtp import SmtpServer

CANARIES = {
    "name": "Канарейкина Желтопёра Тестовна",
    "phone": "+7 916 765-43-21",
    "mail": "kanareika.tainaya@canary.test",
    "secret": "пароль Kanar3ika!Zh",
    "INN": "500100732259",
    "SNILS": "112-233-445 95",
    "card": "4276 5500 1234 5678",
    "passport": "4510 123456",
    "words": "zheltoperaya",
}
ALL = " ".join(CANARIES.values())
# A piece of each that no log would hold by chance, and forms that it may come in.
FORBIDDEN = (
    "Канарейкин", "Желтопёр", "канарейкин", "765-43-21", "9167654321", "7654321", "kanareika.tainaya", "canary.test",
    "Kanar3ika", "500100732259", "112-233-445", "11223344595", "427655", "4276 55", "1234 5678", "451012", "4510 12",
    "zheltoperaya", "Zheltoperaya", "canaryfile",
)  # fmt: skip
# Our own ids hold any few digits by chance (RFC 9562: 32 hexadecimal ones), and so may a time of day's fraction.
CHANCE = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\d\.\d+")
HOOK_SECRET = "hook-secret-of-the-canaries"


@pytest.fixture
def worker(
    dovecot: DovecotServer, smtp: SmtpServer, rabbitmq: RabbitNode, broker_prefix: str
) -> Iterator[tuple[Worker, dict[str, Any]]]:
    """The whole of it: all channels, web, processor, relay, housekeeping."""
    platforms = {"telegram": Telegram(), "vk": Vk(), "whatsapp": WhatsApp()}
    for platform in platforms.values():
        platform.open()
    user = dovecot.add_user()
    channels = {name: values for platform in platforms.values() for name, values in platform.channels().items()}
    channels["mail"] = mailbox(user, dovecot.port, smtp.port)
    channels["portal"] = {"kind": "portal", "sources": {"cabinet": Portal.KEY}, "reply_by": "mail"}
    with Worker(
        channels=channels, broker_url=rabbitmq.url, prefix=broker_prefix, sections={"logging": {"level": "debug"}}
    ) as made:
        made.start()
        made.wait(lambda: made.ready() is not None, 30, "the web front")
        for platform in platforms.values():
            platform.url = made.url
            platform.begin()
        yield made, {**platforms, "mailbox": user}
    for platform in platforms.values():
        platform.close()


def events_of(url: str, prefix: str) -> str:
    """A queue of our own at the exchange of events; its name, to be read later."""

    async def bind() -> None:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(f"{prefix}.canaries", durable=True)
            await queue.bind(f"{prefix}.events", "#")

    asyncio.run(bind())
    return f"{prefix}.canaries"


def taken(url: str, queues: list[str]) -> list[tuple[str, str, str]]:
    """(queue, what a log of the broker may show of it, body) of everything in these queues."""

    async def take() -> list[tuple[str, str, str]]:
        found = []
        async with await aio_pika.connect(url) as connection:
            for name in queues:
                channel = await connection.channel()
                try:
                    queue = await channel.get_queue(name, ensure=False)
                    while (message := await queue.get(no_ack=True, fail=False, timeout=20)) is not None:
                        outside = f"{message.routing_key} {message.headers} {message.type} {message.message_id}"
                        found.append((name, outside, message.body.decode(errors="replace")))
                except aio_pika.exceptions.ChannelNotFoundEntity:
                    continue
        return found

    return asyncio.run(take())


def strangers_write(worker: Worker, platforms: dict[str, Any], dovecot: DovecotServer) -> None:
    """Canaries in every field of every kind of message, and payloads that nobody can read."""
    telegram, vk, whatsapp = platforms["telegram"], platforms["vk"], platforms["whatsapp"]
    batch = [json.loads(update) for update in telegram.hostile(ALL)]
    telegram.platform.faults.next("getUpdates", body=json.dumps({"ok": True, "result": batch}).encode())
    telegram._end_poll()
    events = [json.loads(event) for event in vk.hostile(ALL)]
    ts = str(vk.platform.ts + 1)
    vk.platform.faults.next("a_check", body=json.dumps({"ts": ts, "updates": events}).encode())
    vk.platform.event("message_new", {"message": {}}, own=True)
    for body in (*whatsapp.hostile(ALL), f'{{"object": "{ALL}"'.encode(), json.dumps({"messages": [ALL]}).encode()):
        signed = {"X-Hub-Signature-256": whatsapp.platform.signature(body)}
        # Twice, as the platform would: the error that was arranged in the journal may meet one of them.
        answers = [httpx.post(f"{worker.url}/hooks/whatsapp", content=body, headers=signed) for _ in range(2)]
        assert 200 in {answer.status_code for answer in answers}
    dovecot.append(platforms["mailbox"], *Email().hostile(ALL))
    dovecot.deliver(platforms["mailbox"], b"\n")
    for body in Portal().hostile(ALL):
        document = json.loads(body)
        portal(worker, document["idempotency_key"], {"text": document["text"], "citizen": {"full_name": ALL}})
    telegram.platform.push("message", {"message_id": 999_999, "chat": ALL})
    vk.platform.event("message_new", {"message": None, ALL: ALL})


def citizens_write(platforms: dict[str, Any], dovecot: DovecotServer) -> None:
    """Ordinary messages with canaries; each gets a number and an acknowledgement."""
    telegram, vk, whatsapp = (platforms[name].platform for name in ("telegram", "vk", "whatsapp"))
    text = f"Не могу войти в личный кабинет. Меня зовут {ALL}"
    telegram.text(telegram.user(9_167_654_321, CANARIES["name"], username="zheltoperaya"), text)
    vk.write(vk.user(76_543_210, CANARIES["name"]), text)
    whatsapp.text(whatsapp.person("79167654321", CANARIES["name"]), text)
    letter = (
        f"From: {CANARIES['mail']}\r\nTo: x@service.test\r\nSubject: zheltoperaya {CANARIES['phone']}\r\n"
        "Message-ID: <zheltoperaya@canary.test>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0300\r\nMIME-Version: 1.0\r\n"
        'Content-Type: text/plain; charset=utf-8; name="canaryfile.pdf"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
        f"{text}\r\n"
    )
    dovecot.append(platforms["mailbox"], letter.encode())


_keys = itertools.count(1)


def portal(worker: Worker, key: str, body: Any, token: str = Portal.KEY) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    return httpx.post(f"{worker.url}/api/v1/appeals", json=body, headers=headers, timeout=30)


def enemies_ask(worker: Worker) -> None:
    """Requests that are refused; canaries in the path, the query, the headers and the body."""
    query = {"phone": CANARIES["phone"], "q": ALL, "token": Portal.KEY}
    for path in ("/hooks/whatsapp", "/hooks/zheltoperaya", "/board/search", "/files/zheltoperaya", "/status", "/"):
        for method in ("GET", "POST"):
            headers = {"X-Hub-Signature-256": "sha256=zheltoperaya", "Cookie": "session=zheltoperaya"}
            httpx.request(method, worker.url + path, params=query, headers=headers, content=ALL.encode())
    httpx.post(f"{worker.url}/board/login", data={"name": CANARIES["mail"], "password": "Kanar3ika!Zh"})
    portal(worker, f"zheltoperaya{next(_keys)}", {"text": ALL, "zheltoperaya": ALL})
    portal(worker, "zheltoperaya", {"text": ALL}, token="zheltoperaya")
    httpx.post(f"{worker.url}/api/v1/appeals", content=b"{" + ALL.encode(), headers={"Authorization": "zheltoperaya"})


def commands(worker: Worker) -> dict[str, str]:
    """What the commands print that are not asked for a citizen's words."""
    found = {}
    numbers = [row["number"] for row in worker.ledger.tickets()]
    for words in (
        ["check"], ["queues"], ["quarantine", "list", "--json"], ["requeue", "--ticket", numbers[0]],
        ["forget", numbers[0], "--json"], ["show", "zheltoperaya"], ["quarantine", "show", "0"],
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, str(ROOT / "worker.py"), "--config", str(worker.config), *words],
            cwd=worker.folder, env=worker.environment, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        own = words[-1] in (ALL, "zheltoperaya")  # it may repeat what its own user has typed
        found[" ".join(words[:2])] = "" if own else done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
    return found


@pytest.mark.timeout(240)
def test_33_no_secret_and_nothing_of_a_citizen_is_in_a_log_a_metric_an_event_an_error_or_a_list(
    worker: tuple[Worker, dict[str, Any]],
    smtp: SmtpServer,
    dovecot: DovecotServer,
    rabbitmq: RabbitNode,
    broker_prefix: str,
) -> None:
    running, platforms = worker
    ledger = running.ledger
    running.wait(lambda: running.component("relay").get("state") == "ok", 40, "the exchanges are declared")
    queue = events_of(rabbitmq.url, broker_prefix)
    # Platforms that repeat what they were sent, for good and for now.
    smtp.refuse_next(1, f"550 5.1.1 <{CANARIES['mail']}>: {ALL}".encode("ascii", "ignore").decode())
    for name, method in (("telegram", "sendMessage"), ("vk", "messages.send"), ("whatsapp", "messages")):
        faults = platforms[name].platform.faults
        faults.next(method, code=400, description=ALL)
        faults.next(method, status=502, html=True, body=ALL.encode())
        faults.next(method, body=ALL.encode())
    # Exceptions in the middle of the work, with canaries in their text.
    for point in (
        "pipeline.processor:Processor._process before", "pipeline.sender:Sender._message before",
        "router.publish:Publisher.publish before", "connectors.mail_servers:Imap.fetch before",
        "connectors.telegram:Telegram.send before", "connectors.vk:Vk.send before", "ledger.outbox:mark before",
        "connectors.whatsapp:WhatsApp.send before", "connectors.email:Email.send before",
        "ledger.journal:append before",
    ):  # fmt: skip
        later = point.startswith(("ledger.journal", "pipeline.processor"))  # what comes first shows that all works
        running.arm(
            point, int(later), error=f"{ALL} https://api.telegram.org/bot{platforms['telegram'].platform.token}/getMe"
        )
    citizens_write(platforms, dovecot)
    strangers_write(running, platforms, dovecot)
    enemies_ask(running)

    def settled() -> bool:
        states = ledger.states()
        waiting = states["received"] + states["working"] + states["held"]
        return states["quarantined"] >= 4 and states["enveloped"] >= 20 and not waiting

    running.wait(settled, 90, "all has come to an end")
    running.wait(lambda: len(running.armed()) <= 2, 40, "nearly every exception was raised")
    running.disarm()
    number = ledger.tickets()[-1]["number"]
    publish(
        rabbitmq.url,
        broker_prefix,
        ALL.encode(),
        json.dumps({"id": "1", "ticket": "261122-999999-0", "text": ALL}).encode(),
        json.dumps({"id": "2", "ticket": number, "zheltoperaya": ALL}).encode(),
        json.dumps({"id": "3", "ticket": ALL, "text": ALL}).encode(),
        json.dumps({"id": "4", "ticket": number, "text": f"Ответ для {ALL}"}).encode(),
    )
    running.wait(lambda: any(row["reply_id"] == "4" for row in ledger.outgoing()), 40, "the good reply is taken")
    running.wait(lambda: ledger.pending() == 0 and ledger.pending("events") == 0, 60, "all is published")

    shown = {f"log line {at}": line for at, line in enumerate(running.log().splitlines())}
    assert len(shown) > 25
    shown["/metrics"] = httpx.get(f"{running.url}/metrics").text
    shown["/readyz"] = httpx.get(f"{running.url}/readyz").text
    shown |= commands(running)
    desks = {envelope["route"]["desk"] for envelope in ledger.envelopes()}
    queues = [
        queue,
        f"{broker_prefix}.dead",
        f"{broker_prefix}.unrouted",
        *(f"{broker_prefix}.desk.{d}" for d in desks),
    ]
    messages = taken(rabbitmq.url, queues)
    assert {name for name, _, _ in messages} >= {queue, f"{broker_prefix}.dead"}
    bodies = "".join(body for _, _, body in messages)
    for needle in ("Канарейкин", "kanareika.tainaya", "500100732259", "zheltoperaya"):
        assert needle in bodies, "what is searched for elsewhere is where it belongs"
    for at, (name, outside, body) in enumerate(messages):
        shown[f"{name} {at}, headers"] = outside
        if name == queue:
            shown[f"{name} {at}, event"] = body
    for row in ledger.outbox():
        shown[f"outbox {row['id']}"] = f"{row['routing_key']} {row['reason']} {row['conversation']}"
    for row in ledger.journal():
        shown[f"journal {row['id']}"] = f"{row['reason']}"
    for row in ledger.outgoing():
        shown[f"outgoing {row['seq']}"] = f"{row['reason']}"
    secrets = {secret for secret in load(running.config, {}).secrets() if secret != "guest"} | {"zheltoperaya"}
    shown = {where: CHANCE.sub("", text) for where, text in shown.items()}
    told = {
        f"{where}: {needle}": text[:600]
        for where, text in shown.items()
        for needle in (*FORBIDDEN, *secrets)
        if re.search(rf"(?<![0-9]){re.escape(needle)}" if needle.isdigit() else re.escape(needle), text)
    }
    assert told == {}
    assert len(secrets) > 5
