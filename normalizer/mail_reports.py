"""What a report by mail says became of the letter that it is about (RFC 3464; RFC 8098 for receipts). Pure."""

from __future__ import annotations

import re

from normalizer.machine_mail import Verdict
from normalizer.message import DeliveryReport

_ACTION = re.compile(r"^action:[ \t]*([a-z]+)", re.I | re.M)
_STATUS = re.compile(r"(?<![\d.])5\.\d{1,3}\.\d{1,3}(?![\d.])")
# A server that goes on trying says so, where its report has no field for it.
_TRIES_AGAIN = re.compile(
    r"delayed|not yet been delivered|still trying|will (?:continue|keep|be retried|retry|try)"
    r"|could not send .{1,40} for|postponed|(?:do not|don't) need to resend|отложен|задерж|повторит попыт",
    re.I,
)


def report(verdict: Verdict, subject: str, text: str, reply_to: tuple[str, ...]) -> DeliveryReport | None:
    """The report on `reply_to[0]`; None for what is no report, and for one that leaves it open (a delay).

    `text`: what the letter says, with the fields of the report. The detail holds the status code and no address.
    """
    if not reply_to:
        return None
    if "read_receipt" in verdict.flags:
        return DeliveryReport(reply_to[0], "read")
    if verdict.machine != "bounce":
        return None
    actions = {found.lower() for found in _ACTION.findall(text)}
    if "failed" not in actions and (actions or _TRIES_AGAIN.search(f"{subject}\n{text[:2000]}")):
        return None
    status = _STATUS.search(text)
    code = f" ({status[0]})" if status else ""
    return DeliveryReport(reply_to[0], "failed", detail=f"a mail server returned the letter{code}")
