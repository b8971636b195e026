"""The configuration: file, environment, `_file` secrets; every problem on its own line, never a secret among them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError

from config.channels import ChannelSettings
from config.settings import ConfigError, Settings, load
from config.units import parse_day, parse_duration, parse_size


def _shout(value: SecretStr) -> SecretStr:
    if value.get_secret_value().startswith("bad"):
        raise ValueError(f"{value.get_secret_value()} is not good")  # a careless validator
    return value


class MailSettings(ChannelSettings):
    kind: Literal["email"] = "email"
    imap_host: str
    imap_port: int = 993
    password: Annotated[SecretStr, AfterValidator(_shout)]
    folders: list[str] = Field(default_factory=lambda: ["INBOX"])
    trusted_authserv_id: str | None = None


class ChatSettings(ChannelSettings):
    token: SecretStr


class PortalSettings(ChannelSettings):
    api_keys: dict[str, SecretStr] = Field(default_factory=dict)
    reply_by: str | None = None


KINDS = {"email": lambda: MailSettings, "telegram": lambda: ChatSettings, "portal": lambda: PortalSettings}


def read(text: str, tmp_path: Path, **environ: str) -> Settings:
    file = tmp_path / "priemnaya.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, environ, KINDS)


def problems(text: str, tmp_path: Path, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text, tmp_path, **environ)
    assert all("\n" not in problem for problem in caught.value.problems)
    return caught.value.problems


MAIL = '[channels.Pochta-1]\nkind = "email"\nimap_host = "mail"\npassword = "sesame"\n'


def test_with_nothing_configured_the_defaults_of_the_contract_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(environ={}, kinds=KINDS)
    assert settings.database.url.get_secret_value() == "sqlite:///data/priemnaya.db"
    assert settings.broker.url.get_secret_value() == ""
    assert settings.http.base_url == "http://127.0.0.1:8080"
    assert str(settings.tickets.timezone) == "Europe/Moscow"
    assert settings.tickets.burst_window == timedelta(seconds=60)
    assert settings.tickets.repeat_window == timedelta(days=14)
    assert settings.retention.silent_tickets == timedelta(days=90)
    assert (settings.limits.mail, settings.limits.webhook) == (40 * 1024**2, 3 * 1024**2)
    assert (settings.limits.text, settings.limits.parts, settings.limits.depth) == (65536, 1000, 50)
    assert settings.channels == {}
    assert settings.origin is None


def test_the_file_is_the_argument_then_the_variable_then_the_one_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, port in (("priemnaya.toml", 1), ("variable.toml", 2), ("argument.toml", 3)):
        (tmp_path / name).write_text(f"[http]\nport = {port}\n")
    assert load(environ={}).http.port == 1
    assert load(environ={"PRIEMNAYA_CONFIG": "variable.toml"}).http.port == 2
    settings = load(tmp_path / "argument.toml", {"PRIEMNAYA_CONFIG": "variable.toml"})
    assert settings.http.port == 3
    assert settings.origin == tmp_path / "argument.toml"


def test_a_file_that_was_asked_for_and_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: no such file"):
        load(tmp_path / "nowhere.toml", {})
    with pytest.raises(ConfigError, match=r"nowhere\.toml: no such file"):
        load(environ={"PRIEMNAYA_CONFIG": str(tmp_path / "nowhere.toml")})


@pytest.mark.parametrize(
    "content", [b"[http\n", b"\xff\xfe", b"a = " + b"[" * 5000, b"x = 1\nx = 2\n", b"x = " + b"1" * 5000]
)
def test_a_file_that_cannot_be_read_is_one_line(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file, {}, KINDS)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(str(file))


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = read(
        "[http]\nport = 1\nhost = 'a'\n", tmp_path, PRIEMNAYA_HTTP__PORT="2", priemnaya_tickets__burst_window="5m"
    )
    assert (settings.http.port, settings.http.host) == (2, "a")
    assert settings.tickets.burst_window == timedelta(minutes=5)


@pytest.mark.parametrize("written", ["POCHTA_1", "pochta_1", "Pochta-1"])
def test_a_channel_is_met_in_any_case_and_with_underscores_for_hyphens(written: str, tmp_path: Path) -> None:
    settings = read(MAIL, tmp_path, **{f"PRIEMNAYA_CHANNELS__{written}__PASSWORD": "1e5"})
    assert list(settings.channels) == ["Pochta-1"]
    assert settings.channels["Pochta-1"].password.get_secret_value() == "1e5"  # type: ignore[attr-defined]


def test_a_channel_can_come_from_the_environment_alone(tmp_path: Path) -> None:
    settings = read("", tmp_path, PRIEMNAYA_CHANNELS__BOT__KIND="telegram", PRIEMNAYA_CHANNELS__BOT__TOKEN="42:x")
    assert isinstance(settings.channels["bot"], ChatSettings)


def test_a_list_in_the_environment_is_written_with_commas_or_as_json(tmp_path: Path) -> None:
    for written in ("a, b", '["a", "b"]'):
        channel = read(MAIL, tmp_path, PRIEMNAYA_CHANNELS__POCHTA_1__FOLDERS=written).channels["Pochta-1"]
        assert isinstance(channel, MailSettings)
        assert channel.folders == ["a", "b"]


def test_a_secret_comes_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame \n")
    text = MAIL.replace('password = "sesame"', f'password_file = "{tmp_path / "secret"}"')
    assert "open sesame " in set(read(text, tmp_path).secrets())


def test_the_mark_with_which_some_editors_begin_a_file_is_no_part_of_a_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\xef\xbb\xbfsesame\r\n")
    text = MAIL.replace('password = "sesame"', f'password_file = "{tmp_path / "secret"}"')
    assert list(read(text, tmp_path).secrets()) == ["sesame"]


def test_a_secret_file_of_the_environment_wins_over_the_secret_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("other")
    settings = read(MAIL, tmp_path, PRIEMNAYA_CHANNELS__POCHTA_1__PASSWORD_FILE=str(tmp_path / "secret"))
    assert list(settings.secrets()) == ["other"]
    text = MAIL.replace("password =", "password_file =")
    settings = read(text, tmp_path, PRIEMNAYA_CHANNELS__POCHTA_1__PASSWORD="other2")
    assert list(settings.secrets()) == ["other2"]


def test_secrets_of_a_table_come_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("phone-key\n")
    text = f'[channels.portal]\nkind = "portal"\napi_keys = {{form = "form-key", phone_file = "{tmp_path / "key"}"}}'
    assert set(read(text, tmp_path).secrets()) == {"form-key", "phone-key"}
    assert "office-key" in set(
        read(text, tmp_path, PRIEMNAYA_CHANNELS__PORTAL__API_KEYS__OFFICE="office-key").secrets()
    )


def test_a_secret_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    text = MAIL.replace('password = "sesame"', 'password_file = "/nowhere/at/all"')
    assert problems(text, tmp_path) == [
        "channels.Pochta-1.password_file: the file cannot be read: No such file or directory"
    ]


def test_a_secret_given_twice_in_one_place_is_a_problem(tmp_path: Path) -> None:
    assert problems(MAIL + 'password_file = "x"\n', tmp_path) == [
        "channels.Pochta-1.password_file: password is given as well; keep one of the two"
    ]


def test_only_secrets_can_come_from_files(tmp_path: Path) -> None:
    assert problems('[http]\nport_file = "x"\n', tmp_path)[0].startswith("http.port_file: unknown key")


def test_all_problems_are_told_at_once_with_the_nearest_key(tmp_path: Path) -> None:
    found = problems(
        MAIL + "imap_prot = 1\n[htpp]\nport = 1\n[http]\nport = 'x'\npublic_url = 'ftp://x'\n[limits]\nmail = 'much'\n"
        "[tickets]\nburst_window = 60\ntimezone = 'Mars/Base'\n"
        "[channels.m]\nkind = 'emial'\n[channels.n]\nkind = 'max'\n"
        "[channels.o]\n[channels.telegram]\nkind = 'telegram'\n",
        tmp_path,
        PRIEMNAYA_BROKR__URL="amqp://x",
    )
    known = "known kinds: email, portal, telegram"
    assert set(found) == {
        "channels.Pochta-1.imap_prot: unknown key; did you mean imap_port?",
        "htpp: unknown key; did you mean http?",
        "brokr: unknown key; did you mean broker? (set by PRIEMNAYA_BROKR__URL)",
        "http.port: Input should be a valid integer, unable to parse string as an integer",
        "http.public_url: should be http:// or https:// and a host, such as https://help.example.org",
        "limits.mail: should be a size such as 64kB, 25MB or 1GB",
        "tickets.burst_window: should be a duration such as 60s, 90m, 24h or 14d",
        "tickets.timezone: invalid timezone: Mars/Base",
        f"channels.m.kind: unknown kind; did you mean email?; {known}",
        f"channels.n.kind: max is reserved for now; {known}",
        f"channels.o.kind: missing; {known}",
        "channels.telegram.token: missing; it has no default",
    }


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("http = 1", "http"),
        ("channels = 1", "channels"),
        ("[channels]\nmail = 1", "channels.mail"),
        ('[channels."a/b"]\nkind = "email"', "channels.a/b"),
        ('[channels.a__b]\nkind = "email"', "channels.a__b"),
        ('[channels.web]\nkind = "email"', "channels.web"),
        ("[channels.a]\nkind = 5", "channels.a.kind"),
        ("[storage]\nurl = 'ftp://x'", "storage.url"),
        ("[storage]\nurl = 'file://x'", "storage.url"),
        ("[storage]\nurl = 's3:///x'", "storage.url"),
        ("[storage]\nencryption_key = 'c2hvcnQ='", "storage.encryption_key"),
        ("[storage]\nencryption_key = 5", "storage.encryption_key"),
        ("[database]\nurl = 'mysql://x'", "database.url"),
        ("[database]\nurl = 'sqlite://'", "database.url"),
        ("[database]\nurl = 'sqlite:///:memory:'", "database.url"),
        ("[database]\nurl = 'postgresql://u:pa/ss@h/d'", "database.url"),
        ("[broker]\nurl = 'amqp://u:pa/ss@h/'", "broker.url"),
        ("[http]\npublic_url = 'https://h:x'", "http.public_url"),
        ("[http]\npublic_url = 'https://[h'", "http.public_url"),
        ("[broker]\nprefix = 'with space'", "broker.prefix"),
        ("[retention]\nraw = '0s'", "retention.raw"),
        ("[limits]\nparts = 0", "limits.parts"),
        ("[logging]\nlevel = 'loud'", "logging.level"),
    ],
)
def test_a_wrong_value_is_named_by_its_key(text: str, key: str, tmp_path: Path) -> None:
    found = problems(text, tmp_path)
    assert [problem.split(": ")[0] for problem in found] == [key]
    assert "'pa'" not in found[0]


def test_two_channels_that_the_environment_cannot_tell_apart_are_a_problem(tmp_path: Path) -> None:
    text = "".join(f'[channels.{name}]\nkind = "telegram"\ntoken = "t"\n' for name in ("a-b", "A_b"))
    assert problems(text, tmp_path) == ["channels.A_b: cannot be told from a-b in the environment; rename one"]


def test_a_variable_that_names_a_section_as_a_key_is_a_problem(tmp_path: Path) -> None:
    found = problems("", tmp_path, PRIEMNAYA_HTTP="x", PRIEMNAYA_HTTP__PORT="1")
    assert "PRIEMNAYA_HTTP__PORT: http is a key, not a section" in found
    assert problems("", tmp_path, PRIEMNAYA_HTTP__PORT__X="x") == ["http.port: Input should be a valid integer"]


@pytest.mark.parametrize("variable", ["PRIEMNAYA_", "PRIEMNAYA___", "PRIEMNAYA___HTTP", "PRIEMNAYA_HTTP__"])
def test_a_variable_with_an_empty_part_is_a_problem(variable: str, tmp_path: Path) -> None:
    assert problems("", tmp_path, **{variable: "x"})


def test_no_problem_shows_a_secret_even_when_a_validator_repeats_it(tmp_path: Path) -> None:
    found = problems(
        MAIL.replace("sesame", "bad-canary-1") + "passwrod = 'canary-2'\n[broker]\nurl = 'http://u:canary-3@h'\n",
        tmp_path,
        PRIEMNAYA_STORAGE__ENCRYPTION_KEY="canary-4",
        PRIEMNAYA_CHANNELS__X__PASSWORD="canary-5",
    )
    assert len(found) == 5
    assert "canary" not in "\n".join(found)
    assert "channels.Pochta-1.password: *** is not good" in found


def test_an_error_drags_no_values_along_in_its_context(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(MAIL.replace("sesame", "bad-canary"), tmp_path)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_key_with_control_characters_makes_one_clean_line(tmp_path: Path) -> None:
    assert problems('"a\\nb\\u001b[31m" = 1', tmp_path)[0].startswith("a b [31m: unknown key")


def test_the_settings_show_no_secret_and_cannot_be_changed(tmp_path: Path) -> None:
    settings = read(
        MAIL.replace("sesame", "canary-1")
        + "[broker]\nurl = 'amqp://u:canary-2@h/'\n[database]\nurl = 'postgresql://u:canary%2D3@h/d'\n"
        + f"[storage]\nencryption_key = '{'A' * 43}='\n",
        tmp_path,
    )
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())):
        assert "canary" not in shown
        assert "AAAA" not in shown
    assert set(settings.secrets()) == {"canary-1", "canary-2", "canary%2D3", "canary-3", "A" * 43 + "="}
    with pytest.raises(ValidationError):
        settings.http.port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.http = settings.http  # type: ignore[misc]


@pytest.mark.parametrize(
    ("written", "secrets"),
    [
        ("plain", {"plain"}),
        ("a://b:c@d", {"a://b:c@d"}),  # a password may look like anything
        ("socks5://u:p%40ss@h:1080", {"p%40ss", "p@ss"}),
        ("http://h:3128", set()),
        ("postgresql://u@h/d?sslmode=require&password=p%40ss", {"p@ss"}),
        ("", set()),
    ],
)
def test_of_an_address_only_the_password_is_secret(written: str, secrets: set[str], tmp_path: Path) -> None:
    settings = read(f'[channels.a]\nkind = "telegram"\ntoken = "{written}"\n', tmp_path)
    assert set(settings.secrets()) == secrets


def test_an_empty_text_leaves_an_optional_key_out(tmp_path: Path) -> None:
    settings = read("[http]\npublic_url = ''\n[storage]\nencryption_key = ''\n[routing]\nfile = ''\n", tmp_path)
    assert settings.http.public_url is None
    assert settings.storage.encryption_key is None
    assert settings.routing.path.name == "routing.toml"


def test_the_public_address_follows_host_and_port(tmp_path: Path) -> None:
    assert read("[http]\nhost = '::1'\n", tmp_path).http.base_url == "http://[::1]:8080"
    assert read("[http]\nhost = '0.0.0.0'\n", tmp_path).http.base_url == "http://localhost:8080"
    assert read("[http]\npublic_url = 'https://x.ru/'\n", tmp_path).http.base_url == "https://x.ru"


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("sqlite:///data/priemnaya.db", "data"),
        ("sqlite:////var/lib/p/l.db", "/var/lib/p"),
        ("sqlite:///l.db", "."),
        ("postgresql://u:p@h/d", "data"),
    ],
)
def test_the_ledgers_folder_follows_its_address(url: str, folder: str, tmp_path: Path) -> None:
    assert read(f"[database]\nurl = '{url}'\n", tmp_path).database.folder == Path(folder)


def test_durations_and_sizes_are_read_as_people_write_them() -> None:
    assert parse_duration("90m") == timedelta(minutes=90)
    assert parse_duration(" 1.5 h ") == timedelta(minutes=90)
    assert parse_duration("500ms") == timedelta(milliseconds=500)
    assert parse_duration("2w") == timedelta(days=14)
    assert parse_size("25MB") == parse_size("25 MiB") == 25 * 1024**2
    assert parse_size("64 kB") == 65536
    assert parse_size(100) == parse_size("100") == parse_size("100B") == 100
    for wrong in ("", "5", "h", "-1h", "1h1h", "١h", "9" * 20 + "d", "999999999d ago", None, 5, True):
        with pytest.raises(ValueError):
            parse_duration(wrong)
    with pytest.raises(ValueError, match="too long"):
        parse_duration("999999999w")
    for wrong in ("", "MB", "-1", "1TB", "1.2.3MB", "٣", None, True, 1.5):
        with pytest.raises(ValueError):
            parse_size(wrong)


def test_a_section_within_a_channel_is_checked_the_same_way(tmp_path: Path) -> None:
    class Proxy(BaseModel):
        host: str
        password: SecretStr = SecretStr("")

    class Proxied(ChannelSettings):
        proxy: Proxy | None = None

    file = tmp_path / "c.toml"
    file.write_text('[channels.a]\nkind = "p"\nproxy = {host = "h", pasword = "canary"}\n')
    with pytest.raises(ConfigError) as caught:
        load(file, {}, {"p": lambda: Proxied})
    assert caught.value.problems == ["channels.a.proxy.pasword: unknown key; did you mean password?"]


def test_answers_leave_by_an_email_channel_that_there_is(tmp_path: Path) -> None:
    portal = '[channels.portal]\nkind = "portal"\nreply_by = "{}"\n'
    assert read(portal.format("Pochta-1") + MAIL, tmp_path).channels["portal"].reply_by == "Pochta-1"  # type: ignore[attr-defined]
    assert problems(portal.format("pochta") + MAIL, tmp_path) == [
        "channels.portal.reply_by: is no e-mail channel; did you mean Pochta-1?"
    ]
    assert problems(portal.format("portal"), tmp_path) == [
        "channels.portal.reply_by: is no e-mail channel; there is none"
    ]
    assert problems(portal.format("Pochta-1") + MAIL + "imap_prot = 1\n", tmp_path) == [
        "channels.Pochta-1.imap_prot: unknown key; did you mean imap_port?"
    ]


def test_true_and_false_are_no_numbers(tmp_path: Path) -> None:
    for text in ("[http]\nport = true", "[limits]\nparts = true", "[limits]\nmail = true"):
        assert len(problems(text, tmp_path)) == 1


def test_what_kubernetes_tells_of_a_service_with_the_products_name_is_no_configuration(tmp_path: Path) -> None:
    told = {
        "SERVICE_HOST": "10.0.0.1", "SERVICE_PORT": "8080", "SERVICE_PORT_HTTP": "8080", "PORT": "tcp://10.0.0.1:8080",
        "PORT_8080_TCP": "tcp://10.0.0.1:8080", "PORT_8080_TCP_PROTO": "tcp", "PORT_8080_TCP_PORT": "8080",
        "PORT_8080_TCP_ADDR": "10.0.0.1",
    }  # fmt: skip
    for name in ("PRIEMNAYA_", "PRIEMNAYA_WEB_"):
        assert read("", tmp_path, **{name + key: value for key, value in told.items()}).http.port == 8080
    assert problems("", tmp_path, PRIEMNAYA_PORT="8081"), "a slip for PRIEMNAYA_HTTP__PORT"


def test_a_day_is_written_as_iso_8601_has_it() -> None:
    assert parse_day("2026-11-23") == parse_day(date(2026, 11, 23)) == date(2026, 11, 23)
    for wrong in ("23.11.2026", "2026-02-30", "", 20261123, datetime(2026, 11, 23, tzinfo=UTC)):
        with pytest.raises(ValueError, match="a day such as 2026-11-23"):
            parse_day(wrong)
