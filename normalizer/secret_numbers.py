"""PINs, confirmation codes, CVVs and cards: numbers that a word beside them makes a secret."""

from __future__ import annotations

import re
from typing import Literal

from stdnum import luhn

from normalizer.folding import has_any

Secret = Literal["password", "pin", "code", "cvv", "card"]
Span = tuple[int, int, Secret]

_DIGIT = re.compile(r"\d")
_LINK = (
    r"(?:[\s_:=\"'(\-]|(?:из|по|в|от|с|на|мне|мой|моя|моей|такой|вот|это|был|есть|2fa|смс|sms|сообщени[яие]"
    r"|подтверждения|доступа|пуша|пушей|экрана|уведомлени[еия]|пуш|push|приложени[еия]|google|authenticator"
    r"|аутентификатора|сим|sim|рутокена|токена|эцп|эп|ключа|подписи|телефона|безопасности|авторизации|активации"
    r"|входа|госуслуг|банка|карты|карте|пришел|is|was|my|the|for|from|card|bank|сообщаю)(?![a-zа-я])){1,16}"
)
_NUMBER_END = r"(?!\d|[-.:/]\d)"
_PIN = re.compile(
    r"(?:(?:пин|pin)(?:[- ]?(?:код|code))?(?:а|ом|у)?|пасс?код)(?![a-zа-я])"
    + _LINK
    + r"(\d\d-\d\d|\d{4,8}|\d(?: \d){3,5})"
    + _NUMBER_END
)
_CVV = re.compile(
    r"(?:(?:cvv2?|cvc2?|цвв|свв|cvp2?)(?:[/ ](?:cvv2?|cvc2?))?(?:[- ]?код)?|(?:цифры|код) (?:на|с)"
    r" (?:обороте|обратной стороны?е?)(?: карты)?"
    r"|на (?:обороте|обратной стороне)(?: карты)?(?: код| цифры)?)(?![a-zа-я])"
    + _LINK + r"(\d{3,4})" + _NUMBER_END
)  # fmt: skip
_CODE = re.compile(
    r"(?:код(?:а|ом|у)?(?![a-zа-я])|code(?![a-z])|otp(?![a-z]))"
    + _LINK
    + r"((?:[a-z]{1,2}-)?(?:\d{3}[- ]\d{3}|\d\d[- ]\d\d[- ]\d\d|\d{4,8}|\d(?: \d){3,5}))"
    + _NUMBER_END
)
_UNIT = r"(?!\s{0,2}(?:раз|дн|ден|мин|час|год|г\.|руб|шт|сообщ|смс|symb))"
# Without the word for it: «Google Authenticator 123456», «в смс пришло 4821», «ввел 5521, пишет код неверный».
_NAMELESS = re.compile(
    r"(?<![a-zа-я])(?:(?:authenticator|яндекс[. ]?ключ|yandex key|аутентификатор[а-я]{0,2}|totp)"
    + _LINK
    + r"(\d{3} ?\d{3}|\d{8})"
    r"|(?:смс|sms)[а-я]{0,2}(?:\s(?:сообщени[еия]|пришл[оаи]|пришел|было|цифры|такие|указано"
    r"|стоит)){1,4}[\s:-]{1,3}(\d{4,8})|(?:смс|sms):\s?(\d{4,8})"
    r"|(?:ввел[аи]?|ввожу|вводил[аи]?|набрал[аи]?)\s(\d{4,8})(?=[^\n\d]{1,40}код))" + _NUMBER_END + _UNIT
)
_ANOTHER = re.compile(r"(?:,? (?:и|или|потом|затем|а потом|and|or) |[,/] ?)(\d{4,8})" + _NUMBER_END + _UNIT)
_MOST_CODES = 16
_SPARE = re.compile(
    r"(?:резервн[а-я]{2,3} код[а-я]{0,2}|(?:backup|recovery) codes?)[\s:-]{1,4}((?:\d{4,12}[ ,;\n-]{0,3}){1,16})"
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
    r"|отправил|push|пуш|экран|my code|your code|код из|код от|enter|секретн|2fa|authenticator"
)
_CODE_AFTER = re.compile(
    r"[\s,(]{0,3}(?:(?:из|from|в|по|в) (?:смс|sms|сообщени|текста)|приш[ел]|вв[ео]|пишет|(?:но )?не под(?:ход|ош)"
    r"|неверн)"
)
_NOT_COME = re.compile(r"(?<![а-я])не\s(?:прих|приш|прис|пост|получ)[а-я]*\s(?:\w+\s)?$|(?:номер|ошибк)[а-я]*\s$")
_CLAUSE = re.compile(r"[.!?\n;]")
_ONLY_CODE = re.compile(r"\s*(?:код|code)[\s:=-]{0,4}(?:\d{4,8}|\d\d-\d\d-\d\d|\d{3}[ -]\d{3})\s*\.?\s*$")


def find(low: str) -> list[Span]:
    """Where the secret numbers of a folded text stand, and their kinds."""
    return [*_numbers(low), *_cards(low)] if _DIGIT.search(low) else []


def _numbers(low: str) -> list[Span]:
    found: list[Span] = []
    if has_any(low, ("пин", "pin", "пасскод", "паскод")):
        found += [(*m.span(1), "pin") for m in _PIN.finditer(low) if _word_starts(low, m.start())]
    if "cv" in low or "цвв" in low or "свв" in low or "оборот" in low or "обратн" in low:
        found += [(*m.span(1), "cvv") for m in _CVV.finditer(low) if _word_starts(low, m.start())]
    if has_any(low, ("смс", "sms", "authent", "аутентиф", "totp", "яндекс", "yandex", "вве", "вво", "набр")):
        found += [(*m.span(m.lastindex or 0), "code") for m in _NAMELESS.finditer(low)]
    if "код" in low or "code" in low or "otp" in low:
        found += [(m.start(1), m.start(1) + len(m[1].rstrip(" ,;\n-")), "code") for m in _SPARE.finditer(low)]
        for match in _CODE.finditer(low):
            if _is_code(low, match):
                found += [(*span, "code") for span in (match.span(1), *_others(low, match.end()))]
        found += [(*m.span(1), "code") for m in _CODE_BEHIND.finditer(low)]
    return found


def _others(low: str, at: int) -> list[tuple[int, int]]:
    """More codes in a row: «7765 и 8891»."""
    found: list[tuple[int, int]] = []
    while len(found) < _MOST_CODES and (another := _ANOTHER.match(low, found[-1][1] if found else at)):
        found.append(another.span(1))
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


def _cards(low: str) -> list[Span]:
    found: list[Span] = []
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
