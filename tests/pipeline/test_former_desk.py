"""A desk that is taken out of the rules: whoever runs the service is told of what waits in its queue."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from structlog.testing import capture_logs

from config.settings import load
from pipeline.broker import declare_topology
from pipeline.parts import open_parts
from tests.linking.world import World, said
from tests.router.broker import SHIPPED
from tests.services.rabbitmq import RabbitNode

FORGOTTEN = "Забыл пароль, не могу войти в личный кабинет на портале"


async def test_the_queue_of_a_desk_that_is_no_longer_in_the_rules_is_named_in_the_log(
    rabbitmq: RabbitNode, broker_prefix: str, tmp_path: Path
) -> None:
    """Nobody read it, and nobody said so: only a test had ever asked for it."""
    url = f"sqlite:///{tmp_path}/priemnaya.db"
    with closing(World(url, tmp_path / "world")) as world:
        [outcome] = world.take("telegram", said(world, "telegram", "7", FORGOTTEN))
    assert outcome.envelope["route"]["desk"] == "registration"
    config, rules = tmp_path / "c.toml", tmp_path / "routing.toml"
    config.write_text(
        f'[database]\nurl = "{url}"\n[broker]\nurl = "{rabbitmq.url}"\nprefix = "{broker_prefix}"\n'
        f'[storage]\nurl = "{tmp_path}/world/files"\n[routing]\nfile = "{rules}"\n',
        encoding="utf-8",
    )
    shipped = SHIPPED.read_text(encoding="utf-8")
    title = '[[desks]]\nname = "registration"'
    assert title in shipped
    told = []
    for text in (shipped, shipped.replace(title, '[[desks]]\nname = "sign-in"')):
        rules.write_text(text, encoding="utf-8")
        with closing(open_parts(load(config, {}))) as parts, capture_logs() as lines:
            await declare_topology(parts)
        told.append([line["difference"] for line in lines if "difference" in line])
    queue = f"{broker_prefix}.desk.registration"
    assert told == [[], [f"{queue}: its desk is no longer in the rules; 0 messages wait in it"]]
