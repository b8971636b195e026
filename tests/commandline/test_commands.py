"""The commands as an administrator types them: what they print, what they return, and what they leave in the ledger."""

from __future__ import annotations

import json
import mailbox
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import jsonschema_rs
import pytest
from sqlalchemy import select, update

from ledger.database import Database
from ledger.schema import outbox, outgoing
from pipeline.commandline import main
from pipeline.supervisor import ROOT
from tests.commandline.shell import Shell, counts
from tests.services.process import free_port
from tests.services.rabbitmq import RabbitNode

CODE = "Не приходит код подтверждения на телефон уже третий день"
LETTER = "From: Анна <anna@example.org>\nTo: help@service.test\nSubject: {}\nMessage-ID: <{}@example.org>\n\n{}\n"


def test_what_is_taken_in_is_counted_by_its_end_and_taken_in_once(shell: Shell) -> None:
    file = shell.updates("u.jsonl", "/start", CODE, "И ещё: ошибка 500 при входе")
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n") + b"{broken\n")
    assert shell.json("ingest", "--kind", "telegram", str(file)) == counts(4, 2, quarantined=1, ignored=1)
    assert shell.json("ingest", "--kind", "telegram", str(file)) == counts(4, 0, redelivered=4)
    first, second = shell.envelopes()
    assert (first["kind"], second["kind"], first["text"]) == ("new", "follow_up", CODE)
    assert first["ticket"]["number"] == second["ticket"]["number"]
    code, out, _ = shell.run("ingest", "--kind", "telegram", str(shell.updates("v.jsonl", CODE, chat=78)))
    assert code == 0
    assert [line.split() for line in out.splitlines()] == [[k, str(v)] for k, v in counts(1, 1).items()]


def test_letters_are_read_from_files_folders_an_mbox_and_a_maildir(shell: Shell) -> None:
    folder = shell.folder / "письма и прочее"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.eml").write_text(LETTER.format("Вопрос", name, CODE))
    box = mailbox.mbox(shell.folder / "old.mbox")
    box.add(LETTER.format("Q", "c", f"{CODE}\n\n>From the beginning").encode())
    box.add(LETTER.format("Q", "d", CODE).encode())
    box.close()
    maildir = mailbox.Maildir(shell.folder / "maildir")
    maildir.add(LETTER.format("Q", "e", CODE).encode())
    maildir.add(LETTER.format("Q", "a", CODE * 2).encode())  # another letter under a Message-ID that is known
    paths = [str(folder), str(shell.folder / "old.mbox"), str(shell.folder / "maildir")]
    assert shell.json("ingest", "--kind", "email", *paths) == counts(6, 6)
    assert shell.json("ingest", "--kind", "email", str(folder / "b.eml")) == counts(1, 0, redelivered=1)
    assert sorted(each["source"]["message_id"] for each in shell.envelopes()) == [
        f"{name}@example.org" for name in "aabcde"
    ]


def test_nobody_is_told_of_what_is_taken_in_unless_that_is_asked_for(shell: Shell) -> None:
    shell.run("ingest", "--kind", "telegram", str(shell.updates("u.jsonl", CODE)))
    assert shell.rows(select(outgoing.c.purpose)) == []
    shell.run("ingest", "--kind", "telegram", "--acknowledge", str(shell.updates("v.jsonl", CODE, chat=78)))
    assert shell.rows(select(outgoing.c.purpose)) == [("acknowledgement",)]


def test_envelopes_come_in_the_order_staged_and_as_the_schema_says(shell: Shell) -> None:
    shell.run("ingest", "--kind", "telegram", str(shell.updates("u.jsonl", CODE, "ещё раз")))
    shell.run("ingest", "--kind", "telegram", str(shell.updates("v.jsonl", CODE, chat=78)))
    schema = jsonschema_rs.validator_for(json.loads(shell.run("schema")[1]), validate_formats=True)
    found = shell.envelopes()
    assert [each["source"]["conversation_id"] for each in found] == ["77", "77", "78"]
    for each in found:
        schema.validate(each)
    number = found[0]["ticket"]["number"]
    assert shell.envelopes("--ticket", number) == found[:2]
    assert shell.envelopes("--since", "2h") == found
    assert shell.envelopes("--since", "2999-01-01") == []
    assert json.loads(shell.run("schema", "--asyncapi")[1])["asyncapi"].startswith("3.")


def test_a_ticket_is_shown_by_its_number_however_it_is_typed(shell: Shell) -> None:
    shell.run("ingest", "--kind", "telegram", str(shell.updates("u.jsonl", CODE, "ещё раз")))
    number = shell.envelopes()[0]["ticket"]["number"]
    shown = shell.json("show", number)
    assert (shown["number"], shown["state"], shown["desk"]) == (number, "open", "notifications")
    assert [each["kind"] for each in shown["messages"]] == ["new", "follow_up"]
    for typed in (number.replace("-", ""), number.replace("-", " \N{EN DASH} "), f"№ {number}"):
        code, out, _ = shell.run("show", typed)
        assert (code, out.splitlines()[0].split()) == (0, [number, "open"])
        assert CODE in out
    assert len(shell.envelopes("--ticket", number.replace("-", ""))) == 2
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert shell.refused("show", wrong)[0] == 1


def test_the_queues_say_what_waits_and_what_goes_out_again_keeps_its_id(shell: Shell) -> None:
    shell.run("ingest", "--kind", "telegram", str(shell.updates("u.jsonl", CODE)))
    number = shell.envelopes()[0]["ticket"]["number"]

    def notifications() -> tuple[int, int, int]:
        (row,) = [each for each in shell.json("queues") if each["desk"] == "notifications"]
        return row["waiting"], row["published"], row["open"]

    assert notifications() == (1, 0, 1)
    assert max(map(len, shell.run("queues")[1].splitlines())) < 80
    (row,) = [line for line in shell.run("queues")[1].splitlines() if line.startswith("notifications")]
    assert row.split()[3].endswith("Z")  # whole, on the line of its desk
    sent = select(outbox.c.message_id).where(outbox.c.exchange == "appeals", outbox.c.state == "pending")
    before = shell.rows(sent)
    with closing(Database(f"sqlite:///{shell.folder}/p.db")) as database:  # as the relay does
        database.run_now(lambda conn: conn.execute(update(outbox).values(state="published", times=1)))
    assert notifications() == (0, 1, 1)
    assert shell.json("requeue", "--ticket", number) == {"requeued": 1}
    assert (notifications(), shell.rows(sent)) == ((1, 0, 1), before)
    assert shell.json("requeue", "--since", "2h") == {"requeued": 0}
    assert shell.run("requeue", "--ticket", number)[1] == "to go out again: 0 envelopes\n"
    assert shell.refused("requeue")[0] == 2


def test_a_forgotten_ticket_has_no_words_left_and_its_messages_stay_gone(shell: Shell) -> None:
    file = shell.updates("u.jsonl", CODE)
    shell.run("ingest", "--kind", "telegram", str(file))
    number = shell.envelopes()[0]["ticket"]["number"]
    assert shell.run("forget", number)[0] == 0
    shown = json.dumps(shell.json("show", number), ensure_ascii=False)
    assert "код" not in shown.replace("код/кодик", "") and "Анна" not in shown
    assert shell.json("ingest", "--kind", "telegram", str(file)) == counts(1, 0, redelivered=1)
    assert shell.envelopes() == []


def test_a_text_is_routed_with_reasons_and_a_file_is_judged(shell: Shell) -> None:
    code, out, _ = shell.run("route", CODE)
    assert code == 0 and "desk         notifications" in out and "why" in out
    assert shell.json("route", CODE)["category"] == "notifications"
    samples = [{"text": CODE, "category": "notifications"}, {"text": CODE, "category": "security"}, {"text": "привет"}]
    (shell.folder / "s.jsonl").write_text("".join(json.dumps(each) + "\n" for each in samples))
    code, out, _ = shell.run("route", "--file", "s.jsonl")
    assert code == 0 and "security" in out and "notifications" in out
    lines = [json.loads(line) for line in shell.run("route", "--file", "s.jsonl", "--json")[1].splitlines()]
    assert [line["category"] for line in lines] == ["notifications", "notifications", "other"]
    assert not (shell.folder / "p.db").exists(), "nothing is sent, nothing is kept"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["route"], "--file"),
        (["ingest", "--kind", "fax", "x"], "telegram"),
        (["envelopes", "--since", "yesterday"], "2026-11-22"),
        (["envelopes", "--since", "99999999999d"], "2026-11-22"),
        (["envelopes", "--since", "²d"], "2026-11-22"),
        (["requeue", "--since", "0001-01-01"], "2026-11-22"),
        (["quarantine", "show", str(2**63)], "ROW_ID"),
        (["sho", "1"], "sho"),
        (["run", "fax"], "fax"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_line_that_says_what_to_do(shell: Shell, words: list[str], says: str) -> None:
    code, line = shell.refused(*words)
    assert code == 2
    assert says in line


def test_a_ledgers_folder_that_cannot_be_made_is_one_line(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIEMNAYA_DATABASE__URL", f"sqlite:///{shell.folder}/c.toml/p.db")
    code, line = shell.refused("queues")
    assert code == 1 and "c.toml" in line and "database.url" in line


@pytest.mark.parametrize("command", ["show", "forget"])
def test_a_number_pasted_with_bytes_that_are_no_utf_8_is_a_number_that_no_ticket_has(
    shell: Shell, command: str
) -> None:
    code, line = shell.refused(command, "261122-\udcff\udcfe-0")
    assert code == 1 and "no ticket has the number" in line
    assert shell.envelopes("--ticket", "\udcff") == []


@pytest.mark.parametrize("words", [["schema"], ["queues"], ["queues", "--json"]])
def test_output_that_the_disk_has_no_room_for_is_one_line_and_no_success(shell: Shell, words: list[str]) -> None:
    worker = [sys.executable, str(ROOT / "worker.py"), "--config", str(shell.folder / "c.toml"), *words]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(worker, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stderr) == (1, "priemnaya: the disk that the output goes to is full\n")


@pytest.mark.parametrize("words", [[], ["quarantine"]])
def test_no_command_at_all_is_answered_with_the_help_as_it_is(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(words)
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith("Usage: priemnaya") and "try `" not in err


def test_a_line_of_a_file_that_is_no_sample_is_named(shell: Shell) -> None:
    (shell.folder / "s.jsonl").write_text('{"text": "a"}\n{"txt": "b"}\n')
    code, line = shell.refused("route", "--file", "s.jsonl")
    assert (code, "s.jsonl: line 2" in line) == (1, True)


def test_which_channel_it_came_by_must_be_clear(shell: Shell) -> None:
    with (shell.folder / "c.toml").open("a") as config:
        for name in ("one", "two"):
            config.write(f'[channels.{name}]\nkind = "telegram"\ntoken = "{len(name)}23:secret-{name}"\n')
    file = str(shell.updates("u.jsonl", CODE))
    code, line = shell.refused("ingest", "--kind", "telegram", file)
    assert (code, "one or two" in line) == (2, True)
    code, line = shell.refused("ingest", "--kind", "vk", "--account", "one", file)
    assert (code, "telegram" in line) == (2, True)


def test_a_file_that_is_not_there_is_named(shell: Shell) -> None:
    code, line = shell.refused("ingest", "--kind", "email", "nowhere.eml")
    assert (code, "nowhere.eml" in line) == (1, True)


def test_each_problem_of_the_configuration_stands_on_a_line_with_its_key(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRIEMNAYA_TICKETS__TIMEZON", "Europe/Moscow")
    monkeypatch.setenv("PRIEMNAYA_LIMITS__MAIL", "much")
    monkeypatch.setenv("PRIEMNAYA_HTTP__PORT", "http")
    code, out, err = shell.run("queues")
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert len(lines) == 3
    for key in ("tickets.timezon", "limits.mail", "http.port"):
        assert sum(line.startswith(f"priemnaya: {key}: ") for line in lines) == 1
    assert "did you mean timezone?" in err


@pytest.mark.parametrize("words", [("run",), ("queues",), ("route", "код")])
def test_rules_that_cannot_be_read_are_a_wrong_configuration(
    shell: Shell, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRIEMNAYA_ROUTING__FILE", "nowhere.toml")
    code, line = shell.refused(*words)
    assert (code, line.startswith("priemnaya: routing.file: nowhere.toml: ")) == (2, True)


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("ru.toml", 'new = "{{ nobody }}"', "asks for 'nobody'"),
        ("pages.ru.toml", '[form]\ntitel = "Написать"', "form.titel: no words of a page have this name"),
        ("pages.ru.toml", 'form = "Написать"', "form: should be a [section]"),
    ],
)
def test_texts_that_cannot_be_said_are_a_wrong_configuration(
    shell: Shell, file: str, content: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shell.folder / "texts"
    folder.mkdir()
    for language in ("ru", "en"):
        shipped = (ROOT / "config" / "texts" / f"{language}.toml").read_text(encoding="utf-8")
        (folder / f"{language}.toml").write_text(shipped, encoding="utf-8")
    path = folder / file
    written = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in written if not line.startswith("new = ")]
    path.write_text("\n".join([content, *kept]), encoding="utf-8")
    monkeypatch.setenv("PRIEMNAYA_TEXTS__FOLDER", str(folder))
    code, line = shell.refused("run")
    assert (code, says in line, line.startswith(f"priemnaya: texts.folder: {folder}")) == (2, True, True)
    code, out, _ = shell.run("check")
    assert code == 1 and says in out


@pytest.mark.parametrize("broken", [False, True], ids=["all is well", "the broker is not there"])
def test_the_check_reaches_every_part_and_says_what_to_do(
    shell: Shell, broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if broken:
        monkeypatch.setenv("PRIEMNAYA_BROKER__URL", f"amqp://guest:secret-word@127.0.0.1:{free_port()}/")
    code, out, err = shell.run("check")
    assert (code, err) == (1 if broken else 0, ""), "a library's own words stand between ours"
    lines = {line.split()[1].rstrip(":"): line for line in out.splitlines()}
    assert {"database", "storage", "routing", "texts", "broker"} <= set(lines)
    assert lines["database"].startswith("ok")
    assert lines["broker"].startswith("ok" if not broken else "FAILED")
    assert "secret-word" not in out


@pytest.mark.parametrize(
    ("who", "vhost", "says"),
    [
        ("guest:secret-word", "", "the user or the password"),
        ("guest:guest", "nowhere", "the virtual host"),
        ("poor:secret-word", "", "this user"),
    ],
)
def test_the_check_says_what_the_broker_refuses(
    shell: Shell, rabbitmq: RabbitNode, who: str, vhost: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if who.startswith("poor"):
        rabbitmq.rabbitmqctl("add_user", "poor", "secret-word")
        rabbitmq.rabbitmqctl("set_permissions", "poor", "^nothing$", "^nothing$", "^nothing$")
    monkeypatch.setenv("PRIEMNAYA_BROKER__URL", f"amqp://{who}@127.0.0.1:{rabbitmq.port}/{vhost}")
    code, out, err = shell.run("check")
    (line,) = [line for line in out.splitlines() if line.startswith("FAILED")]
    assert (code, err) == (1, "") and "secret-word" not in out
    assert line.startswith(f"FAILED broker: refuses {says}") and line.endswith("see broker.url")


def test_nothing_is_said_on_a_terminal_by_a_library(tmp_path: Path) -> None:
    """In a process of its own: pytest gives the root of the log a handler."""
    environment = {"PRIEMNAYA_BROKER__URL": f"amqp://guest:secret-word@127.0.0.1:{free_port()}/"}
    checked = subprocess.run(
        [sys.executable, str(ROOT / "worker.py"), "check"], cwd=tmp_path, env=environment, capture_output=True
    )
    assert (checked.returncode, checked.stderr) == (1, b"")


def test_a_channel_that_cannot_be_reached_fails_the_check_with_what_to_look_at(shell: Shell) -> None:
    with (shell.folder / "c.toml").open("a") as config:
        nowhere = f"http://127.0.0.1:{free_port()}"
        config.write(f'[channels.one]\nkind = "telegram"\ntoken = "123:secret-word"\napi_url = "{nowhere}"\n')
        config.write('[channels.box]\nkind = "email"\nusername = "help"\npassword = "secret-word"\n')
        config.write(f'from_address = "help@service.test"\nimap_host = "127.0.0.1"\nimap_port = {free_port()}\n')
        config.write('smtp_host = "127.0.0.1"\n')
    code, out, err = shell.run("check")
    assert (code, err, "secret-word" in out) == (1, "", False)
    failed = [line for line in out.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 2
    assert "[channels.one]" in failed[0] and "[channels.box]" in failed[1]


def test_two_channels_with_one_account_fail_the_check(shell: Shell) -> None:
    """The second one stood by for ever, with a line in the log."""
    box = 'kind = "email"\nusername = "help@service.test"\npassword = "x"\nimap_host = "127.0.0.1"\nimap_port = 1\n'
    with (shell.folder / "c.toml").open("a") as config:
        config.write(f'[channels.one]\n{box}[channels.spam]\n{box}folder = "Spam"\n[channels.two]\n{box}')
    code, out, _ = shell.run("check")
    assert code == 1
    twins = [line for line in out.splitlines() if "has the same account as one" in line]
    assert len(twins) == 1 and twins[0].startswith("FAILED channel two (email):")


def test_a_relay_without_a_broker_and_a_name_that_nothing_has_are_wrong_use(shell: Shell) -> None:
    code, line = shell.refused("run", "relay")
    assert code == 2 and "broker.url" in line
    code, line = shell.refused("run", "web", "relay")
    assert code == 2 and "broker.url" in line
    code, line = shell.refused("run", "nobody")
    assert code == 2 and "nobody" in line
