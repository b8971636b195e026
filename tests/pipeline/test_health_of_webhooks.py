"""A channel of webhooks is polled by nobody, and is heard of all the same: well, in trouble, and well again."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from config.settings import load
from ledger import health
from pipeline import channel
from pipeline.parts import open_parts
from sandbox.run import Sandbox
from tests.services.process import wait_until


async def test_a_revoked_token_is_told_before_anybody_writes_and_a_mended_one_ends_the_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "PREPARE_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(health, "SAY_EVERY", 0.05)
    with Sandbox() as sandbox, contextlib.ExitStack() as stack:
        config = tmp_path / "c.toml"
        config.write_text(
            f'[database]\nurl = "sqlite:///{tmp_path}/p.db"\n[storage]\nurl = "{tmp_path}/files"\n' + sandbox.toml()
        )
        parts = stack.enter_context(contextlib.closing(open_parts(load(config, {}))))

        def said() -> health.Health | None:
            found = {part.component: part for part in parts.database.look_now(health.read)}
            return found.get("channel:whatsapp")

        async def heard(state: str, since: float) -> health.Health:
            def is_so() -> bool:
                part = said()
                return part is not None and part.state == state and part.seen_at > since

            await asyncio.to_thread(wait_until, is_so, 10, f"{state} is said")
            part = said()
            assert part is not None
            return part

        sandbox.whatsapp.expire_token()
        stop = asyncio.Event()
        running = asyncio.create_task(channel.Channel(parts, "whatsapp").run(stop))
        try:
            assert "token" in str((await heard("trouble", 0.0)).detail)
            sandbox.whatsapp.restore()
            first = await heard("ok", 0.0)
            assert first.detail is None
            await heard("ok", first.seen_at)  # again and again: one that is dead would count as silent
        finally:
            stop.set()
            await running
