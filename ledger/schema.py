"""The tables. All SQL of the project lives in this room; what a column promises stands here.

Times are seconds since 1970 in UTC (double precision). Hashes are keyed (`ledger/crypto.py`): what identifies a
person is looked up by its hash, and only the envelope and sealed columns hold it in words.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives ids by itself only to a column declared INTEGER.
Serial = BigInteger().with_variant(Integer(), "sqlite")


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


# Every payload that was taken from a platform, once. States on the way: received, working, held (a greeting that
# waits for the message it belongs to); and the five ends: enveloped, merged, redelivered, ignored, quarantined.
journal = Table(
    "journal",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("key_hash", LargeBinary, nullable=False, unique=True),  # all that remains of an erased message
    Column("kind", Text, nullable=False),
    Column("account", Text, nullable=False),  # the channel's NAME
    Column("platform_account", Text, nullable=False),
    Column("conversation", Text, nullable=False),  # keyed hash: rows of one are processed in order
    Column("album", Text),  # keyed hash: parts of one message share it
    Column("payload", LargeBinary),  # sealed; null when it lies in the storage or is erased
    Column("payload_key", Text),  # name in the storage, for payloads over 256 kB
    Column("payload_wrapped", LargeBinary),
    Column("size", BigInteger, nullable=False),
    Column("sent_at", Double),
    Column("received_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),  # not processed before: more parts may come
    Column("state", Text, nullable=False, server_default="received"),
    Column("reason", Text),
    Column("owner", Text),  # the claim: lease name and token of the processor
    Column("alone", Boolean, nullable=False, server_default=text("false")),  # was in work when a processor died
    Column("attempts", Integer, nullable=False, server_default="0"),  # starts made alone
    Column("merged_into", BigInteger),  # the row whose message this one is, or is a part of: erased with it
    Column("acknowledge", Boolean, nullable=False, server_default=text("true")),
    Column("done_at", Double),
    _partial("ix_journal_ready", "id", where="state = 'received'"),
    _partial("ix_journal_held", "id", where="state = 'held'"),
    _partial("ix_journal_open", "conversation", "id", where="state IN ('received', 'working', 'held')"),
    _partial("ix_journal_working", "owner", where="state = 'working'"),
    _partial("ix_journal_quarantined", "id", where="state = 'quarantined'"),
    _partial("ix_journal_raw", "done_at", where="payload IS NOT NULL OR payload_key IS NOT NULL"),
    _partial("ix_journal_merged_into", "merged_into", where="merged_into IS NOT NULL"),
    _partial("ix_journal_payload_key", "payload_key", where="payload_key IS NOT NULL"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("number", Text, primary_key=True),
    Column("opened_at", Double, nullable=False),
    Column("state", Text, nullable=False),  # open, closed
    Column("closed_at", Double),
    Column("person_id", BigInteger),
    Column("sequence", Integer, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("last_message_at", Double, nullable=False),  # in either direction, measured by effective time
    Column("answered_at", Double),  # the desk's last reply
    Column("waiting_since", Double),  # the oldest message of the citizen that no reply has followed
    Column("category", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("desk", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("answer_by", Double),
    Column("language", Text),
    Column("known", Text, nullable=False, server_default=""),  # of full_name, contact, description; space-separated
    Column("asked", Boolean, nullable=False, server_default=text("false")),  # the missing was asked for
    Column("why", Text),  # why this desk: sentences, newline-separated
    Column("erased_at", Double),
    Column("closed_by", Text),  # id of the desk's reply that last asked for closing
    Index("ix_tickets_desk", "desk", "state", "number"),
    Index("ix_tickets_activity", "state", "last_message_at"),
    _partial("ix_tickets_waiting", "desk", "answer_by", where="state = 'open' AND waiting_since IS NOT NULL"),
    _partial("ix_tickets_oldest", "desk", "waiting_since", where="state = 'open' AND waiting_since IS NOT NULL"),
    _partial("ix_tickets_closed", "closed_at", where="state = 'closed' AND erased_at IS NULL"),
)

# One accepted message: its place in a ticket and its envelope, as the bytes that are published.
messages = Table(
    "messages",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("envelope_id", Text, nullable=False, unique=True),
    Column("journal_id", BigInteger, nullable=False, unique=True),
    Column("ticket", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("platform_account", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("native_hash", LargeBinary, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("content_hash", LargeBinary),  # mail: equal for the same letter through two mailboxes
    Column("person_id", BigInteger),
    Column("how", Text, nullable=False),
    Column("certainty", Text),
    Column("why", Text),  # the link in sentences, newline-separated
    Column("verified", Boolean, nullable=False),
    Column("address", LargeBinary),  # sealed: where to answer
    Column("likeness", LargeBinary),  # sealed normalised text, for content repeats
    Column("sent_at", Double),
    Column("received_at", Double, nullable=False),
    Column("effective_at", Double, nullable=False),  # sent_at, never later than received_at
    Column("staged_at", Double, nullable=False),
    Column("body", LargeBinary),  # the envelope; null when erased
    Index("ix_messages_ticket", "ticket", "sequence"),
    Index("ix_messages_native_hash", "native_hash", "revision"),
    Index("ix_messages_conversation", "conversation", "id"),
    Index("ix_messages_staged_at", "staged_at"),
    _partial("ix_messages_content_hash", "content_hash", where="content_hash IS NOT NULL", unique=True),
)

# Every native id that a reply may point at, ours and the citizens'.
threads = Table(
    "threads",
    metadata,
    Column("native_hash", LargeBinary, primary_key=True),
    Column("ticket", Text, nullable=False),
    Column("ours", Boolean, nullable=False),  # we sent it
    Column("outgoing_id", Text),
    Index("ix_threads_ticket", "ticket"),
)

people = Table(
    "people",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("first_seen", Double, nullable=False),
)

# A channel id, phone, e-mail, INN or SNILS, by its hash. Locked (in the order of the hash) while a message of it is
# linked: two messages of one citizen, on two channels at once, are linked one after the other.
identities = Table(
    "identities",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("kind", Text, nullable=False),  # channel, phone, email, inn, snils
    Column("person_id", BigInteger),  # only of what a platform vouches for; what is stated is nobody's
    Column("guesses", Integer, nullable=False, server_default="0"),  # numbers named that were not theirs
    Column("guesses_since", Double),
)

ticket_identities = Table(
    "ticket_identities",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("ticket", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("vouched", Boolean, nullable=False),
    Column("last_at", Double, nullable=False),
    Index("ix_ticket_identities_recent", "hash", "last_at"),
    Index("ix_ticket_identities_ticket", "ticket"),
)

# What a platform has shown to be the same person's as a channel id: further ids, a shared contact. Not transitive:
# two members of a family whose phone is one do not become one person.
vouches = Table(
    "vouches",
    metadata,
    Column("channel", LargeBinary, primary_key=True),  # identity's hash
    Column("other", LargeBinary, primary_key=True),  # identity's hash
    Column("kind", Text, nullable=False),  # of the other
    Index("ix_vouches_other", "other"),
)

# Which ticket a conversation is about just now (chats only).
conversations = Table(
    "conversations",
    metadata,
    Column("conversation", Text, primary_key=True),
    Column("ticket", Text),  # null after /new
    Column("last_at", Double, nullable=False),  # of the last message in either direction
    Column("acknowledged_at", Double),
    Column("moved_from", LargeBinary),  # sealed: the former id of the same chat (a group that became a supergroup)
    Index("ix_conversations_ticket", "ticket"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("envelope_id", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("journal_id", BigInteger, nullable=False),
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", LargeBinary),  # sealed
    Column("media_type", Text),
    Column("size", BigInteger),
    Column("sha256", Text),
    Column("state", Text, nullable=False),  # stored, pending, refused, erased
    Column("reason", Text),
    Column("storage_key", Text),
    Column("wrapped_key", LargeBinary),
    Column("fetch", LargeBinary),  # sealed: how the platform gives it
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", Double, nullable=False),
    Index("ix_attachments_ticket", "ticket"),
    _partial("ix_attachments_storage_key", "storage_key", where="storage_key IS NOT NULL"),
    _partial("ix_attachments_pending", "account", "due_at", where="state = 'pending'"),
)

# What goes to RabbitMQ: envelopes (the body is the message's) and events.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("message_id", Text, nullable=False),  # the AMQP message_id: the same at every publishing
    Column("exchange", Text, nullable=False),  # appeals, events
    Column("routing_key", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("conversation", Text, nullable=False),  # published in order
    Column("desk", Text),
    Column("ticket", Text),
    Column("channel", Text),
    Column("kind", Text),
    Column("body", LargeBinary),  # null for an envelope
    Column("state", Text, nullable=False, server_default="pending"),  # pending, published, erased
    Column("created_at", Double, nullable=False),
    Column("published_at", Double),
    Column("times", Integer, nullable=False, server_default="0"),
    Column("due_at", Double, nullable=False, server_default="0"),
    Column("reason", Text),
    _partial("ix_outbox_pending", "id", where="state = 'pending'"),
    _partial("ix_outbox_lane", "conversation", "id", where="state = 'pending'"),
    _partial("ix_outbox_desk", "desk", "state", "created_at", where="desk IS NOT NULL"),  # events have none
    Index("ix_outbox_ticket", "ticket"),
)

# What goes to citizens: acknowledgements, answers to commands, warnings, notices, the desks' replies.
outgoing = Table(
    "outgoing",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),  # with the ledger's base: VK's random_id
    Column("id", Text, nullable=False, unique=True),
    Column("purpose", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("platform_account", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("ticket", Text),
    Column("journal_id", BigInteger),
    Column("reply_id", Text, unique=True),  # the desk's id of its reply
    Column("content", LargeBinary),  # sealed JSON: address, text, buttons, subject, references, files
    Column("signed_id", Text),
    Column("state", Text, nullable=False),  # owed, sending, sent, delivered, failed, erased
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("already_sent", Integer, nullable=False, server_default="0"),
    Column("created_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("sent_at", Double),
    Column("reason", Text),
    Column("waited_since", Double),  # a desk's reply: the ticket's `waiting_since` that it ended, and
    Column("was_due", Double),  # its `answer_by`; taken back when the reply fails
    Index("ix_outgoing_ticket", "ticket"),
    Index("ix_outgoing_journal_id", "journal_id"),
    _partial("ix_outgoing_owed", "account", "seq", where="state IN ('owed', 'sending')"),
    _partial("ix_outgoing_due", "account", "due_at", where="state IN ('owed', 'sending')"),
    _partial("ix_outgoing_lane", "conversation", "seq", where="state IN ('owed', 'sending')"),
    _partial("ix_outgoing_in_vain", "seq", where="state = 'failed' AND waited_since IS NOT NULL"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("account", Text, primary_key=True),  # kind and the platform's own account
    Column("value", Text, nullable=False),  # JSON
    Column("token", BigInteger, nullable=False),  # the fencing token that it was moved with
    Column("moved_at", Double, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("token", BigInteger, nullable=False),  # grows with every holder
    Column("expires_at", Double, nullable=False),  # by the database's clock
)

serials = Table(
    "serials",
    metadata,
    Column("day", Text, primary_key=True),  # YYMMDD
    Column("next", BigInteger, nullable=False),
)

health = Table(
    "health",
    metadata,
    Column("component", Text, primary_key=True),
    Column("state", Text, nullable=False),  # ok, trouble, stopped
    Column("detail", Text),
    Column("since", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
)

erasures = Table(
    "erasures",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("ticket", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("cause", Text, nullable=False),  # forget, retention
    Column("record", Text, nullable=False),  # JSON: what was erased, and what RabbitMQ already has
    Index("ix_erasures_ticket", "ticket"),
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# Who may use the operators' board, and the keys of the desks' own systems.
accounts = Table(
    "accounts",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),  # lower case
    Column("role", Text, nullable=False),  # operator, administrator, system (a desk's program: reads files by its key)
    Column("secret", Text, nullable=False),  # argon2id of the password; of a system the SHA-256 of its random key
    Column("one_time", Boolean, nullable=False),  # the password must be changed at the next sign-in
    Column("active", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("seen_at", Double),
)

# Who is signed in. The token is in the browser's cookie only; here lies its keyed hash.
sessions = Table(
    "sessions",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Index("ix_sessions_account_id", "account_id"),
)

# What was looked at and done on the board, by whom. No word of a citizen's.
audit = Table(
    "audit",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("account", Text, nullable=False),  # the account's name
    Column("action", Text, nullable=False),
    Column("ticket", Text),
    Column("detail", Text),
    Index("ix_audit_ticket", "ticket", "id"),
    Index("ix_audit_at", "at"),
)

# How much of a limit is used up: by whom and of what, as a keyed hash. A leaky bucket that is empty at that time.
rates = Table(
    "rates",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("empty_at", Double, nullable=False),
    Index("ix_rates_empty_at", "empty_at"),
)

# The words of messages by their keyed hashes (64 bits), for the search of the board. Erased with the message.
search_words = Table(
    "search_words",
    metadata,
    Column("word", BigInteger, primary_key=True, autoincrement=False),
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
