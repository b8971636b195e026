"""The quarantine as an administrator meets it on the command line."""

from __future__ import annotations

from tests.commandline.shell import Shell, counts


def test_what_cannot_be_read_is_listed_shown_exported_and_tried_again(shell: Shell) -> None:
    (shell.folder / "bad.jsonl").write_bytes(b'{"update_id": 1, \xff\n')
    assert shell.json("ingest", "--kind", "telegram", "bad.jsonl") == counts(1, 0, quarantined=1)
    (row,) = shell.json("quarantine", "list")
    assert row["kind"] == "telegram"
    code, out, _ = shell.run("quarantine", "show", str(row["id"]))
    assert code == 0 and row["reason"] in out
    assert shell.run("quarantine", "export", "out", str(row["id"])) == (0, "1 file written to out\n", "")
    (exported,) = (shell.folder / "out").iterdir()
    assert exported.read_bytes() == b'{"update_id": 1, \xff\n', "the raw bytes, unchanged"
    assert shell.run("quarantine", "retry", str(row["id"]))[0] == 0
    for words in (("show", "999"), ("retry", "999"), ("export", "out", "999"), ("dismiss", "999")):
        code, line = shell.refused("quarantine", *words)
        assert (code, "no row 999" in line) == (1, True)


def test_what_is_nobodys_request_is_dismissed_and_its_bytes_do_not_stay_for_ever(shell: Shell) -> None:
    """The quarantine grew for ever, its alert never ended, and of 152-FZ's limit of time it knew nothing."""
    (shell.folder / "bad.jsonl").write_bytes(b'{"update_id": 1, \xff\n')
    assert shell.json("ingest", "--kind", "telegram", "bad.jsonl") == counts(1, 0, quarantined=1)
    (row,) = shell.json("quarantine", "list")
    assert shell.run("quarantine", "dismiss", str(row["id"])) == (0, "1 row dismissed\n", "")
    assert shell.json("quarantine", "list") == []
    assert shell.json("ingest", "--kind", "telegram", "bad.jsonl") == counts(1, 0, redelivered=1)
    assert shell.refused("quarantine", "dismiss", str(row["id"]))[0] == 1
    assert shell.refused("quarantine", "dismiss")[0] == 2


def test_an_empty_quarantine_is_said_to_be_empty(shell: Shell) -> None:
    assert shell.run("quarantine", "retry", "--all") == (0, "the quarantine is empty\n", "")
