"""What the problem is about, as far as the text says: application, service, step, error, time, device, system, browser."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from normalizer.envelope import Details
from normalizer.folding import fold
from normalizer.moments import dates

# A letter says what it is about early; a log pasted below is for the desk to read.
_READ = 16_000
_LONGEST = 300


def find(
    text: str, *, sent_at: datetime | None = None, timezone: str = "Europe/Moscow", ticket_numbers: Collection[str] = ()
) -> Details:
    """`timezone`: where the writer's clock is thought to be. `ticket_numbers`: never taken for an application's number."""
    text = text[:_READ]
    low = fold(text)
    software, spans = _software(text, low)
    error = "ошиб" in low or "err" in low or "http" in low or "код" in low
    return Details(
        application_number=_application(text, low, ticket_numbers),
        service=_service(text, low),
        step=_step(text, low),
        error_code=_error_code(text, low) if error else None,
        error_text=_error_text(text, low),
        occurred_at=_occurred_at(low, sent_at, ZoneInfo(timezone), spans),
        device=software.get("device"),
        os=software.get("os"),
        browser=software.get("browser"),
    )


# ---------------------------------------------------------------- application

_APPLICATION = re.compile(
    r"(?:заявлени[а-я]{1,2}|заявк[а-я]{1,2}|application|(?:номер|код) услуги)(?![а-яa-z])"
    r"[^\d\n.!?]{0,40}?(?<![\w-])(?P<number>[a-zа-я]{0,4}-?\d(?:[\w/-]|[ ](?=\d{2}))*)"
)
_NOT_AN_APPLICATION = re.compile(r"(?:^|[^а-я])(?:от|до|за|в|через|на|тел[а-я]*|инн|снилс|паспорт[а-я]*|обращени[а-я]{1,2}|ошибк[а-я]|код)[ .:№]{0,3}$")


def _application(text: str, low: str, ticket_numbers: Collection[str]) -> str | None:
    if "заяв" not in low and "application" not in low and "услуги" not in low:
        return None
    tickets = {_only_digits(number) for number in ticket_numbers}
    for match in _APPLICATION.finditer(low):
        start, end = match.span("number")
        digits = _only_digits(low[start:end])
        # Four digits are a year or a time; a phone and an INN have a word of their own before them.
        if not 5 <= len(digits) <= 30 or digits in tickets or _NOT_AN_APPLICATION.search(low, match.start(), start):
            continue
        return text[start:end].strip(" -/")
    return None


def _only_digits(written: str) -> str:
    return "".join(char for char in written if char.isdecimal())


# ---------------------------------------------------------------- service and step

_SERVICE_NAMED = re.compile(r'(?<![а-я])услуг[аиуе]?(?:ой)?(?: по)?(?: называется)?[ \t]{0,3}(?:(?P<label>:)[ \t]{0,3}|(?=["(]))(?:"(?P<quoted>[^"\n]{3,160})"|(?P<plain>[^\n.;"]{3,120}))')
_SERVICE_FOR = re.compile(
    r"(?:запис(?:аться|ать|ываюсь|ь)(?: ребенка| сына| дочь)? (?:к|на|в) (?!пятн|сред|понед|втор|четв|субб|воскр|сайт|прием к)"
    r"|заявлени[ея] (?:на|о) (?!сайт|портал|почт|номер|том|то[,. ])|оформ(?:ить|ляю|лении?) (?!заявлени|заявк|не )|получени[ея] (?!ответ|код|смс|результат|письм))"
    r"(?P<what>[а-я][а-я -]{2,60}?)(?=$|[^а-я -]| (?:не|но|и|через|на портале|на сайте|в личном|пишет|выда|уже|до|а|я|мне|для|-)(?![а-я]))"
)
_STEP_NUMBER = re.compile(r"(?:на|этап|шаг)[ а-я]{0,12}?(?P<step>(?:(?P<n>\d{1,2})(?:-?[а-я]{1,3})? (?:шаг|этап)[а-я]{0,2}|(?:шаг|этап)[а-я]{0,2} (?:№ ?)?\d{1,2}))(?!\d)")
_STEP_NAMED = re.compile(
    r'(?:на|во время) (?:шаг[еу]|этап[еу]|стади[ию])[ \t:]{1,3}(?:"(?P<quoted>[^"\n]{2,120})"|(?P<plain>[а-я][а-я -]{2,60}?))(?=$|[^а-я -]| (?:не|но|и|пишет|выда|появля|вылета|зависа|происход|возника|сайт|система|меня|портал)(?![а-я]))'
    r"|(?<![а-я])(?P<during>при (?:входе|регистрации|авторизации|оплате|отправке|подаче|загрузке|заполнении|подтверждении|нажатии|сохранении|подписании|открытии|записи|восстановлении|смене|прикреплении|скачивании|переходе|попытке [а-я]{3,14})"
    r'(?: (?:на )?(?:кнопк[иу] )?(?:"[^"\n]{1,60}"|заявлени[ея]|пароля|данных|документов?|файл[ао]в?|фото|анкеты|формы|учетной записи|личности|почты|телефона|номера|госпошлины|штрафа|в личный кабинет|в кабинет|в приложение|на портал|на сайт|к врачу|на прием|кабинет|заявку)){0,2})'
    r"|(?:at|on) (?P<english>step \d{1,2}|the [a-z]{3,20} (?:step|stage|page))"
)


def _service(text: str, low: str) -> str | None:
    if "услуг" in low:
        named = _SERVICE_NAMED.search(low)
        if named:
            start, end = named.span("quoted" if named["quoted"] else "plain")
            return text[start:end].strip(' ,-"()') or None
    wanted = _SERVICE_FOR.search(low)
    if not wanted:
        return None
    verb = low[wanted.start() : wanted.start("what")]
    start = wanted.start() if verb.startswith(("запис", "получ")) else wanted.start("what")
    return text[start : wanted.end("what")].strip()


def _step(text: str, low: str) -> str | None:
    if "шаг" in low or "этап" in low:
        number = _STEP_NUMBER.search(low)
        if number:
            return text[slice(*number.span("step"))].strip()
    named = _STEP_NAMED.search(low)
    if not named:
        return None
    group = next(name for name in ("quoted", "plain", "during", "english") if named[name])
    return text[slice(*named.span(group))].strip()


# ---------------------------------------------------------------- error

_CODE = r"(?P<code>0x[0-9a-f]{2,16}|[a-zа-я]{1,8}[_-]?\d[\w.-]{0,20}|\d{1,6}(?:[._-]\d{1,6}){0,3})"
_ERROR_CODE = re.compile(
    r"(?:(?:ошибк[а-я]{1,3}|error)(?: (?:с )?(?:код[а-я]{0,2}|номер[а-я]{0,2}|code|number|http|сервера))?|код[а-я]{0,2}(?: этой)? (?:ошибк[а-я]|error|ответа|сбоя)|http(?: error| status)?|err(?:or)? code)"
    r"(?![а-яa-z])[ \t]{0,3}[:=#№(\"-]{0,2}[ \t]{0,3}" + _CODE + r"(?![\w-])(?! ?(?:раз|дн|час|мин|год|янв|фев|мар|апр|мая|июн|июл|авг|сен|окт|ноя|дек))"
)
_ERROR_AFTER = re.compile(r"(?<![\w.-])(?P<code>[45]\d\d) (?:ошибк[а-я]|error|internal server|bad gateway|not found|forbidden|service unavailable|gateway time)")
_CONSTANT = re.compile(r"(?<![\w.])(?P<code>(?:err_[a-z_]{3,40}|[a-z]{2,8}_error[a-z_]{0,30}|(?:esia|есиа|epgu|егпу|smev|смэв)[_-]\d{3,8}))(?![\w-])")
_SAYS = re.compile(
    r'(?:ошибк[а-я]{1,3}|сообщени[а-я]{1,2}|надпись|пишет(?:ся)?|написано|пишут|выдает(?:ся)?|выда[её]т(?:ся)?|появля[а-я]{2,5}|выходит|высвечивается|показывает|вылетает|выскакивает|текст|error|message|says|it says|shows)(?![а-яa-z])'
    r'(?P<between>[^"\n.!?]{0,48})"(?P<text>[^"\n]{3,300})"'
)
_ERROR_COLON = re.compile(
    r"(?:(?:текст |с )?(?:ошибк[а-я]{1,3}|сообщени[а-я]{1,2})(?: (?:с текстом|следующего содержания|такая|вот такая))?|(?:сайт |система |портал |приложение )?(?:пишет|выда[её]т|выдает|показывает|отвечает)(?: мне)?(?: ошибку)?|error(?: message| text)?)[ \t]{0,3}:[ \t]{0,3}\n?(?P<text>[^\n]{3,300})"
)
_SENTENCE = re.compile(r"[.!?](?=\s+[А-ЯA-ZЁ]|\s*$)")


def _error_code(text: str, low: str) -> str | None:
    for pattern in (_CONSTANT, _ERROR_CODE, _ERROR_AFTER):
        for match in pattern.finditer(low):
            start, end = match.span("code")
            code = text[start:end].rstrip("._-")
            if code and not re.fullmatch(r"\d{1,2}\.\d{1,2}(?:\.\d{2,4})?|\d{6}-\d{6,7}-\d|в\d+", code.lower()):
                return code
    return None


def _error_text(text: str, low: str) -> str | None:
    """The exact words of the screen: in quotes after «пишет», «ошибка», or what follows «ошибка:» to the end of the sentence."""
    if '"' in low:
        for quoted in _SAYS.finditer(low):
            start, end = quoted.span("text")
            if any(char.isalpha() for char in low[start:end]):
                return text[start:end].strip()
    if ":" not in low:
        return None
    after = _ERROR_COLON.search(low)
    if not after:
        return None
    start, end = after.span("text")
    stop = _SENTENCE.search(text, start, end)
    said = text[start : stop.start() if stop else end].strip(' "«»“”')[:_LONGEST]
    return said if sum(map(str.isalpha, said)) >= 3 and " " in said else None


# ---------------------------------------------------------------- when

# Dates of something else: of a document, of birth, until when, when to call.
_NOT_THEN = re.compile(
    r"(?:(?:^|[^а-я])(?:от|до|после|не позднее|к|родил[а-я]{2,3}|рождения|д\.р\.?|выдан[ао]?|выдачи|действует|перезвон[а-я]+|позвон[а-я]+|звоните|запис[а-я]+|на|прием[а-я]?|визит[а-я]?|срок[а-я]?|until|before|born|by)"
    r"(?: (?:меня|мне|г\.|в|на|:))?[ :]{1,3})$"
)


def _occurred_at(low: str, sent_at: datetime | None, zone: tzinfo, software: list[tuple[int, int]]) -> str | None:
    """The first date that can be when it happened: with a time rather than without, never after the writing."""
    here = sent_at.astimezone(zone) if sent_at else None
    day_only = None
    for stated in dates(low, here.date() if here else None):
        if any(begin <= stated.start < end for begin, end in software):
            continue
        if _NOT_THEN.search(low, max(0, stated.start - 32), stated.start):
            continue
        if here and not here.date() - timedelta(days=3660) <= stated.day <= here.date() + timedelta(days=1):
            continue
        written = stated.rfc3339(zone)
        if stated.time is not None:
            return written
        day_only = day_only or written
    return day_only


# ---------------------------------------------------------------- device, system, browser

_VERSION = r"(?:[ /,-]{1,2}(?:версия |версии |version |v\.? ?)?(?P<v>\d{1,4}(?:[._]\d{1,5}){0,3}))?"
_BROWSERS = (
    ("Яндекс.Браузер", r"яндекс[ .-]?браузер[а-я]{0,2}|яндекс[ .-]браузер|yandex[ .]?browser|yabrowser|браузер[а-я]{0,2} яндекс[а-я]?"),
    ("Edge", r"microsoft edge|ms edge|edg(?:e|a|ios)?(?=[/ ,.;)]|$)"),
    ("Opera", r"opera(?: gx| mini)?|opr|опера(?![а-я])|опере|оперу"),
    ("Atom", r"браузер[а-я]{0,2} атом|atom browser"),
    ("Samsung Internet", r"samsung ?internet|samsungbrowser"),
    ("Firefox", r"mozilla firefox|firefox|fxios|файрфокс[а-я]?|мозил+[аеуы]"),
    ("Internet Explorer", r"internet explorer|msie"),
    ("Chrome", r"google chrome|chrome|crios|гугл[ -]хром[а-я]?|хром(?![а-я])|хроме(?![а-я])"),
    ("Safari", r"safari|сафари"),
)
_SYSTEMS = (
    ("Windows", r"windows(?: nt)?|винд(?:овс|а|у|ы|е)(?![а-я])|виндоус"),
    ("Android", r"android|андро[ий]д[а-я]{0,2}"),
    ("iOS", r"(?<![a-z])ios(?![a-z])|iphone os|cpu os"),
    ("macOS", r"mac ?os(?: x)?|os x|макос"),
    ("HarmonyOS", r"harmony ?os"),
    ("Linux", r"astra linux|альт линукс|ubuntu|linux|линукс"),
)
_ANY_BROWSER = re.compile(r"(?<![a-zа-я])(?:" + "|".join(f"(?P<b{i}>{p})" for i, (_, p) in enumerate(_BROWSERS)) + ")" + _VERSION)
_ANY_SYSTEM = re.compile(
    r"(?<![a-zа-я])(?:" + "|".join(f"(?P<s{i}>{p})" for i, (_, p) in enumerate(_SYSTEMS))
    + r")(?:[ /,-]{1,2}(?:версия |версии |version )?(?P<v>\d{1,4}(?:[._]\d{1,5}){0,3}|xp|vista)(?!\d))?"
)  # fmt: skip
_DEVICE = re.compile(
    r"(?<![a-zа-я])(?:(?P<apple>iphone|айфон[а-я]{0,2}|ipad|айпад[а-я]{0,2}|macbook|макбук[а-я]{0,2})(?P<model>(?: ?(?:se|xs|xr|x|\d{1,2}(?![\d.:])))?(?: ?(?:pro|max|plus|mini|air|про|макс|плюс))*)"
    r"|(?P<maker>samsung|самсунг[а-я]?|galaxy|xiaomi|сяоми|redmi|poco|honor|хонор|huawei|хуавей|realme|oppo|vivo|tecno|infinix|nokia|pixel|motorola|oneplus|meizu)(?P<rest>(?: (?:galaxy|redmi|poco|note|a\d{1,3}|s\d{1,2}|m\d{2}|\d{1,3}[a-z]{0,3}|[a-z]\d{1,3}[a-z]?|mi|pro|max|plus|ultra|lite|fe|5g)(?![\w.])){0,4})"
    r"|(?P<kind>ноутбук|компьютер|планшет|смартфон)(?:а|е|у|ом)?(?![а-я]))"
)
_KINDS = {"ноутбук": "ноутбук", "компьютер": "компьютер", "планшет": "планшет", "смартфон": "смартфон"}
_APPLE = {"айф": "iPhone", "айп": "iPad", "мак": "MacBook", "iph": "iPhone", "ipa": "iPad", "mac": "MacBook"}
_USER_AGENT = re.compile(r"mozilla/5\.0 \((?P<system>[^)\n]{1,200})\)(?P<rest>[^\n]{0,300})")
_HINT = re.compile(
    r"windows|винд|android|андро|ios|iphone|ipad|mac|мак|linux|линукс|ubuntu|harmony|brow|брауз|edg|oper|опер|firefox|fxios|файр|мозил"
    r"|chrom|crios|хром|safari|сафари|explorer|msie|айфон|айпад|samsung|самсунг|galaxy|xiaomi|сяоми|redmi|poco|hon|хонор|huawei|хуавей|realme"
    r"|oppo|vivo|tecno|infinix|nokia|pixel|motorola|oneplus|meizu|ноутбук|компьютер|планшет|смартфон"
)
# The versions that NT numbers stand for: https://learn.microsoft.com/windows/win32/sysinfo/operating-system-version
_NT = {"10.0": "10", "6.3": "8.1", "6.2": "8", "6.1": "7", "6.0": "Vista", "5.1": "XP"}


def _software(text: str, low: str) -> tuple[dict[str, str], list[tuple[int, int]]]:
    """{"device", "os", "browser"} as far as stated, and where they stand (a version is no date)."""
    found: dict[str, str] = {}
    if not _HINT.search(low):
        return found, []
    agent = _USER_AGENT.search(low)
    if agent:
        return _from_user_agent(text, low, agent), [agent.span()]
    spans: list[tuple[int, int]] = []
    browser = _best(_ANY_BROWSER, low, spans)
    if browser:
        found["browser"] = _named(browser, _BROWSERS)
    system = _best(_ANY_SYSTEM, low, spans)
    if system:
        found["os"] = _named(system, _SYSTEMS)
    device = next((match for match in _DEVICE.finditer(low) if not match["kind"]), None) or _DEVICE.search(low)
    if device:
        spans.append(device.span())
        found["device"] = _device(text, device)
    return found, spans


def _best(pattern: re.Pattern[str], low: str, spans: list[tuple[int, int]]) -> re.Match[str] | None:
    """The first that has a version, else the first."""
    first = None
    for count, match in enumerate(pattern.finditer(low)):
        if count >= 10:
            break
        spans.append(match.span())
        if match["v"]:
            return match
        first = first or match
    return first


def _named(match: re.Match[str], names: tuple[tuple[str, str], ...]) -> str:
    group = next(i for i in range(len(names)) if match[i + 1])
    version = (match["v"] or "").replace("_", ".")
    name = names[group][0]
    if version in ("xp", "vista"):
        version = {"xp": "XP", "vista": "Vista"}[version]
    if name == "Linux" and "linux" != match[group + 1] and match[group + 1].isascii():
        name = match[group + 1].title()
    return f"{name} {version}".strip()


def _device(text: str, match: re.Match[str]) -> str:
    if match["apple"]:
        model = match["model"].replace("про", "pro").replace("макс", "max").replace("плюс", "plus")
        model = re.sub(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])", " ", model)
        words = [word.upper() if word in ("se", "xs", "xr", "x") else word.capitalize() for word in model.split()]
        return " ".join([_APPLE[match["apple"][:3]], *words])
    if match["maker"]:
        return text[match.start() : match.end()].strip()
    return _KINDS[match["kind"]]


def _from_user_agent(text: str, low: str, agent: re.Match[str]) -> dict[str, str]:
    """Browser, system and device of a User-Agent header pasted into the text."""
    found: dict[str, str] = {}
    rest, system = agent["rest"], agent["system"]
    for name, token in (
        ("Яндекс.Браузер", "yabrowser"), ("Edge", "edga?"), ("Opera", "opr"), ("Samsung Internet", "samsungbrowser"),
        ("Firefox", "(?:firefox|fxios)"), ("Chrome", "(?:chrome|crios)"), ("Safari", "version"),
    ):  # fmt: skip
        version = re.search(token + r"/(\d{1,4}(?:\.\d{1,5})?)", rest)
        if version:
            found["browser"] = f"{name} {version[1].removesuffix('.0')}"
            break
    for name, token in (
        ("Windows", r"windows nt ([\d.]{1,6})"), ("Android", r"android ([\d.]{1,8})"), ("iOS", r"(?:iphone os|cpu os) ([\d_]{1,8})"),
        ("macOS", r"mac os x ([\d_.]{1,8})"), ("Linux", r"linux()"),
    ):  # fmt: skip
        version = re.search(token, system)
        if version:
            number = version[1].replace("_", ".")
            found["os"] = f"{name} {_NT.get(number, number) if name == 'Windows' else number}".strip()
            break
    model = re.search(r"android [\d.]{1,8}; ([^;)]{2,40}?)(?: build|;|\)|$)", system)
    if model and model[1].strip() != "k":  # Chrome says "K" for every phone since 2023
        start = agent.start("system") + model.start(1)
        found["device"] = text[start : start + len(model[1])].strip()
    elif system.startswith(("iphone", "ipad")):
        found["device"] = _APPLE[system[:3]]
    return found
