"""The whole web front over a real ledger in a folder of the test, with a processor at work beside it."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import re
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from altcha.v1 import solve_challenge
from argon2 import PasswordHasher

from board.app import create_app
from board.sessions import FIRST_NAME
from config.settings import load
from ledger import accounts, reports
from pipeline.parts import Parts, open_parts
from pipeline.processor import Processor
from pipeline.search_index import SearchIndex
from tests.services.process import HOST, free_port, wait_until

CABINET_KEY, OFFICE_KEY = "cabinet-key-for-tests-0001", "office-key-for-tests-00002"
PHONE_KEY = "phone-key-for-tests-000003"
PORTAL = f"""
[channels.portal]
kind = "portal"
sources = {{ cabinet = "{CABINET_KEY}", office = "{OFFICE_KEY}", phone = "{PHONE_KEY}" }}
lines = {{ "8 800 100-00-02" = "pensioners" }}
"""
LONG = (
    "Пытаюсь записать ребёнка в первый класс, дохожу до шага «Выбор школы», нажимаю «Далее», и появляется ошибка 500. "
    "Пробовал в разных браузерах."
)
FILLED = {
    "full_name": "Кузнецова Марина Олеговна",
    "category": "services",
    "description": LONG,
}


_visitors = itertools.count(1)


class Site:
    """The application under test, served on a port of its own. `client` follows no redirects and keeps cookies."""

    def __init__(self, parts: Parts, url: str) -> None:
        self.parts = parts
        self.url = url
        # Limits count by address: each visitor has his own, which uvicorn believes a proxy on this machine.
        number = next(_visitors)
        address = f"198.51.{number // 250}.{number % 250}"
        self.email = f"visitor{number}@example.org"
        self.client = httpx.Client(base_url=url, timeout=30, headers={"x-forwarded-for": address})

    @property
    def filled(self) -> dict[str, str]:
        """A form that is filled in rightly."""
        return {**FILLED, "email": self.email}

    def visitor(self) -> Site:
        """The same site for somebody else, at another address and without cookies."""
        return Site(self.parts, self.url)

    def close(self) -> None:
        """The visitor leaves."""
        self.client.close()

    def journalled(self) -> int:
        """How many payloads there are in the journal."""
        return sum(self.parts.database.look_now(reports.states).values())

    def captcha(self) -> str:
        """A right answer to a new challenge."""
        given = self.client.get("/captcha").json()
        solved = solve_challenge(given["challenge"], given["salt"], given["algorithm"], given["maxNumber"], 0)
        assert solved is not None
        answer = {name: given[name] for name in ("algorithm", "challenge", "salt", "signature")}
        return base64.b64encode(json.dumps({**answer, "number": solved.number}).encode()).decode()

    def send(self, **fields: Any) -> Any:
        """Send the form, filled in rightly but for `fields`; `files` is a list of (name, content, media type)."""
        files = [("files", file) for file in fields.pop("files", [])]
        data = {**self.filled, "captcha": self.captcha() if "captcha" not in fields else "", **fields}
        return self.client.post("/", data=data, files=files or None)

    def number_of(self, answer: Any) -> str:
        """The number on the confirmation page that an answer leads to."""
        page = self.client.get(answer.headers["location"])
        for _ in range(20):  # each waits for two seconds by itself; a machine at its limit takes longer
            if 'data-state="waiting"' not in page.text:
                break
            page = self.client.get(answer.headers["location"])
        found = re.search(r'id="number"[^>]*>([^<]+)<', page.text)
        assert found, page.text
        return found[1]

    def take(self, **fields: Any) -> str:
        """Send the form; the number."""
        answer = self.send(**fields)
        assert answer.status_code == 303, answer.text
        return self.number_of(answer)


@contextlib.contextmanager
def site(database_url: str, folder: Path, section: str = "", *, processing: bool = True) -> Iterator[Site]:
    """A site of its own; `section` is more of the configuration."""
    file = folder / "site.toml"
    file.write_text(
        f'[database]\nurl = "{database_url}"\n[storage]\nurl = "{folder / "attachments"}"\n{section}', encoding="utf-8"
    )
    parts = open_parts(load(file, {}))
    with_administrator(parts)
    port = free_port()
    config = uvicorn.Config(create_app(parts), host=HOST, port=port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = threading.Thread(target=server.run, daemon=True)
    serving.start()
    wait_until(lambda: server.started, 10, "the web front")
    stop = threading.Event()
    worker = threading.Thread(target=_process, args=(parts, stop), daemon=True)
    if processing:
        worker.start()
    made = Site(parts, f"http://{HOST}:{port}")
    try:
        yield made
    finally:
        made.client.close()
        server.should_exit = True
        serving.join()
        stop.set()
        if processing:
            worker.join()
        parts.close()


ADMIN_PASSWORD = "correct horse battery staple"
QUICK = PasswordHasher(time_cost=1, memory_cost=64)  # a real one costs 64 MB and 50 ms, at each of many sign-ins


class Operator:
    """Somebody who is signed in to the board."""

    def __init__(self, site: Site, name: str = FIRST_NAME, password: str = ADMIN_PASSWORD) -> None:
        self.site = site.visitor()
        self.client = self.site.client
        self.parts = site.parts
        answer = self.client.post("/board/sign-in", data={"name": name, "password": password})
        if answer.status_code != 303:
            self.client.close()
            raise AssertionError(answer.text)

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.client.get(path, params=query or None)

    def post(self, path: str, files: Any = None, **fields: str) -> httpx.Response:
        """Send a form of the board as its own page would."""
        page = self.client.get("/board/password").text
        csrf = re.search(r'name="csrf" value="([^"]+)"', page)
        assert csrf
        return self.client.post(path, data={"csrf": csrf[1], **fields}, files=files)

    def search(self, query: str) -> httpx.Response:
        """What the page of a search shows, or where it leads."""
        return self.get(self.post("/board/search", q=query).headers["location"])

    def answer(self, number: str, **fields: str) -> httpx.Response:
        return self.post(f"/board/tickets/{number}/answer", reply_id=str(uuid.uuid4()), **fields)

    def close(self) -> None:
        self.client.close()


def with_administrator(parts: Parts) -> None:
    """An administrator and an operator who have chosen a password."""
    secret = QUICK.hash(ADMIN_PASSWORD)
    for name, role in ((FIRST_NAME, "administrator"), ("second", "operator")):
        parts.database.run_now(lambda conn, n=name, r=role: accounts.add(conn, n, r, secret, 1.0, one_time=False))  # type: ignore[misc]


def _process(parts: Parts, stop: threading.Event) -> None:
    processor = Processor(parts, name="test")
    processor.take_lease()
    words = SearchIndex(parts)
    while not stop.is_set():
        if not processor.step() and not words.round():
            stop.wait(0.01)


def process_once(parts: Parts) -> None:
    """Process what waits."""
    processor = Processor(parts, name="once")
    processor.take_lease()
    processor.drain()
