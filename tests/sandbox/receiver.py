"""A bot's side of a webhook, for the tests of the stand-ins: records what comes, answers what it is told to."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Answers with the `statuses` one after another, then always 200 and `answer`."""

    def __init__(self, *, answer: bytes = b"ok", statuses: list[int] | None = None, verify_token: str = "") -> None:
        self.requests: list[Received] = []
        self.answer, self.statuses, self.verify_token = answer, list(statuses or []), verify_token
        self.answers: list[bytes] = []  # bodies to answer with first
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                owner.requests.append(Received({name.lower(): value for name, value in self.headers.items()}, body))
                status = owner.statuses.pop(0) if owner.statuses else 200
                self._say(status, owner.answers.pop(0) if owner.answers else owner.answer)

            def do_GET(self) -> None:
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                if query.get("hub.verify_token") == owner.verify_token:
                    self._say(200, query["hub.challenge"].encode())
                else:
                    self._say(403, b"")

            def _say(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 256  # the default of 5 resets connections when a hundred come at once

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
