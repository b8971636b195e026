"""Faults 21, 22, 24, 25, 27 against a real front and processor: forgeries, replays, bombs, slow and huge senders."""

import contextlib
import gzip
import hashlib
import hmac
import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.harness.worker import Worker
from tests.services.process import HOST, wait_until

SECRET = "the-app-secret-of-the-attacked"
HOOK_SECRET = "the-hook-secret-of-the-attacked"
NUMBER = "106540352242922"
GROUP = 123456
BODY_SECONDS, HEAD_SECONDS, KEEP_SECONDS = 4.0, 5.0, 3
LIMIT = 3_000_000
NOWHERE = "http://127.0.0.1:9"
CHANNELS = {
    "telegram": {
        "kind": "telegram",
        "token": "12345678:AAaaAAaaAAaaAAaaAAaaAAaaAAaaAAaaAAa",
        "mode": "webhook",
        "webhook_secret": HOOK_SECRET,
        "api_url": NOWHERE,
    },
    "vk": {
        "kind": "vk",
        "token": "vk1.a.attacked",
        "group_id": GROUP,
        "mode": "callback",
        "secret": HOOK_SECRET,
        "confirmation": "c0nf1rm",
        "api_url": NOWHERE,
    },
    "whatsapp": {
        "kind": "whatsapp",
        "token": "EAAattacked",
        "phone_number_id": NUMBER,
        "app_secret": SECRET,
        "verify_token": "verify-attacked",
        "graph_url": f"{NOWHERE}/v23.0",
    },
}


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """The web front, a processor, and a channel that fetches files; no platform is there, since nothing is sent."""
    constants: dict[str, float] = {"board.hooks:BODY_SECONDS": BODY_SECONDS, "board.serve:HEAD_SECONDS": HEAD_SECONDS}
    constants |= {"board.serve:KEEP_SECONDS": KEEP_SECONDS}
    with Worker(channels=CHANNELS, names=("web", "processor", "vk"), constants=constants) as made:
        made.start()
        made.wait(lambda: made.ready() is not None, 30, "the web front")
        for kind in CHANNELS:  # each door is opened once: what it imports takes a while
            assert post(made, kind, genuine(kind, "warm")).status_code == 200
        settled(made)
        yield made


_serial = iter(range(1, 1_000_000))


def genuine(kind: str, text: str) -> bytes:
    """A body as the platform sends it, of a new message."""
    number = next(_serial)
    if kind == "telegram":
        chat = {"id": 5_000 + number, "type": "private", "first_name": "Анна"}
        message = {"message_id": number, "from": {**chat, "is_bot": False}, "chat": chat, "date": int(time.time())}
        return json.dumps({"update_id": number, "message": {**message, "text": text}}).encode()
    if kind == "vk":
        message = {"id": number, "conversation_message_id": number, "from_id": 5_000 + number, "text": text}
        message |= {"peer_id": 5_000 + number, "date": int(time.time()), "attachments": [], "fwd_messages": []}
        content = {"message": message, "client_info": {}}
        event = {"type": "message_new", "event_id": f"{number}", "group_id": GROUP, "object": content}
        return json.dumps({**event, "secret": HOOK_SECRET}).encode()
    message = {"from": f"7998{number:07d}", "id": f"wamid.{number}", "timestamp": str(int(time.time()))}
    message |= {"type": "text", "text": {"body": text}}
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}, "messages": [message]}
    return whatsapp_body(value)


def whatsapp_body(value: dict[str, Any]) -> bytes:
    change = {"field": "messages", "value": value}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).encode()


def signature(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def headers_of(kind: str, body: bytes) -> dict[str, str]:
    if kind == "telegram":
        return {"X-Telegram-Bot-Api-Secret-Token": HOOK_SECRET}
    return {"X-Hub-Signature-256": signature(body)} if kind == "whatsapp" else {}


def post(worker: Worker, kind: str, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    given = headers_of(kind, body) if headers is None else headers
    return httpx.post(f"{worker.url}/hooks/{kind}", content=body, headers=given, timeout=30)


def settled(worker: Worker) -> None:
    def done() -> bool:
        states = worker.ledger.states()
        return not (states["received"] or states["working"] or states["held"])

    worker.wait(done, 30, "every row has come to an end")


def raw(worker: Worker, data: bytes) -> bytes:
    """Bytes as they are, past every client library; the answer until the other side closes or is silent for 10 s."""
    with socket.create_connection((HOST, worker.port), timeout=10) as connection:
        got = b""
        with contextlib.suppress(OSError):
            connection.sendall(data)
        with contextlib.suppress(OSError):
            while piece := connection.recv(65536):
                got += piece
        return got


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


# ---- 21: who is not the platform is refused ------------------------------------------------------------------

FORGED: dict[str, dict[str, bytes]] = {
    "telegram": {
        "missing": b"",
        "cut": f"X-Telegram-Bot-Api-Secret-Token: {HOOK_SECRET[:-1]}".encode(),
        "longer": f"X-Telegram-Bot-Api-Secret-Token: {HOOK_SECRET}x".encode(),
        "not ASCII": "X-Telegram-Bot-Api-Secret-Token: секрет".encode(),
        "not UTF-8": b"X-Telegram-Bot-Api-Secret-Token: \xff\xfe\x80",
        "empty": b"X-Telegram-Bot-Api-Secret-Token:",
        "right, then wrong": (
            f"X-Telegram-Bot-Api-Secret-Token: {HOOK_SECRET}\r\nX-Telegram-Bot-Api-Secret-Token: no".encode()
        ),
    },
    "whatsapp": {
        "missing": b"",
        "cut": f"X-Hub-Signature-256: {signature(b'')[:-1]}".encode(),
        "of another body": f"X-Hub-Signature-256: {signature(b'another')}".encode(),
        "without its name": f"X-Hub-Signature-256: {signature(b'')[7:]}".encode(),
        "not ASCII": "X-Hub-Signature-256: sha256=подпись".encode(),
        "not UTF-8": b"X-Hub-Signature-256: sha256=\xff\xfe\x80",
        "SHA-1": b"X-Hub-Signature: sha1=0000000000000000000000000000000000000000",
        "enormous": b"X-Hub-Signature-256: sha256=" + b"a" * 50_000,
    },
}


@pytest.mark.parametrize(("kind", "how"), [(kind, how) for kind, ways in FORGED.items() for how in ways])
def test_21_a_forged_webhook_is_refused_and_not_journalled(worker: Worker, kind: str, how: str) -> None:
    body, rows = genuine(kind, "подделка"), worker.ledger.journalled()
    head = f"POST /hooks/{kind} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n".encode()
    line = FORGED[kind][how]
    answer = raw(worker, head + (line + b"\r\n" if line else b"") + b"\r\n" + body)
    assert status(answer) == 403, answer[:200]
    assert worker.ledger.journalled() == rows


@pytest.mark.parametrize("secret", [None, "", "no", HOOK_SECRET[:-1], "секрет", 5, ["x"], {"a": HOOK_SECRET}])
def test_21_a_forged_event_of_vk_is_refused_and_not_journalled(worker: Worker, secret: Any) -> None:
    event, rows = json.loads(genuine("vk", "подделка")), worker.ledger.journalled()
    event["secret"] = secret
    assert post(worker, "vk", json.dumps(event).encode()).status_code == 403
    event.pop("secret")
    assert post(worker, "vk", json.dumps(event).encode()).status_code == 403
    assert worker.ledger.journalled() == rows


@pytest.mark.parametrize("kind", CHANNELS)
def test_21_a_genuine_request_replayed_is_taken_and_makes_no_second_row(worker: Worker, kind: str) -> None:
    body, rows = genuine(kind, "Не могу войти в личный кабинет, страница пуста"), worker.ledger.journalled()
    assert post(worker, kind, body).status_code == 200
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: post(worker, kind, body).status_code, range(100)))
    assert set(answers) == {200}
    assert worker.ledger.journalled() == rows + 1


# ---- 22: bombs -----------------------------------------------------------------------------------------------


def bombs() -> dict[str, bytes]:
    text = '{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":%s}]}]}'
    metadata = f'"metadata":{{"phone_number_id":"{NUMBER}"}}'
    message = '{"from":"79981234567","id":"wamid.%s","timestamp":"1795348800","type":"text","text":{"body":%s}}'
    return {
        "1,500 lists deep": (text % ("[" * 1500 + "]" * 1500)).encode(),
        "100,000 lists deep": b"[" * 100_000,
        "1,500 objects deep": (text % ('{"a":' * 1500 + "1" + "}" * 1500)).encode(),
        "an integer of 5,000 digits": (
            text % f'{{{metadata},"messages":[{message % ("digits", "1" * 5_000)}]}}'
        ).encode(),
        "a lone surrogate": (
            text % f'{{{metadata},"messages":[{message % ("lone", chr(34) + "a" + chr(92) + "ud83d" + chr(34))}]}}'
        ).encode(),
        "a float beyond all bounds": (text % f'{{{metadata},"messages":[{message % ("huge", "1e999999")}]}}').encode(),
        "NaN": (text % f'{{{metadata},"messages":[{message % ("nan", "NaN")}]}}').encode(),
        "gzip, 20 MB of nothing": gzip.compress(b" " * 20_000_000),
        "not UTF-8": b'{"object":"\xff\xfe"}',
        "UTF-16": '{"object":"x"}'.encode("utf-16"),
        "300,000 keys": json.dumps({str(n): 1 for n in range(150_000)}).encode(),
        "empty": b"",
        "NUL": b"\0" * 1000,
    }


@pytest.mark.parametrize("name", bombs())
def test_22_an_authentic_bomb_is_taken_and_comes_to_an_end_in_bounded_memory(worker: Worker, name: str) -> None:
    body = bombs()[name]
    before = {role: worker.peak_megabytes(role) for role in ("web", "processor")}
    pids = worker.roles()
    extra = {"Content-Encoding": "gzip"} if name.startswith("gzip") else {}
    began = time.monotonic()
    assert post(worker, "whatsapp", body, {**headers_of("whatsapp", body), **extra}).status_code == 200
    settled(worker)
    assert time.monotonic() - began < 20
    assert worker.roles() == pids, "nobody died of it"
    grown = {role: worker.peak_megabytes(role) - before[role] for role in before}
    assert max(grown.values()) < 150, grown
    assert post(worker, "whatsapp", body, {**extra, "X-Hub-Signature-256": signature(b"x")}).status_code == 403


def test_22_what_cannot_be_read_is_in_the_quarantine_and_what_comes_behind_goes_on(worker: Worker) -> None:
    before = worker.ledger.states()
    for body in (b"{", b"[" * 2000, gzip.compress(b"{}" + os.urandom(8))):
        assert post(worker, "whatsapp", body).status_code == 200
    assert post(worker, "whatsapp", genuine("whatsapp", "После неё не открывается раздел справок")).status_code == 200
    settled(worker)
    after = worker.ledger.states()
    assert after["quarantined"] == before["quarantined"] + 3
    assert after["enveloped"] == before["enveloped"] + 1
    assert len(worker.run_cli("quarantine", "list")) >= 3


@pytest.mark.parametrize("how", ["said", "chunked without end", "more than said"])
def test_22_a_body_over_the_limit_is_refused_before_it_is_read(worker: Worker, how: str) -> None:
    rows, before = worker.ledger.journalled(), worker.peak_megabytes("web")
    head = b"POST /hooks/whatsapp HTTP/1.1\r\nHost: x\r\n"
    with socket.create_connection((HOST, worker.port), timeout=20) as sender:
        if how == "said":
            sender.sendall(head + f"Content-Length: {LIMIT * 30}\r\n\r\n".encode())
        elif how == "more than said":
            sender.sendall(head + b"Content-Length: 10\r\n\r\n" + b"x" * 1_000_000)
        else:
            sender.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
            with contextlib.suppress(OSError):
                for _ in range(300):  # 60 MB; it is cut off long before
                    sender.sendall(b"30d40\r\n" + b"x" * 200_000 + b"\r\n")
        with contextlib.suppress(ConnectionError):  # reset: what was sent behind the answer was not read
            answer = sender.recv(65536)
            assert status(answer) in ((400, 403) if how == "more than said" else (413,)), answer[:100]
    assert worker.ledger.journalled() == rows
    assert worker.peak_megabytes("web") - before < 60
    assert post(worker, "whatsapp", genuine("whatsapp", "ещё живы")).status_code == 200


# ---- slow and huge senders -----------------------------------------------------------------------------------


def closed(connection: socket.socket) -> bool:
    connection.setblocking(False)  # with a timeout of its own a socket waits for it, whatever the call says
    try:
        return connection.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_who_sends_a_head_or_a_body_without_hurry_is_hung_up_on_and_holds_up_nobody(worker: Worker) -> None:
    begun = b"POST /hooks/whatsapp HTTP/1.1\r\nHost: x\r\n"
    with contextlib.ExitStack() as stack:
        slow: list[socket.socket] = []
        for number in range(300):
            connection = stack.enter_context(socket.create_connection((HOST, worker.port), timeout=20))
            # No byte; half a head; a head, and a body that does not come.
            connection.sendall((b"", begun + b"X-A: ", begun + b"Content-Length: 1000\r\n\r\n{")[number % 3])
            slow.append(connection)
        began = time.monotonic()
        for kind in CHANNELS:
            assert post(worker, kind, genuine(kind, "При медленных соседях")).status_code == 200
        assert time.monotonic() - began < HEAD_SECONDS, "the others do not wait"

        def dribble() -> bool:
            for connection in slow[1::3]:
                with contextlib.suppress(OSError):
                    connection.sendall(b"a")
            return all(map(closed, slow[0::3])) and all(map(closed, slow[1::3]))

        wait_until(dribble, 30, "heads that do not end are hung up on", step=0.2)
        answers = [_answer(connection) for connection in slow[2::3]]
        assert {status(answer) for answer in answers} == {413}


@pytest.mark.parametrize("dribble", [b"x", b"\r\n"])
def test_who_was_answered_and_then_sends_no_new_request_is_hung_up_on(worker: Worker, dribble: bytes) -> None:
    body = b"Content-Length: 1000000\r\n" if dribble == b"x" else b""
    with socket.create_connection((HOST, worker.port), timeout=20) as connection:
        for _ in range(2):  # who does send one is not
            connection.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert status(_answer(connection)) == 200
            time.sleep(KEEP_SECONDS * 0.6)
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\n" + body + b"\r\n")
        assert status(_answer(connection)) == 404

        def ended() -> bool:
            with contextlib.suppress(OSError):
                connection.sendall(dribble)
            return closed(connection)

        wait_until(ended, KEEP_SECONDS + 5, "it is hung up on", step=0.2)


def _answer(connection: socket.socket) -> bytes:
    connection.settimeout(30)
    return connection.recv(65536)


def test_a_head_without_end_is_cut_off_in_bounded_memory(worker: Worker) -> None:
    before, sent = worker.peak_megabytes("web"), 0
    with (
        socket.create_connection((HOST, worker.port), timeout=20) as sender,
        contextlib.suppress(ConnectionError),
    ):
        sender.sendall(b"POST /hooks/whatsapp HTTP/1.1\r\nX-A: ")
        for _ in range(600):
            sender.sendall(b"a" * 100_000)
            sent += 100_000
    assert sent < 30_000_000, "it was cut off"
    assert worker.peak_megabytes("web") - before < 40
    many = b"".join(b"X-%d: y\r\n" % number for number in range(2_000))
    assert status(raw(worker, b"GET /healthz HTTP/1.1\r\nConnection: close\r\n" + many + b"\r\n")) in (200, 400, 431)
    assert httpx.get(f"{worker.url}/healthz").status_code == 200


@pytest.mark.parametrize(
    "line",
    [
        b"GET /hooks/../../../../etc/passwd HTTP/1.1",
        b"GET /hooks/%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1",
        b"GET /files/..%2f..%2fpriemnaya.db HTTP/1.1",
        b"GET /static/..%2f..%2fconfig%2fexample.toml HTTP/1.1",
        b"POST /hooks/%00 HTTP/1.1",
        b"POST /hooks/\xff\xfe HTTP/1.1",
        b"POST /hooks/%ff%fe HTTP/1.1",
        b"POST /hooks/whatsapp%0d%0aX-Injected:%20yes HTTP/1.1",
        b"BREW /hooks/whatsapp HTTP/1.1",
        b"POST * HTTP/1.1",
        b"POST /hooks/whatsapp HTTP/1.1\r\nContent-Length: -5",
        b"POST /hooks/whatsapp HTTP/1.1\r\nContent-Length: \xb2",
        b"POST /hooks/whatsapp HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6",
        b"POST /hooks/whatsapp HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"GET /hooks/whatsapp HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Key: eA==",
        b"GET /hooks/whatsapp?hub.mode=subscribe&hub.verify_token=no&hub.challenge=1 HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_a_request_that_is_none_gets_an_error_that_is_not_ours(worker: Worker, line: bytes) -> None:
    rows, pids = worker.ledger.journalled(), worker.roles()
    close = b"" if b"Upgrade" in line else b"\r\nConnection: close"
    answer = raw(worker, line + close + b"\r\nHost: x\r\n\r\n")
    assert 400 <= status(answer) < 500, answer[:200]
    assert b"root:" not in answer and b"SQLite" not in answer and b"\r\nX-Injected" not in answer
    assert worker.ledger.journalled() == rows and worker.roles() == pids


# ---- 24, 25, 27: what strangers name, and where they would have us go ----------------------------------------


def test_25_27_hostile_names_are_data_and_no_inner_address_is_asked(worker: Worker) -> None:
    with socket.create_server((HOST, 0)) as inside:
        inside.setblocking(False)
        url = f"http://127.0.0.1:{inside.getsockname()[1]}/secret"
        event = json.loads(genuine("vk", "Прикладываю документы к обращению о справке"))
        names = ["../../etc/cron.d/x", "CON", "я" * 300 + ".pdf", "a\r\nb\0.txt", "счёт\u202efdp.exe"]
        event["object"]["message"]["attachments"] = [
            {"type": "doc", "doc": {"id": at, "owner_id": 1, "title": name, "size": 3, "ext": "pdf", "url": url}}
            for at, name in enumerate(names)
        ]
        rows = len(worker.ledger.outbox())
        assert post(worker, "vk", json.dumps(event).encode()).status_code == 200

        def refused() -> bool:
            events = [row for row in worker.ledger.outbox()[rows:] if row["routing_key"].startswith("attachment")]
            return len(events) == len(names) and all(b"refused" in bytes(row["body"]) for row in events)

        worker.wait(refused, 30, "every file is refused")
        with pytest.raises(BlockingIOError):
            inside.accept()
    envelope = worker.ledger.envelopes()[-1]
    shown = [item["name"] for item in envelope["attachments"]]
    assert len(shown) == len(names)
    for name in filter(None, shown):
        assert not set("/\\\r\n\0\u202e") & set(name) and len(name) <= 200 and name != "CON", name
    assert all(line.isprintable() for line in worker.log().splitlines())
    assert [path for path in worker.folder.rglob("*") if "cron" in path.name] == []


def test_no_error_of_ours_was_made_and_no_secret_told(worker: Worker) -> None:
    log = worker.log()
    for secret in (SECRET, HOOK_SECRET, "EAAattacked", "vk1.a.attacked", "AAaaAAaaAAaa"):
        assert secret not in log
    assert "uncaught" not in log and '"level": "critical"' not in log and "Traceback" not in log
