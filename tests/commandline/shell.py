"""The commands as a test types them."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ledger.database import Database
from pipeline.commandline import main


@dataclass
class Shell:
    """Runs commands with one configuration; each is answered with exit code, output and errors."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, *words: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = main(["--config", str(self.folder / "c.toml"), *words])
        return code, *self.capsys.readouterr()

    def json(self, *words: str) -> Any:
        code, out, err = self.run(*words, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    def refused(self, *words: str) -> tuple[int, str]:
        """Of a command that fails: the exit code and the one line."""
        code, out, err = self.run(*words)
        assert out == ""
        assert err.startswith("priemnaya: ") and err.endswith("\n") and err.count("\n") == 1, err
        return code, err

    def envelopes(self, *words: str) -> list[dict[str, Any]]:
        code, out, err = self.run("envelopes", *words)
        assert (code, err) == (0, "")
        return [json.loads(line) for line in out.splitlines()]

    def rows(self, statement: Any) -> list[Any]:
        with closing(Database(f"sqlite:///{self.folder}/p.db")) as database:
            return list(database.look_now(lambda conn: conn.execute(statement).all()))

    def updates(self, name: str, *texts: str, chat: int = 77) -> Path:
        """A file of Telegram's updates, a minute between them."""
        person = {"id": chat, "type": "private", "is_bot": False, "first_name": "Анна"}
        path = self.folder / name
        path.write_text(
            "".join(
                json.dumps(
                    {
                        "update_id": 100 * chat + at,
                        "message": {
                            "message_id": at, "date": 1_795_000_000 + 60 * at, "chat": person, "from": person,
                            "text": text,
                        },
                    }
                )
                + "\n"
                for at, text in enumerate(texts, 1)
            )
        )  # fmt: skip
        return path


def counts(read: int, accepted: int, redelivered: int = 0, quarantined: int = 0, ignored: int = 0) -> dict[str, int]:
    assert read == accepted + redelivered + quarantined + ignored
    return {
        "read": read, "accepted": accepted, "redelivered": redelivered, "quarantined": quarantined, "ignored": ignored,
    }  # fmt: skip
