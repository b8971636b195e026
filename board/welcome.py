"""What is configured, and what to do next: for whoever has just started Priemnaya."""

from __future__ import annotations

from dataclasses import dataclass

from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Step:
    """One thing: a name of the pages' words, whether it is done, and what is there now (no secret, no password)."""

    name: str
    done: bool
    what: str


def steps(settings: Settings) -> list[Step]:
    """The things that an installation needs, in the order in which one does them."""
    url = settings.database.url.get_secret_value()
    mail = [name for name, channel in settings.channels.items() if channel.kind == "email"]
    others = [f"{name} ({channel.kind})" for name, channel in settings.channels.items() if channel.kind != "email"]
    return [
        Step("ledger", True, "PostgreSQL" if url.startswith("postgres") else "SQLite"),
        Step("config", settings.origin is not None, settings.origin.name if settings.origin else ""),
        Step("channels", bool(others), ", ".join(others)),
        Step("mail", bool(mail), ", ".join(mail)),
        Step("broker", bool(settings.broker.url.get_secret_value()), settings.broker.prefix),
        Step("public_url", settings.http.public_url is not None, settings.http.base_url),
    ]
