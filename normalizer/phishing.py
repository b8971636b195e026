"""Who asks for secrets: a forwarded letter of a swindler, or the tale of his call."""

from __future__ import annotations

import re

from normalizer.folding import fold

_CLAUSE = re.compile(r"[.!?\n;]")
_ASKED_FOR = (
    r"(?:парол[а-я]{1,3}|пин[- ]?код[а-я]{0,2}|пин(?![а-я])|pin(?![a-z])|cvv2?|cvc2?|кодов[а-я]{2,3} слов[а-я]"
    r"|код[а-я]{0,2}(?:,)? (?:из|от|который|подтверждения|доступа|безопасности|авторизации|активации"
    r"|на обороте|с обратн|в смс|в сообщ)"
    r"|(?:смс|sms|проверочн[а-я]{2}|одноразов[а-я]{2}|полученн[а-я]{2}"
    r"|пришедш[а-я]{2,3})[- ]код[а-я]{0,2}|код[а-я]{0,2}(?![а-я])(?! (?:с картин|с изобр|на картин"
    r"|ошибк|регион|услуг|подраздел"
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
    r"|попросил[аи]?|потребовал[аи]?"
    r"|просьб[а-я]{1,2}|(?:вам|вы) (?:срочно )?(?:необходимо|нужно|надо|должны|обязаны))(?![а-я])"
)
# A person or a caller, unlike a page, has no business with a code: «сотрудник банка требует код из смс».
_BY_A_PERSON = re.compile(
    r"(?:звон|мошенник|сотрудни|менеджер|написал|пишут|мужчин|девушк|женщин|человек|незнаком"
    r"|служб[а-я] безопасн|из банка|полици)"
    r"[^.!?\n]{0,64}?(?<![а-я])(?:прос[ия]т|просил[аи]?|требу[ею]т|требовал[аи]?|попросил[аи]?"
    r"|потребовал[аи]?|выманива[а-я]{2,4}|узнал[аи]?)"
    r"(?![а-я])(?: (?:у меня|меня|от меня|мой|мои|прислать|ему|им)){0,2} " + _ASKED_FOR
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
    r"|на обороте|карт|скан|фото|cv|пин|в этот чат|на этот|по этому)"
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
    if any(not _negated(low, m.start()) for m in _BY_A_PERSON.finditer(low)):
        return True
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
    if match[0].startswith(_INFINITIVES):  # «необходимо отправить скан через портал» is a citizen's own task
        return _DEMAND.search(_clause_before(low, match.start())) is not None
    around = match["between"] + low[match.start("what") : match.end() + 16]
    return _YOURS.search(around) is not None or _DEMAND.search(_clause_before(low, match.start())) is not None


_INFINITIVES = ("прислать", "отправить", "выслать", "предоставить")


def _linked(low: str, match: re.Match[str]) -> bool:
    """A link within the neighbouring sentences of «введите код»."""
    return not _negated(low, match.start()) and (
        _LINKED.search(low, max(0, match.start() - 160), match.end() + 160) is not None
    )
