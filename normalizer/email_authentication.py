"""What our own mail server found out about the sender (RFC 8601); what any other server claims is not believed."""

from __future__ import annotations

import re
from typing import Literal

from normalizer.headers import Headers

_RESULT = re.compile(r"^\s*(dmarc|dkim|spf)\s*=\s*([a-z]+)(.*)$", re.I | re.S)
_COMMENT = re.compile(r"\([^()]*\)")


def authenticate(
    headers: Headers, email: str | None, authserv_id: str | None
) -> tuple[Literal["pass", "fail"] | None, bool]:
    """(verdict, vouched). Vouched: DMARC passed, or DKIM or SPF did for the very domain of the From address.

    Only the topmost Authentication-Results of `authserv_id` counts: our server writes above what it received.
    """
    if not authserv_id or not email:
        return None, False
    domain = email.rpartition("@")[2]
    for raw in headers.all("authentication-results"):
        value = _COMMENT.sub(" ", raw.decode("latin-1"))
        server, *results = value.split(";")
        words = server.split()
        if not words or words[0].lower() != authserv_id.lower():
            continue
        return _judge(results, domain)
    return None, False


def _judge(results: list[str], domain: str) -> tuple[Literal["pass", "fail"] | None, bool]:
    passed = failed = False
    dmarc = None
    for result in results:
        found = _RESULT.match(result)
        if not found:
            continue
        method, verdict, rest = found.group(1).lower(), found.group(2).lower(), found.group(3).lower()
        if method == "dmarc":
            stated = re.search(r"header\.from\s*=\s*\"?(?:[^\s@]*@)?([\w.-]+)", rest)
            if not stated or _aligned(stated.group(1), domain):
                dmarc = verdict
        elif verdict == "pass" and _aligned(_property_domain(method, rest), domain):
            passed = True
        elif verdict in ("fail", "hardfail"):
            failed = True
    if dmarc == "pass" or (dmarc not in ("fail", "reject") and passed):
        return "pass", True
    if dmarc == "fail" or (failed and not passed):
        return "fail", False
    return None, False


def _property_domain(method: str, rest: str) -> str:
    names = r"header\.(?:d|i|from)" if method == "dkim" else r"smtp\.(?:mailfrom|mail|from)"
    found = re.search(rf"{names}\s*=\s*\"?(?:[^\s@\"]*@)?([\w.-]+)", rest)
    return found.group(1) if found else ""


def _aligned(one: str, other: str) -> bool:
    """The same domain or one inside the other (RFC 7489, relaxed, without a list of public suffixes)."""
    one, other = one.strip(".").lower(), other.strip(".").lower()
    if not one or not other or "." not in one or "." not in other:
        return False
    return one == other or one.endswith("." + other) or other.endswith("." + one)
