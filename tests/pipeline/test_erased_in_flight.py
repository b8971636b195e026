"""A ticket that is erased while its envelope is with a broker that has not confirmed it yet."""

from pydantic import SecretStr

from ledger import leases, outbox
from pipeline.erase import erase
from tests.linking.world import PROBLEM, World, said


def test_what_was_erased_on_its_way_to_the_broker_is_named_in_the_record_and_never_published_again(
    world: World,
) -> None:
    settings = world.parts.settings
    broker = settings.broker.model_copy(update={"url": SecretStr("amqp://broker.example/")})
    world.parts.settings = settings.model_copy(update={"broker": broker})
    (outcome,) = world.take("telegram", said(world, "telegram", "1001", PROBLEM))
    database, now = world.parts.database, world.now
    relay = database.run_now(lambda conn: leases.acquire(conn, "relay", "test"))
    assert relay is not None and outcome.envelope is not None
    taken = database.look_now(lambda conn: outbox.take(conn, now, 10))

    record = erase(world.parts, outcome.ticket, cause="forget")
    route = outcome.envelope["route"]
    assert record is not None
    assert record["broker_still_has"] == [{"message_id": outcome.envelope["id"], "routing_key": route["routing_key"]}]

    database.run_now(lambda conn: outbox.mark(conn, relay, [row.id for row in taken], {}, now, now + 5))
    assert database.run_now(lambda conn: outbox.requeue(conn, now, since=0.0, tickets=())) == 0
    left = database.look_now(lambda conn: outbox.take(conn, now, 10))
    assert all(row.exchange == "events" for row in left), "an envelope without a word would be published"
