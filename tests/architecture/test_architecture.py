"""Imports point one way, only the ledger speaks SQL, only config reads the environment, modules stay short."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("connectors", "normalizer", "ledger", "router", "config", "pipeline", "board", "sandbox")
# What each room may know of the others; a name with a dot is that module and nothing else of its room.
MAY_IMPORT = {
    "connectors": {"config.channels", "config.units"},
    "normalizer": set[str](),
    "router": {"normalizer.envelope"},
}
# Slow or large to import (aiogram takes about 3 s and 150 MB, the mapper 60 ms and 6): only who needs one pays for it.
LAZY = ("aiogram", "vk_api", "sqlalchemy.orm")
LINES = 450


def modules(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path, *, at_module_level: bool = False) -> Iterator[str]:
    """Full names of what a module imports: `a.b` for `import a.b` and for `from a import b`."""
    tree = ast.parse(path.read_bytes())
    for node in _executed_on_import(tree) if at_module_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = node.module or ""
            if node.level:
                parents = path.relative_to(ROOT).with_suffix("").parts[: -node.level]
                package = ".".join((*parents, *filter(None, [node.module])))
            yield from (f"{package}.{alias.name}" for alias in node.names)


def _executed_on_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node outside of functions and of `if TYPE_CHECKING:`."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        waiting.extend(ast.iter_child_nodes(node))


def within(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(f"{allowed}.")


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_no_other_room(room: str) -> None:
    others = [other for other in (*ROOMS, "worker") if other != room]
    strangers = [
        f"{name_of(path)} imports {name}"
        for path in modules(room)
        for name in imported(path)
        if any(within(name, other) for other in others)
        and not any(within(name, allowed) for allowed in MAY_IMPORT[room])
    ]
    assert strangers == []


def test_nothing_imports_the_worker() -> None:
    found = [name_of(path) for path in modules(*ROOMS) if any(within(name, "worker") for name in imported(path))]
    assert found == []


def test_only_the_ledger_speaks_sql() -> None:
    drivers = ("sqlalchemy", "alembic", "sqlite3", "psycopg", "aiosqlite", "asyncpg")
    found = [
        f"{name_of(path)} imports {name}"
        for path in (*modules(*(room for room in ROOMS if room != "ledger")), ROOT / "worker.py")
        if path.exists()
        for name in imported(path)
        if any(within(name, driver) for driver in drivers)
    ]
    assert found == []


def test_only_config_reads_the_environment() -> None:
    rooms = (room for room in ROOMS if room not in ("config", "sandbox"))
    found = []
    for path in (*modules(*rooms), ROOT / "worker.py"):
        if path.exists():
            for node in ast.walk(ast.parse(path.read_bytes())):
                named = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
                if named in ("environ", "environb", "getenv"):
                    found.append(f"{name_of(path)}: {ast.unparse(node)}")
    assert found == []


def test_large_libraries_are_imported_by_no_module_as_it_loads() -> None:
    found = [
        f"{name_of(path)} imports {name}"
        for path in (*modules(*ROOMS), ROOT / "worker.py")
        if path.exists()
        for name in imported(path, at_module_level=True)
        if any(within(name, library) for library in LAZY)
    ]
    assert found == []


def test_no_module_is_longer_than_one_thing_needs() -> None:
    lengths = {name_of(path): len(path.read_bytes().splitlines()) for path in modules(*ROOMS, "benchmarks", "tests")}
    assert {name: length for name, length in lengths.items() if length > LINES} == {}


def test_every_kind_that_is_normalized_has_golden_pairs() -> None:
    # A kind is a name of the contract; the other modules of the room are concerns.
    kinds = {"email", "telegram", "vk", "whatsapp", "messenger", "max", "portal"}
    kinds |= {path.stem for path in modules("connectors")} - {"__init__", "base"}
    normalized = sorted(kinds & {path.stem for path in modules("normalizer")})
    assert normalized
    assert [kind for kind in normalized if not any((ROOT / "tests" / "golden" / kind).glob("*"))] == []


@pytest.mark.parametrize(
    ("source", "at_module_level", "names"),
    [
        ("import aiogram.types", True, ["aiogram.types"]),
        ("def f():\n    from aiogram import Bot", True, []),
        ("def f():\n    from aiogram import Bot", False, ["aiogram.Bot"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import vk_api", True, ["typing.TYPE_CHECKING"]),
        ("class A:\n    import vk_api", True, ["vk_api"]),
        ("from .email import read", True, ["connectors.email.read"]),
        ("from ..normalizer import email", True, ["normalizer.email"]),
    ],
)
def test_an_import_is_seen_where_it_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, at_module_level: bool, names: list[str]
) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    path = tmp_path / "connectors" / "made.py"
    path.parent.mkdir()
    path.write_text(source)
    assert list(imported(path, at_module_level=at_module_level)) == names
