"""Fixtures of the web front."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.board.site import PORTAL, QUICK, Operator, Site, site


@pytest.fixture(scope="session")
def bare_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with nothing configured, for the session."""
    folder = tmp_path_factory.mktemp("bare")
    with site(f"sqlite:///{folder / 'priemnaya.db'}", folder) as made:
        yield made


@pytest.fixture(scope="session")
def portal_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a portal channel, and keys for its sources, for the session."""
    folder = tmp_path_factory.mktemp("portal")
    with site(f"sqlite:///{folder / 'priemnaya.db'}", folder, PORTAL) as made:
        yield made


@pytest.fixture
def bare(bare_site: Site) -> Iterator[Site]:
    """A visitor of the site with nothing configured."""
    with contextlib.closing(bare_site.visitor()) as visitor:
        yield visitor


@pytest.fixture
def portal(portal_site: Site) -> Iterator[Site]:
    """A visitor of the site with a portal channel."""
    with contextlib.closing(portal_site.visitor()) as visitor:
        yield visitor


@pytest.fixture(scope="session")
def operator(portal_site: Site) -> Iterator[Operator]:
    """The administrator, signed in to the site with a portal channel; once, since tries are counted."""
    with contextlib.closing(Operator(portal_site)) as made:
        yield made


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Passwords are hashed at a thousandth of what a guesser should pay."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("board.sessions.PasswordHasher", lambda: QUICK)
        yield
