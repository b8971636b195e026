"""A pooler before PostgreSQL: one that lends connections by the transaction is refused, one by the session is not."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from ledger.database import Database
from ledger.errors import LedgerUnusable
from ledger.migrate import migrate
from tests.linking.world import PROBLEM, World, said
from tests.services.pgbouncer import PgBouncer
from tests.services.postgres import PostgresServer
from tests.services.session import started


@pytest.fixture
def pooler(request: pytest.FixtureRequest, postgres: PostgresServer) -> Iterator[PgBouncer]:
    yield from started(partial(PgBouncer, postgres, request.param))


@pytest.mark.parametrize("pooler", ["transaction"], indirect=True)
def test_a_pooler_in_transaction_mode_is_refused_with_what_to_do(pooler: PgBouncer, postgres_url: str) -> None:
    """A process could execute what another one had prepared under the same name, and died of it now and then."""
    with closing(Database(pooler.url_of(postgres_url))) as database:
        for _ in range(3):
            with pytest.raises(LedgerUnusable, match="pool_mode = session"):
                migrate(database)


@pytest.mark.parametrize("pooler", ["session"], indirect=True)
def test_a_pooler_in_session_mode_does_no_harm(pooler: PgBouncer, postgres_url: str, tmp_path: Path) -> None:
    with closing(World(pooler.url_of(postgres_url), tmp_path)) as world:
        outcomes = world.take("telegram", *(said(world, "telegram", str(sender), PROBLEM) for sender in range(50)))
        assert len({outcome.ticket for outcome in outcomes}) == 50
