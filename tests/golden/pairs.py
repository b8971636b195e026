"""Golden pairs: a payload, and beside it `<name>.envelope.json`, or `<name>.outcome.json` where it gets no envelope.

python -m tests.golden.pairs          writes what is missing
python -m tests.golden.pairs --all    writes all of them anew; read the difference before you commit it
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from config.settings import load
from ledger import journal, reports
from pipeline.intake import entry
from pipeline.kinds import kinds, normalizer
from pipeline.parts import Parts, open_parts
from pipeline.processor import Processor
from router.rules import Rules
from router.rules import load as load_rules

FOLDER = Path(__file__).parent
# Later than every payload was sent, so that each keeps its own time.
NOW = 1_795_600_000.0  # 2026-11-25T09:46:40Z


def payloads() -> Iterator[tuple[str, Path]]:
    """(kind, file) of every payload."""
    for kind in kinds():
        for path in sorted((FOLDER / kind).glob("*")):
            if path.is_file() and not path.name.endswith((".envelope.json", ".outcome.json", ".md")):
                yield kind, path


def expected(path: Path) -> Path:
    """The other half of the pair: whichever is there, else the envelope's name."""
    outcome = path.with_suffix(".outcome.json")
    return outcome if outcome.exists() else path.with_suffix(".envelope.json")


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="golden-"))
    _open(folder).close()
    return folder


@cache
def _rules() -> Rules:
    return load_rules(Path("config/routing.toml"))


def _open(folder: Path) -> Parts:
    environ = {
        "PRIEMNAYA_DATABASE__URL": f"sqlite:///{folder}/priemnaya.db",
        "PRIEMNAYA_STORAGE__URL": str(folder / "files"),
        "PRIEMNAYA_HTTP__PUBLIC_URL": "https://priemnaya.test",
    }
    parts = open_parts(load(environ=environ), clock=lambda: NOW)
    parts.rules = _rules()  # reading them costs half a second, for each of two hundred ledgers
    return parts


def read(kind: str, path: Path) -> dict[str, Any]:
    """What becomes of the payload in a ledger of its own: its envelope, else how each of its units ended."""
    with tempfile.TemporaryDirectory() as folder:
        for file in _template().iterdir():
            if file.is_file():
                shutil.copy(file, folder)
        parts = _open(Path(folder))
        try:
            return _read(parts, kind, path)
        finally:
            parts.close()


def _read(parts: Parts, kind: str, path: Path) -> dict[str, Any]:
    rows = [
        entry(parts, kind, kind, "account", unit, wait=False, acknowledge=False)
        for unit in normalizer(kind).split(path.read_bytes())
    ]
    ids = list(parts.database.run_now(lambda conn: journal.append(conn, rows)).values())
    processor = Processor(parts)
    processor.take_lease()
    processor.drain(ids)
    processor.release_greetings(ids)
    envelopes = [json.loads(bytes(row["body"])) for row in parts.database.look_now(reports.envelopes)]
    if envelopes:
        assert len(envelopes) == 1, f"{path.name} has {len(envelopes)} envelopes: one message a golden payload"
        return _without_chance(envelopes[0])
    ended = [parts.database.look_now(lambda conn, row=row: reports.journal_row(conn, row)) for row in ids]
    return {"outcomes": [{"state": row["state"], "reason": row["reason"]} for row in ended if row is not None]}


def _without_chance(envelope: dict[str, Any]) -> dict[str, Any]:
    """Ids are drawn; everything else is a function of the payload."""
    envelope["id"] = "…"
    for attachment in envelope["attachments"]:
        attachment["id"] = "…"
        if attachment["url"]:
            attachment["url"] = "https://priemnaya.test/attachments/…"
    return envelope


def write(everything: bool) -> int:
    """Write the other halves. Returns how many."""
    count = 0
    for kind, path in payloads():
        if expected(path).exists() and not everything:
            continue
        found = read(kind, path)
        for other in (".envelope.json", ".outcome.json"):
            path.with_suffix(other).unlink(missing_ok=True)
        suffix = ".outcome.json" if "outcomes" in found else ".envelope.json"
        text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
        path.with_suffix(suffix).write_text(text, encoding="utf-8")
        count += 1
    return count


if __name__ == "__main__":
    sys.stdout.write(f"{write('--all' in sys.argv)} pairs written\n")
