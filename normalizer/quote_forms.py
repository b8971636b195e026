"""How mail programs announce the letter that is answered or passed on, in the languages of their users.

Every check looks at one line of bounded length, so the whole stays linear. The wording was collected from the programs'
own replies: Gmail, Outlook, Apple Mail, Thunderbird, mail.ru, Yandex, Rambler, Roundcube, The Bat and others.
"""

from __future__ import annotations

import re
from typing import Literal

MAX_LINE = 500  # characters of a line that a pattern looks at; an attribution with two long addresses fits

Role = Literal["from", "sent", "to", "subject", "cc"]

_ROLES: dict[Role, str] = {
    "from": "from|от|от кого|отправитель|від|від кого|von|de|da|van|od|från|fra|lähettäjä|kimden|gönderen|发件人"
    "|寄件者|寄件人"
    "|差出人|送信者|보낸 사람|보낸사람|từ|من|feladó|expéditeur|remitente|mittente|afzender|nadawca|odesílatel"
    "|odosielateľ|absender"
    "|avsändare|afsender|avsender|из|ад|од|от (from)|dari|frá|saatja|nuo|no|pošiljatelj|de la|από|кімнен|жіберуші",
    "sent": "sent|date|sent at|received|отправлено|дата|дата отправки|послано|надіслано|gesendet|gesendet am|datum"
    "|message du|envoyé|envoyé le|date d'envoi"
    "|enviado|enviado el|enviada em|enviado em|fecha|data|inviato|inviata|verzonden|wysłano|data wysłania|odesláno"
    "|odoslané|dátum|skickat|sendt|dato"
    "|lähetetty|päivämäärä|päiväys|gönderildi|gönderme tarihi|tarih|发送时间|发件时间|日期|时间|寄件日期|傳送日期"
    "|送信日時|日付|보낸 날짜|날짜|đã gửi"
    "|ngày"
    "|التاريخ|elküldve|küldve|датум|trimis|дасланае|dikirim|tanggal|saadetud|ημερομηνία|skickades|изпратено|жіберілді|күні",
    "to": "to|кому|получатель|an|à|a|para|per|aan|do|komu|till|til|vastaanottaja|kime|alıcı|收件人|收件者|宛先"
    "|받는 사람|받는사람|đến|tới"
    "|إلى|címzett|destinataire|destinatario|destinatário|pro|für|către|kepada|kam|kellele|προς|до|кімге",
    "subject": "subject|тема|тема письма|предмет|betreff|objet|sujet|asunto|oggetto|assunto|onderwerp|temat|předmět"
    "|predmet|ämne|emne|aihe"
    "|konu|主题|主題|件名|主旨|제목|chủ đề|tiêu đề|الموضوع|tárgy|относно|subiect|subjek|perihal|teema|tēma|tema|θέμα"
    "|тақырыбы",
    "cc": "cc|копия|копія|kopie|copie|copia|cópia|dw|kopio|bilgi|抄送|副本|참조|bcc|reply-to|organization|importance"
    "|copie à|attachments|вложения"
    "|важность|anlagen|priorität|pièces jointes|adjuntos|allegati|anexos|kopia|cópia",
}
ROLES: dict[str, Role] = {name: role for role, names in _ROLES.items() for name in names.split("|")}

_HEADER = re.compile(r"^[\s>|]{0,20}[*_]{0,2}([^\W\d_][^:：\n@<>]{0,24}?)\s?[*_]{0,2}\s?[:：][*_]{0,2}(?:\s|$|[^/\s])")


def role(line: str) -> Role | None:
    """Which field of a quoted header a line is («Кому: …» is "to"), or None."""
    found = _HEADER.match(line[:60])
    return ROLES.get(found.group(1).strip().lower()) if found else None


_FLAT = re.compile(
    r"(?<!\S)[*_]{0,2}(from|sent|date|to|subject|от|дата|отправлено|кому|тема|від|дата|von|an|gesendet"
    r"|betreff)[*_]{0,2}:",
    re.I,
)
_FLAT_FROM = re.compile(r"(?<!\S)[*_]{0,2}(?:from|от|від|von)[*_]{0,2}:[^:]{0,80}@", re.I)


def flattened(line: str) -> bool:
    """Whether a line holds a whole quoted header: who with an address, when with a time, and more."""
    line = line[:MAX_LINE]
    if not _FLAT_FROM.search(line) or not _TIME.search(line):
        return False
    roles = {ROLES.get(name.lower()) for name in _FLAT.findall(line)}
    return "from" in roles and "sent" in roles


def from_a_program(line: str) -> bool:
    """Whether a header field holds an address or a time of day, as people do not write them."""
    found = role(line)
    return bool((found == "from" and "@" in line) or (found == "sent" and _TIME.search(line[:MAX_LINE])))


_VERBS = (
    r"wrote|writes|has written|said|написал(?:а|\(а\)|и)?|пишет|пишут|писал(?:а|\(а\)|и)?|сообщил(?:а|\(а\))?"
    r"|ответил(?:а|\(а\))?"
    r"|написав(?:ла|\(ла\))?|пише|писав(?:ла|\(ла\))?|напісаў|піша|schrieb(?:en)?|schreibt|hat geschrieben"
    r"|haben sie geschrieben|nous a dit|a écrit"
    r"|écrit|ecrit"
    r"|escribió|escribio|escribi[oó]|ha escrit|va escriure|ha scritto|scrive|scrisse|escreveu|escreveram|schreef"
    r"|het volgende geschreven"
    r"|geschreven|napisał(?:\(a\)|a|/a)?|pisze|skrev|skreiv|skrifaði|kirjoitti|napsal(?:\(a\)|a)?|napísal(?:\(a\)|a)?"
    r"|yazdı|yazmış"
    r"|写道|寫道|写到|のメール|작성|썼습니다|님이 작성|đã viết|írta|ezt írta|a scris|написа|έγραψε|kirjutas|rašė"
    r"|rakstīja"
    r"|je napisao|je napisal(?:a)?|је написао|pisao|menulis|เขียน|כתב(?:ה)?|كتب"
)
VERB = re.compile(rf"(?<!\w)(?:{_VERBS})(?!\w)", re.I)
_VERB_AT_END = re.compile(rf"(?<!\w)(?:{_VERBS})\W{{0,12}}$", re.I)
# Germanic languages put the name last: "Am 05.06.24 um 12:05 schrieb Hilfe:".
_VERB_THEN_NAME = re.compile(
    r"\d\s?(?:uhr\s)?(?:schrieb|skrev|schreef)\s(?!ich\b|wir\b|jeg\b|jag\b|ik\b)[^\s:]{1,40}(?:\s[^\s:]{1,40}){0,5}:$",
    re.I,
)
# Roundcube puts the time last: «Служба писал 2024-06-05 12:05:».
_VERB_THEN_TIME = re.compile(
    rf"^.{{1,100}}\s(?:{_VERBS})\s(?:on |am |le |el |w dniu )?"
    rf"(?:\d{{4}}-\d\d-\d\d|\d\d?[./]\d\d?[./]\d{{4}})\s\d\d?:\d\d:$",
    re.I,
)
# The Bat!; a person who writes so himself leaves the seconds out.
_TO_THE_SECOND = re.compile(r"^\W{0,3}(?:вы писали|ви писали|you wrote|sie schrieben)\s.{0,60}\d\d?:\d\d:\d\d:$", re.I)
_MAIL_AT_END = re.compile(r"[^\s<>@]{1,100}@[^\s<>@]{1,100}[>\])]:$")  # "Quoting Help <help@example.org>:"
_VOICE = re.compile(r"(?:的邮件|님이 작성|のメール|写道|寫道)\W{0,3}$")

_ANGLE_MAIL = re.compile(r"[<\[(](?:mailto:)?\s?[^\s<>@]{1,100}@[^\s<>@]{1,100}[>\])]?")
_TIME = re.compile(r"(?<!\d)\d{1,2}\s?[:.hч時时시]\s?\d{2}(?!\d)|\d\s?(?:[ap]\.?m\b|uhr|Uhr|ч\.)", re.I)
_DATE = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\w)(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov"
    r"|dec)[a-z]{0,6}\.?\s\d{1,2}(?!\d)|(?<!\d)\d{1,2}[./-]\d{1,2}[./-]\d{2,4}(?!\d)|\d{4}年|\d{4}년"
    r"|(?<!\d)\d{1,2}\.?\s(?:de\s)?(?:янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек|січ|лют|бер|квіт|трав|черв"
    r"|лип|серп|вер|жовт|лист|груд|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mai|juin|juil|ao[uû]|d[ée]c|mär"
    r"|okt|dez|ene|abr|ago|dic|gen|mag|giu|lug|set|ott|sty|lut|kwi|maj|cze|lip|sie|wrz|paź|lis|gru|helmi|maalis"
    r"|huhti|touko|kesä|heinä|elo|syys|loka|marras|joulu|tammi)",
    re.I,
)
_DAYS = (
    r"пн|вт|ср|чт|пт|сб|вс|нд|понед\w*|вторн\w*|сред\w*|четв\w*|пятн\w*|субб\w*|воскр\w*|понеділ\w*|вівтор\w*|середа"
    r"|п.ятниц\w*|субот\w*|неділ\w*"
    r"|mon\w*|tue\w*|wed\w*|thu\w*|fri\w*|sat\w*|sun\w*|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag"
    r"|lun\w*|mar\w*|mer\w*|jeu\w*"
    r"|ven\w*|sam\w*|dim\w*|mi[eé]\w*|jue\w*|vie\w*|s[aá]b\w*|dom\w*|gio\w*|seg\w*|ter\w*|qua\w*|qui\w*|sex\w*|ma|di"
    r"|wo|do|vr|za|zo|po|út|st|čt|pá|so|ne"
    r"|pon\w*|wt\w*|śr\w*|czw\w*|pt|niedz\w*|man|tir|ons|tor|fre|l[öø]r|s[öø]n|ma\w*|ti|ke|to|pe|la|su|pzt|sal|çar|per"
    r"|cum|cmt|paz"
)
# The words with which an attribution begins: a preposition and a date, a weekday, a date, a name with an address.
_OPENING = re.compile(
    rf"^[\s*_\-–—]{{0,8}}(?:(?:on|am|le|el|il|em|op|den|dne|dňa|w dniu|dnia|på|pada|vào|a|à|az?|la|в|у|во|за|dana|στις"
    rf"|klo|at|in data"
    rf"|in date|el día|quando|tarihinde|ngày|vào lúc|op|je|il giorno|dnia|v|în|in|на|在|בתאריך|في|в сообщении от"
    rf"|в письме от|wiadomość napisana przez)\s.{{0,30}}\d"
    rf"|(?:{_DAYS})\.?,?\s.{{0,20}}\d|\d{{1,4}}[./\-\s年년]|\d{{1,2}}:\d\d.{{0,30}}\d{{4}}"
    r"|excerpts from\s|zitat von\s"
    rf"|\"?[^\s\"<>:]{{1,40}}(?:\s[^\s<>:]{{1,40}}){{0,5}}\"?\s?[<\[(]|<?[^\s<>@]{{1,60}}@)",
    re.I,
)
_BIDI = dict.fromkeys([0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF])
# Without a name: mail.ru, and Yahoo, which has a comma there; with one, but no brackets: mail.ru's programs for phones.
_FROM_BARE = re.compile(
    r"(?:\b(?:от|from|від)|\d,|[a-z]{3},|[+-]\d{1,2},|\d:?\d\d\s(?:от|from|від)(?:\s{1,2}[^\s<>@:]{1,40}){1,6}\s?)"
    r"\s[^\s<>@]{1,100}@[^\s<>@]{1,100}\s?:$",
    re.I,
)
_ENDS = re.compile(r"[:：]\s*[*_>]{0,2}\s*$")
_OLD_GMAIL = re.compile(
    r"^\s*(?:(?:\d{4}[/-]\d{1,2}[/-]\d{1,2}\s|\w{5,11},\s\d{1,2}\s\w{3,9}\s\d{4},\s\d\d:\d\d\s[+-]\d\d:\d\d\sот\s"
    r"|\d{1,2}[./]\d{1,2}[./]\d{2,4},?\s\d{1,2}:\d\d).{0,200}[<(][^\s<>@]{1,100}@[^\s<>@]{1,100}[>)]\s*:?"
    r"|20\d\d-\d\d-\d\d\s\d{1,2}:\d\d\sGMT[+-]\d\d:\d\d\s[^\W\d][\w .'-]{0,60})\s*$"
)
# Zoho leaves the colon out, so only the whole form is sure.
_UNMARKED = re.compile(r"^[\s-]{0,12}on\s[^<]{8,200}<[^\s<>@]{1,100}@[^\s<>@]{1,100}>\s{0,3}wrote[\s-]{0,12}$", re.I)
# Own words and an attribution on one line, where a program lost the line end. Sure after the end of a sentence or some
# dashes, or behind the name of mail.ru's program; English ones also begin with a capital that no sentence has there.
_GLUED = re.compile(
    rf"(?:(?<=[^\W\d_]{{3}}[.!?)…])\s?|\s?-{{2,}}\s?)(?=(?:on|am|le|el|il|в|(?:{_DAYS})\.?,)\s|\d{{1,2}}[\s./])"
    r"|(?<=[a-z0-9])\s(?=(?-i:On)\s(?:(?:mon|tue|wed|thu|fri|sat|sun)|\d))"
    rf"|(?:(?<=android)|(?<=ios))\s(?=(?:{_DAYS}),\s\d)",
    re.I,
)


def glued_at(line: str) -> int:
    """Where in a line an attribution begins behind words that do not belong to it; 0 when none does."""
    if len(line) > MAX_LINE or attribution(line, False):
        return 0
    for found in list(_GLUED.finditer(line))[:8]:
        head, tail = line[: found.start()], line[found.end() :]
        if "@" not in head and not has_date(head) and _TIMED_FORM.match(tail) and attribution(tail, True):
            return found.start() if "-" in found.group() else found.end()
    return 0


_TIMED_FORM = re.compile(r"(?=.{0,80}\d{1,2}[:.]\d{2})(?=.{0,200}@)")


def ends_attribution(line: str) -> bool:
    """A cheap first look: whether an attribution could end with this line."""
    if "@" in line and _UNMARKED.match(line[:MAX_LINE]):
        return True
    tail = line[-12:] if line.isascii() else line[-12:].translate(_BIDI)
    return bool(_ENDS.search(tail)) or tail.rstrip().endswith("님이 작성") or bool(_OLD_GMAIL.match(line[:MAX_LINE]))


def attribution(line: str, before_quote: bool) -> bool:
    """Whether a line (or some joined ones) says who wrote the words that follow, and when.

    `before_quote`: the next line is marked as quoted, which makes weaker forms sure («Иван пишет:»).
    """
    if not line or len(line) > MAX_LINE:
        return False
    line = line if line.isascii() else line.translate(_BIDI)
    if _OLD_GMAIL.match(line):
        return before_quote or not line.rstrip().endswith(".")
    if not _ENDS.search(line) and not _VOICE.search(line):
        return bool(_UNMARKED.match(line) and _TIME.search(line))
    opened = bool(_OPENING.match(line))
    has_verb = bool(VERB.search(line))
    dated, timed = bool(_DATE.search(line)), bool(_TIME.search(line))
    has_mail = "@" in line
    if has_mail and opened and (dated or timed or has_verb) and _ANGLE_MAIL.search(line):
        return True
    if has_mail and opened and dated and timed and _FROM_BARE.search(line):
        return True
    if _TO_THE_SECOND.match(line):
        return True
    if _VERB_THEN_TIME.search(line) and not _SPEAKS.match(line):
        return True
    if before_quote:
        if has_mail and _MAIL_AT_END.search(line):
            return True
        if has_verb and (opened or dated or has_mail or _names_only(line)):
            return True
        return (dated or timed) and (has_mail or (opened and len(line) < 200))
    says = bool(_VERB_AT_END.search(line) or _VOICE.search(line) or _VERB_THEN_NAME.search(line))
    return opened and says and dated and (timed or has_mail or _shape(line))


_SPEAKS = re.compile(r"^\W{0,3}(?:я|мы|i|we|ich|wir|je|nous|yo)\s", re.I)


def _names_only(line: str) -> bool:
    """«Иван Петров пишет:», "you wrote:"; not a sentence that a person ends with a verb and a colon."""
    return len(line.split()) <= 7 and not _SPEAKS.match(line)


_SHAPE = re.compile(
    rf"^\W{{0,8}}(?:(?:on|am|le|el|em|op|il|den)\s(?:(?:{_DAYS})\.?,?\s)?.{{0,30}}(?:19|20)\d\d"
    rf"|(?:(?:{_DAYS}),?\s)?\d{{1,2}}\s\w{{3,9}}\.?\s(?:19|20)\d\d\s[гр]\.,?\s(?:пользователь|користувач)\s)",
    re.I,
)


def _shape(line: str) -> bool:
    return bool(_SHAPE.match(line))


_MESSAGE_WORDS = (
    r"original|origine|исходн\w*|пересыла\w*|пересланн\w*|переадрес\w*|перенаправ\w*|пересл\w*|оригинал\w*"
    r"|forward\w*|fwd|weitergeleitet\w*|ursprünglich\w*|reply|message|mail|сообщени\w*|письм\w*|повідомленн\w*|лист"
    r"|nachricht|mensaje|mensagem|messaggio|message|wiadomość|bericht|meddelande|meddelelse|oprindelig\w*|melding"
    r"|opprinnelig\w*|üzenet|besked|viesti|zpráva|správa|ileti|mesaj|transféré|reenviad\w*|encaminhad\w*|inoltrat\w*"
    r"|doorgestuurd\w*|przekazan\w*|vidarebefordrat|videresendt|överensänt|原始邮件|原始郵件|转发|轉寄|元のメッセージ|original\w*|원본"
    r"|thư gốc"
)
_SEPARATOR = re.compile(
    rf"^\W{{0,4}}[-_=—–]{{2,60}}\s?[*<>]?\s?(?:[\w'(),.]+\s){{0,6}}?(?:{_MESSAGE_WORDS})\b[^\n]{{0,80}}?[-_=—–]{{1,60}}\W{{0,4}}$",
    re.I,
)
_SEPARATOR_OPEN = re.compile(
    rf"^\s*[-_=—–]{{4,60}}\s?(?:[\w'(),.]+\s){{0,4}}?(?:{_MESSAGE_WORDS})\b[\w\s]{{0,30}}$", re.I
)
_ZOHO = re.compile(rf"^\s*-{{3,10}}\s?.{{5,300}}(?<!\w)(?:{_VERBS})\s?-{{3,10}}\s*$", re.I)
_DASHED_TEXT = re.compile(r"^\s*[-_=—–]{3,60}\s?[^\W\d_][^\n]{0,60}?\s?[-_=—–]{3,60}\s*$")
_RULE = re.compile(r"^[\s*]{0,4}(?:[_]{5,120}|[-]{5,120}|[—–]{5,120}|[=]{4,120}|[⁃]{3,120})[\s*]{0,4}$")
_FORWARD = re.compile(
    r"forward|пересыл|пересл|переадрес|перенаправ|weitergeleit|transféré|reenviad|encaminhad|inoltrat|doorgestuurd"
    r"|przekazan|vidarebefordra"
    r"|videresend|转发|轉寄|转發|転送|전달|fwd",
    re.I,
)
_BEGIN_FORWARD = re.compile(
    r"^\s*(?:begin forwarded message|начало (?:переадресованного|пересылаемого|перенаправленного) (?:сообщения|письма)"
    r"|anfang der weitergeleiteten (?:nachricht|e-mail)"
    r"|début du message (?:transféré|réexpédié)|inicio del mensaje reenviado|inizio messaggio inoltrato"
    r"|início da mensagem (?:encaminhada|reencaminhada)"
    r"|begin doorgestuurd bericht|vidarebefordrat brev|videresendt besked|початок (?:пересланого повідомлення"
    r"|листа, що пересилається)"
    r"|开始转发的邮件"
    r"|転送されたメッセージ)\s*[:：]?\s*$",
    re.I,
)
_ANNOUNCES = re.compile(
    r"^\s*(?:forwarded message|original message|пересылаемое (?:сообщение|письмо)|пересланное (?:сообщение|письмо)"
    r"|исходное (?:сообщение|письмо)|переадресованное (?:сообщение|письмо))\s*:\s*$",
    re.I,
)
_TITLE = re.compile(
    r"^\W{0,3}(?:это )?(?:исходное|пересылаемое|пересланное|переадресованное|вихідне|original|forwarded|ursprüngliche) "
    r"(?:сообщение|письмо|повідомлення|message|nachricht)\W{0,3}$",
    re.I,
)
_REPLY_ABOVE = re.compile(
    r"(?:reply|type your (?:reply|response)|write|respond)\b.{0,30}\babove (?:this|the) line|пишите (?:ответ )?(?:выше"
    r"|над) эт(?:ой|ой) (?:линии|строки|строкой)"
    r"|ответ(?:ьте|ить)? (?:выше|над) (?:этой )?(?:линии|строкой|чертой)",
    re.I,
)


_DRAWN = frozenset("-_=—–⁃#")
# What every separator and attribution has, if neither a colon nor an address: see `plain`.
_TELLING = re.compile(
    r"above|выше|над|작성|пер[её]|transf|réexp|weiter|reenv|encam|inolt|door|vidare|videre|fwd|forward|転送|转发"
)
_DRAWN_SEPARATORS = (_SEPARATOR.match, _SEPARATOR_OPEN.match, _ZOHO.match)
_WHERE_TO_WRITE = ("above", "выше", "над")  # one of them is in every _REPLY_ABOVE, and in few lines


def plain(line: str) -> bool:
    """A cheap first look: whether a line cannot belong to what announces another letter, as most lines."""
    return (
        ":" not in line
        and "@" not in line
        and "：" not in line
        and not drawn(line)
        and "GMT" not in line
        and not _TELLING.search(line[:MAX_LINE].lower())
    )


def separator(line: str) -> bool:
    """«-----Original Message-----», «-------- Пересылаемое сообщение --------», "Begin forwarded message:"."""
    line = line[:MAX_LINE]
    if line.lstrip(" \t*>")[:1] in _DRAWN:
        return any(found(line) for found in _DRAWN_SEPARATORS)
    return bool(_BEGIN_FORWARD.match(line))


def where_to_write(line: str) -> bool:
    """ "Please type your reply above this line": what help desks put between an answer and their own letter."""
    line = line[:MAX_LINE]
    lowered = line.lower()
    return any(word in lowered for word in _WHERE_TO_WRITE) and bool(_REPLY_ABOVE.search(line))


def announces(line: str) -> bool:
    """Words that announce another letter, also without dashes: sure only when one follows."""
    line = line[:MAX_LINE].rstrip()
    if line.endswith((":", "：")):
        return bool(_ANNOUNCES.match(line) or _BEGIN_FORWARD.match(line))
    return drawn(line) and bool(_SEPARATOR.match(line))


def drawn(line: str) -> bool:
    """A cheap first look: whether a line begins with a dash or what stands for one."""
    return line.lstrip(" \t*>")[:1] in _DRAWN


def title(line: str) -> bool:
    """«Исходное сообщение» alone on a line: the heading of a quoted header, where one follows."""
    return bool(_TITLE.match(line[:60])) and len(line) < 60


def dashed_text(line: str) -> bool:
    """Some words between dashes, in any language: a separator when a quoted header follows."""
    return bool(_DASHED_TEXT.match(line[:MAX_LINE]))


def rule(line: str) -> bool:
    """A line drawn with underscores or dashes."""
    return bool(_RULE.match(line[:150]))


def forward(line: str) -> bool:
    """Whether a separator says that the letter was passed on, not answered."""
    return bool(_FORWARD.search(line[:MAX_LINE]) or _BEGIN_FORWARD.match(line[:MAX_LINE]))


def has_date(line: str) -> bool:
    return bool(_DATE.search(line[:MAX_LINE]))


def opens_attribution(line: str) -> bool:
    """Whether a line begins as attributions do, with a date near: «пн, 5 июн. 2024 г. …», "On Wed, Jun 5, …"."""
    line = line[:MAX_LINE] if line.isascii() else line[:MAX_LINE].translate(_BIDI)
    return bool(_OPENING.match(line) and _DATE.search(line))
