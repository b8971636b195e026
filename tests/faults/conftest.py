"""What the fault tests share: a mailbox with its worker, and the table of all runs at the end."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pytest

from tests.faults.oracle import Report, table
from tests.harness.mail import Post
from tests.services.dovecot import DovecotServer
from tests.services.smtp import SmtpServer

REPORT = "the oracle's report"
# A worker without the web and the housekeeping starts in half the time.
SPARE = ("processor", "mail")
WITH_RELAY = (*SPARE, "relay")


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Callable[[Report], Report]:
    """Keeps a run for the table that is printed at the end."""

    def keep(report: Report) -> Report:
        # A property of the test: it reaches the end also from another process that runs tests side by side.
        request.node.user_properties.append((REPORT, asdict(report)))
        return report

    return keep


@pytest.fixture
def make_post(dovecot: DovecotServer, smtp: SmtpServer) -> Iterator[Callable[..., Post]]:
    """Makes mailboxes with workers (see `Post.make`); all are ended after the test."""
    made: list[Post] = []

    def make(**options: Any) -> Post:
        made.append(Post.make(dovecot, smtp, **{"names": WITH_RELAY if options.get("rabbitmq") else SPARE, **options}))
        return made[-1]

    yield make
    for post in reversed(made):
        post.__exit__()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tests = [test for outcome in ("passed", "failed") for test in terminalreporter.stats.get(outcome, ())]
    reports = [Report(**value) for test in tests for name, value in test.user_properties if name == REPORT]
    if reports:
        terminalreporter.section("the oracle's table")
        terminalreporter.write_line(table(reports))
