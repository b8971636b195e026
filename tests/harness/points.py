"""The points between "payload read" and "acknowledgement recorded" at which a process can be killed.

Functions are named here, once, and a test checks that each exists. Write transactions are not named at all: every one
that a worker makes is found as it runs (`seen/`), so a new transaction is a new crash point by itself.
"""

import importlib
from typing import Any

# Where the raw bytes of a message are read: poison is looked for there.
READ = "pipeline.kinds:read"
# What happens between two transactions, or outside of them.
FUNCTIONS = (
    "pipeline.intake:AccountIntake.accept",
    "pipeline.intake:AccountIntake.accept_once",
    "ledger.journal:append",
    "ledger.cursors:move",
    "pipeline.processor:Processor._process",
    "pipeline.processor:Processor._store_file",
    "ledger.batch:Batch.flush",
    "ledger.outbox:take",
    "router.publish:Publisher.publish",
    "router.relay:publish_all",
    "ledger.outbox:mark",
    "pipeline.sender:Sender._message",
    "pipeline.sender:Sender._sent",
    "ledger.outgoing:sent",
)
OF_A_KIND = {
    "email": (
        "connectors.mail_servers:Imap.letters_after",
        "connectors.mail_servers:Imap.fetch",
        "connectors.mail_servers:Smtp.send",
        "connectors.email:Email.send",
    ),
    "telegram": ("connectors.telegram:Telegram.send",),
    "vk": ("connectors.vk:Vk.send",),
    "whatsapp": ("connectors.whatsapp:WhatsApp.send",),
}


def functions(*kinds: str) -> list[str]:
    """Everything that is wrapped in a worker with channels of these kinds; first the reader."""
    return [READ, *FUNCTIONS, *(target for kind in kinds for target in OF_A_KIND.get(kind, ()))]


def find(target: str) -> Any:
    """The function that `module:Class.function` names; raises ImportError or AttributeError."""
    module, _, path = target.partition(":")
    found: Any = importlib.import_module(module)
    for step in path.split("."):
        found = getattr(found, step)
    return found
