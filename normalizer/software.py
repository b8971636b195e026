"""Device, operating system and browser with its version, in words or as a pasted User-Agent header."""

from __future__ import annotations

import re

from normalizer.folding import matches

_VERSION = r"(?:[ /,-]{0,2}(?:версия |версии |version |v\.? ?)?(?P<v>\d{1,4}(?:[._]\d{1,5}){0,3}))?"
_BROWSERS = (
    (
        "Яндекс.Браузер",
        r"яндекс[ .-]?браузер[а-я]{0,2}|яндекс[ .-]браузер|yandex[ .]?browser|yabrowser"
        r"|браузер[а-я]{0,2} яндекс[а-я]?",
    ),
    ("Edge", r"microsoft edge|ms edge|edg(?:e|a|ios)?(?=[/ ,.;)]|$)"),
    ("Opera", r"opera(?: gx| mini)?|opr|опера(?![а-я])|опере|оперу"),
    ("Atom", r"браузер[а-я]{0,2} атом|atom browser"),
    ("Samsung Internet", r"samsung ?internet|samsungbrowser"),
    ("Firefox", r"mozilla firefox|firefox|fxios|файрфокс[а-я]?|мозил+[аеуы]"),
    ("Internet Explorer", r"internet explorer|msie|ie(?= ?\d)"),
    ("Chrome", r"google chrome|chrome|crios|гугл[ -]хром[а-я]?|хром(?![а-я])|хроме(?![а-я])"),
    ("Safari", r"safari|сафари"),
)
_SYSTEMS = (
    ("Windows", r"windows(?: nt)?|win(?= ?\d)|винд(?:овс|а|у|ы|е)(?![а-я])|виндоус"),
    ("Android", r"android|андро[ий]д[а-я]{0,2}"),
    ("iOS", r"(?<![a-z])ios(?![a-z])|iphone os|cpu os"),
    ("macOS", r"mac ?os(?: x)?|os x|макос"),
    ("HarmonyOS", r"harmony ?os"),
    ("Linux", r"astra linux|альт линукс|ubuntu|linux|линукс"),
)
_ANY_BROWSER = re.compile(
    r"(?<![a-zа-я])(?:" + "|".join(f"(?P<b{i}>{p})" for i, (_, p) in enumerate(_BROWSERS)) + ")" + _VERSION
)
_ANY_SYSTEM = re.compile(
    r"(?<![a-zа-я])(?:" + "|".join(f"(?P<s{i}>{p})" for i, (_, p) in enumerate(_SYSTEMS))
    + r")(?:[ /,-]{0,2}(?:версия |версии |version )?(?P<v>\d{1,4}(?:[._]\d{1,5}){0,3}|xp|vista)(?!\d))?"
)  # fmt: skip
_DEVICE = re.compile(
    r"(?<![a-zа-я])(?:(?P<apple>iphone|айфон[а-я]{0,2}|ipad|айпад[а-я]{0,2}|macbook"
    r"|макбук[а-я]{0,2})(?P<model>(?: ?(?:se|xs|xr|x|\d{1,2}(?![\d.:])))?(?: ?(?:pro|max|plus|mini|air"
    r"|про|макс|плюс))*)"
    r"|(?P<maker>samsung|самсунг[а-я]?|galaxy|галакси|xiaomi|к?сяоми|ксиоми|redmi|редми|poco|honor|хонор|huawei|хуавей"
    r"|realme|реалми|oppo|vivo|tecno|infinix|инфиникс|nokia|нокиа|pixel|motorola|oneplus|meizu)(?P<rest>(?: (?:galaxy"
    r"|галакси|redmi|редми|poco|поко|note|ноут|a\d{1,3}|s\d{1,2}|m\d{2}|[a-zа-я]\d{1,3}[a-zа-я]?|mi|nova|нова"
    r"|\d{1,3}(?! (?:раз|дн|ден|час|мин|недел|месяц|год|лет|times|days))[a-zа-я]{0,3}"
    r"|pro|про|max|макс|plus|плюс|ultra|ультра|lite|лайт|fe|5g)(?![\w.])){0,4})"
    r"|(?P<kind>ноутбук|компьютер|планшет|смартфон)(?:а|е|у|ом)?(?![а-я]))"
)
_KINDS = {"ноутбук": "ноутбук", "компьютер": "компьютер", "планшет": "планшет", "смартфон": "смартфон"}
_APPLE = {"айф": "iPhone", "айп": "iPad", "мак": "MacBook", "iph": "iPhone", "ipa": "iPad", "mac": "MacBook"}
_USER_AGENT = re.compile(r"mozilla/5\.0 \((?P<system>[^)\n]{1,200})\)(?P<rest>[^\n]{0,300})")
_BROWSER_STEMS = (
    "яндекс", "yandex", "yabrowser", "браузер", "microsoft edge", "ms edge", "edg", "opera", "opr", "опер",
    "atom", "samsung", "mozilla", "firefox", "fxios", "файрфокс", "мозил", "internet explorer", "msie", "ie",
    "google", "chrome", "crios", "гугл", "хром", "safari", "сафари",
)  # fmt: skip
_SYSTEM_STEMS = (
    "win", "винд", "android", "андро", "ios", "iphone os", "cpu os", "mac", "os x", "макос", "harmony",
    "astra", "альт линукс", "ubuntu", "linux", "линукс",
)  # fmt: skip
_DEVICE_STEMS = (
    "iphone", "айфон", "ipad", "айпад", "macbook", "макбук", "samsung", "самсунг", "galaxy", "галакси", "xiaomi",
    "сяоми", "ксиоми", "ксяоми", "redmi", "редми", "poco", "honor", "хонор", "huawei", "хуавей", "realme", "реалми",
    "oppo", "vivo", "tecno", "infinix", "инфиникс", "nokia", "нокиа", "pixel", "motorola", "oneplus", "meizu",
    "ноутбук", "компьютер", "планшет", "смартфон",
)  # fmt: skip
_STEMS = (_BROWSER_STEMS, _SYSTEM_STEMS, _DEVICE_STEMS)
_RUSSIAN_STEMS = tuple(tuple(stem for stem in stems if not stem.isascii()) for stems in _STEMS)
_LATIN = re.compile(r"[a-z]")
# The versions that NT numbers stand for: https://learn.microsoft.com/windows/win32/sysinfo/operating-system-version
_NT = {"10.0": "10", "6.3": "8.1", "6.2": "8", "6.1": "7", "6.0": "Vista", "5.1": "XP"}


def software(text: str, low: str) -> tuple[dict[str, str], list[tuple[int, int]]]:
    """{"device", "os", "browser"} as far as stated, and where they stand (a version is no date)."""
    found: dict[str, str] = {}
    agent = _USER_AGENT.search(low) if "mozilla/5" in low else None
    if agent:
        return _from_user_agent(text, low, agent), [agent.span()]
    spans: list[tuple[int, int]] = []
    browsers, systems, devices = _STEMS if _LATIN.search(low) else _RUSSIAN_STEMS
    browser = _best(matches(_ANY_BROWSER, low, browsers), spans)
    if browser:
        found["browser"] = _named(browser, _BROWSERS)
    system = _best(matches(_ANY_SYSTEM, low, systems), spans)
    if system:
        found["os"] = _named(system, _SYSTEMS)
    found_devices = matches(_DEVICE, low, devices)
    named = (match for match in found_devices if not match["kind"])
    device = next(named, found_devices[0] if found_devices else None)
    if device:
        spans.append(device.span())
        found["device"] = _device(text, device)
    return found, spans


def _best(found: list[re.Match[str]], spans: list[tuple[int, int]]) -> re.Match[str] | None:
    """The first that has a version, else the first."""
    spans += (match.span() for match in found)
    return next((match for match in found if match["v"]), found[0] if found else None)


def _named(match: re.Match[str], names: tuple[tuple[str, str], ...]) -> str:
    group = next(i for i in range(len(names)) if match[i + 1])
    version = (match["v"] or "").replace("_", ".")
    name = names[group][0]
    if version in ("xp", "vista"):
        version = {"xp": "XP", "vista": "Vista"}[version]
    if name == "Linux" and match[group + 1] != "linux" and match[group + 1].isascii():
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
        ("Windows", r"windows nt ([\d.]{1,6})"), ("Android", r"android ([\d.]{1,8})"),
        ("iOS", r"(?:iphone os|cpu os) ([\d_]{1,8})"),
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
