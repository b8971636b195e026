"""Who writes, as far as the text says: stated, not vouched for. Check digits are right wherever a number has them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import islice

import phonenumbers
from stdnum.ru import inn as stdnum_inn

from normalizer.envelope import Passport
from normalizer.folding import fold, has_any, matches
from normalizer.moments import dates
from normalizer.names import full_name
from normalizer.whose import likeliest_first, whose

# Facts about the writer stand at the beginning or at the end; a paste between them is not searched.
_HEAD, _TAIL = 12_000, 4_000
# More phones or addresses than these are a list, and not the writer's own.
_MOST = 10


@dataclass(frozen=True, slots=True)
class Facts:
    """What a text states of its writer. `phones` and `emails` are all that were found, the likeliest own one first."""

    full_name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)  # E.164
    email: str | None = field(default=None, repr=False)  # lower case
    inn: str | None = field(default=None, repr=False)  # 10 or 12 digits
    snils: str | None = field(default=None, repr=False)  # 11 digits
    passport: Passport | None = field(default=None, repr=False)
    account_number: str | None = field(default=None, repr=False)
    preferred_channel: str | None = None  # email, phone, sms, cabinet, telegram, whatsapp, vk, max, post
    call_back_at: str | None = None  # in the citizen's words
    phones: tuple[str, ...] = field(default=(), repr=False)
    emails: tuple[str, ...] = field(default=(), repr=False)


def facts(
    text: str,
    *,
    subject: str | None = None,
    signature: str | None = None,
    display_name: str | None = None,
    own_addresses: Collection[str] = (),
) -> Facts:
    """What `text`, then `signature`, then `subject` say of the writer, and the name by which the platform shows him.

    `own_addresses`: ours, never the citizen's.
    """
    if len(text) > _HEAD + _TAIL:
        text = text[:_HEAD] + "\n" + text[-_TAIL:]
    name = full_name(text, signature, display_name)
    whole = "\n".join(part for part in (text, (signature or "")[:_TAIL], (subject or "")[:_TAIL]) if part)
    low = fold(whole)
    emails = _emails(low, own_addresses) if "@" in low else ()
    channel = _preferred_channel(low)
    call_back_at = _call_back_at(whole, low)
    if not _LONG_NUMBER.search(low):
        return Facts(
            full_name=name,
            email=emails[0] if emails else None,
            emails=emails,
            preferred_channel=channel,
            call_back_at=call_back_at,
        )
    taken: list[tuple[int, int]] = []
    inn = _inn(low, taken)
    snils = _snils(low, taken)
    passport = _passport(whole, low, taken)
    account = _account(whole, low, taken)
    phones = _phones(low, taken)
    return Facts(
        full_name=name,
        phone=phones[0] if phones else None,
        email=emails[0] if emails else None,
        inn=inn,
        snils=snils,
        passport=passport,
        account_number=account,
        preferred_channel=channel,
        call_back_at=call_back_at,
        phones=phones,
        emails=emails,
    )


# ---------------------------------------------------------------- numbers with check digits

_LONG_NUMBER = re.compile(r"\d(?:[\s().+/-]{0,3}\d){3}")
_INN = re.compile(r"(?:инн|inn|taxpayer (?:number|id))(?![а-яa-z])[^\d\n]{0,24}(\d(?:[ -]?\d){9,11})(?![ -]?\d)")
_BARE_INN = re.compile(r"(\d{12})(?<![\w.,/-]\d{12})(?<![№#] \d{12})(?![\w/-])")
_SNILS = re.compile(
    r"(?:снилс|snils|страхов[а-я]{2,4} (?:номер"
    r"|свидетельств)[а-я]{0,2})[^\d\n]{0,24}(\d(?:[ -]{0,2}\d){10})(?![ -]?\d)"
)
_BARE_SNILS = re.compile(
    r"(?:(\d{3}-\d{3}-\d{3}(?<![\w.,/+-]\d{3}-\d{3}-\d{3})[ -]{1,3}\d{2})"
    r"|([0-69]\d{10})(?<![\w.,/+-]\d{11})(?<![№#] \d{11}))(?![\w/-])"
)
_OTHER_NUMBER = re.compile(
    r"(?:заявлени|заявк|обращени|номер|сч[её]т|договор|огрн|уин|карт|трек|полис"
    r"|код)[а-я]*[ :№#-]{0,4}$"
)


def _inn(low: str, taken: list[tuple[int, int]]) -> str | None:
    found: list[tuple[int, str]] = []
    for pattern in (_INN, _BARE_INN) if has_any(low, ("инн", "inn", "taxpayer")) else (_BARE_INN,):
        for match in pattern.finditer(low):
            digits = _digits(match[1])
            if pattern is _BARE_INN and _OTHER_NUMBER.search(low, max(0, match.start() - 24), match.start()):
                continue
            if pattern is _INN:
                taken.append(match.span(1))  # an INN with a slip is still no phone
            if int(digits) and stdnum_inn.is_valid(digits):
                taken.append(match.span(1))
                found.append((whose(low, *match.span(1)), digits))
        if found:  # what is called by its name goes before what only looks like it
            break
    return next(iter(likeliest_first(found)), None)


def snils_is_valid(digits: str) -> bool:
    """Eleven digits, the last two the sum of the others weighted 9…1, modulo 101 (100 is 00). Not in python-stdnum."""
    if len(digits) != 11 or not digits.isascii() or not digits.isdigit() or int(digits[:9]) <= 1_001_998:
        return False  # numbers up to 001-001-998 have no check digits, and hardly anybody has one
    return sum(int(digit) * (9 - place) for place, digit in enumerate(digits[:9])) % 101 % 100 == int(digits[9:])


def _snils(low: str, taken: list[tuple[int, int]]) -> str | None:
    found: list[tuple[int, str]] = []
    for pattern in (_SNILS, _BARE_SNILS) if has_any(low, ("снилс", "snils", "страхов")) else (_BARE_SNILS,):
        for match in pattern.finditer(low):
            group = match.lastindex or 1
            digits = _digits(match[group])
            if pattern is _BARE_SNILS and _OTHER_NUMBER.search(low, max(0, match.start() - 24), match.start()):
                continue
            if pattern is _SNILS:
                taken.append(match.span(group))
            if snils_is_valid(digits):
                taken.append(match.span(group))
                found.append((whose(low, *match.span(group)), digits))
        if found:  # what is called by its name goes before what only looks like it
            break
    return next(iter(likeliest_first(found)), None)


def _digits(written: str) -> str:
    return "".join(str(int(char)) for char in written if char.isdecimal())


# ---------------------------------------------------------------- passport, account

_PASSPORT = re.compile(
    r"(?:паспорт[а-я]{0,3}|passport)(?![а-я])[^\d\n]{0,40}(?P<series>\d{2} ?\d{2})[^\d\n]{0,16}(?P<number>\d{6})(?!\d)"
    r"|(?<![а-я])серия[^\d\n]{0,4}(?P<series2>\d{2} ?\d{2})[^\d\n]{0,16}(?P<number2>\d{6})(?!\d)"
)
_ISSUED = re.compile(r"(?:выдан[ао]?|кем выдан)(?![а-я])[ \t:]{0,4}(?P<by>[^\n;]{3,160})")
_ISSUED_DATE = re.compile(r"(?:дата выдачи|когда выдан|выдан[ао]?)[ \t:]{0,4}")
_END_OF_ISSUER = re.compile(
    r"[,.]?\s*(?:дата выдачи|код подразд|зарегистрир|прожива|снилс|инн|тел|\d{3}-\d{3}"
    r"|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{1,2} [а-я]{3,8} \d{4})"
)


def _passport(text: str, low: str, taken: list[tuple[int, int]]) -> Passport | None:
    match = _PASSPORT.search(low) if "паспорт" in low or "passport" in low or "серия" in low else None
    if not match:
        return None
    taken.append(match.span())
    series = _digits(match["series"] or match["series2"])
    number = _digits(match["number"] or match["number2"])
    start, stop = match.end(), min(len(low), match.end() + 300)
    issued_on = (
        next((stated.day for stated in dates(low[start:stop], None)), None)
        if _ISSUED_DATE.search(low, start, stop)
        else None
    )
    issued_by = None
    issued = _ISSUED.search(low, start, stop)
    if issued:
        begin, end = issued.span("by")
        opening = re.compile(
            r"(?:\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{1,2} [а-я]{3,8} \d{4})\s?(?:г(?:\.|ода)?)?[ ,]*"
        ).match(low, begin)  # «выдан 12.03.2010 ОВД …»
        begin = opening.end() if opening else begin
        cut = _END_OF_ISSUER.search(low, begin, end)
        issued_by = text[begin : cut.start() if cut else end].strip(" ,.:-") or None
    return Passport(series=series, number=number, issued_on=issued_on, issued_by=issued_by)


_ACCOUNT = re.compile(
    r"(?:лицев[а-я]{2,3} сч[её]т[а-я]{0,2}|лиц\. ?сч[её]т[а-я]{0,2}|(?<![а-я])л ?/ ?с(?:ч[её]?т?[а-я]{0,2})?(?![а-я])"
    r"|account (?:number|no\.?))"
    r"[^\d\n]{0,16}?([a-zа-я]{0,3}\d(?:[ -]?\d){3,19})(?![\d])"
)


def _account(text: str, low: str, taken: list[tuple[int, int]]) -> str | None:
    match = _ACCOUNT.search(low) if has_any(low, ("сч", "л/", "/с", "/ с", "account")) else None
    if not match:
        return None
    taken.append(match.span(1))
    return text[match.start(1) : match.end(1)].replace(" ", "")


# ---------------------------------------------------------------- phones and addresses

_BETWEEN = r"[ \t().-]{0,3}"
# A run of digits that can be a phone; the matcher of phonenumbers costs 0.1 ms a text and takes the INN of a company
# for a Kazakh phone.
_PHONE = re.compile(
    rf"(?<![\w+])(?<!\d[-.])(?:\+\d(?:{_BETWEEN}\d){{7,14}}|[78](?:{_BETWEEN}\d){{10}}|\(?(?:9"
    rf"|[348](?=\d\d\)))(?:{_BETWEEN}\d){{9}}"
    rf"|00\d(?:{_BETWEEN}\d){{9,12}})(?!\d|-\d)"
)
_DIGITS_AND_SIGNS = re.compile(r"[+(\d][ \t\d().-]{8,}")
_NOT_A_PHONE = re.compile(
    r"(?:заявлени|заявк|обращени|сч[её]т|договор|огрн(?:ип)?|инн|снилс|уин|карт|трек|отправлени|полис"
    r"|код|кпп|бик|окпо|услуг|дел|паспорт|водительск|удостоверени|стс|птс|свидетельств|сери)[а-я]*"
    r"(?: (?:номер|n))?[ :№#=-]{0,4}$|[№#] ?$"
)
_SERIES = re.compile(r"\d\d ?\d\d \d{6}|\d\d \d\d ?\d{6}")  # and number, of a passport or a driver's licence
_PHONE_WORD = re.compile(
    r"(?:(?<![а-я])(?:тел|моб|сот)|phone|звонит[ье]|call|номер телефона|связ|whatsapp|ватсап|вотсап|viber"
    r"|контакт)[^\d\n]{0,24}$"
)


def _phones(low: str, taken: list[tuple[int, int]]) -> tuple[str, ...]:
    """E.164, the writer's own and those beside «телефон» first; toll-free numbers (8 800) are hotlines."""
    first: list[tuple[int, str]] = []
    rest: list[tuple[int, str]] = []
    runs = islice(_DIGITS_AND_SIGNS.finditer(low), _MOST)
    numbers = (match for run in runs for match in _PHONE.finditer(low, run.start(), run.end()))
    for match in islice(numbers, _MOST):
        start, end = match.span()
        if any(start < stop and begin < end for begin, stop in taken):
            continue
        before = low[max(0, start - 32) : start]
        named = _PHONE_WORD.search(before) is not None
        if not named and (_NOT_A_PHONE.search(before) or _SERIES.fullmatch(match[0])):
            continue
        phone = _e164(match[0])
        if phone:
            (first if named else rest).append((whose(low, start, end), phone))
    return tuple(dict.fromkeys(likeliest_first(first + rest)))


def _e164(written: str) -> str | None:
    digits = _digits(written)
    if written.startswith("+"):
        digits = "+" + digits
    elif written.startswith("00"):
        digits = "+" + digits[2:]
    elif len(digits) == 11:
        digits = "+7" + digits[1:]
    elif digits.startswith("9"):
        digits = "+7" + digits
    if (
        digits.startswith("+79") and len(digits) == 12
    ):  # every such number is a valid mobile, and phonenumbers takes 30 µs
        return digits
    try:
        number = phonenumbers.parse(digits, "RU")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or str(number.national_number).startswith("800"):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


_DOMAIN = re.compile(r"@(?:[\w-]{1,63}\.){1,6}[^\W\d_]{2,24}(?![\w@])")
_LOCAL_PART = re.compile(r"(?<![\w.+%'-])[\w.+%'-]{1,64}$")
_NOBODYS = re.compile(r"(?:no|do-?not|donot)[-_.]?reply[-_.@+]")  # what sends notices, and reads nothing
_EMAIL_WORD = re.compile(
    r"(?:мо[йяеию]{1,2}|почт[а-я]{0,2}|e-?mail|адрес|мыло|имейл|ответ[а-я]{0,3}|пишите"
    r"|связ[а-я]{1,3})[^\n@]{0,24}$"
)


def _emails(low: str, own_addresses: Collection[str]) -> tuple[str, ...]:
    first: list[tuple[int, str]] = []
    rest: list[tuple[int, str]] = []
    for count, domain in enumerate(_DOMAIN.finditer(low)):
        if count >= _MOST:
            break
        local = _LOCAL_PART.search(low, max(0, domain.start() - 65), domain.start())
        if not local:
            continue
        address = local[0].lstrip(".'-") + domain[0]
        if address in own_addresses or _NOBODYS.match(address):
            continue
        named = _EMAIL_WORD.search(low, max(0, local.start() - 40), local.start()) is not None
        (first if named else rest).append((whose(low, local.start(), domain.end()), address))
    return tuple(dict.fromkeys(likeliest_first(first + rest)))


# ---------------------------------------------------------------- how and when to answer

_CHANNELS = (
    ("sms", r"смс|sms"),
    ("cabinet", r"личн[а-я]{2,3} кабинет[а-я]{0,2}|лк(?![а-я])|кабинет[а-я]{0,2}"),
    ("telegram", r"телеграм+[а-я]{0,2}|тг(?![а-я])|telegram"),
    ("whatsapp", r"ватс?ап+[а-я]{0,2}|вотс?ап+[а-я]{0,2}|whats ?app"),
    ("vk", r"вк(?![а-я])|вконтакте|vk(?![a-z])"),
    ("max", r"max(?![a-z])|мессенджер[а-я]? макс"),
    ("post", r"почт[а-я]{1,3} росси[а-я]|письм[а-я]{2} по почте|почтовым отправлением|бумажн[а-я]{2,3} письм"),
    ("phone", r"телефон[а-я]{0,2}|звон[а-я]{2,3}|phone|call"),
    ("email", r"e-?mail|имейл[а-я]?|(?:электронн[а-я]{2,3} )?почт[а-я]{0,2}|эл\. ?почт[а-я]|мыло|mail"),
)
_NAMED_CHANNEL = "|".join(f"(?P<{name}>{pattern})" for name, pattern in _CHANNELS)
_ANSWER_BY = re.compile(
    r"(?:(?:предпочтительн|удобн|желаем)[а-я]{2,3} (?:способ|канал|вид)[а-я]? (?:связи|ответа)"
    r"|(?:способ|канал)[а-я]? (?:связи|ответа)|preferred (?:channel|contact)(?: method)?"
    r"|(?:ответ(?:ить|ьте)?|ответа|связаться|свяжитесь|связь|сообщ(?:ите|ить)|отвечайте|напишите"
    r"|пишите|информируйте|информировать|уведомите|уведомить|(?:при|вы)шлите(?: мне)? ответ)(?![а-я])"
    r"|(?:reply|answer|contact me|write to me|respond)(?![a-z]))"
    r"(?P<between>[^.!?\n]{0,48}?)(?:(?<![а-яa-z])(?:по|на|в|через|by|via|to)(?![а-яa-z])"
    r"|[:-]) ?(?:мо[а-я]{1,2} |мне |my |the )?(?:" + _NAMED_CHANNEL + ")"
)
_ANSWER_STEMS = (
    "предпочтительн", "удобн", "желаем", "способ", "канал", "preferred", "ответ", "связ", "свяжитесь", "сообщ",
    "отвечайте", "напишите", "пишите", "информир", "уведом", "пришлите", "вышлите", "reply", "answer",
    "contact", "write", "respond",
)  # fmt: skip
_CALL_ME = re.compile(
    r"(?<![а-я])(?:перезвон(?:ите|ить)|(?:по)?звоните(?: мне)?|жду (?:вашего )?звонка"
    r"|прошу (?:мне )?(?:пере|по)звонить|call me(?: back)?)(?![а-яa-z])"
)
_SMS_ME = re.compile(
    r"(?:пришлите|ответьте|отправьте|напишите|сообщите)(?: мне)?(?: ответ)? (?:по |в )?(?:смс"
    r"|sms)(?![- ]?код| с кодом)"
)
_NO_ANSWER = re.compile(
    r"(?<![а-я])(?:не (?:прих|приш|получ|поступ|дозвон|мог|надо|нужно|звон|перезв|пис)|не ?$"
    r"|нет(?![а-я])|без|жду уже)"
)


def _preferred_channel(low: str) -> str | None:
    """Where the citizen wants the answer; None when he only complains that none came there."""
    for match in matches(_ANSWER_BY, low, _ANSWER_STEMS):
        before = re.split(r"[,.!?\n]", low[max(0, match.start() - 16) : match.start()])[-1]
        if not _NO_ANSWER.search(before) and not _NO_ANSWER.search(match["between"]):
            return match.lastgroup if match.lastgroup != "between" else None
    if ("смс" in low or "sms" in low) and _SMS_ME.search(low):
        return "sms"
    call = _CALL_ME.search(low) if "звон" in low or "call" in low else None
    return "phone" if call and not _NO_ANSWER.search(low, max(0, call.start() - 4), call.start()) else None


_HOUR = r"\d{1,2}(?:[:.\-]\d\d)?(?: ?(?:час[а-я]{0,2}|ч\.?|утра|дня|вечера|am|pm)(?![а-яa-z]))?"
_DAY = (
    r"(?:сегодня|завтра|послезавтра|\d{1,2} (?:янв|фев|мар|апр|мая|июн|июл|авг|сен|окт|ноя"
    r"|дек)[а-я]{0,6}|\d{1,2}\.\d\d(?:\.\d{2,4})?|в любое (?:время|удобное время)|в (?:понедельник"
    r"|вторник|среду"
    r"|четверг|пятницу|субботу|воскресенье|будни[а-я]?|рабоч[а-я]{2} (?:время|дни|часы)|выходные|обед)"
    r"|вечером|утром|днем|после обеда|до обеда|today|tomorrow)"
)
_WHEN = (
    rf"(?:{_DAY}|(?:после|до|с|к|в|около|после|after|before|at|from) {_HOUR}(?: ?(?:до|по|и до|-|to"
    rf"|till|until) ?{_HOUR})?)"
)
_CALL_AT = re.compile(
    r"(?:звон(?:ить|ите|ка|ок)|(?:удобн|желаем)[а-я]{2,3} время|время для (?:связи|звонка)"
    r"|call(?: me)?(?: back)?)(?![а-яa-z])[^.!?\n\d]{0,40}?(?<![а-яa-z])"
    rf"(?P<when>{_WHEN}(?:[ ,]{{1,2}}(?:и )?{_WHEN}){{0,2}}"
    r"(?: (?:по )?мск(?: ?[+-] ?\d{1,2})?| по москве| по московскому времени)?)"
)


def _call_back_at(text: str, low: str) -> str | None:
    """When the citizen wants to be called, in his words («завтра после 18:00»)."""
    if "звон" not in low and "время" not in low and "call" not in low:
        return None
    match = _CALL_AT.search(low)
    if not match or _NO_ANSWER.search(low, max(0, match.start() - 6), match.start()):
        return None
    start, end = match.span("when")
    return text[start:end].strip()
