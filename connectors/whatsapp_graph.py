"""The Graph API for one WhatsApp number, over httpx. Raises `Transient`, `Final` or `AccountTrouble`; no text of an
error holds the token, a phone or an address.

Source: developers.facebook.com, WhatsApp Cloud API, error codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.base import AccountTrouble, Away, ConnectorError, Final, Transient

if TYPE_CHECKING:
    import httpx

    from connectors.whatsapp import Settings

CALL_SECONDS, CONNECT_SECONDS = 15.0, 5.0
UPLOAD_SECONDS = 45.0
NO_SUCH_OBJECT = 33  # error_subcode

# Codes after which the same request may go through, and how long to wait at least, in seconds.
_LATER: dict[int, float | None] = {
    1: None, 2: None, 4: 60.0, 17: 60.0, 341: 60.0, 80007: 60.0, 130429: 5.0, 131000: None, 131016: None,
    131048: 600.0, 131056: 10.0, 131057: 60.0, 133004: None, 135000: None,
}  # fmt: skip
_ACCOUNT = {
    0: "the token is not valid: make a new one for the system user and set it",
    3: "the token may not do this: give the system user the right whatsapp_business_messaging",
    10: "the token may not do this: give the system user the right whatsapp_business_messaging",
    33: "the number is deleted: check phone_number_id",
    190: "the token has ended: make a new one for the system user and set it",
    368: "the business account is blocked for a breach of the rules",
    2500: "there is no such place in the API: check graph_url, with its version",
    131005: "the token may not do this: give the system user access to the business account",
    131031: "the business account is locked",
    131037: "the number's display name is not approved",
    131042: "the business account has no valid way of payment",
    131045: "the number is not registered",
    133010: "the number is not registered",
}
_NEVER = {
    100: "a parameter is refused",
    470: "outside the 24-hour window",
    130472: "the citizen is in an experiment of Meta's and cannot be written to",
    130497: "the business account may not write to this country",
    131009: "a value is refused",
    131021: "the number cannot write to itself",
    131026: "the message cannot be delivered to the citizen",
    131030: "the citizen is not in the list of the test number",
    131047: "outside the 24-hour window",
    131050: "the citizen does not want messages",
    131051: "this kind of message is not supported",
    131052: "the file cannot be had",
    131053: "the file is refused",
}


def error_of(status: int, error: dict[str, Any]) -> ConnectorError:
    """What an error of the Graph API means: by its code, else by the HTTP status."""
    found = error.get("code")
    code = found if isinstance(found, int) and not isinstance(found, bool) else -1
    shown = f"({code})" if code >= 0 else f"(HTTP {status})"
    if code in _LATER:
        return Transient(f"WhatsApp: not now {shown}", _LATER[code])
    if code in _ACCOUNT or 200 <= code <= 299:
        why = _ACCOUNT.get(code, "the token lacks a right: give the system user whatsapp_business_messaging")
        return AccountTrouble(f"WhatsApp: {why} {shown}")
    if code in _NEVER:
        return Final(f"WhatsApp: {_NEVER[code]} {shown}")
    if status == 401:
        return AccountTrouble(f"WhatsApp: {_ACCOUNT[190]} {shown}")
    if status in (408, 429) or status >= 500:
        return Transient(f"WhatsApp: not now {shown}")
    if code < 0 and status not in (400, 413):  # whatever stands in between has answered, and not about the message
        return AccountTrouble(f"WhatsApp: another one answers in its place {shown}: check graph_url and the network")
    return Final(f"WhatsApp: the request is refused {shown}")


class Graph:
    """One number's Graph API. Opens nothing before it is used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: httpx.AsyncClient | None = None

    async def get(self, node: str, **params: str) -> dict[str, Any]:
        """Read an object."""
        return await self._call("GET", node, params=params)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post JSON under the number, such as `messages`."""
        return await self._call("POST", f"{self._settings.phone_number_id}/{path}", json=body)

    async def upload(self, name: str, media_type: str, content: bytes) -> str:
        """Put a file on Meta's servers; returns its id."""
        answer = await self._call(
            "POST",
            f"{self._settings.phone_number_id}/media",
            data={"messaging_product": "whatsapp", "type": media_type},
            files={"file": (name, content, media_type)},
            timeout=UPLOAD_SECONDS,
        )
        if not isinstance(answer.get("id"), str):
            raise Transient("WhatsApp has not kept the file")
        return str(answer["id"])

    async def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        import httpx

        url = f"{self._settings.graph_url.rstrip('/')}/{path}"
        try:
            response = await self._opened().request(method, url, **options)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Away(f"WhatsApp cannot be reached: {type(error).__name__}") from None
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            if response.status_code < 400:
                raise Transient(f"WhatsApp answers what is no JSON (HTTP {response.status_code})")
            answer = {}
        refusal = answer.get("error")
        if response.status_code != 200 or isinstance(refusal, dict):
            found = refusal if isinstance(refusal, dict) else {}
            if found.get("code") == 100 and found.get("error_subcode") == NO_SUCH_OBJECT:
                raise Gone("WhatsApp: there is no such object, or the token does not see it (100)")
            raise error_of(response.status_code, found)
        return answer

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            headers = {"Authorization": f"Bearer {self._settings.token.get_secret_value()}"}
            timeout = httpx.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS)
            # The token is for this host: no redirect is followed, no proxy of the environment is used.
            self._client = httpx.AsyncClient(headers=headers, timeout=timeout, trust_env=False)
        return self._client

    async def close(self) -> None:
        """Release the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


class Gone(Final):
    """An object that is not there, or that the token does not see."""
