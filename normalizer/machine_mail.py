"""Mail that no person wrote: bounces, receipts, answering machines, lists. Told by what machines say of themselves.

Headers first (RFC 3464, 3834, 2369, 5965); then the sender's name together with the wording, because most bounces that
header rules miss come from a postmaster without `multipart/report`. A word alone never makes a person a robot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from normalizer import auto_replies, notices
from normalizer.headers import Headers

Machine = Literal["bounce", "auto_reply", "bulk"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What kind of machine wrote, and the flags that say more."""

    machine: Machine | None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is looked at beside the header.

    `text`: the first kilobytes of what it says, with the report's own words; `own`: the same without what it quotes;
    `quotes`: whether it quotes anything.
    """

    content_type: str
    report_type: str
    leaf_types: frozenset[str]
    sender: str
    name: str
    subject: str
    text: str
    own: str
    quotes: bool = False


_DAEMON = re.compile(
    r"^(?:post[-_.]?master|mail[-_.]?(?:delivery|system|gateway|admin|daemon)\w*|mdaemon|ndr"
    r"|\"?system[ ._-]administrator\"?|post-?master\W.*|\w*(?:anti-?virus|mail_?service|mail_?gateway|interscan"
    r"|virus-?alert)\w*|bounces?(?:[-+_.].*)?|mds|antispam\w*|null|mailadmin|mail-?er|undeliverable\w*"
    r"|auto-?reply-?daemon|(?:smtp|mta)(?:[-_.\d].*)?|mmdf|maildaemon|mailer)@",
    re.I,
)
# Nobody but a server writes under these.
_ONLY_DAEMON = re.compile(r"^(?:mailer[-_.]?daemon|microsoftexchange[0-9a-f]{6,}|double-bounce|qmail.*)@", re.I)
_DAEMON_NAME = re.compile(
    r"mail(?:er)?[\s_-]*(?:delivery|daemon)|postmaster|delivery (?:sub)?system|mail system\W*$|почтов(?:ый"
    r"|ая) (?:сервер|система|робот|демон)|^\W*(?:system administrator|системный администратор|администратор (?:почты"
    r"|системы))\W*$|служба доставки|undeliver|microsoft outlook$|content[- ]filter at",
    re.I,
)
_TITLE = re.compile(r"administrator|администратор", re.I)
_BOUNCE_SUBJECT = re.compile(
    r"undeliver|^nd[nr]:"
    r"|returned mail|\[bounce\]|mail failed|failed mail|returning (?:message )?to sender|rejected mail"
    r"|mail delivery warning|failed delivery|message you sent (?:was )?blocked|error sending your mail"
    r"|mail system error|unable to deliver|mail delivery status|delivery (?:status notification|fail|has failed"
    r"|problem|error|report|notification|incomplete|delayed)|fail(?:ed|ure) (?:notice|delivery|to deliver)"
    r"|returned (?:mail|to sender|email)|mail (?:delivery (?:fail|problem|error|system)|could not be|not delivered"
    r"|failure|system error|returned)|non[- ]?(?:delivery|remis)|(?:message|mail|e-?mail) (?:was )?(?:not |un"
    r"|delayed)deliver|not delivered|could not (?:be )?(?:send|sent|deliver)|message delayed|delivery delayed"
    r"|warning: (?:could not send|message)|rejected:|(?:message|mail) (?:rejected|bounced)|user unknown|unzustellbar"
    r"|nicht zugestellt|nicht zustellbar|не(?: был[оа]?)? ?доставлен|недоставлен|не удалось доставить"
    r"|невозможно доставить|ошибка (?:доставки|при доставке|отправки)|сбой доставки"
    r"|уведомление о (?:состоянии доставки|недостав|невозможности доставки)|отч[её]т о (?:доставке|недоставке)"
    r"|возвращ[её]н|доставка .{0,30}(?:не удалась|невозможна|отложена|задерж)|письмо не отправлено"
    r"|сообщение не отправлено|задержка доставки|недоставк|не може бути доставлен|не доставлено"
    r"|échec de (?:la )?remise|non remis|no se pudo entregar|devuelto al remitente|mancata consegna"
    r"|impossibile recapitare|não (?:foi )?entregue|niet bezorgd|onbestelbaar|niedostarcz|nie dostarczono"
    r"|undelivered|kunne ikke leveres|kunde inte levereras|配信不能|配信エラー|送信できません"
    r"|退信|系统退信|投递失败|传输失败|반송"
    r"|delivery to .{1,80} failed|nondeliverable|nem kézbesíthető|teslim edil|no se pued?[eo] entregar"
    r"|non recapitabil|nedoručiteln|nepodařilo doručit|(?:inte|ikke) (?:att )?lever"
    r"|未送达|未能送达|无法送达|送信(?:不能|エラー)"
    r"|banned (?:content|file)|(?:virus|spam) (?:found|detected)|message (?:has been |was )?(?:refused|held"
    r"|quarantined|blocked)|(?:message|mail) has been rejected|delayed mail|повідомлення не доставлен"
    r"|не вдалося доставити|недоставлен\w* (?:почта|письмо|сообщение)|ящик (?:получателя )?переполнен"
    r"|e-?mail (?:delivery )?failure|dsn:|message status - undeliverable|mail konnte nicht",
    re.I,
)
_BOUNCE_BODY = re.compile(
    r"(?:could|can|was|were|is|has|have|may)(?: ?not|n't) (?:be |been )?(?:be )?deliver|delivery (?:to the following"
    r"|has failed|failed|status notification|of the message)|permanent(?: fatal)? (?:error|failure)"
    r"|recipient(?:'s)? (?:address )?(?:rejected|not found|unknown|mailbox)|(?:user|mailbox|account|address"
    r"|recipient) (?:\S+ )?(?:unknown|not found|unavailable|does(?: not|n't) exist|is (?:full|disabled|inactive"
    r"|invalid))|mailbox (?:is )?full|over quota|quota exceeded|no such (?:user|mailbox|recipient|address|domain)"
    r"|undeliverable|host (?:or domain name )?not found|message size exceeds|returned to sender"
    r"|mail has been returned|returned mail follows|unable to deliver|postponed due to|无法发送|无法送达"
    r"|original message as received|no valid recipients|pas pu [eê]tre d[ée]livr|not a valid (?:user|address)"
    r"|failed (?:permanently|recipient)|(?:following|these) (?:address|recipient)\S* (?:had|fail|were)"
    r"|(?<!\d)5\d\d[ -](?:#?5\.\d\.\d|\S)|#?\b[45]\.\d\.\d{1,2}\b|diagnostic-code|reporting-mta|final-recipient"
    r"|status: [45]\.|не(?:т такого| ?существует|возможно доставить| может быть доставлен\w*| было доставлен\w*"
    r"| был доставлен\w*| доставлен\w*| удалось доставить| найден)|ящик (?:пере)?полон|переполнен|пользовател[ья] не"
    r"|адрес\w* (?:получателя )?не|получател[ья] не|сообщение отклонено|недоставлен|заблокирован|отказался принять"
    r"|не вдалося|не знайдено|отклонено|не передано адресату"
    r"|was blocked|(?:was|been) (?:rejected|refused|held|blocked)|banned"
    r"|has not yet been delivered|did not reach (?:all|one|some|the)"
    r"|nicht zugestellt|n'a pas pu être|no se ha podido entregar"
    r"|non è stato possibile|não pôde ser entregue",
    re.I,
)
_BOUNCE_OPENING = re.compile(
    r"^\W{0,3}(?:undeliver|delivery (?:status notification|fail|has failed)|failure notice|returned mail"
    r"|mail (?:delivery (?:fail|problem)|could not be)|non[- ]?deliver"
    r"|warning: could not send|message (?:undeliverable|could not be)|unzustellbar|не(?:доставлен| доставлен"
    r"| удалось доставить)|сообщение не доставлено|письмо не доставлено)",
    re.I,
)
# What servers begin with and people do not, unless they pass such a letter on.
_SERVER_OPENING = re.compile(
    r"^[\W_]{0,80}(?:message from [^\n]{1,80}\n\s{0,20}the following mail could not|non-delivery report"
    r"|failed recipients|this is an automatically generated delivery|this message was created automatically by mail"
    r"|это (?:письмо|сообщение) (?:было )?создано автоматически почтов"
    r"|(?:the following|your|a) (?:message|mail|e-?mail)[^\n]{0,200}\n?[^\n]{0,40}"
    r"(?:could|can) ?not be delivered to (?:the following|one or more|\S+@)"
    r"|could not deliver (?:the |your )?message to (?:the following|one or more|\S+@))",
    re.I,
)
_SERVER_WORDS = re.compile(
    r"(?<!\d)[45]\d\d[ -]#?[45]\.\d\.\d|\b[45]\.\d\.\d{1,2}\b|(?<!\d)55[0-4][ -](?:address|host|invalid|mail"
    r"|message|no |rcpt|recipient|reject|relay|request|sender|sorry|unknown|unroute|user)"
    r"|(?:reporting-mta|final-recipient|diagnostic-code"
    r"|remote-mta)\s?:"
    r"|qmail-send|transcript of session|(?:original|returned) message (?:headers?|follows)|copy of (?:your"
    r"|the) message",
    re.I,
)
# A server tells its reader of the reader's letter …
_OF_YOUR_LETTER = re.compile(
    r"\b(?:your|(?:a|the) (?:message|e-?mail|mail)(?: that)? (?:you sent|sent by you)|deliver your) ?(?:e-?mail|mail"
    r"|message|letter)?\b[^\n]{0,120}(?:(?:not|n't|cannot) (?:yet )?(?:be(?:en)? )?(?:deliver|accept)"
    r"|not reach|unable to be deliver|undeliver|reject|refus|return|block|to the following recipient)"
    r"|(?:could not|can't|cannot|unable to) deliver (?:your|the) (?:mail|message|e-?mail)"
    r"|\b(?:ваше (?:электронное )?(?:письмо|сообщение)|(?:письмо|сообщение),? отправленное вами)[^\n]{0,120}"
    r"(?:не (?:может|могло|было|удалось|удается|передан|отправлен|доставлен|принят)|отклонен|возвращ|заблокир|отверг)"
    r"|\bihre (?:e-?mail|nachricht)[^\n]{0,120}(?:nicht (?:zugestellt|ausgeliefert)|abgelehnt|zurückgewiesen)"
    r"|\bvotre (?:message|e-?mail|courriel)[^\n]{0,120}(?:n'a pas (?:pu|été)|rejeté)",
    re.I,
)
# … and names the one it did not reach, or the code of the refusal (RFC 5321, 3463); no server has a letter of its own.
_NOT_REACHED = re.compile(
    r"\S@\w|\b(?:recipient|mailbox|user|addressee)\b|name was not found|получател|адресат"
    r"|(?<!\d)[45][0-5]\d[ -]#?(?:[45]\.\d\.\d|[a-z])|\b[45]\.\d\.\d{1,2}\b",
    re.I,
)
_OF_ONESELF = re.compile(r"\b(?:my|mine|me|мне|меня|мо[йяеёию]|моего)\b", re.I)
_PERSON_WORDS = re.compile(
    r"\b(?:i|we|our|us|my|me|please|hi|hello|я|мы|нам|нас|наш\w*|прошу|просим|здравствуйте)\b", re.I
)
_SMTP_COMMAND = re.compile(r"^\W{0,9}(?:mail from|rcpt to)\s?:", re.I | re.M)
# A server that keeps a letter until its sender proves to be a person.
_CHALLENGE = re.compile(
    r"(?:account|mailbox|inbox) is protected by\b[^?]{0,300}\b(?:click|confirm|verify)\b"
    r"|(?:to have it delivered|before (?:it|your (?:message|e-?mail)) (?:is|can be|will be) delivered"
    r"|in order to deliver"
    r" your (?:message|e-?mail))[^?]{0,160}\b(?:click|confirm|reply|verify)\b",
    re.I,
)
_PASSED_ON = re.compile(r"^\W{0,3}(?:fwd?|fw|пересл|пер|re|отв|ha|wg|tr)\s?:", re.I)
_ANSWER = re.compile(r"^\W{0,3}(?:re|отв|ответ|aw|sv|odp|antw|rif|vs|відп)\s?:", re.I)
_SUPPRESS = re.compile(r"\ball\b|\boof\b|autoreply")
_ACTION = re.compile(r"^action:\s*([a-z]+)", re.I | re.M)
_REPORT_PARTS = {
    "message/delivery-status",
    "message/global-delivery-status",
    "message/disposition-notification",
    "message/feedback-report",
}
_BOUNCE_HEADERS = ("x-failed-recipients", "x-ms-exchange-message-is-ndr", "x-mailer-daemon", "x-bounce-reason")
# X-Autoreply, X-Autorespond, X-Mail-Autoreply, X-Autoreply-From, X-Kerio-Autoreply, X-Vacation and their like; every
# product has one of its own. Not X-Auto-Response-Suppress, which people's programs set too.
_AUTO_HEADER = re.compile(
    r"x-(?:[\w-]{1,24}-)?(?:auto-?repl(?:y|ied)|auto-?respon(?:d|der|se)|vacation)(?:-(?:from|id|by|sent|version|to))?"
)
_NO = {"", "no", "none", "false", "0"}
# A weak sign each: their servers also pass on what people write in the ticket.
_HELP_DESKS = re.compile(r"otrs|zammad|znuny|zendesk|freshdesk|osticket|kayako|helpdesk|omnidesk|usedesk|deskpro")
_HELP_DESK_HEADERS = (
    "x-otrs-loop",
    "x-rt-loop-prevention",
    "rt-ticket",
    "x-jira-fingerprint",
    "x-zendesk-from-account-id",
)
_AUTO_PRECEDENCE = {"auto_reply", "auto-reply", "autoreply"}
_AUTO_WORDS = (
    ("x-post-messageclass", "autoresponder"),
    ("x-autogenerated", "reply"),
    ("x-fc-machinegenerated", "true"),
    ("x-ms-exchange-generated-message-source", "mailbox rules agent"),
    ("delivered-to", "autoresponder"),
    ("x-mailer", "vacation"),
    ("x-mailer", "autorespond"),
    ("user-agent", "vacation"),
    ("x-apple-action", "vacation"),
)
_BULK_HEADERS = (
    "list-id",
    "list-unsubscribe",
    "list-post",
    "feedback-id",
    "x-mailing-list",
    "x-campaign",
    "x-campaignid",
    "x-listserver",
    "x-mlserver",
    "x-ml-name",
)
_ROBOT_ADDRESS = re.compile(
    r"^(?:no[-_.]?reply|do[-_.]?not[-_.]?reply|donotreply|robot|auto-?reply|autoresponder|vacation|noreplay"
    r"|notifications?)(?:[+_.-][^@]*)?@",
    re.I,
)


def judge(headers: Headers, letter: Facts) -> Verdict:
    """What a letter is."""
    if letter.content_type == "multipart/report" or letter.leaf_types & _REPORT_PARTS:
        verdict = _report(letter)
        if verdict is not None:
            return verdict
    if _is_bounce(headers, letter):
        return Verdict("bounce")
    if _is_auto_reply(headers, letter):
        return Verdict("auto_reply")
    if _null_sender(headers) and not _is_bulk_sender(headers):
        return Verdict("auto_reply")  # mailings want to know of their bounces, answering machines do not (RFC 5230)
    if _is_bulk(headers):
        return Verdict("bulk")
    if headers.token("auto-submitted").startswith("auto-"):
        return Verdict("auto_reply" if _answers(headers) or _ANSWER.match(letter.subject) else "bulk")
    return Verdict(None)


def _report(letter: Facts) -> Verdict | None:
    """By the type of the report (RFC 6522), or by its parts where the type is missing."""
    kind, parts = letter.report_type, letter.leaf_types
    if kind == "disposition-notification" or "message/disposition-notification" in parts:
        if "reject" in letter.subject.lower() and _BOUNCE_SUBJECT.search(letter.subject):  # Sieve's reject (RFC 5429)
            return Verdict("bounce")
        return Verdict("auto_reply", ("read_receipt",))
    if kind == "feedback-report" or "message/feedback-report" in parts:
        return Verdict("bulk")
    if kind == "delivery-status" or parts & {"message/delivery-status", "message/global-delivery-status"}:
        actions = {found.lower() for found in _ACTION.findall(letter.text)}
        if actions and actions <= {"delivered", "relayed", "expanded"}:
            return Verdict("auto_reply")
        return Verdict("bounce")
    return None


def _is_bounce(headers: Headers, letter: Facts) -> bool:
    if any(name in headers for name in _BOUNCE_HEADERS):
        return True
    subject, text = letter.subject, letter.text
    null_sender = _null_sender(headers)
    passed_on = _PASSED_ON.match(subject) is not None
    subject_says = bool(_BOUNCE_SUBJECT.search(subject)) and not passed_on
    if _ONLY_DAEMON.match(letter.sender) or _is_challenge(text[:1500]):
        return True
    unasked = not passed_on and not _answers(headers)
    if (
        (null_sender or unasked)
        and _tells_of_your_letter(text)  # before the costly search of the whole text
        and (null_sender or subject_says or _SERVER_WORDS.search(text))
    ):
        return True
    if _is_daemon(headers, letter):
        return subject_says or (_daemon_answers(letter) if passed_on else _daemon_reports(letter))
    if not subject_says:
        return null_sender and bool(_SERVER_WORDS.search(text)) and bool(_BOUNCE_BODY.search(text))
    if null_sender or headers.token("auto-submitted").startswith("auto-") or _ROBOT_ADDRESS.match(letter.sender):
        return bool(_BOUNCE_BODY.search(text))
    # Nobody says who wrote: the subject must begin as bounces do, and the body hold what only servers write.
    if _answers(headers) or not _BOUNCE_OPENING.match(subject) or _OF_ONESELF.search(text[:300]):
        return False
    return bool(_SERVER_WORDS.search(text) or _SERVER_OPENING.match(text))


def _is_daemon(headers: Headers, letter: Facts) -> bool:
    """Whether the sender has the address or the name of a server."""
    return (
        bool(_DAEMON.match(letter.sender) or _DAEMON.match(headers.token("from").rpartition("<")[2]))
        or bool(_DAEMON_NAME.search(letter.name))
        or (not letter.sender and (_null_sender(headers) or headers.raw("from") == b"<>"))
    )


def _daemon_reports(letter: Facts) -> bool:
    """Whether one who is called as servers are writes as they do."""
    if _DAEMON.match(letter.sender) or not letter.sender:
        return bool(_BOUNCE_BODY.search(letter.text))
    # One who is called so, and asks, is the person who looks after a server.
    if re.search(r"\?(?:\s|$)", letter.own) or not _BOUNCE_BODY.search(letter.text):
        return False
    person = _TITLE.search(letter.name) and not _SERVER_WORDS.search(letter.text)
    return not person or _tells_of_your_letter(letter.text)


def _daemon_answers(letter: Facts) -> bool:
    """Whether a server reports under the subject of the letter that it returns, as gateways to telephones do.

    One who has the address of a server and writes as a person looks after it.
    """
    opening = letter.own[:600]
    return bool(
        _DAEMON.match(letter.sender)
        and (_SERVER_WORDS.search(opening) or _SMTP_COMMAND.search(opening))
        and _BOUNCE_BODY.search(opening)
        and not _PERSON_WORDS.search(opening)
        and re.search(r"\?(?:\s|$)", opening) is None
    )


def _tells_of_your_letter(text: str) -> bool:
    """Whether it says of the reader's letter that it did not reach somebody, and nothing of the writer."""
    opening = text[:600]
    return (
        _OF_YOUR_LETTER.search(opening) is not None
        and _NOT_REACHED.search(opening) is not None
        and not _OF_ONESELF.search(opening[:300])
        and re.search(r"\?(?:\s|$)", opening) is None
    )


def _is_challenge(text: str) -> bool:
    if "protected by" not in text and "deliver" not in text:
        return False
    return _CHALLENGE.search(text) is not None and re.search(r"\?(?:\s|$)", text) is None


def _is_auto_reply(headers: Headers, letter: Facts) -> bool:
    submitted = re.split(r"[;\s]", headers.token("auto-submitted"))[0]
    if submitted in ("auto-replied", "auto-notified", "auto-response"):
        return True
    if any(_AUTO_HEADER.fullmatch(name) and headers.token(name) not in _NO for name in headers.names()):
        return True
    if any(headers.token(name) in _AUTO_PRECEDENCE for name in ("precedence", "x-precedence", "preference")):
        return True
    if any(word in headers.token(name) for name, word in _AUTO_WORDS) or auto_replies.named(letter.subject):
        return True
    suppressed = _SUPPRESS.search(headers.token("x-auto-response-suppress"))  # also what Outlook adds to people's mail
    rule = "x-ms-exchange-inbox-rules-loop" in headers
    if rule and suppressed and suppressed.group() == "all":  # a rule alone also passes on what people write
        return True
    chosen = auto_replies.chosen(letter.subject)
    hinted = not _is_bulk_sender(headers) and (
        _null_sender(headers)
        or submitted == "auto-generated"
        or headers.token("precedence") in ("bulk", "junk")
        or (suppressed and suppressed.group() == "all")
        or rule
        or chosen is not None
        or auto_replies.names_absent(letter.subject)
        or bool(_ROBOT_ADDRESS.match(letter.sender))
        or bool(_HELP_DESKS.search(headers.token("x-powered-by") + headers.token("x-mailer")))
        or any(name in headers for name in _HELP_DESK_HEADERS)
    )
    # Who answers by a person's program sets In-Reply-To; machines that put «Re:» before a subject often do not.
    answers = _answers(headers) or bool(suppressed) or bool(_ANSWER.match(letter.subject))
    return notices.is_notice(chosen or letter.subject, letter.own, answers, bool(hinted), letter.quotes)


def _null_sender(headers: Headers) -> bool:
    return headers.raw("return-path").strip() == b"<>"


def _answers(headers: Headers) -> bool:
    return "in-reply-to" in headers or "references" in headers


def _is_bulk_sender(headers: Headers) -> bool:
    return any(name in headers for name in _BULK_HEADERS)


def _is_bulk(headers: Headers) -> bool:
    return _is_bulk_sender(headers) or headers.token("precedence") in ("bulk", "list", "junk")
