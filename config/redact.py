"""What no log line may show: tokens, passwords, addresses, phones and other personal numbers. Pure, in linear time.

Patterns are the second line of defence: what a citizen wrote cannot be told by its form, so that `config/log.py` shows
no value of a field that holds such text, and no text of an exception that is not our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

_NAMES = (
    r"(?:access_token|refresh_token|verify_token|api_?key|client_secret|app_secret|webhook_secret|secret_token|secret"
    r"|token|password|passwd|pwd|signature|key|sid|hash)"
)

# Every repetition is bounded or runs over a class that what follows cannot match: no backtracking to speak of.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"(/(?:file/)?bot)[0-9]{3,20}(?::|%3A)[A-Za-z0-9_-]{5,100}", r"\1***"),
        (r"(?<![A-Za-z0-9])[0-9]{6,20}:[A-Za-z0-9_-]{30,100}", "***"),  # a Telegram token by itself
        (
            r"(authorization['\"]?\s{0,5}[:=]\s{0,5}['\"]?)(?:(?:bearer|basic|token)\s{1,5})?[^\s'\",;]{1,8000}",
            r"\1***",
        ),
        (r"\b(bearer|basic)\s{1,5}[A-Za-z0-9._~+/=-]{8,8000}", r"\1 ***"),
        (r"(://[^\s/:@]{0,200}:)[^\s/]{1,500}@", r"\1***@"),
        (rf"((?<![A-Za-z]){_NAMES}['\"]?\s{{0,5}}[:=]\s{{0,5}}['\"]?)[^\s&'\",;<>)}}\]]{{1,8000}}", r"\1***"),
        (r"[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}", "<address>"),
        (r"\+[0-9](?:[ ().\-\u00a0\u2010-\u2015]{0,3}[0-9]){8,14}", "<number>"),
        (r"(?<![\w+-])[78](?:[ ().\-\u00a0\u2010-\u2015]{0,3}[0-9]){10}(?![\w-])", "<number>"),
        (r"(?<![\w-])\(?9[0-9]{2}\)?[ -]{0,2}[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{2}(?![\w-])", "<number>"),
        (r"(?<![\w-])[0-9]{3}[ -][0-9]{3}[ -][0-9]{3}[ -][0-9]{2}(?![\w-])", "<number>"),  # SNILS
        (r"(?<![\w-])[0-9]{4}(?:[ -][0-9]{4}){3}(?![\w-])", "<number>"),  # a bank card
        (r"(?<![\w-])[0-9]{2} ?[0-9]{2} [0-9]{6}(?![\w-])", "<number>"),  # a passport
        (r"(?<![\w.-])[0-9]{10,20}(?![\w-])", "<number>"),  # INN, OGRN, SNILS, phones and people's ids, all bare
    )
)

_SHORTEST = 4  # a shorter secret would blot out pieces of ordinary words
LONGEST_READ = 64 * 1024  # more of one value is not looked at
LONGEST_SHOWN = 2000


class Redactor:
    """Knows the secrets of this installation beside the patterns."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._known: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Never show these again, as they are or as they stand in a URL."""
        for secret in secrets:
            self._secrets |= {
                form for form in (secret, quote(secret), quote(secret, safe="")) if len(form) >= _SHORTEST
            }
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """One printable line of 2,000 characters at most, without secrets and personal data."""
        text = text[:LONGEST_READ]
        if self._known is not None:
            text = self._known.sub("***", text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        if len(text) > LONGEST_SHOWN:
            text = text[:LONGEST_SHOWN] + "…"
        return one_line(text)


def one_line(text: str) -> str:
    """Control characters, line ends of every kind, bidi marks and lone surrogates written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
