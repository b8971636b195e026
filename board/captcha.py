"""The check against robots: ALTCHA's proof of work (https://altcha.org), served and checked by ourselves.

The browser looks for the number whose SHA-256 with the salt is the challenge: a moment for a person, a cost for a
flood. Nobody's data goes anywhere. Who has no JavaScript answers a question in words. Either way the answer carries a
nonce, which becomes the idempotency key of the request: one answer sends one request.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from altcha.v1 import ChallengeOptions, create_challenge, verify_solution

from ledger.crypto import Keyring, SealBroken

ALGORITHM: Literal["SHA-256"] = "SHA-256"
# About half of that many hashes: 0.1 to 1 s in a browser. More would lock out old phones, and no robot that pays.
HARDEST = 60_000
VALID = timedelta(hours=2)  # a long description takes its time
_PURPOSE = b"captcha question"


@dataclass(frozen=True, slots=True)
class Question:
    """A question in words, and the sealed token that knows its answer."""

    one: int
    other: int
    token: str


class Captcha:
    """Makes challenges and checks their answers. Keeps nothing."""

    def __init__(self, keys: Keyring, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._hmac_key = keys.keyed_hash(b"captcha").hex()
        self._clock = clock

    def challenge(self) -> dict[str, Any]:
        """What the browser has to solve."""
        expires = datetime.fromtimestamp(self._clock(), UTC) + VALID
        options = ChallengeOptions(algorithm=ALGORITHM, max_number=HARDEST, hmac_key=self._hmac_key, expires=expires)
        return dict(create_challenge(options).to_dict())

    def question(self) -> Question:
        """For who has no JavaScript."""
        one, other = 2 + secrets.randbelow(8), 2 + secrets.randbelow(8)
        sealed = json.dumps([one + other, self._clock(), secrets.token_hex(8)]).encode()
        return Question(one, other, base64.urlsafe_b64encode(self._keys.seal(sealed, _PURPOSE)).decode())

    def nonce(self, payload: str, token: str, answer: str) -> str | None:
        """What is unique in a right answer to either; None for a wrong or an old one."""
        return self._of_work(payload) if payload else self._of_question(token, answer)

    def _of_work(self, payload: str) -> str | None:
        try:
            given = json.loads(base64.b64decode(payload[:4096], validate=True))
            well_formed = isinstance(given, dict) and all(
                isinstance(given.get(name), str) for name in ("algorithm", "challenge", "salt", "signature")
            )
            if not well_formed or given["algorithm"] != ALGORITHM or not isinstance(given.get("number"), int):
                return None
            right, _ = verify_solution(given, self._hmac_key, check_expires=True)
        except (ValueError, TypeError, UnicodeError, RecursionError):  # also what is nested too deep to be read
            return None
        return f"w{given['challenge'][:48]}" if right else None

    def _of_question(self, token: str, answer: str) -> str | None:
        try:
            sealed = base64.urlsafe_b64decode(token[:1024].encode("ascii"))
            right, asked_at, nonce = json.loads(self._keys.unseal(sealed, _PURPOSE))
        except (ValueError, SealBroken):
            return None
        fresh = self._clock() - asked_at <= VALID.total_seconds()
        same = hmac.compare_digest(answer.strip()[:10].encode(), str(right).encode())
        return f"q{nonce}" if fresh and same else None
