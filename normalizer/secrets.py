"""Passwords, PINs, confirmation codes and cards: taken out before anyone sees them, and known when asked for.

A number or a word is a secret only beside the word that makes it one; a citizen who forgot a password,
or to whom no code comes, keeps every word. Also fit for short strings: subjects and file names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from stdnum import luhn

from normalizer.folding import fold

MARK = "[удалено]"
Secret = Literal["password", "pin", "code", "cvv", "card"]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`text` with every secret replaced by `MARK`; `removed` names the kinds, never the values."""

    text: str
    removed: tuple[Secret, ...] = ()


def remove(text: str) -> Cleaned:
    """Cleaned(text, ()) when there is nothing to remove. Removing twice removes no more than once."""
    low = fold(text)
    spans: list[tuple[int, int, Secret]] = []
    if "пар" in low or "пас" in low or "pas" in low or "pwd" in low or "слов" in low:
        spans += _passwords(text, low)
    if _DIGITS.search(low):
        spans += _numbers(low)
        spans += _cards(low)
    if not spans:
        return Cleaned(text)
    spans.sort()
    pieces: list[str] = []
    removed: list[Secret] = []
    at = 0
    for start, end, kind in spans:
        if kind not in removed:
            removed.append(kind)
        if start >= at:
            pieces += (text[at:start], MARK)
        at = max(at, end)
    return Cleaned("".join(pieces) + text[at:], tuple(removed))


# ---------------------------------------------------------------- passwords

_KEY = re.compile(
    r"(?:парол(?:ь|я|ю|ем|е|и)|пассворд|пасворд|пасс|passw(?:or)?d|passcode|passphrase|pass|pwd"
    r"|кодов(?:ое|ым) слово(?:м)?)"
    r"(?![a-zа-я])"
)
# Also a boarding pass and «пасс» in football: a password only before a colon.
_BRIEF = ("pass", "пасс")
_QUALIFIED = re.compile(
    r"(?:[\s_]{1,4}(?:от|для|к|на|в|у|меня|мой|был|такой|вот|это|следующий|старый|новый|текущий"
    r"|временный|is|was|for|to|my|the"
    r"|входа|госуслуг\w{0,4}|портал\w{0,3}|лк|личн\w{1,4}|кабинет\w{0,2}|почт\w{0,2}|аккаунт\w{0,2}"
    r"|учетн\w{1,3}|запис\w{1,2}"
    r"|приложени\w{1,2}|сайт\w{0,2}|карт\w{0,2}|есиа|esia|account|email|portal|login)(?![a-zа-я0-9])){0,6}"
)
_STRONG = re.compile(r"[\s_]{0,8}(?:[:=]|->|=>)\s{0,16}")
_DASH = re.compile(r"(?:[\s_]{1,4}-\s{0,4}|-\s{0,4}|_)")
_WEAK = re.compile(r"\s{1,16}")
_VALUE = re.compile(r'"([^"\n]{1,64})"|([^\s"]{1,64})')
_LOGIN_BEFORE = re.compile(r"(?:логин|login|имя пользователя)\w{0,2}\s{0,2}(?:[/,+&]|и|and)?\s{0,2}$")
_PAIR = re.compile(r"([^\s/,;:]{2,64})(?:\s{0,2}[/,;:]\s{0,2}|\s{1,3})([^\s,;]{3,64})")
_NOT_A_VALUE = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]+$|https?:|www\.|\d{6}-\d{6,7}-\d|\d{1,2}[.:/]\d{2}(?:[.:/]\d{2,4})?$|\d{4}-\d\d-\d\d"
    r"|\d{1,2}-?[а-я]+$|\[удалено|\*+$|-+$"
    r"|(?:не|нет|неверн|неправ|забы|утер|потер|восстан|восстон|сброс|смен|измен|замен|получ|создан"
    r"|просьб|ошиб|вход|войти"
    r"|невозм|пробл|вопрос|помощ|помог|отсут|скрыт|прежн|верн|прав|тот|или|and|or|no|not|none|wrong"
    r"|incorrect|invalid|expired|reset"
    r"|recovery|forgot|lost|change|required|too|does|doesn|is|was|has|lost|field|manager|help|unknown|same)(?![0-9])"
)
_PRODUCT = re.compile(
    r"(?:google|gmail|apple|icloud|windows|win|wi-?fi|android|ios|iphone|chrome|yandex|mail|email"
    r"|e-mail|vk|telegram|whatsapp"
    r"|viber|sber\w*|gosuslugi\w*|esia|online|login|id|excel|word|pdf|max|sms|pin|qr|n)[\d.]*(?:ru|com)?$"
)
_FILE_END = re.compile(r"\.(?:txt|jpe?g|png|pdf|docx?|xlsx?|zip|rar|heic|bmp|gif|mp4)$")
_AFTER_NUMBER = re.compile(
    r"\s{0,2}(?:раз|дн|ден|мин|час|год|г\.|руб|симв|знак|цифр|букв|times|days|hours|minutes|char)"
)
_CYRILLIC = re.compile(r"[а-я]")
_LATIN = re.compile(r"[a-z]")
_WORD_ENDS = re.compile(r"[ \t]*(?:$|[\n,;.!)])")
_LINE_ENDS = re.compile(r"[ \t.!]*(?:$|\n)")


def _passwords(text: str, low: str) -> list[tuple[int, int, Secret]]:
    found: list[tuple[int, int, Secret]] = []
    for key in _KEY.finditer(low):
        if key.start() and low[key.start() - 1].isalpha():
            continue
        value = _paired(low, key) or _password_after(text, low, key)
        if value and value[0] < value[1]:
            found.append((*value, "password"))
    return found


def _paired(low: str, key: re.Match[str]) -> tuple[int, int] | None:
    """«логин и пароль: ivan Qwerty123»: the second of two words."""
    if not _LOGIN_BEFORE.search(low, max(0, key.start() - 24), key.start()):
        return None
    at = _QUALIFIED.match(low, key.end())
    end = at.end() if at else key.end()
    separator = _STRONG.match(low, end) or _DASH.match(low, end) or _WEAK.match(low, end)
    pair = _PAIR.match(low, separator.end()) if separator else None
    if not pair or _CYRILLIC.search(pair[1]):
        return None
    start, stop = _trim(low, *pair.span(2))
    value = low[start:stop]
    if value.startswith("[удалено"):
        return start, start  # taken out before: the login is not the password
    return (start, stop) if _mixed(value) and not _NOT_A_VALUE.match(value) else None


def _password_after(text: str, low: str, key: re.Match[str]) -> tuple[int, int] | None:
    qualified = _QUALIFIED.match(low, key.end())
    end = qualified.end() if qualified else key.end()
    if "is" in low[key.end() : end].split()[-1:]:
        return _judge(text, low, key[0], end, _WEAK.match(low, end), "strong")
    for pattern, strength in ((_STRONG, "strong"), (_DASH, "dash"), (_WEAK, "weak")):
        separator = pattern.match(low, end)
        if separator:
            return _judge(text, low, key[0], end, separator, strength)
    return None


def _judge(
    text: str, low: str, key: str, end: int, separator: re.Match[str] | None, strength: str
) -> tuple[int, int] | None:
    found = _VALUE.match(low, separator.end()) if separator else None
    if not found or not separator:
        return None
    if found[1] is not None:
        span = found.span(1)
        quoted = low[slice(*span)]
        plain = " " in quoted and not any(char.isdigit() for char in quoted)
        unfit = plain or _NOT_A_VALUE.match(quoted) or (strength == "weak" and not _mixed(quoted))
        return None if unfit or (key in _BRIEF and strength != "strong") else span
    start, stop = _trim(low, *found.span(2))
    value = low[start:stop]
    if len(value) < 3 or _NOT_A_VALUE.match(value) or _PRODUCT.match(value):
        return None
    if key in _BRIEF and strength != "strong":
        return None
    if "\n" in separator[0] and not _LINE_ENDS.match(low, stop):
        return None
    return (
        (start, stop) if _is_password(text[start:stop], low, stop, strength, _CYRILLIC.match(key) is not None) else None
    )


def _is_password(value: str, low: str, stop: int, strength: str, russian: bool) -> bool:
    """Whether a word after «пароль» is the password: digits and Latin letters speak for it, Russian words against."""
    has_digit = any(char.isdigit() for char in value)
    if value.isdigit():
        if strength == "strong":
            return not _AFTER_NUMBER.match(low, stop)
        return 4 <= len(value) < 10 and not _AFTER_NUMBER.match(low, stop)
    if has_digit:
        return len(value) >= 4 and any(char.isalpha() for char in value)
    small = low[stop - len(value) : stop]
    if _LATIN.search(small) and not _CYRILLIC.search(small):
        if russian:
            return strength != "weak" or len(value) >= 4
        return strength == "strong" and _WORD_ENDS.match(low, stop) is not None
    return strength == "strong" and len(value) >= 4 and _LINE_ENDS.match(low, stop) is not None


def _mixed(value: str) -> bool:
    return any(char.isdigit() for char in value) or _LATIN.search(value) is not None


def _trim(low: str, start: int, stop: int) -> tuple[int, int]:
    """Without the punctuation of the sentence and the ending of a file name."""
    ending = _FILE_END.search(low, start, stop)
    if ending:
        return start, ending.start()
    while stop > start and low[stop - 1] in ".,;:!?)'":
        stop -= 1
    while start < stop and low[start] in "('":
        start += 1
    return start, stop


# ---------------------------------------------------------------- numbers: PIN, code, CVV

_DIGITS = re.compile(r"\d{3}")
_LINK = (
    r"(?:[\s_:=\"'(\-]|(?:из|по|в|от|с|на|мне|мой|моя|моей|такой|вот|это|был|есть|смс|sms"
    r"|сообщени[яие]|подтверждения|доступа"
    r"|безопасности|авторизации|активации|входа|госуслуг|банка|карты|карте|пришел|is|was|my|the|for"
    r"|from|card|bank|сообщаю"
    r")(?![a-zа-я])){1,16}"
)
_NUMBER_END = r"(?!\d|[-.:/]\d)"
_PIN = re.compile(r"(?:пин|pin)(?:[- ]?(?:код|code))?(?:а|ом|у)?(?![a-zа-я])" + _LINK + r"(\d{4,8})" + _NUMBER_END)
_CVV = re.compile(
    r"(?:cvv2?|cvc2?|цвв|свв|cvp2?|(?:цифры|код) (?:на|с) (?:обороте|обратной стороны?е?)(?: карты)?)(?![a-zа-я])"
    + _LINK + r"(\d{3,4})" + _NUMBER_END
)  # fmt: skip
_CODE = re.compile(
    r"(?:код(?:а|ом|у)?(?![a-zа-я])|code(?![a-z])|otp(?![a-z]))" + _LINK + r"(\d{3}[- ]\d{3}|\d{4,8})" + _NUMBER_END
)
_CODE_CONTEXT = re.compile(
    r"смс|sms|подтвержд|проверочн|одноразов|доступа|безопасност|верификац|авторизац|активац|confirm"
    r"|verif|one-time|otp|security"
    r"|приш[ел]|присла|прислан|получил|ввожу|ввел|ввод|вбива|мой код|сообщил|назвал|продикт|сказал"
    r"|отправил|my code|код из|код от|enter"
)
_CODE_AFTER = re.compile(r"[\s,(]{0,3}(?:из|from|в|по|в) (?:смс|sms|сообщени|текста)")
_NOT_COME = re.compile(r"не\s(?:прих|приш|прис|пост|получ)[а-я]*\s(?:\w+\s)?$|(?:номер|ошибк)[а-я]*\s$")
_CLAUSE = re.compile(r"[.!?\n;]")
_ONLY_CODE = re.compile(r"\s*(?:код|code)[\s:=-]{0,4}\d{4,8}\s*\.?\s*$")


def _numbers(low: str) -> list[tuple[int, int, Secret]]:
    found: list[tuple[int, int, Secret]] = []
    if "пин" in low or "pin" in low:
        found += [(*m.span(1), "pin") for m in _PIN.finditer(low) if _word_starts(low, m.start())]
    if "cv" in low or "цвв" in low or "свв" in low or "оборот" in low or "обратн" in low:
        found += [(*m.span(1), "cvv") for m in _CVV.finditer(low) if _word_starts(low, m.start())]
    if "код" in low or "code" in low or "otp" in low:
        found += [(*m.span(1), "code") for m in _CODE.finditer(low) if _is_code(low, m)]
    return found


def _is_code(low: str, match: re.Match[str]) -> bool:
    """A confirmation code, not an error's, a region's or a service's."""
    if not _word_starts(low, match.start()) and low[match.start() - 1 : match.start()] != "-":  # «смс-код»
        return False
    before = _CLAUSE.split(low[max(0, match.start() - 40) : match.start()])[-1]
    if _NOT_COME.search(before):
        return False
    if _CODE_CONTEXT.search(before + low[match.start() : match.start(1)]):
        return True
    return _CODE_AFTER.match(low, match.end()) is not None or _ONLY_CODE.match(low) is not None


def _word_starts(low: str, at: int) -> bool:
    return at == 0 or not low[at - 1].isalnum()


# ---------------------------------------------------------------- cards

# Thirteen digits are left out: a ticket number has as many, and one in ten of them passes the Luhn check.
_CARD = re.compile(
    r"(?<![\d.-])(?:\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}(?:[ -]\d{2,3})?|[2-6]\d{15}"
    r"|[2-6]\d{17,18})(?![ -]?\d)"
)
_NOT_A_CARD = re.compile(
    r"(?:заявлени|обращени|заявк|уин|начислени|квитанци|постановлени|сч[её]т|полис|imei|трек"
    r"|отправлени)[а-я]*\W{0,3}(?:(?:номер|n|№)\W{0,3})?$"
)


def _cards(low: str) -> list[tuple[int, int, Secret]]:
    return [
        (*match.span(), "card")
        for match in _CARD.finditer(low)
        if match[0][0] in "23456"
        and luhn.is_valid(re.sub(r"\D", "", match[0]))
        and not _NOT_A_CARD.search(low, max(0, match.start() - 32), match.start())
    ]


# ---------------------------------------------------------------- who asks for secrets

_ASKED_FOR = (
    r"(?:парол[а-я]{1,3}|пин[- ]?код[а-я]{0,2}|пин(?![а-я])|pin(?![a-z])|cvv2?|cvc2?|кодов[а-я]{2,3} слов[а-я]"
    r"|код[а-я]{0,2}(?:,)? (?:из|от|с|который|подтверждения|доступа|безопасности|авторизации|активации|на обороте|в)"
    r"|(?:смс|sms|проверочн[а-я]{2}|одноразов[а-я]{2}|полученн[а-я]{2}"
    r"|пришедш[а-я]{2,3})[- ]код[а-я]{0,2}|код[а-я]{0,2}(?![а-я])(?! (?:ошибк|регион|услуг|подраздел"
    r"|ведомств|заявк|обращ))"
    r"|(?:данн[а-я]{2}|номер[а-я]{0,2}|реквизит[а-я]{1,2})(?: ваше[а-я]{1,2}| своей| банковской"
    r"| вашей банковской){0,2} карт[а-я]{1,2}"
    r"|(?:скан|фот)[а-я]{0,5}(?: (?:ваше|свое|стран|разворот)[а-я]{1,5}){0,3} (?:паспорт|документ|снилс)[а-я]{0,3})"
)
_BETWEEN = r"(?:, пожалуйста,?)?[^.!?,\n]{0,48}?(?<![а-яa-z])"
# Words that hand a secret over to a person. Every honest page says «введите пароль», so that needs a link beside it.
_TELL = re.compile(
    r"(?:сообщите|сообщить|назовите|назвать|продиктуйте|продиктовать|скажите|сказать|перешлите"
    r"|переслать|скиньте|скинуть"
    r"|передайте|передать|называйте|сообщай(?:те)?)(?![а-я])(?P<between>" + _BETWEEN + r")" + _ASKED_FOR
)
_SEND = re.compile(
    r"(?:пришлите|прислать|отправьте|отправить|вышлите|выслать|подтвердите|предоставьте|предоставить"
    r"|направьте)(?![а-я])"
    r"(?P<between>" + _BETWEEN + r")(?P<what>" + _ASKED_FOR + r")"
)
_ENTER = re.compile(r"(?:введите|укажите|ввести|указать|подтвердите|вводите)(?![а-я])" + _BETWEEN + _ASKED_FOR)
_DEMAND = re.compile(
    r"(?:прос[ия]т|просил[аи]?|требу[ею]т|требовал[аи]?|запрашива[а-я]{2,4}|выманива[а-я]{2,4}"
    r"|необходимо|нужно|срочно|должны|обязаны|попросил[аи]?|потребовал[аи]?)(?![а-я])"
)
_ENGLISH = re.compile(
    r"(?:send|tell|give|provide|share|reply with|confirm|verify|forward)(?: to)?(?: us| me)? (?:with )?your "
    r"(?:[a-z-]+ ){0,3}(?:password|passcode|pin|code|otp|cvv|cvc|card (?:number|details)|passport)"
)
_NEGATED = re.compile(
    r"(?:(?:^|[^а-я])(?:не|никому|никогда|нельзя|никто|ни в коем случае|never|not|don't"
    r"|do not)(?:[ ,]+[а-яa-z]+){0,2}[ ,]*)$"
)
_FOR_ME = re.compile(
    r"(?:^|[^а-я])(?:мне|меня|нам новый|новый|заново|повторно|снова|не (?:могу|получа|прих))(?![а-я])"
    r"|(?:чтобы|зачем|как|куда|где|кому)(?![а-я])"
)
_YOURS = re.compile(
    r"(?:^|[^а-я])(?:ваш|свой|свои|сво[еюи]|нам|сюда|оператор|сотрудник|в ответ|из (?:смс|sms|сообщ)"
    r"|на обороте|карт|скан|фото|cv|пин|в этот чат)"
)
_LINKED = re.compile(r"https?://|по ссылке|перейд(?:ите|я)|в ответном|в ответ на это")


def asks_for_secrets(text: str) -> bool:
    """Whether somebody is asked for a password, PIN, code, card or scans: forwarded phishing, or a tale of such a call.

    False for a warning («никому не сообщайте код»), for a page's «введите пароль» and for a citizen who wants
    one sent to himself («пришлите мне новый пароль»).
    """
    low = fold(text)
    if _ENGLISH_HINT.search(low) and any(not _negated(low, m.start()) for m in _ENGLISH.finditer(low)):
        return True
    if not _HINT.search(low):
        return False
    if any(_asks(low, m) for m in _TELL.finditer(low)) or any(_asks_to_send(low, m) for m in _SEND.finditer(low)):
        return True
    return _LINKED.search(low) is not None and any(_linked(low, m) for m in _ENTER.finditer(low))


_HINT = re.compile(r"парол|код|пин|pin|cv[vc]|карт|скан|фот|кодов")
_ENGLISH_HINT = re.compile(r"\byour\b")


def _negated(low: str, at: int) -> bool:
    return _NEGATED.search(low, max(0, at - 48), at) is not None


def _clause_before(low: str, at: int) -> str:
    return _CLAUSE.split(low[max(0, at - 64) : at])[-1]


def _asks(low: str, match: re.Match[str]) -> bool:
    if _negated(low, match.start()) or _NEGATED.search(match["between"]):
        return False
    before = _clause_before(low, match.start())
    return not _FOR_ME.search(match["between"] if _DEMAND.search(before) else before + match["between"])


def _asks_to_send(low: str, match: re.Match[str]) -> bool:
    """«Пришлите код» alone is what a citizen writes to us; «пришлите нам код из СМС» is not."""
    if not _asks(low, match):
        return False
    around = match["between"] + low[match.start("what") : match.end() + 16]
    return _YOURS.search(around) is not None or _DEMAND.search(_clause_before(low, match.start())) is not None


def _linked(low: str, match: re.Match[str]) -> bool:
    """A link within the neighbouring sentences of «введите код»."""
    return not _negated(low, match.start()) and (
        _LINKED.search(low, max(0, match.start() - 160), match.end() + 160) is not None
    )
