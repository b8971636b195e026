"""What can be set, and its defaults: one TOML file, with the environment over it. The only reader of the environment.

    ConfigError      `problems`: one line each, with the key; never a secret's value

Precedence: `PRIEMNAYA_<SECTION>__<KEY>`, then the file, then the defaults below. `config/example.toml` shows every key.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from config.channels import ChannelSettings
from config.kinds import RESERVED, Kinds, installed_kinds
from config.layers import KeyPath, Report, Tree, nearest, overlay, prepare, read_file
from config.units import Duration, Size

HERE = Path(__file__).parent
ROLES = ("web", "processor", "relay")  # `run NAME` takes them beside the channels' names
M = TypeVar("M", bound=BaseModel)
_MESSAGES = {
    "missing": "missing; it has no default",
    "model_type": "should be a section",
    "model_attributes_type": "should be a section",
    "extra_forbidden": "unknown key",
}
# An address is no secret as a whole: the password in it is.
_ADDRESS = re.compile(r"(?:sqlite|postgresql|amqps?|https?|socks5h?)://(?:[^/@:]*:(?P<password>[^/]*)@)?.*", re.DOTALL)
_NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*", re.IGNORECASE | re.ASCII)


class ConfigError(Exception):
    """The configuration cannot be used; every problem is in `problems`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Section(BaseModel):
    """Base of every section."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _is_address(value: str) -> None:
    try:
        _ = urlsplit(value).port
    except ValueError:  # its own text would show a piece of the password
        raise ValueError("is no address; in a password, write / ? # [ ] @ : and % as %2F %3F %23 %5B %5D …") from None


def _database_url(value: SecretStr) -> SecretStr:
    _is_address(value.get_secret_value())
    if urlsplit(value.get_secret_value()).scheme not in ("sqlite", "postgresql"):
        raise ValueError("should start with sqlite:/// or postgresql://")
    kind, _, file = value.get_secret_value().partition(":///")
    if kind.startswith("sqlite") and file in ("", ":memory:"):
        raise ValueError("should name a file, such as data/priemnaya.db: what is in memory only is lost")
    return value


def _broker_url(value: SecretStr) -> SecretStr:
    _is_address(value.get_secret_value())
    if value.get_secret_value() and urlsplit(value.get_secret_value()).scheme not in ("amqp", "amqps"):
        raise ValueError("should start with amqp:// or amqps://, or be empty")
    return value


def _storage_url(value: str) -> str:
    _is_address(value)
    scheme = urlsplit(value).scheme
    if not value or (scheme and scheme not in ("file", "s3")):
        raise ValueError("should be a folder, file:///folder or s3://bucket/prefix")
    if scheme == "file" and not value.startswith("file:///"):
        raise ValueError("should be file:/// and an absolute path")
    if scheme == "s3" and not urlsplit(value).netloc:
        raise ValueError("should name a bucket: s3://bucket/prefix")
    return value


def _encryption_key(value: SecretStr) -> SecretStr:
    try:
        size = len(base64.b64decode(value.get_secret_value(), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size != 32:
        raise ValueError("should be 32 bytes in base64, as `openssl rand -base64 32` prints")
    return value


def _web_url(value: str) -> str:
    _is_address(value)
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("should be http:// or https:// and a host, such as https://help.example.org")
    return value.rstrip("/")


def _proxies(value: list[str]) -> list[str]:
    for one in value:
        try:
            ip_network(one)
        except ValueError:
            raise ValueError(f"{one!r} is no address and no network such as 10.0.0.0/8") from None
    return value


class Database(Section):
    """Where the ledger is."""

    url: Annotated[SecretStr, AfterValidator(_database_url)] = Field(
        default=SecretStr("sqlite:///data/priemnaya.db"),
        description="sqlite:///path, or at scale postgresql://user:password@host/name",
    )

    @property
    def folder(self) -> Path:
        """The folder of the SQLite file; for PostgreSQL `data`: where what lies beside the ledger is kept."""
        parts = urlsplit(self.url.get_secret_value())
        file = unquote(parts.path)[1:] if parts.scheme == "sqlite" else ""
        return Path(file).parent if file and file != ":memory:" else Path("data")


class Broker(Section):
    """RabbitMQ."""

    url: Annotated[SecretStr, AfterValidator(_broker_url)] = Field(
        default=SecretStr(""), description="amqp://user:password@host/vhost; empty: envelopes wait in the outbox"
    )
    prefix: str = Field(
        default="priemnaya",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="first part of the names of exchanges and queues",
    )


class Storage(Section):
    """Attachments and large payloads."""

    url: Annotated[str, AfterValidator(_storage_url)] = Field(
        default="data/attachments", description="a folder, file:///absolute, or s3://bucket/prefix"
    )
    encryption_key: Annotated[SecretStr, AfterValidator(_encryption_key)] | None = Field(
        default=None, description="32 bytes in base64; where none is set, made at first start beside the ledger"
    )
    s3_endpoint: Annotated[str, AfterValidator(_web_url)] | None = Field(
        default=None, description="an S3 of your own, such as http://minio:9000; unset: Amazon's"
    )
    s3_region: str | None = Field(default=None, description="the region of the bucket")
    s3_access_key_id: str | None = Field(default=None, description="unset: the machine's own role")
    s3_secret_access_key: SecretStr | None = Field(default=None, description="the secret of s3_access_key_id")

    @property
    def s3_options(self) -> dict[str, str]:
        """What is set of endpoint, region and credentials, under obstore's names. Holds a secret."""
        secret = self.s3_secret_access_key.get_secret_value() if self.s3_secret_access_key else None
        options = {
            "endpoint": self.s3_endpoint,
            "region": self.s3_region,
            "access_key_id": self.s3_access_key_id,
            "secret_access_key": secret,
        }
        return {name: value for name, value in options.items() if value}


class Http(Section):
    """The web front: webhooks, the form, the board, the API."""

    host: str = Field(default="127.0.0.1", min_length=1, description="the address to listen on")
    port: int = Field(default=8080, ge=1, le=65535, description="the port to listen on")
    public_url: Annotated[str, AfterValidator(_web_url)] | None = Field(
        default=None,
        description="how the outside reaches it, such as https://help.example.org; unset: from host and port",
    )
    trusted_proxies: Annotated[list[str], AfterValidator(_proxies)] = Field(
        default=["127.0.0.1", "::1"],
        description="addresses or networks of your own proxies, whose X-Forwarded-For tells visitors apart",
    )

    @property
    def base_url(self) -> str:
        """`public_url`, or what host and port give; no slash at the end."""
        if self.public_url:
            return self.public_url
        host = "localhost" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class Tickets(Section):
    """How messages come together in tickets."""

    timezone: ZoneInfo = Field(default=ZoneInfo("Europe/Moscow"), description="whose day a ticket number names")
    conversation_window: Duration = Field(
        default="24h", validate_default=True, description="how long a chat goes on with its open ticket"
    )
    burst_window: Duration = Field(
        default="60s", validate_default=True, description="messages of a chat this close are one request"
    )
    repeat_after: Duration = Field(
        default="24h", validate_default=True, description="without an answer for this long, a quoted number is a repeat"
    )
    repeat_window: Duration = Field(
        default="14d", validate_default=True, description="how long nearly the same text counts as a repeat"
    )
    reopen_window: Duration = Field(
        default="30d", validate_default=True, description="how long a closed ticket can be reopened"
    )


class Retention(Section):
    """How long personal data is kept."""

    raw: Duration = Field(default="30d", validate_default=True, description="raw payloads, after they were processed")
    silent_tickets: Duration = Field(
        default="90d", validate_default=True, description="a ticket without a message for this long is closed"
    )
    closed_tickets: Duration = Field(
        default="30d", validate_default=True, description="a ticket's personal data, after it was closed"
    )


class Limits(Section):
    """What is larger is refused, or cut with a flag."""

    mail: Size = Field(default="40MB", validate_default=True, description="one mail, as it is transferred")
    webhook: Size = Field(default="3MB", validate_default=True, description="the body of one webhook request")
    attachment: Size = Field(default="25MB", validate_default=True, description="one attachment")
    text: Size = Field(default="64kB", validate_default=True, description="one text, in bytes of UTF-8")
    parts: int = Field(default=1000, ge=1, description="MIME parts of a mail, attachments of a message")
    depth: int = Field(default=50, ge=1, le=200, description="how deep a payload may be nested")
    number_attempts: int = Field(
        default=10, ge=1, description="numbers of others' or no tickets that a citizen may name a day"
    )


class Routing(Section):
    """Which desk answers."""

    file: Path | None = Field(default=None, description="your rules; unset: the shipped config/routing.toml")

    @property
    def path(self) -> Path:
        """The rules to use."""
        return self.file or HERE / "routing.toml"


class Texts(Section):
    """What citizens are told."""

    folder: Path | None = Field(default=None, description="your texts; unset: the shipped config/texts")

    @property
    def path(self) -> Path:
        """The folder of texts to use."""
        return self.folder or HERE / "texts"


class Logging(Section):
    """What goes to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="json, console, or auto: console on a terminal"
    )


class Settings(Section):
    """Everything that is configured."""

    database: Database = Database()
    broker: Broker = Broker()
    storage: Storage = Storage()
    http: Http = Http()
    tickets: Tickets = Tickets()
    retention: Retention = Retention()
    limits: Limits = Limits()
    routing: Routing = Routing()
    texts: Texts = Texts()
    logging: Logging = Logging()
    channels: dict[str, ChannelSettings] = Field(default_factory=dict, description="[channels.NAME]")
    _origin: Path | None = PrivateAttr(None)

    @property
    def origin(self) -> Path | None:
        """The file that was read, or None: nothing but defaults and the environment."""
        return self._origin

    def secrets(self) -> Iterator[str]:
        """Every secret value that is set, longest parts first: what no log line may show."""
        yield from sorted(set(_secrets(self)), key=len, reverse=True)


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        address = _ADDRESS.fullmatch(text)
        if address is None:
            yield from (text,) if text else ()
            return
        if address["password"]:
            yield from (address["password"], unquote(address["password"]))
        for name, stated in parse_qsl(urlsplit(text).query):  # libpq takes it there too
            if "password" in name:
                yield stated
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _secrets(inner)


def load(path: Path | None = None, environ: Mapping[str, str] | None = None, kinds: Kinds | None = None) -> Settings:
    """Read the configuration: `path`, else `PRIEMNAYA_CONFIG`, else `priemnaya.toml` here, else the defaults.

    Raises ConfigError with every problem at once. `kinds` is for tests; else the modules of `connectors/`.
    """
    environ = os.environ if environ is None else environ
    kinds = installed_kinds() if kinds is None else kinds
    report = Report()
    tree, origin = read_file(path, environ, report)
    overlay(tree, environ, report)
    written = tree.pop("channels", {})
    sections = _validate(Settings, prepare(tree, Settings, (), report), (), report)
    channels = _channels(written, kinds, report)
    if report.problems or sections is None:
        raise ConfigError(report.lines())
    settings = sections.model_copy(update={"channels": channels})
    settings._origin = origin if origin and origin.is_file() else None
    return settings


def _channels(written: Any, kinds: Kinds, report: Report) -> dict[str, ChannelSettings]:
    if not isinstance(written, dict):
        report.add(("channels",), "should be sections, [channels.NAME]")
        return {}
    channels: dict[str, ChannelSettings] = {}
    seen: dict[str, str] = {}
    for name, section in written.items():
        path = ("channels", name)
        folded = name.casefold().replace("-", "_")
        if not isinstance(section, dict):
            report.add(path, "should be a section, [channels.NAME]")
        elif len(name) > 64 or not _NAME.fullmatch(name):
            report.add(path, "a name is Latin letters and digits, with single - or _ between them, 64 at most")
        elif folded in ROLES:
            report.add(path, f"the name is taken: {', '.join(ROLES)} are roles of `run`")
        elif folded in seen:
            report.add(path, f"cannot be told from {seen[folded]} in the environment; rename one")
        else:
            seen[folded] = name
            channel = _channel(section, path, kinds, report)
            if channel is not None:
                channels[name] = channel
                _named(channel, path, written, report)
    return channels


def _named(channel: ChannelSettings, path: KeyPath, written: Tree, report: Report) -> None:
    """The channel that carries another's answers has to be there."""
    reply_by = getattr(channel, "reply_by", None)
    mail = [name for name, section in written.items() if isinstance(section, dict) and section.get("kind") == "email"]
    if reply_by is not None and reply_by not in mail:
        near = nearest(reply_by, mail)
        hint = f"did you mean {near}?" if near else f"there is {', '.join(mail) or 'none'}"
        report.add((*path, "reply_by"), f"is no e-mail channel; {hint}")


def _channel(section: Tree, path: KeyPath, kinds: Kinds, report: Report) -> ChannelSettings | None:
    kind = section.get("kind")
    if isinstance(kind, str) and kind in kinds:
        model = kinds[kind]()
        return _validate(model, prepare(section, model, path, report), path, report)
    if kind is None or kind == "":
        text = "missing"
    elif not isinstance(kind, str):
        text = "should be a text"
    elif kind in RESERVED:
        text = f"{kind} is reserved for now"
    else:
        near = nearest(kind, kinds)
        text = "unknown kind" + (f"; did you mean {near}?" if near else "")
    report.add((*path, "kind"), f"{text}; known kinds: {', '.join(sorted(kinds)) or 'none'}")
    return None


def _validate(model: type[M], tree: Tree, path: KeyPath, report: Report) -> M | None:
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
    for detail in details:
        where = (*path, *(str(step) for step in detail["loc"]))
        if where not in report.unread:
            report.add(where, _MESSAGES.get(detail["type"]) or detail["msg"].removeprefix("Value error, "))
    return None
