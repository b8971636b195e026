"""Access tokens of a mailbox from its refresh token (RFC 6749, 6); Gmail and Microsoft 365 take nothing else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from connectors.base import AccountTrouble, Transient

if TYPE_CHECKING:
    from connectors.email import Settings

# A token is renewed this long before it ends.
EARLY_SECONDS = 120.0


@dataclass
class Tokens:
    """The access token in use, renewed when it is about to end."""

    settings: Settings
    _token: str = ""
    _until: float = 0.0

    @classmethod
    def of(cls, settings: Settings) -> Tokens | None:
        """None where the mailbox logs in with a password."""
        return cls(settings) if settings.oauth_refresh_token is not None else None

    def access(self) -> str:
        """An access token that is still good. Raises `AccountTrouble` or `Transient`."""
        if time.monotonic() < self._until:
            return self._token
        settings = self.settings
        form = {
            "grant_type": "refresh_token",
            "client_id": settings.oauth_client_id or "",
            "refresh_token": settings.oauth_refresh_token.get_secret_value() if settings.oauth_refresh_token else "",
        }
        if settings.oauth_client_secret is not None:
            form["client_secret"] = settings.oauth_client_secret.get_secret_value()
        if settings.oauth_scope:
            form["scope"] = settings.oauth_scope
        try:
            answer = httpx.post(settings.oauth_token_url or "", data=form, timeout=15)
            if answer.status_code in (400, 401, 403):
                raise AccountTrouble("the OAuth2 provider refuses the refresh token: give the mailbox access again")
            answer.raise_for_status()
            body = answer.json()
            self._token = str(body["access_token"])
            self._until = time.monotonic() + float(body.get("expires_in", 3600)) - EARLY_SECONDS
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            raise Transient("the OAuth2 provider does not give a token") from None
        return self._token
