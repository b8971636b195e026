"""`ingest`: payloads from disk go the same way as those of the platforms, in the order sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from connectors.base import Connector
from ledger import journal, reports
from pipeline import payloads
from pipeline.channels import connector_of
from pipeline.intake import entry
from pipeline.kinds import normalizer
from pipeline.parts import Parts
from pipeline.processor import Processor

CHUNK = 256


class NoSuchChannel(Exception):
    """Which channel the payloads came by is not clear."""


@dataclass(slots=True)
class Tally:
    """What became of what was read; the last four add up to the first."""

    read: int = 0
    accepted: int = 0
    redelivered: int = 0
    quarantined: int = 0
    ignored: int = 0

    def lines(self) -> list[str]:
        """For a person."""
        return [f"{name:<12}{count:>10}" for name, count in asdict(self).items()]


def ingest(
    parts: Parts,
    kind: str,
    paths: list[Path],
    *,
    account: str | None,
    acknowledge: bool,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tally:
    """Journal every payload, process what is new, and count the outcomes.

    Raises `NoSuchChannel`, `PayloadError`, OSError, `LedgerAway`, `StorageError`.
    """
    name, platform_account = _account(parts, kind, account)
    found = _in_order(kind, payloads.find(kind, paths))
    tally = Tally(read=len(found))
    ids: list[int] = []
    for start in range(0, len(found), CHUNK):
        units = [unit() for unit in found[start : start + CHUNK]]
        rows = [entry(parts, kind, name, platform_account, unit, wait=False, acknowledge=acknowledge) for unit in units]
        new = parts.database.run_now(lambda conn, rows=rows: journal.append(conn, rows))  # type: ignore[misc]
        ids += new.values()
        progress(len(ids), tally.read)
    tally.redelivered = tally.read - len(ids)
    _process(parts, ids)
    states = parts.database.look_now(lambda conn: reports.outcomes(conn, ids))
    tally.accepted = states.get("enveloped", 0) + states.get("merged", 0)
    tally.redelivered += states.get("redelivered", 0)
    tally.quarantined = states.get("quarantined", 0)
    tally.ignored = states.get("ignored", 0)
    return tally


def _account(parts: Parts, kind: str, account: str | None) -> tuple[str, str]:
    """The channel's name and the platform's own account: the named channel, else the only one of the kind."""
    channels = parts.settings.channels
    of_kind = [name for name, channel in channels.items() if channel.kind == kind]
    if account is None and len(of_kind) > 1:
        raise NoSuchChannel(f"there are several channels of the kind {kind}: say --account {' or '.join(of_kind)}")
    name = account or (of_kind[0] if of_kind else kind)
    channel = channels.get(name)
    if channel is None:
        return name, ""
    if channel.kind != kind:
        raise NoSuchChannel(f"the channel {name} is of the kind {channel.kind}, not {kind}")
    connector: Connector = connector_of(parts.settings, name)
    return name, asyncio.run(connector.account())


def _in_order(kind: str, found: Iterator[payloads.Payload]) -> list[Callable[[], bytes]]:
    """Every unit, by the time it was sent; what states no time stays behind what was read before it."""
    ordered: list[tuple[float, int, Callable[[], bytes]]] = []
    latest = 0.0
    for payload in found:
        units = normalizer(kind).split(payload.read())
        for unit in units:
            sent_at = normalizer(kind).identify(unit).sent_at
            latest = sent_at.timestamp() if sent_at else latest
            ordered.append((latest, len(ordered), _reader(kind, payload, unit, len(units))))
    ordered.sort(key=lambda item: item[:2])
    return [unit for _, _, unit in ordered]


def _reader(kind: str, payload: payloads.Payload, unit: bytes, count: int) -> Callable[[], bytes]:
    """A payload of one unit is read again when its turn comes: a folder of letters need not fit in memory."""
    if count == 1:
        return lambda: normalizer(kind).split(payload.read())[0]
    return lambda: unit


def _process(parts: Parts, ids: list[int]) -> None:
    processor = Processor(parts, name="ingest")
    processor.take_lease()
    processor.recover()
    processor.drain(ids)
    for start in range(0, len(ids), CHUNK):
        processor.release_greetings(ids[start : start + CHUNK])
