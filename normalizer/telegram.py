"""Telegram: what an update means. Source: Telegram Bot API, `Update` and the types it holds.

A unit is one update; deletions of a business account, which name several messages, are one unit for each.
Native ids: `chat_id:message_id`; in a business account's chat `business:<connection>:<chat_id>:<message_id>`, since
those ids are counted apart from the bot's own chats; `callback:<id>`; `reaction:…` and `poll_answer:…`.
Conversations: the chat; `chat:sender` in a group; `business:<connection>:<chat>`.
"""

from __future__ import annotations

from typing import Any

from normalizer.message import Account, Identity, Ignored, Message, Part, Reading, Renamed, Sender, Unreadable
from normalizer.payload import (
    Draft,
    bounded,
    digest,
    dump,
    fields,
    identifier,
    join,
    mapping,
    moment,
    parse,
    raw_identity,
    sequence,
    text,
)
from normalizer.telegram_ids import (
    conversation_of,
    conversation_of_press,
    native_id_of,
    place_of,
    read_person,
    read_sender,
)
from normalizer.telegram_parts import READ_FIELDS, hidden_links, read_parts

ALBUM_WAIT = 1.0  # seconds; the parts of an album arrive within a few hundred milliseconds
_FORWARDER = "777000"  # Telegram's own account, which copies a channel's posts to its discussion group

_NEW = ("message", "channel_post", "business_message", "guest_message")
_EDITED = ("edited_message", "edited_channel_post", "edited_business_message")
_NOT_MESSAGES = {
    "my_chat_member": "the bot was added, blocked or removed",
    "chat_member": "somebody joined or left",
    "chat_join_request": "a request to join",
    "chat_boost": "a boost",
    "removed_chat_boost": "a boost",
    "business_connection": "a business account connected or disconnected",
    "message_reaction_count": "a count of reactions",
    "poll": "a poll's state",
    "inline_query": "an inline query",
    "chosen_inline_result": "an inline result",
    "shipping_query": "a shipping query",
    "pre_checkout_query": "a checkout query",
    "purchased_paid_media": "paid media bought",
    "managed_bot": "a managed bot changed",
    "subscription": "a subscription changed",
    "stopped_message_generation": "generation stopped",
}
_SERVICE = frozenset(
    {
        "new_chat_members", "left_chat_member", "chat_owner_left", "chat_owner_changed", "new_chat_title",
        "new_chat_photo", "delete_chat_photo", "group_chat_created", "supergroup_chat_created", "channel_chat_created",
        "message_auto_delete_timer_changed", "pinned_message", "gift_upgrade_sent", "connected_website",
        "write_access_allowed", "proximity_alert_triggered", "boost_added", "chat_background_set",
        "checklist_tasks_done", "checklist_tasks_added", "direct_message_price_changed", "forum_topic_created",
        "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened", "general_forum_topic_hidden",
        "general_forum_topic_unhidden", "giveaway_created", "giveaway_completed", "managed_bot_created",
        "paid_message_price_changed", "poll_option_added", "poll_option_deleted", "suggested_post_approved",
        "suggested_post_approval_failed", "suggested_post_declined", "suggested_post_paid", "suggested_post_refunded",
        "video_chat_scheduled", "video_chat_started", "video_chat_ended", "video_chat_participants_invited",
        "community_chat_added", "community_chat_removed", "community_chat_joined",
    }
)  # fmt: skip
# Fields around the content: none of them is what a citizen wanted to say.
_AROUND = frozenset(
    {
        "message_id", "date", "chat", "message_thread_id", "direct_messages_topic", "from", "sender_chat",
        "sender_boost_count", "sender_business_bot", "sender_tag", "guest_query_id", "business_connection_id",
        "forward_origin", "is_topic_message", "is_automatic_forward", "reply_to_message", "external_reply", "quote",
        "reply_to_checklist_task_id", "reply_to_poll_option_id", "via_bot", "guest_bot_caller_user",
        "guest_bot_caller_chat", "edit_date", "has_protected_content", "is_from_offline", "is_paid_post",
        "media_group_id", "author_signature", "paid_star_count", "text", "entities", "link_preview_options",
        "suggested_post_info", "effect_id", "caption", "caption_entities", "show_caption_above_media",
        "has_media_spoiler", "reply_markup", "receiver_user", "ephemeral_message_id", "forward_date", "forward_from",
        "forward_from_chat", "forward_from_message_id", "forward_sender_name", "forward_signature",
    }
)  # fmt: skip
_VOLATILE = frozenset({"file_id", "reply_to_message", "reply_markup", "thumbnail", "thumb"})


def split(body: bytes) -> list[bytes]:
    """One unit for each update of a `getUpdates` answer or a list, and for each message of a bulk deletion."""
    document = parse(body, mark_long_integers=True)
    if isinstance(document, dict) and "update_id" not in document and isinstance(document.get("result"), list):
        document = document["result"]
    if not isinstance(document, list):
        units = _deletions(document)
        return [body] if len(units) < 2 else [dump(unit) for unit in units]
    return [dump(unit) for update in document for unit in (_deletions(update) or [update])]


def _deletions(update: Any) -> list[dict[str, Any]]:
    deleted = mapping(update, "deleted_business_messages")
    return [
        {**update, "deleted_business_messages": {**deleted, "message_ids": [message_id]}}
        for message_id in sequence(deleted, "message_ids")
    ]


def identify(payload: bytes) -> Identity:
    """The identity of an update. `update_id` has no part in that of a message: Telegram starts it anew at random."""
    update = parse(payload)
    if not isinstance(update, dict):
        return raw_identity(payload)
    for kind in _NEW:
        if kind in update:
            return _identify_message(mapping(update, kind)) or raw_identity(payload)
    for kind in _EDITED:
        if kind in update:
            return _identify_edit(mapping(update, kind)) or raw_identity(payload)
    callback = mapping(update, "callback_query")
    if callback_id := identifier(callback, "id"):
        return Identity(key=f"callback:{callback_id}", conversation=conversation_of_press(callback))
    deleted = mapping(update, "deleted_business_messages")
    if native_id := native_id_of(deleted, identifier({"id": next(iter(sequence(deleted, "message_ids")), None)}, "id")):
        return Identity(key=f"{native_id}:deleted", conversation=conversation_of(deleted))
    key = f"update:{identifier(update, 'update_id')}:{digest(update)}"
    happened = next((value for name, value in update.items() if name != "update_id"), None)
    return Identity(key=key, conversation=place_of(happened) or key, sent_at=moment(happened, "date"))


def _identify_message(message: dict[str, Any]) -> Identity | None:
    native_id = native_id_of(message, identifier(message, "message_id"))
    if native_id is None:
        return None
    album = identifier(message, "media_group_id")
    conversation = conversation_of(message)
    return Identity(
        key=native_id,
        conversation=conversation,
        group=f"{conversation}:{album}" if album else None,
        sent_at=moment(message, "date"),
        wait=ALBUM_WAIT if album else 0.0,
    )


def _identify_edit(message: dict[str, Any]) -> Identity | None:
    native_id = native_id_of(message, identifier(message, "message_id"))
    if native_id is None:
        return None
    content = digest(_lasting({name: value for name, value in message.items() if name not in ("from", "chat")}))
    return Identity(
        key=f"{native_id}:edit:{identifier(message, 'edit_date')}:{content}",
        conversation=conversation_of(message),
        sent_at=moment(message, "edit_date"),
    )


def _lasting(value: Any) -> Any:
    """Without what may differ between two deliveries of one edit: `file_id` is not fixed, `file_unique_id` is."""
    if isinstance(value, dict):
        return {name: _lasting(item) for name, item in value.items() if name not in _VOLATILE}
    return [_lasting(item) for item in value] if isinstance(value, list) else value


def read(payload: bytes, account: Account) -> Reading:
    """The meaning of one update."""
    update = parse(payload)
    if isinstance(update, Unreadable):
        return update
    if not isinstance(update, dict):
        return Unreadable("not an update")
    for kind in _NEW:
        if kind in update:
            return _read_message(mapping(update, kind), account, edited=False)
    for kind in _EDITED:
        if kind in update:
            return _read_message(mapping(update, kind), account, edited=True)
    if "callback_query" in update:
        return _read_callback(mapping(update, "callback_query"), account)
    if "deleted_business_messages" in update:
        return _read_deletion(mapping(update, "deleted_business_messages"))
    if "message_reaction" in update:
        return _read_reaction(mapping(update, "message_reaction"))
    if "poll_answer" in update:
        return _read_poll_answer(mapping(update, "poll_answer"))
    for kind, reason in _NOT_MESSAGES.items():
        if kind in update:
            return Ignored(reason)
    return _read_unknown(update)


def _read_message(message: dict[str, Any], account: Account, *, edited: bool) -> Reading:
    native_id = native_id_of(message, identifier(message, "message_id"))
    if native_id is None:
        return Unreadable("a message without chat or id")
    other = _not_from_a_citizen(message, account)
    if other is not None:
        return other
    if edited and message.get("location") and mapping(message, "location").get("live_period"):
        return Ignored("a live location moves")
    draft = Draft()
    draft.say(text(message, "text"))
    draft.say(text(message, "caption"))
    read_parts(message, draft, native_id, account.limits)
    _keep_unknown(message, draft, native_id)
    for address in hidden_links(message):
        draft.hidden_link(address, native_id)
    if mapping(message, "forward_origin") or "forward_date" in message:
        draft.forwarded()
    reply_to = _read_reply(message, draft, account)
    return Message(
        native_id=native_id,
        conversation_id=conversation_of(message),
        change="edit" if edited else "message",
        revises=native_id if edited else None,
        sent_at=moment(message, "edit_date" if edited else "date"),
        sender=read_sender(message),
        reply_to=reply_to,
        **draft.within(account.limits),
    )


def _not_from_a_citizen(message: dict[str, Any], account: Account) -> Reading | None:
    chat = identifier(message, "chat", "id")
    if new := identifier(message, "migrate_to_chat_id"):
        return Renamed("conversation", old=str(chat), new=new)
    if old := identifier(message, "migrate_from_chat_id"):
        return Renamed("conversation", old=old, new=str(chat))
    if service := sorted(_SERVICE & message.keys()):
        return Ignored(f"a service message: {service[0]}")
    writer = identifier(message, "from", "id")
    if mapping(message, "sender_business_bot") or (writer and writer == account.platform_account):
        return Ignored("our own message")
    private = text(message, "chat", "type") == "private"
    if message.get("business_connection_id") and private and writer not in (None, chat):
        return Ignored("written by the business account itself")
    if message.get("is_automatic_forward") is True or (writer == _FORWARDER and mapping(message, "sender_chat")):
        return Ignored("a channel's post copied to its discussion group")
    return None


def _keep_unknown(message: dict[str, Any], draft: Draft, native_id: str) -> None:
    """A kind that Telegram added later: what is not known stands beside nothing that could be read."""
    if draft.parts or "text" in message:
        return
    unknown = {name: value for name, value in message.items() if name not in _AROUND and name not in READ_FIELDS}
    if unknown or not draft.own:
        draft.parts.append(Part(part=native_id, kind="other", data=bounded(unknown)))


def _read_reply(message: dict[str, Any], draft: Draft, account: Account) -> tuple[str, ...]:
    replied = mapping(message, "reply_to_message")
    external = mapping(message, "external_reply")
    chosen = text(message, "quote", "text")
    if external:
        source = native_id_of(external, identifier(external, "message_id"))
        own_id = source or str(native_id_of(message, identifier(message, "message_id")))
        elsewhere = Draft()
        read_parts(external, elsewhere, own_id, account.limits)
        draft.parts += elsewhere.parts
        draft.quote(join([chosen, *elsewhere.own]))
        return (source,) if source else ()
    if not replied or "forum_topic_created" in replied:  # every message of a topic "replies" to the topic's start
        draft.quote(chosen)
        return ()
    words = Draft()
    words.say(text(replied, "text") or text(replied, "caption"))
    draft.quote(chosen or join(words.own))
    connection = message.get("business_connection_id")
    source = native_id_of({"business_connection_id": connection, **replied}, identifier(replied, "message_id"))
    return (source,) if source else ()


def _read_callback(callback: dict[str, Any], account: Account) -> Reading:
    callback_id = identifier(callback, "id")
    if callback_id is None:
        return Unreadable("a button press without id")
    pressed = mapping(callback, "message")
    source = native_id_of(pressed, identifier(pressed, "message_id"))
    data = text(callback, "data")
    native_id = f"callback:{callback_id}"
    draft = Draft()
    if data is None:
        rest = fields(callback, "game_short_name")
        draft.parts.append(Part(part=native_id, kind="other", data=rest))
    return Message(
        native_id=native_id,
        conversation_id=conversation_of_press(callback),
        sender=read_person(mapping(callback, "from")),
        reply_to=(source,) if source else (),
        button=data,
        **draft.within(account.limits),
    )


def _read_deletion(deleted: dict[str, Any]) -> Reading:
    numbers = sequence(deleted, "message_ids")
    if len(numbers) > 1:
        return Unreadable("several deletions in one unit")
    native_id = native_id_of(deleted, identifier({"id": numbers[0]}, "id")) if numbers else None
    if native_id is None:
        return Unreadable("a deletion without a message")
    person = read_person(mapping(deleted, "chat")) if text(deleted, "chat", "type") == "private" else Sender()
    return Message(
        native_id=native_id,
        conversation_id=conversation_of(deleted),
        change="deletion",
        revises=native_id,
        sender=person,
    )


def _read_reaction(reaction: dict[str, Any]) -> Reading:
    source = native_id_of(reaction, identifier(reaction, "message_id"))
    if source is None:
        return Unreadable("a reaction without a message")
    actor = mapping(reaction, "user") or mapping(reaction, "actor_chat")
    chosen = [_emoji(one) for one in sequence(reaction, "new_reaction")[:20]]
    native_id = f"reaction:{source}:{identifier(actor, 'id')}:{identifier(reaction, 'date')}:{digest(chosen)}"
    return Message(
        native_id=native_id,
        conversation_id=place_of(reaction) or source,
        sent_at=moment(reaction, "date"),
        sender=read_person(actor),
        text=" ".join(chosen),
        reply_to=(source,),
        attachments=(Part(part=native_id, kind="other", data={"reaction": chosen, "removed": not chosen}),),
    )


def _emoji(reaction: Any) -> str:
    return (text(reaction, "emoji") or text(reaction, "type") or "?")[:32]


def _read_poll_answer(answer: dict[str, Any]) -> Reading:
    poll, voter = identifier(answer, "poll_id"), mapping(answer, "user") or mapping(answer, "voter_chat")
    number = identifier(voter, "id")
    if poll is None or number is None:
        return Unreadable("a poll answer without poll or voter")
    options = bounded(sequence(answer, "option_ids")[:100])
    native_id = f"poll_answer:{poll}:{number}:{digest(options)}"
    data = {"poll_id": poll, "option_ids": options}
    return Message(
        native_id=native_id,
        conversation_id=number,
        sender=read_person(voter),
        attachments=(Part(part=native_id, kind="poll", data=data),),
    )


def _read_unknown(update: dict[str, Any]) -> Reading:
    """A kind of update that Telegram added later; readable as long as it says where it happened."""
    unknown = {name: value for name, value in update.items() if name != "update_id"}
    happened = next(iter(unknown.values()), None)
    conversation = place_of(happened)
    if conversation is None:
        return Unreadable("an update of an unknown kind")
    native_id = f"update:{identifier(update, 'update_id')}:{digest(update)}"
    return Message(
        native_id=native_id,
        conversation_id=conversation,
        sent_at=moment(happened, "date"),
        sender=read_person(mapping(happened, "user") or mapping(happened, "from")),
        attachments=(Part(part=native_id, kind="other", data=bounded(unknown)),),
    )
