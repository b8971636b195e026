"""Search by words: each message's words as keyed hashes, so that the index tells nobody who reads the file anything.

A word is its beginning, which forgives most endings of Russian; what holds a digit counts whole. The index is written
a moment after staging, apart from it: a burst of messages is staged no slower, and a search sees it a second later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, delete, func, select

from ledger.crypto import Keyring
from ledger.dialect import upsert
from ledger.schema import messages, meta, search_words

STEM, ENDING, LEAST = 6, 2, 3  # letters: the most that are kept, how many the ending has, the least of a word
MOST_DIGITS = 20
MOST_WORDS = 300  # of one message
PAGE = 200
# A transaction may commit after one that began later: what is younger than this is looked at again.
SETTLED_SECONDS = 30.0
STRAGGLERS = 2000  # so far behind the newest id a commit may still come
_INDEXED = "search_indexed"
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """The words of a text as they are looked up, each once."""
    folded = text[:40_000].lower().replace("ё", "е")
    return list(dict.fromkeys(_stem(word) for word in _WORD.findall(folded) if len(word) >= LEAST))


def _stem(word: str) -> str:
    if any(char.isdigit() for char in word):
        return word[:MOST_DIGITS]
    return word[: max(LEAST, min(STEM, len(word) - ENDING))]


def hashes(keys: Keyring, words: Iterable[str]) -> list[int]:
    """The names of words in the index: signed 64-bit integers."""
    return [int.from_bytes(keys.keyed_hash(b"word", word.encode())[:8], "big", signed=True) for word in words]


def text_of(body: bytes) -> str:
    """What of an envelope can be searched: the words, the subject, names of the citizen and of files."""
    envelope = json.loads(body)
    citizen, source = envelope["citizen"], envelope["source"]
    parts = [
        *(citizen.get(name) for name in ("full_name", "display_name", "username")),
        *(part.get("name") for part in envelope["attachments"]),
        envelope["subject"],
        envelope["details"].get("application_number"),
        source.get("via"),
        envelope["text"],
    ]
    return "\n".join(part for part in parts if part)


def anything(conn: Connection, seen: Collection[int]) -> bool:
    """Whether there is a message that is newer than those seen, or was overtaken by them: a look that takes no writer's
    turn.
    """
    done = _done(conn)
    newest = max(seen, default=done)
    since = max(done, newest - STRAGGLERS)
    known = sum(number > since for number in seen)
    there = select(messages.c.id).where(messages.c.id > since).limit(known + 1).subquery()
    return bool(conn.execute(select(func.count()).select_from(there)).scalar_one() > known)


def _done(conn: Connection) -> int:
    return int(conn.execute(select(meta.c.value).where(meta.c.key == _INDEXED)).scalar_one_or_none() or 0)


def index(conn: Connection, keys: Keyring, seen: set[int], now: float) -> int:
    """Index the next page of messages; returns how many. `seen`: the caller's, of what was indexed lately."""
    done = _done(conn)
    newest = max(seen, default=done)
    columns = (messages.c.id, messages.c.body)
    found = list(conn.execute(select(*columns).where(messages.c.id > newest).order_by(messages.c.id).limit(PAGE)).all())
    lately = select(messages.c.id).where(messages.c.id > max(done, newest - STRAGGLERS), messages.c.id < newest)
    missed = [row.id for row in conn.execute(lately) if row.id not in seen] if seen else []
    if missed:
        found += conn.execute(select(*columns).where(messages.c.id.in_(missed[:PAGE]))).all()
    rows: list[dict[str, int]] = []
    for row in found:
        if row.body is not None:
            words = hashes(keys, words_of(text_of(bytes(row.body)))[:MOST_WORDS])
            rows += [{"word": word, "message_id": row.id} for word in words]
    if rows:
        rows.sort(key=lambda row: (row["word"], row["message_id"]))
        conn.execute(upsert(conn, search_words).on_conflict_do_nothing(), rows)
    seen.update(row.id for row in found)
    _settle(conn, seen, done, now)
    return len(found)


def _settle(conn: Connection, seen: set[int], done: int, now: float) -> None:
    """Move the mark over what is so old that nothing can commit before it any more."""
    mark = conn.execute(
        select(messages.c.id)
        .where(messages.c.id > done, messages.c.staged_at < now - SETTLED_SECONDS)
        .order_by(messages.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    settled = max((number for number in seen if mark is not None and number <= mark), default=done)
    if settled > done:
        statement = upsert(conn, meta).values(key=_INDEXED, value=str(settled))
        conn.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": str(settled)}))
        seen.difference_update({number for number in seen if number <= settled})


def find(conn: Connection, keys: Keyring, words: Collection[str], before: int | None, most: int) -> list[Any]:
    """Messages (id and ticket) that hold all the words, the newest first, older than message `before`."""
    wanted = hashes(keys, words)
    if not wanted:
        return []
    first = search_words.alias()
    statement = select(messages.c.id, messages.c.ticket).join(first, first.c.message_id == messages.c.id)
    statement = statement.where(first.c.word == wanted[0], messages.c.body.is_not(None))
    for word in wanted[1:8]:
        other = search_words.alias()
        statement = statement.join(other, other.c.message_id == first.c.message_id).where(other.c.word == word)
    if before is not None:
        statement = statement.where(first.c.message_id < before)
    return list(conn.execute(statement.order_by(first.c.message_id.desc()).limit(most)).all())


def forget(conn: Connection, keys: Keyring, ticket: str) -> None:
    """Take a ticket's messages out of the index. Called before their bodies are erased: those say which words."""
    for row in conn.execute(select(messages.c.id, messages.c.body).where(messages.c.ticket == ticket)).all():
        if row.body is not None:
            words = hashes(keys, words_of(text_of(bytes(row.body)))[:MOST_WORDS])
            conn.execute(
                delete(search_words).where(search_words.c.message_id == row.id, search_words.c.word.in_(words))
            )
