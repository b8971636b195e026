"""Mail that no person wrote: bounces, receipts, answering machines, lists. Told by what machines say of themselves.

Headers first (RFC 3464, 3834, 2369, 5965); then the sender's name together with the wording, because most bounces that
header rules miss come from a postmaster without `multipart/report`. A word alone never makes a person a robot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from normalizer.headers import Headers

Machine = Literal["bounce", "auto_reply", "bulk"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What kind of machine wrote, and the flags that say more."""

    machine: Machine | None
    flags: tuple[str, ...] = ()


_DAEMON = re.compile(
    r"^(?:mailer[-_.]?daemon|post[-_.]?master|mail[-_.]?(?:delivery|system|gateway|admin|daemon)\w*|microsoftexchange[0-9a-f]{6,}|mdaemon|double-bounce"
    r"|bounces?(?:[-+_.].*)?|mds|symantec.*|antispam\w*|null|exchange.*|mailadmin|mail-?er|undeliverable\w*|auto-?reply-?daemon|smtp\w*|mta\w*|mmdf|qmail.*|maildaemon|mailer)@",
    re.I,
)
_DAEMON_NAME = re.compile(
    r"mail(?:er)?[\s_-]*(?:delivery|daemon)|postmaster|delivery (?:sub)?system|mail system|почтов(?:ый|ая) (?:сервер|система|робот|демон)|system administrator"
    r"|системный администратор|администратор (?:почты|системы)|служба доставки|undeliver|microsoft outlook$",
    re.I,
)
_BOUNCE_SUBJECT = re.compile(
    r"undeliver|delivery (?:status notification|fail|has failed|problem|error|report|notification|incomplete|delayed)|fail(?:ed|ure) (?:notice|delivery|to deliver)|returned (?:mail|to sender|email)"
    r"|mail (?:delivery (?:fail|problem|error|system)|could not be|not delivered|failure|system error|returned)|non[- ]?(?:delivery|remis)|(?:message|mail|e-?mail) (?:was )?(?:not |un|delayed)deliver|not delivered"
    r"|could not (?:be )?(?:send|sent|deliver)|message delayed|delivery delayed|warning: (?:could not send|message)|rejected:|(?:message|mail) (?:rejected|bounced)|user unknown|unzustellbar|nicht zugestellt|nicht zustellbar"
    r"|не(?: был[оа]?)? ?доставлен|недоставлен|не удалось доставить|невозможно доставить|ошибка (?:доставки|при доставке|отправки)|сбой доставки|уведомление о (?:состоянии доставки|недостав|невозможности доставки)"
    r"|отч[её]т о (?:доставке|недоставке)|возвращ[её]н|доставка .{0,30}(?:не удалась|невозможна|отложена|задерж)|письмо не отправлено|сообщение не отправлено|задержка доставки|недоставк|не може бути доставлен|не доставлено"
    r"|échec de (?:la )?remise|non remis|no se pudo entregar|devuelto al remitente|mancata consegna|impossibile recapitare|não (?:foi )?entregue|niet bezorgd|onbestelbaar|niedostarcz|nie dostarczono|undelivered|kunne ikke leveres|kunde inte levereras"
    r"|配信不能|配信エラー|送信できません|退信|系统退信|投递失败|반송|delivery to .{1,80} failed|nondeliverable|nem kézbesíthető|teslim edilemedi|e-?mail (?:delivery )?failure|dsn:|message status - undeliverable|mail konnte nicht",
    re.I,
)
_BOUNCE_BODY = re.compile(
    r"(?:could|can|was|were|is|has|have|may)(?: ?not|n't) (?:be |been )?(?:be )?deliver|delivery (?:to the following|has failed|failed|status notification|of the message)|permanent(?: fatal)? (?:error|failure)|recipient(?:'s)? (?:address )?(?:rejected|not found|unknown|mailbox)"
    r"|(?:user|mailbox|account|address|recipient) (?:\S+ )?(?:unknown|not found|unavailable|does(?: not|n't) exist|is (?:full|disabled|inactive|invalid))|mailbox (?:is )?full|over quota|quota exceeded|no such (?:user|mailbox|recipient|address|domain)|undeliverable|host (?:or domain name )?not found|message size exceeds"
    r"|returned to sender|unable to deliver|failed (?:permanently|recipient)|(?:following|these) (?:address|recipient)\S* (?:had|fail|were)|(?<!\d)5\d\d[ -](?:#?5\.\d\.\d|\S)|#?\b[45]\.\d\.\d{1,2}\b|diagnostic-code|reporting-mta|final-recipient|status: [45]\."
    r"|не(?:т такого| ?существует|возможно доставить| может быть доставлен\w*| было доставлен\w*| был доставлен\w*| доставлен\w*| удалось доставить| найден)|ящик (?:пере)?полон|переполнен|пользовател[ья] не|адрес\w* (?:получателя )?не|получател[ья] не|сообщение отклонено|недоставлен|заблокирован|отказался принять"
    r"|konnte nicht zugestellt|n'a pas pu être|no se ha podido entregar|non è stato possibile|não pôde ser entregue",
    re.I,
)
_AWAY_SUBJECT = re.compile(
    r"^\W{0,3}(?:(?:re|fw|aw|отв|ha)\s?:\s?)?(?:auto(?:matic)?[\s-]?(?:matic )?(?:re(?:ply|sponse|sponder)|antwort|matisk)|autoreply|autosvar|autoantwort|automatische? (?:antwort|reply|afwezig\w*|beantwoording)|automatisk|automaattinen|automatická|automatyczna odpowied"
    r"|out[\s-]?of[\s-]?(?:the[\s-]?)?office|ooo\b|on (?:vacation|holiday|leave)|vacation (?:reply|notice|auto)|away from (?:the|my) (?:office|mail|desk)|(?:i am|i'm) (?:away|out of|on)\b|absence|abwesen|r[ée]ponse automatique|message d'absence|respuesta autom|fuera de (?:la )?oficina|risposta automatica|fuori (?:sede|ufficio)"
    r"|resposta autom|fora do escrit|frånvar|fravær|poissaolo|nieobecno|odpowied. automatyczna|afwezig|avwezig|otomatik (?:yanıt|cevap)|automatikus válasz|autom.*odpově|自動返信|不在|自动(?:回复|答复)|부재 ?중|자동 ?(?:응답|회신)|răspuns automat|automatski odgovor"
    r"|автоответ|автоматический ответ|автоматичн\w+ відповідь|(?:я )?(?:сейчас )?(?:нахожусь |буду )?(?:в отпуске|в отсутствии|вне офиса|на больничном|в командировке)|отсутствую|вне офиса|нет на месте|автовідповід|у відпустці)",
    re.I,
)
_AWAY_BODY = re.compile(
    r"(?:i am|i'm|i will be|i'll be|currently|am) (?:currently |now )?(?:out of (?:the )?office|away|on (?:vacation|holiday|leave|annual|maternity|parental|sick|a business)|travell?ing|unavailable)|out of (?:the )?office|limited access to (?:my )?e-?mail|will (?:respond|reply|get back|return).{0,80}(?:return|back|when)"
    r"|automat\w+ (?:reply|response|generated|message|antwort|réponse|respuesta|risposta|resposta)|this is an auto|thank you for (?:your (?:e-?mail|message|mail)|contacting)|urgent(?:e|ly)?\b.{0,60}(?:contact|call)|we (?:have )?received your"
    r"|(?:нахожусь|буду|ухожу|являюсь|я) (?:\S+ ){0,3}(?:в (?:ежегодном |декретном |очередном )?отпуске|в командировке|на больничном|вне офиса|в отъезде|отсутств)|отсутству|(?:отвечу|свяжусь|вернусь|вернуться).{0,60}(?:возвращ|после|\d)|по срочным вопросам|в случае срочн|автоматическ\w+ (?:ответ|сообщени|уведомлен)|не нужно отвечать|автоответчик"
    r"|ваше (?:письмо|сообщение|обращение) (?:получено|принято|доставлено)|спасибо за (?:ваше )?(?:письмо|обращение|сообщение)|abwesend|nicht im (?:büro|haus)|im urlaub|je suis (?:actuellement )?(?:absent|en congé)|estoy (?:de vacaciones|fuera)|sono (?:fuori|in ferie|assente)|estou (?:de férias|ausente|fora)|niet (?:op kantoor|aanwezig)|jestem (?:na urlopie|nieobecn)|у відпустці|відсутн",
    re.I,
)
_ROBOT_ADDRESS = re.compile(
    r"^(?:no[-_.]?reply|do[-_.]?not[-_.]?reply|donotreply|robot|auto-?reply|autoresponder|vacation|noreplay|notifications?)(?:[+_.-][^@]*)?@",
    re.I,
)


def judge(
    headers: Headers,
    content_type: str,
    report_type: str,
    leaf_types: set[str],
    sender: str,
    name: str,
    subject: str,
    text: str,
) -> Verdict:
    """What a letter is. `text`: the first kilobytes of its body, as read."""
    text = text[:6000]
    if content_type == "multipart/report" or leaf_types & {
        "message/delivery-status",
        "message/disposition-notification",
        "message/feedback-report",
    }:
        verdict = _report(report_type, leaf_types, text, subject)
        if verdict is not None:
            return verdict
    if _is_bounce(headers, sender, name, subject, text):
        return Verdict("bounce")
    if _is_auto_reply(headers, sender, subject, text):
        return Verdict("auto_reply")
    if _is_bulk(headers, sender):
        return Verdict("bulk")
    return Verdict(None)


def _report(report_type: str, leaf_types: set[str], text: str, subject: str) -> Verdict | None:
    if report_type == "disposition-notification" or "message/disposition-notification" in leaf_types:
        return Verdict("auto_reply", ("read_receipt",))
    if report_type == "feedback-report" or "message/feedback-report" in leaf_types:
        return Verdict("bulk", ("feedback_report",))
    if report_type in ("delivery-status", "") or "message/delivery-status" in leaf_types:
        if (
            "message/delivery-status" not in leaf_types
            and report_type != "delivery-status"
            and not _BOUNCE_SUBJECT.search(subject)
        ):
            return None
        return Verdict("bounce")
    return None


def _is_bounce(headers: Headers, sender: str, name: str, subject: str, text: str) -> bool:
    if "x-failed-recipients" in headers or "x-ms-exchange-message-is-ndr" in headers:
        return True
    null_sender = headers.raw("return-path").strip() == b"<>"
    daemon = bool(_DAEMON.match(sender)) or bool(_DAEMON_NAME.search(name)) or (null_sender and not sender)
    subject_says, body_says = bool(_BOUNCE_SUBJECT.search(subject)), bool(_BOUNCE_BODY.search(text))
    if daemon:
        return subject_says or body_says
    machine = null_sender or headers.token("auto-submitted").startswith("auto-") or bool(_ROBOT_ADDRESS.match(sender))
    return machine and subject_says and body_says


def _is_auto_reply(headers: Headers, sender: str, subject: str, text: str) -> bool:
    submitted = headers.token("auto-submitted").split(";")[0].split(" ")[0]
    if submitted in ("auto-replied", "auto-notified"):
        return True
    if any(
        name in headers
        for name in (
            "x-autoreply",
            "x-autorespond",
            "x-autoresponder",
            "x-auto-reply",
            "x-mail-autoreply",
            "x-autogenerated",
            "x-autoreply-from",
        )
    ):
        return headers.token("x-autoreply") not in ("no", "false")
    if headers.token("precedence") in ("auto_reply", "auto-reply"):
        return True
    subject_says = bool(_AWAY_SUBJECT.search(subject))
    null_sender = headers.raw("return-path").strip() == b"<>"
    weak = (
        null_sender
        or submitted == "auto-generated"
        or headers.token("precedence") in ("bulk", "junk")
        or headers.token("x-auto-response-suppress") == "all"
    )
    body_says = bool(_AWAY_BODY.search(text[:2500]))
    if subject_says:
        return weak or body_says or not text.strip()
    return weak and body_says and bool(_AWAY_BODY.search(text[:600]))


def _is_bulk(headers: Headers, sender: str) -> bool:
    if any(
        name in headers
        for name in (
            "list-id",
            "list-unsubscribe",
            "list-post",
            "feedback-id",
            "x-mailing-list",
            "x-campaign",
            "x-campaignid",
            "x-mailgun-tag",
        )
    ):
        return True
    return headers.token("precedence") in ("bulk", "list", "junk") or headers.token("auto-submitted").startswith(
        "auto-generated"
    )
