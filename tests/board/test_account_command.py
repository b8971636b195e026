"""`account NAME --reset`: the way back for an administrator who has lost the password."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from ledger import accounts
from pipeline.commandline import main
from tests.board.site import ADMIN_PASSWORD, Operator, site


def test_a_lost_password_is_replaced_once_told_and_must_be_changed(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with site(sqlite_url, tmp_path, processing=False) as made:
        command = ["--config", str(tmp_path / "site.toml"), "account", "Admin", "--reset"]
        with contextlib.closing(Operator(made)) as before:
            assert main([*command, "--json"]) == 0
            told = json.loads(capsys.readouterr().out)["password"]
            assert before.get("/board").headers["location"].startswith("/board/sign-in"), "its sessions have ended"
        with pytest.raises(AssertionError):
            Operator(made, "admin", ADMIN_PASSWORD)
        with contextlib.closing(Operator(made, "admin", told)) as after:
            assert after.get("/board").headers["location"] == "/board/password"
            new = "four new words here"
            assert after.post("/board/password", old=told, new=new, again=new).status_code == 303
            assert after.get("/board").status_code == 200
        record = made.parts.database.look_now(lambda conn: accounts.notes(conn))
        assert ("command line", "account_reset", "admin") in [(r["account"], r["action"], r["detail"]) for r in record]

        assert main(command) == 0
        assert capsys.readouterr().out.startswith("Admin: ")


def test_wrong_use_of_it_says_what_to_do(sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with site(sqlite_url, tmp_path, processing=False):
        command = ["--config", str(tmp_path / "site.toml"), "account"]
        assert main([*command, "nobody", "--reset"]) == 1
        assert "no open account has the name 'nobody'" in capsys.readouterr().err
        assert main([*command, "admin"]) == 2
        assert "--reset" in capsys.readouterr().err


def test_what_is_kept_of_a_password_is_dear_to_guess(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """OWASP's password storage cheat sheet asks for argon2id with 46 MB and one pass, or more."""
    monkeypatch.setattr("board.sessions.PasswordHasher", PasswordHasher)
    with site(sqlite_url, tmp_path, processing=False) as made:
        assert main(["--config", str(tmp_path / "site.toml"), "account", "admin", "--reset"]) == 0
        row = made.parts.database.look_now(lambda conn: accounts.by_name(conn, "admin"))
    capsys.readouterr()
    assert row is not None
    kept = extract_parameters(row["secret"])
    assert kept.type is Type.ID and kept.memory_cost >= 47_104
