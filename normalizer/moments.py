"""Dates and times as citizens write them: «вчера в 15:30», «20.11.2026 около 14:00 МСК», «20 ноября», «сегодня утром».

Own code: dateparser takes «2.0» and «мая» out of sentences, costs milliseconds a text and knows no «по Москве».
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from normalizer.folding import has_any

# More dates than these are a table or a statement, not the time of a problem.
MOST = 20


@dataclass(frozen=True, slots=True)
class Stated:
    """A date in a text, with the time and the zone where they are stated; `start` and `end` are its place."""

    day: date
    time: time | None
    zone: tzinfo | None
    start: int
    end: int

    def rfc3339(self, zone: tzinfo) -> str:
        """The date alone, or date and time with the offset of the stated zone, else of `zone`."""
        if self.time is None or self.day.year < 1970:  # local mean time has seconds in its offset, RFC 3339 has none
            return self.day.isoformat()
        return datetime.combine(self.day, self.time, self.zone or zone).isoformat()


_MONTHS = {
    "янв": 1, "фев": 2, "мар": 3, "апр": 4, "мая": 5, "май": 5, "июн": 6, "июл": 7, "авг": 8, "сен": 9,
    "окт": 10, "ноя": 11, "дек": 12,
    "jan": 1, "feb": 2, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_MONTHS["mar"] = 3
_MONTH = (
    r"(?:январ[ья]|феврал[ья]|марта?|апрел[ья]|ма[йя]|июн[ья]|июл[ья]|августа?|сентябр[ья]|октябр[ья]"
    r"|ноябр[ья]|декабр[ья]"
    r"|янв|фев|апр|авг|сент?|окт|нояб?|дек|january|february|march|april|may|june|july|august|september"
    r"|october|november|december"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)"
)
_WEEKDAYS = {"пон": 0, "вто": 1, "сре": 2, "чет": 3, "пят": 4, "суб": 5, "вос": 6}
_RELATIVE = {"сегодня": 0, "today": 0, "вчера": 1, "yesterday": 1, "позавчера": 2}

_DATE = re.compile(
    r"(?<![\w.,/-])(?:"
    r"(?P<iso>\d{4}-\d{2}-\d{2})(?=$|[^\d-])"
    r"|(?P<d>\d{1,2})(?P<s>[./-])(?P<m>\d{1,2})(?:(?P=s)(?P<y>\d{4}|\d{2}))?(?![\d/-]|[.,]\d)"
    rf"|(?P<wd>\d{{1,2}})(?:-?(?:го|е|th|st|nd|rd))? (?P<wm>{_MONTH})\.?(?![а-яa-z])(?:,? (?P<wy>\d{{4}}))?"
    rf"|(?P<em>{_MONTH}) (?P<ed>\d{{1,2}})(?:th|st|nd|rd)?(?:,? (?P<ey>\d{{4}}))?(?!\d)"
    r"|(?P<rel>сегодня|вчера|позавчера|today|yesterday)(?![а-яa-z])"
    r"|(?:в|во) (?:прошл[а-я]{2,3} |минувш[а-я]{2,3} |эт[оу] )?"
    r"(?P<week>понедельник|вторник|среду|четверг|пятницу|субботу|воскресенье)(?![а-я])"
    r"|(?P<ago>\d{1,2}|два|две|три|четыре|пять) (?:дня|дней|день) назад|(?P<weeks>неделю) назад"
    r")"
)
_DIGIT = re.compile(r"\d")
_RELATIVE_STEMS = (
    "сегодня",
    "вчера",
    "назад",
    "today",
    "yesterday",
    "дельник",
    "вторник",
    "сред",
    "четверг",
    "пятниц",
    "суббот",
    "воскрес",
)
_NUMBER_WORDS = {"два": 2, "две": 2, "три": 3, "четыре": 4, "пять": 5}
_BETWEEN = (
    r"(?: ?г(?:од[ау]|\.)?)?[ ,]{0,3}(?:(?:в|во|около|примерно|приблизительно|где-то|ориентировочно|с"
    r"|at|about|around|утром|днем|вечером|ночью) ){0,4}"
)
_TIME = (
    r"(?:(?P<h>[01]?\d|2[0-3])[:.\-](?P<min>[0-5]\d)(?::(?P<sec>[0-5]\d))?(?![\d.:])(?: ?(?P<ampm>[ap]m))?"
    r"|(?P<hh>[01]?\d|2[0-3]) ?(?:час(?:а|ов)?"
    r"|ч\.?)(?![а-я])(?: ?(?P<hmin>[0-5]?\d) ?мин[а-я]*)?(?: (?P<part>утра|дня|вечера|ночи))?"
    r"|(?P<ph>\d{1,2}) (?P<ppart>утра|дня|вечера|ночи)(?![а-я])|(?P<eh>\d{1,2}) ?(?P<eampm>[ap]m)(?![a-z]))"
)
_ZONE = (
    r"(?: ?,? ?\(?(?P<zone>(?:по )?мск ?[+-] ?\d{1,2}|(?:utc|gmt) ?[+-] ?\d{1,2}(?::?\d\d)?|utc|gmt|(?:по )?мск|msk"
    r"|(?:по )?(?:московскому времени|времени москвы|москве|екатеринбургу|самаре|омску|новосибирску"
    r"|красноярску|иркутску|якутску"
    r"|владивостоку|магадану|камчатке|калининграду|уфе|перми|челябинску|тюмени|хабаровску|томску"
    r"|барнаулу|саратову|волгограду)"
    r"(?: времени)?)(?![а-яa-z])\)?)?"
)
_TIME_AFTER = re.compile(_BETWEEN + _TIME + _ZONE)
_TIME_BEFORE = re.compile(_TIME + _ZONE + r"[ ,]{1,3}(?:(?:дня|от) )?$")
_CITIES = {
    "калининград": "Europe/Kaliningrad", "моск": "Europe/Moscow", "самар": "Europe/Samara", "саратов": "Europe/Saratov",
    "волгоград": "Europe/Volgograd", "екатеринбург": "Asia/Yekaterinburg", "уф": "Asia/Yekaterinburg",
    "перм": "Asia/Yekaterinburg",
    "челябинск": "Asia/Yekaterinburg", "тюмен": "Asia/Yekaterinburg", "омск": "Asia/Omsk",
    "новосибирск": "Asia/Novosibirsk",
    "томск": "Asia/Tomsk", "барнаул": "Asia/Barnaul", "красноярск": "Asia/Krasnoyarsk", "иркутск": "Asia/Irkutsk",
    "якутск": "Asia/Yakutsk", "владивосток": "Asia/Vladivostok", "хабаровск": "Asia/Vladivostok",
    "магадан": "Asia/Magadan",
    "камчатк": "Asia/Kamchatka",
}  # fmt: skip


def dates(low: str, today: date | None) -> Iterator[Stated]:
    """The dates in a folded text, in their order, at most `MOST`.

    `today` is the day of writing where the writer is; without it only dates with a year are known. A date without a
    year is the latest one that is not after tomorrow.
    """
    if not has_any(low, _RELATIVE_STEMS) and not _DIGIT.search(low):
        return
    for count, match in enumerate(_DATE.finditer(low)):
        if count >= MOST:
            return
        day = _day(match, today)
        if day is None:
            continue
        after = _TIME_AFTER.match(low, match.end())
        start, end = match.span()
        if after is not None:
            yield Stated(day, _time(after), _zone(after["zone"]), start, after.end())
            continue
        before = _TIME_BEFORE.search(low, max(0, start - 40), start)
        if before is not None and not low[max(0, before.start() - 1) : before.start()].isdigit():
            yield Stated(day, _time(before), _zone(before["zone"]), before.start(), end)
        else:
            yield Stated(day, None, None, start, end)


def day_of(moment: datetime | None, zone: tzinfo) -> date | None:
    """The day that it was in the zone; None for no moment, or one that no calendar has."""
    try:
        return moment.astimezone(zone).date() if moment else None
    except OverflowError:  # a clock that says year 1
        return None


def _day(match: re.Match[str], today: date | None) -> date | None:
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        if match["rel"]:
            return today - timedelta(days=_RELATIVE[match["rel"]]) if today else None
        if match["week"]:
            back = (today.weekday() - _WEEKDAYS[match["week"][:3]]) % 7 if today else 0
            return today - timedelta(days=back) if today else None
        if match["ago"]:
            days = _NUMBER_WORDS.get(match["ago"]) or int(match["ago"])
            return today - timedelta(days=days) if today else None
        if match["weeks"]:
            return today - timedelta(days=7) if today else None
        if match["d"]:
            full = len(match["y"] or "") == 4
            if not full and (len(match["m"]) != 2 or not (match["y"] or match["s"] == ".")):
                return None  # «1/2», «3-4», «5.2»
            return _complete(int(match["d"]), int(match["m"]), match["y"], today)
        day, month, year = (
            (match["wd"], match["wm"], match["wy"]) if match["wd"] else (match["ed"], match["em"], match["ey"])
        )
        return _complete(int(day), _MONTHS[month[:3]], year, today)
    except (ValueError, OverflowError):
        return None


def _complete(day: int, month: int, year: str | None, today: date | None) -> date | None:
    if year:
        return date(int(year) + (2000 if len(year) == 2 else 0), month, day)
    if today is None:
        return None
    this_year = date(today.year, month, day)
    return this_year if this_year <= today + timedelta(days=1) else date(today.year - 1, month, day)


def _time(match: re.Match[str]) -> time:
    hour = int(match["h"] or match["hh"] or match["ph"] or match["eh"])
    part = match["part"] or match["ppart"] or match["ampm"] or match["eampm"]
    if part in ("дня", "вечера", "pm") and hour < 12:
        hour += 12
    elif part in ("ночи", "утра", "am") and hour == 12:
        hour = 0
    return time(min(hour, 23), int(match["min"] or match["hmin"] or 0), int(match["sec"] or 0))


def _zone(stated: str | None) -> tzinfo | None:
    if not stated:
        return None
    offset = re.search(r"([+-]) ?(\d{1,2})(?::?(\d\d))?", stated)
    moscow = "мск" in stated or "msk" in stated
    if offset:
        hours = int(offset[1] + offset[2]) + (3 if moscow else 0)
        return timezone(timedelta(hours=hours, minutes=int(offset[3] or 0))) if -12 <= hours <= 14 else None
    if moscow:
        return ZoneInfo("Europe/Moscow")
    for stem, name in _CITIES.items():
        if stem in stated:
            return ZoneInfo(name)
    return UTC
