"""What the problem is about, as far as the text says: application, service, step, error, time, software."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from normalizer.envelope import Details
from normalizer.folding import fold, has_any, matches
from normalizer.moments import dates, day_of
from normalizer.software import software

# A letter says what it is about early; a log pasted below is for the desk to read.
_READ = 16_000
_LONGEST = 300


def find(
    text: str, *, sent_at: datetime | None = None, timezone: str = "Europe/Moscow", ticket_numbers: Collection[str] = ()
) -> Details:
    """`timezone`: that of the writer's clock, if he states none. `ticket_numbers` are not taken for applications."""
    text = text[:_READ]
    low = fold(text)
    stated, spans = software(text, low)
    error = "err" in low or _DIGIT.search(low) is not None
    return Details(
        application_number=_application(text, low, ticket_numbers),
        service=_service(text, low),
        step=_step(text, low),
        error_code=_error_code(text, low) if error else None,
        error_text=_error_text(text, low),
        occurred_at=_occurred_at(low, sent_at, ZoneInfo(timezone), spans),
        device=stated.get("device"),
        os=stated.get("os"),
        browser=stated.get("browser"),
    )


# ---------------------------------------------------------------- application

_APPLICATION = re.compile(
    r"(?:заявлени[а-я]{1,2}|заявк[а-я]{1,2}|application|(?:номер|код) услуги)(?![а-яa-z])"
    r"[^\d\n.!?]{0,40}?(?:\d{1,2}[./]\d{1,2}[./]\d{2,4}[^\d\n]{0,24}?)?(?<![\w./-])"
    r"(?P<number>[a-zа-я]{0,4}-?\d(?:[\w/-]|[ ](?=\d{2}))*)"
)
_NOT_AN_APPLICATION = re.compile(
    r"(?:^|[^а-я])(?:от|до|за|в|через|на|тел[а-я]*|инн|снилс|паспорт[а-я]*|обращени[а-я]{1,2}"
    r"|ошибк[а-я]|код)[ .:№]{0,3}$"
)


def _application(text: str, low: str, ticket_numbers: Collection[str]) -> str | None:
    if "заяв" not in low and "application" not in low and "услуги" not in low:
        return None
    tickets = {_only_digits(number) for number in ticket_numbers}
    for match in _APPLICATION.finditer(low):
        start, end = match.span("number")
        digits = _only_digits(low[start:end])
        # Four digits are a year or a time; a phone and an INN have a word of their own before them.
        if not 5 <= len(digits) <= 30 or any(number.startswith(digits) for number in tickets):
            continue
        if _NOT_AN_APPLICATION.search(low, match.start(), start):
            continue
        return text[start:end].strip(" -/")
    return None


def _only_digits(written: str) -> str:
    return "".join(char for char in written if char.isdecimal())


# ---------------------------------------------------------------- service and step

_SERVICE_NAMED = re.compile(
    r"(?<![а-я])услуг[аиуе]?(?:ой)?(?: по)?(?: называется)?[ \t]{0,3}(?:(?P<label>:)[ \t]{0,3}"
    r'|(?=["(]))(?:"(?P<quoted>[^"\n]{3,160})"|(?P<plain>[^\n.;"]{3,120}))'
)
_SERVICE_FOR = re.compile(
    r"(?:запис(?:аться|ать|ываюсь|ь)(?: ребенка| сына| дочь)? (?:к|на|в) (?!пятн|сред|понед|втор|четв"
    r"|субб|воскр|сайт|завтра|сегодня|прошл|следующ|эт[уо])"
    r"|заявлени[ея] (?:на|о) (?!сайт|портал|почт|номер|том|то[,. ])|оформ(?:ить|ляю"
    r"|лении?) (?!заявлени|заявк|не )|получени[ея] (?!ответ|код|смс|результат|письм))"
    r"(?P<what>[а-я][а-я -]{2,60}?)(?=$|[^а-я -]| (?:не|но|и|через|на портале|на сайте|в личном|пишет"
    r"|выда|уже|до|а|я|мне|для|-)(?![а-я]))"
)
_STEP_NUMBER = re.compile(
    r"(?<![а-я])(?P<step>(?:шаг|этап)[а-я]{0,2} (?:№ ?)?\d{1,2}(?![\d.-])"
    r"|(?<=на )(?:\d{1,2}(?:-?[а-я]{1,3})?|(?:перв|втор|треть|четверт|пят|шест"
    r"|последн)[а-я]{2,3}) (?:шаг|этап)[а-я]{0,2})"
)
_STEP_LABELLED = re.compile(
    r"(?<![а-я])(?:шаг|этап)(?: заявления| услуги)?[ \t]{0,2}[:-][ \t]{0,2}(?P<step>[^\n.;]{3,120})"
)
_STEP_NAMED = re.compile(
    r'(?:на|во время) (?:шаг[еу]|этап[еу]|стади[ию])[ \t:]{1,3}(?:"(?P<quoted>[^"\n]{2,120})"'
    r"|(?P<plain>[а-я][а-я -]{2,60}?)(?=$|[^а-я -]| (?:не|но|и|меня)(?![а-я])| (?:пишет|выда|появля|вылета"
    r"|зависа|завис|происход|возника|сайт|систем|портал|ошибк|выбрасыва|останавлива)))"
    r"|(?<![а-я])(?P<during>при (?:входе|регистрации|авторизации|оплате|отправке|подаче|загрузке"
    r"|заполнении|подтверждении|нажатии|сохранении|подписании|открытии|записи|восстановлении|смене"
    r"|прикреплении|скачивании|переходе|попытке [а-я]{3,14})"
    r'(?: (?:на )?(?:кнопк[иу] )?(?:"[^"\n]{1,60}"|заявлени[ея]|пароля|данных|документов?|файл[ао]в?'
    r"|фото|анкеты|формы|учетной записи|личности|почты|телефона|номера|госпошлины|штрафа"
    r"|в личный кабинет|в кабинет|в приложение|на портал|на сайт|к врачу|на прием|кабинет"
    r"|заявку)){0,2})"
    r"|(?:at|on) (?P<english>step \d{1,2}|the [a-z]{3,20} (?:step|stage|page))"
)


def _service(text: str, low: str) -> str | None:
    if "услуг" in low:
        named = _SERVICE_NAMED.search(low)
        if named:
            start, end = named.span("quoted" if named["quoted"] else "plain")
            return text[start:end].strip(' ,-"()') or None
    found = matches(_SERVICE_FOR, low, ("запис", "заявлени", "оформ", "получени"))
    if not found:
        return None
    wanted = found[0]
    verb = low[wanted.start() : wanted.start("what")]
    start = wanted.start() if verb.startswith(("запис", "получ")) else wanted.start("what")
    return _DANGLING.sub("", text[start : wanted.end("what")].strip())


_DANGLING = re.compile(r"(?: (?:на|в|во|к|ко|с|со|по|о|об|от|за))+$")  # «запись к врачу на 25.11»
_STEPS = ("шаг", "этап", "стади", "step", "stage", "page")


def _step(text: str, low: str) -> str | None:
    if "шаг" in low or "этап" in low:
        number = _STEP_NUMBER.search(low)
        if number:
            return text[slice(*number.span("step"))].strip()
        labelled = _STEP_LABELLED.search(low)
        if labelled:
            return text[slice(*labelled.span("step"))].strip(' "«»')
    stems = ("при ",) if not has_any(low, _STEPS) else ("при ", "на ", "во время", "at ", "on ")
    found = matches(_STEP_NAMED, low, stems)
    if not found:
        return None
    named = found[0]
    group = next(name for name in ("quoted", "plain", "during", "english") if named[name])
    return text[slice(*named.span(group))].strip()


# ---------------------------------------------------------------- error

_DIGIT = re.compile(r"\d")
_CODE = r"(?P<code>0x[0-9a-f]{2,16}|[a-zа-я]{1,8}[_-]?\d[\w.-]{0,20}|\d{1,6}(?:[._-]\d{1,6}){0,3})"
_ERROR_CODE = re.compile(
    r"(?:(?:ошибк[а-я]{1,3}|error)(?: (?:с )?(?:код[а-я]{0,2}|номер[а-я]{0,2}|code|number|http"
    r"|сервера))?|код[а-я]{0,2}(?: этой)? (?:ошибк[а-я]|error|ответа|сбоя)|http(?: error| status)?"
    r"|err(?:or)? code"
    r'|(?:ошибк[а-я]{1,3}|error)[^"\n.!?]{0,48}"[^"\n]{3,300}"[ ,;(-]{1,4}(?:с )?(?:код[а-я]{0,2}|code))'
    r"(?![а-яa-z])[ \t]{0,3}[:=#№(\"-]{0,2}[ \t]{0,3}(?:код[ :]{1,2})?"
    + _CODE
    + r"(?![\w-])(?! ?(?:раз|дн|час|мин|год|янв|фев|мар|апр|мая|июн|июл|авг|сен|окт|ноя|дек))"
)
_ERROR_AFTER = re.compile(
    r"(?<![\w.-])(?P<code>[45]\d\d) (?:ошибк[а-я]|error|internal server|bad gateway|not found"
    r"|forbidden|service unavailable|gateway time)"
)
_CONSTANT = re.compile(
    r"(?<![\w.])(?P<code>(?:err_[a-z_]{3,40}|0x[0-9a-f]{6,16}|[a-z]{2,8}_error[a-z_]{0,30}|(?:esia|есиа|epgu|егпу|smev"
    r"|смэв)[_-]\d{3,8}))(?![\w-])"
)
_SAYS = re.compile(
    r"(?:ошибк[а-я]{1,3}|сообщени[а-я]{1,2}|надпись|пишет(?:ся)?|написано|пишут|выдает(?:ся)?"
    r"|выда[её]т(?:ся)?|появля[а-я]{2,5}|выходит|высвечивается|показывает|вылетает|выскакивает|текст"
    r"|error|message|says|it says|shows)(?![а-яa-z])"
    r'(?P<between>[^"\n.!?]{0,48})"(?P<text>[^"\n]{3,300})"'
)
_ERROR_COLON = re.compile(
    r"(?:(?:текст |с )?(?:ошибк[а-я]{1,3}|сообщени[а-я]{1,2}|надпись)(?: (?:с текстом|следующего содержания"
    r"|такая|вот такая))?|(?:сайт |система |портал |приложение )?(?:пишет|выда[её]т|выдает|показывает"
    r"|отвечает)(?: мне)?(?: ошибку)?|error(?: message"
    r"| text)?)[ \t]{0,3}:[ \t]{0,3}\n?(?P<text>[^\n]{3,300})"
)
_SENTENCE = re.compile(r"[.!?](?=\s+[А-ЯA-ZЁ]|\s*$)")


def _error_code(text: str, low: str) -> str | None:
    for pattern, hints in (
        (_CONSTANT, ("err", "0x", "esia", "есиа", "epgu", "егпу", "smev", "смэв")),
        (_ERROR_CODE, ("ошиб", "err", "http", "код")),
        (_ERROR_AFTER, ("ошиб", "err", "bad ", "not f", "forb", "unav", "gate")),
    ):
        if not has_any(low, hints):
            continue
        for match in pattern.finditer(low):
            start, end = match.span("code")
            code = text[start:end].rstrip("._-")
            if code and not re.fullmatch(r"\d{1,2}\.\d{1,2}(?:\.\d{2,4})?|\d{6}-\d{6,7}-\d|в\d+", code.lower()):
                return code
    return None


def _error_text(text: str, low: str) -> str | None:
    """The words of the screen: in quotes after «пишет» or «ошибка», or from «ошибка:» to the end of the sentence."""
    if '"' in low:
        for quoted in _SAYS.finditer(low):
            start, end = quoted.span("text")
            if any(char.isalpha() for char in low[start:end]):
                return text[start:end].strip()
    if ":" not in low:
        return None
    after = (
        _ERROR_COLON.search(low)
        if has_any(low, ("ошиб", "сообщ", "надпись", "пишет", "выда", "показ", "отвечает", "err"))
        else None
    )
    if not after:
        return None
    start, end = after.span("text")
    stop = _SENTENCE.search(text, start, end)
    said = text[start : stop.start() if stop else end].strip(' "«»“”')[:_LONGEST]
    return said if sum(map(str.isalpha, said)) >= 3 and " " in said else None


# ---------------------------------------------------------------- when

_TEN_YEARS = 3653  # days; what is older is a date of birth or of a document
# Dates of something else: of a document, of birth, until when, when to call.
_NOT_THEN = re.compile(
    r"(?:(?:^|[^а-я])(?:от|до|после|не позднее|к|родил[а-я]{2,3}|рождения|д\.р\.?|выдан[ао]?|выдачи"
    r"|действует|перезвон[а-я]+|позвон[а-я]+|звоните|запис[а-я]+|на|прием[а-я]?|визит[а-я]?|срок[а-я]?"
    r"|until|before|born|by)"
    r"(?: (?:меня|мне|г\.|в|на|:))?[ :]{1,3})$"
)


def _occurred_at(low: str, sent_at: datetime | None, zone: tzinfo, versions: list[tuple[int, int]]) -> str | None:
    """The first date that can be when it happened: with a time rather than without, never after the writing."""
    here = day_of(sent_at, zone)
    day_only = None
    for stated in dates(low, here):
        if any(begin <= stated.start < end for begin, end in versions):
            continue
        if _NOT_THEN.search(low, max(0, stated.start - 32), stated.start):
            continue
        if here and not -1 <= (here - stated.day).days <= _TEN_YEARS:
            continue
        written = stated.rfc3339(zone)
        if stated.time is not None:
            return written
        day_only = day_only or written
    return day_only
