"""Passwords, PINs, confirmation codes and cards: taken out before anyone sees them.

A number or a word is a secret only beside the word that makes it one; a citizen who forgot a password,
or to whom no code comes, keeps every word. Also fit for short strings: subjects and file names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from stdnum import luhn

from normalizer.folding import fold, has_any, matches
from normalizer.phishing import asks_for_secrets

__all__ = ["MARK", "Cleaned", "Secret", "asks_for_secrets", "remove"]

MARK = "[удалено]"
Secret = Literal["password", "pin", "code", "cvv", "card"]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`text` with every secret replaced by `MARK`; `removed` names the kinds, never the values."""

    text: str = field(repr=False)
    removed: tuple[Secret, ...] = ()


def remove(text: str) -> Cleaned:
    """Cleaned(text, ()) when there is nothing to remove. Removing twice removes no more than once."""
    low = fold(text)
    spans: list[tuple[int, int, Secret]] = []
    if has_any(low, ("пар", "пор", "пас", "pas", "pwd", "слов")):
        spans += _passwords(text, low)
    if _DIGIT.search(low):
        spans += _access_pairs(low)
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
    r"(?:п[ао]рол(?:ь|я|ю|ем|е|и)|парол|пассворд|пасворд|пасс|passw(?:or)?d|passcode|passphrase|pass|pwd"
    r"|кодов(?:ое|ым) слово(?:м)?)"
    r"(?![a-zа-я])"
)
# Also a boarding pass and «пасс» in football: a password only before a colon.
_BRIEF = ("pass", "пасс")
_QUALIFIED = re.compile(
    r"(?:[\s_]{1,4}(?:[\w.+-]{1,64}@[\w.-]{3,64}|из (?:смс|sms|сообщения)|от|для|к|на|в|у|меня|мой|был"
    r"|такой|вот|это|следующий|старый|новый|текущий"
    r"|временный|is|was|for|to|my|the|i|use|used|have"
    r"|входа?|госуслуг\w{0,4}|портал\w{0,3}|лк|личн\w{1,4}|кабинет\w{0,2}|почт\w{0,2}|аккаунт\w{0,2}"
    r"|учетн\w{1,3}|запис\w{1,2}"
    r"|приложени\w{1,2}|сайт\w{0,2}|карт\w{0,2}|есиа|esia|account|email|portal|login)(?![a-zа-я0-9])){0,6}"
)
_STRONG = re.compile(r"[\s_]{0,8}(?:[:=]|->|=>|[\u2190-\u21ff\u2600-\u27bf\U0001f000-\U0001faff]{1,4})\s{0,16}")
_DASH = re.compile(r"(?:[\s_]{1,4}-\s{0,4}|-\s{0,4}|_)")
_WEAK = re.compile(r"\s{1,16}")
_VALUE = re.compile(r'"([^"\n]{1,64})"|([^\s"]{1,64})')
_LOGIN_BEFORE = re.compile(r"(?:логин|login|имя пользователя)\w{0,2}\s{0,2}(?:[/,+&]|и|and)?\s{0,2}$")
_LOGIN = re.compile(r"логин|login|user|пользовател")
# «данные для входа: ivan@mail.ru / Qwerty12»: no word for the password, but a pair where one belongs.
_ACCESS = re.compile(
    r"(?:данн(?:ые|ыми)|доступ[а-я]{0,2}|учетн(?:ые|ая|ую) (?:данные|запись)|login details"
    r"|credentials)(?: (?:для входа|от|для|к)(?: [а-я]+)?)?\s{0,2}:\s{0,4}"
)
_PAIR = re.compile(r"([^\s/,;:]{2,64})(?:\s{0,2}[/,;:]\s{0,2}|\s{1,3})([^\s,;]{3,64})")
_NOT_A_VALUE = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]+$|https?:|www\.|\d{6}-\d{6,7}-\d|\d{1,2}[.:/]\d{2}(?:[.:/]\d{2,4})?$|\d{4}-\d\d-\d\d"
    r"|\d{1,2}-?[а-я]+$|\[удалено|\*+$|-+$"
    r"|(?:не|нет|неверн|неправ|забы|утер|потер|восстан|восстон|сброс|смен|измен|замен|получ|создан"
    r"|просьб|ошиб|вход|войти"
    r"|невозм|пробл|вопрос|помощ|помог|отсут|скрыт|прежн|верн|прав|тот)[а-я-]*$"
    r"|(?:or|and|no|not|none|wrong|incorrect|invalid|expired|reset|recovery|forgot|forgotten|lost"
    r"|change|changed|required|too|does"
    r"|doesn't|doesnt|is|was|has|field|manager|help|unknown|same|it|i)$"
)
_PRODUCT = re.compile(
    r"(?:google|gmail|apple|icloud|wi-?fi|yandex|mail|e-?mail|vk|telegram|whatsapp|viber|sber(?:bank"
    r"|id)?|gosuslugi|esia|online|login"
    r"|id|excel|word|pdf|max|sms|pin|qr|n)(?:\.?(?:ru|com))?$|(?:windows|win|android|ios|iphone|chrome|office)[\d.]*$"
)
_FILE_END = re.compile(r"\.(?:txt|jpe?g|png|pdf|docx?|xlsx?|zip|rar|heic|bmp|gif|mp4)$")
_AFTER_NUMBER = re.compile(
    r"\s{0,2}(?:раз|дн|ден|мин|час|год|г\.|руб|симв|знак|цифр|букв|times|days|hours|minutes|char)"
)
# Who forgot it cannot write it: the number behind is another.
_FORGOTTEN = re.compile(r"(?:forgot|lost|забы[лт]|не помн|восстанов|сброс)[^.!?\n]*$")
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


def _access_pairs(low: str) -> list[tuple[int, int, Secret]]:
    found: list[tuple[int, int, Secret]] = []
    for key in matches(_ACCESS, low, _ACCESS_STEMS):
        pair = _PAIR.match(low, key.end())
        if pair and any(char.isdigit() for char in pair[2]) and _LATIN.search(pair[2]):
            start, stop = _trim(low, *pair.span(2))
            if stop - start >= 6 and not _NOT_A_VALUE.match(low[start:stop]):
                found.append((start, stop, "password"))
    return found


_ACCESS_STEMS = ("данн", "доступ", "учетн", "login details", "credentials")


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
    brief = key in _BRIEF and not _LOGIN.search(low, max(0, separator.start() - 40), separator.start())
    if brief and strength != "strong":
        return None
    if "\n" in separator[0] and not _LINE_ENDS.match(low, stop):
        return None
    return (start, stop) if _is_password(text[start:stop], low, stop, strength, key) else None


def _is_password(value: str, low: str, stop: int, strength: str, key: str) -> bool:
    """Whether a word after «пароль» is the password: digits and Latin letters speak for it, Russian words against."""
    has_digit = any(char.isdigit() for char in value)
    if value.isdigit():
        if strength == "strong":
            return not _AFTER_NUMBER.match(low, stop)
        return (
            4 <= len(value) < 10
            and not _AFTER_NUMBER.match(low, stop)
            and not _FORGOTTEN.search(low, max(0, stop - 80), stop)
        )
    if has_digit:
        return len(value) >= 4 and any(char.isalpha() for char in value)
    small = low[stop - len(value) : stop]
    if _LATIN.search(small) and not _CYRILLIC.search(small):
        if _CYRILLIC.match(key):
            return strength != "weak" or len(value) >= 4
        return strength == "strong" and _WORD_ENDS.match(low, stop) is not None
    named = strength == "strong" or (strength == "weak" and key.startswith("кодов") and value[0].isupper())
    return named and len(value) >= 4 and _LINE_ENDS.match(low, stop) is not None


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

_DIGIT = re.compile(r"\d")
_LINK = (
    r"(?:[\s_:=\"'(\-]|(?:из|по|в|от|с|на|мне|мой|моя|моей|такой|вот|это|был|есть|2fa|смс|sms"
    r"|сообщени[яие]|подтверждения|доступа"
    r"|безопасности|авторизации|активации|входа|госуслуг|банка|карты|карте|пришел|is|was|my|the|for"
    r"|from|card|bank|сообщаю"
    r")(?![a-zа-я])){1,16}"
)
_NUMBER_END = r"(?!\d|[-.:/]\d)"
_PIN = re.compile(
    r"(?:(?:пин|pin)(?:[- ]?(?:код|code))?(?:а|ом|у)?|пасс?код)(?![a-zа-я])"
    + _LINK
    + r"(\d{4,8}|\d(?: \d){3,5})"
    + _NUMBER_END
)
_CVV = re.compile(
    r"(?:(?:cvv2?|cvc2?|цвв|свв|cvp2?)(?:[/ ](?:cvv2?|cvc2?))?(?:[- ]?код)?|(?:цифры|код) (?:на"
r"|с) (?:обороте|обратной стороны?е?)(?: карты)?)(?![a-zа-я])"
    + _LINK + r"(\d{3,4})" + _NUMBER_END
)  # fmt: skip
_CODE = re.compile(
    r"(?:код(?:а|ом|у)?(?![a-zа-я])|code(?![a-z])|otp(?![a-z]))"
    + _LINK
    + r"(\d{3}[- ]\d{3}|\d\d[- ]\d\d[- ]\d\d|\d{4,8}|\d(?: \d){3,5})"
    + _NUMBER_END
)
# «482193 - код подтверждения»
_CODE_BEHIND = re.compile(
    r"(?<![\w.,/-])(?<!\d )(\d{4,8})[ \t]{0,2}[-:(,]?[ \t]{0,2}(?:это )?(?:мой |ваш |your |is your )?"
    r"(?:код[а-я]{0,2} (?:подтверждения|из смс|из sms|доступа|для входа|авторизации|активации)"
    r"|(?:verification|confirmation|security) code)"
)
_CODE_CONTEXT = re.compile(
    r"смс|sms|подтвержд|проверочн|одноразов|доступа|безопасност|верификац|авторизац|активац|confirm"
    r"|verif|one-time|otp|security"
    r"|приш[ел]|присла|прислан|получил|ввожу|ввел|ввод|вбива|мой код|ваш код|сообщ|назвал|продикт|сказал"
    r"|отправил|my code|your code|код из|код от|enter|секретн|2fa|authenticator"
)
_CODE_AFTER = re.compile(r"[\s,(]{0,3}(?:из|from|в|по|в) (?:смс|sms|сообщени|текста)")
_NOT_COME = re.compile(r"не\s(?:прих|приш|прис|пост|получ)[а-я]*\s(?:\w+\s)?$|(?:номер|ошибк)[а-я]*\s$")
_CLAUSE = re.compile(r"[.!?\n;]")
_ONLY_CODE = re.compile(r"\s*(?:код|code)[\s:=-]{0,4}\d{4,8}\s*\.?\s*$")


def _numbers(low: str) -> list[tuple[int, int, Secret]]:
    found: list[tuple[int, int, Secret]] = []
    if has_any(low, ("пин", "pin", "пасскод", "паскод")):
        found += [(*m.span(1), "pin") for m in _PIN.finditer(low) if _word_starts(low, m.start())]
    if "cv" in low or "цвв" in low or "свв" in low or "оборот" in low or "обратн" in low:
        found += [(*m.span(1), "cvv") for m in _CVV.finditer(low) if _word_starts(low, m.start())]
    if "код" in low or "code" in low or "otp" in low:
        found += [(*m.span(1), "code") for m in _CODE.finditer(low) if _is_code(low, m)]
        found += [(*m.span(1), "code") for m in _CODE_BEHIND.finditer(low)]
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


_TWELVE_DIGITS = re.compile(r"\d{4}[ -]?\d{4}[ -]?\d{4}")
# Behind a card «код 123» is its CVV.
_CODE_OF_CARD = re.compile(r"[^\n]{0,40}?(?:код|code)[ :=-]{1,3}(\d{3})(?![\d-])")


def _cards(low: str) -> list[tuple[int, int, Secret]]:
    found: list[tuple[int, int, Secret]] = []
    if not _TWELVE_DIGITS.search(low):
        return found
    for match in _CARD.finditer(low):
        if match[0][0] not in "23456" or not luhn.is_valid(re.sub(r"\D", "", match[0])):
            continue
        if _NOT_A_CARD.search(low, max(0, match.start() - 32), match.start()):
            continue
        found.append((*match.span(), "card"))
        code = _CODE_OF_CARD.match(low, match.end())
        if code:
            found.append((*code.span(1), "cvv"))
    return found
