"""Reviews of the support: letters with «Отзыв о поддержке», and chat messages that are plainly a rating."""

from __future__ import annotations

import re
from datetime import date

from normalizer.envelope import Review
from normalizer.folding import fold, has_any
from normalizer.moments import dates

_READ = 8_000
# A chat message that is longer is a request, even when it holds a mark.
_SHORT = 300

_SUBJECT = re.compile(
    r"(?:\s*(?:re|fwd?|fw|ответ|отв|пересл|на)\s?(?:\[\d{1,3}\])?\s?:)*[\s\"'.:-]*"
    r"(?:мой |новый )?отзыв[а-я]{0,2}[ :-]{1,3}(?:об? |на |по |для )?(?:работ[а-я]{1,2} "
    r"|служб[а-я]{1,2} |качеств[а-я]{1,2} |техническ[а-я]{2,3} |тех\.? ?|вашей )*"
    r"(?:тех)?поддержк[а-я]{1,2}|(?:\s*(?:re|fwd?|fw)\s?:)*\s*(?:review of|feedback (?:on"
    r"|about)) (?:the |your )?(?:customer |technical )?support"
)
_RATING = (
    "отзыв", "оцен", "балл", "звезд", "рейтинг", "став", "из 5", "из пяти", "/5", "ерк", "двойк", "единиц", "тройк",
    "четыре",
    "пять с",
    "★", "⭐", "🌟", "rating", "star", "mark", "score", "review", "feedback",
)  # fmt: skip
# A number by the first letters of its word.
_WORDS = {"кол": 1, "оди": 1, "еди": 1, "дво": 2, "два": 2, "дву": 2, "тро": 3, "три": 3, "чет": 4, "пят": 5}
_NUMBER = (
    r"(?:(?P<n{0}>[1-5])(?![\d:]|[.,/]\d)|(?P<w{0}>единиц[ауы]|двойк[ауи]|тройк[ауи]|четв[её]рк[ауи]"
    r"|пят[её]рк[ауи]|два|три|четыре|пять|один))"
)
_MARK = re.compile(
    r"(?:оценк[аиу]|моя оценка|балл(?:ов|а)?|рейтинг|rating|mark|score|став(?:лю|им)"
r"|оцениваю(?: (?:работу|поддержку|поддержки|вас|ее|его))*(?: (?:на|в))?|поставил[аи]?(?: бы)?)"
    r"(?: (?:вам|поддержке|за (?:работу|ответ|помощь)|поддержки|работы|твердую"
r"|твердое))*[ \t]{0,3}[:=-]?[ \t]{0,3}\"?" + _NUMBER.format(1)
    + r"|" + r"(?<![\d.,/])(?P<n2>[1-5])[ ]?(?:/|из|of|out of)[ ]?(?:5|пяти|five)"
    r"(?!\d| (?:раз|попыт|случ|заяв|докум|файл|справ|страниц|шаг|этап|пункт))"
    + r"|(?<![\d.,/-])(?P<n3>[1-5])[ -]?(?:балл(?:а|ов)?|зв[её]зд(?:а|ы|очки|очек|очка)?|stars?)(?![а-яa-z])"
    + r"|(?<![а-я])(?P<w3>(?:един|дв|тр|четв|пят)[а-я]{0,5}) (?:балл(?:а|ов)?|зв[её]зд(?:а|ы)?|с плюсом)"
    + r"|(?:на|твердая|заслуж[а-я]{2,6}|поддержке|работа на|твердую) (?P<w4>единиц[ау]|двойк[ау]"
r"|тройк[ау]|четв[её]рк[ау]|пят[её]рк[ау])"
)  # fmt: skip
_ALONE = re.compile(
    r"(?:^|\n)[ \t]{0,8}(?:([1-5])|(пят[её]рка|четв[её]рка|тройка|двойка|единица))"
    r"[ \t]{0,8}[+.!-]?[ \t]{0,8}(?:$|\n)"
)
_STARS = re.compile(r"(?:[★⭐🌟]\ufe0f?){1,5}(?![★⭐🌟])")
_SUGGEST = re.compile(
    r"(?:мои |есть |мое )?(?:предложени[еяй]|пожелани[еяй]|замечани[еяй]|рекомендаци[ияю]|предлагаю"
    r"|хотелось бы|было бы (?:хорошо|лучше|удобно|здорово)|советую|просьба (?:добавить|сделать"
    r"|улучшить)|suggestions?|i suggest|it would be (?:better|nice))"
    r"(?: по (?:улучшению|работе)(?: [а-я]+){0,3})?(?![а-яa-z])"
)
_LABELLED = re.compile(r"[ \t]*[:-][ \t]*\n?")
_SUPPORT = re.compile(
    r"поддержк|оператор|специалист|ваш[а-я]{0,2} (?:работ|ответ|служб)|за (?:ответ|помощь|работу)"
    r"|обслуживани|support|operator|консультант"
)
_NOT_SUPPORT = re.compile(r"не (?:работает|могу|открыва|приход|загруж|удается|получается)|ошибк|заявлени|врач|банк")
# «Ставлю 2 балла.»: to whom he writes it, he need not say.
_PLAIN_MARK = re.compile(
    r"(?:^|[.!?\n] ?)(?:я |вам )?(?:ставлю|оцениваю на|моя оценка)(?: вам)?[ :-]{1,3}(?:твердую )?"
    r"(?:[1-5]|единиц[уа]|двойк[уа]|тройк[уа]|четверк[уа]|пятерк[уа]|один|два|три|четыре|пять)"
    r"(?: балл(?:а|ов)?| звезд[аы]?)?(?: из (?:5|пяти))?[ ]?(?=[.!,;\n]|$)"
)
_NEXT_FIELD = re.compile(r"\n[ \t]*(?:\n|(?:оценка|дата|номер|обращение|фио|с уважением|телефон|e-?mail)(?![а-я]))")


def read(subject: str | None, text: str, today: date | None = None) -> Review | None:
    """The review that a letter or a chat message is; None when it is none.

    A letter is one by its subject, whatever its text; a message without such a subject only when it is short, holds
    a mark, speaks of the support and reports no problem. `about` is the first date stated; one without its year, and
    «вчера», where it is known when this was written.
    """
    by_subject = subject is not None and _SUBJECT.match(fold(subject[:300])) is not None
    if not by_subject and len(text) > _SHORT:
        return None
    low = fold(text)[:_READ]
    if not by_subject and not has_any(low, _RATING):
        return None
    mark = _mark(text[:_READ], low, by_subject)
    if not by_subject and not _is_rating(low, mark, text):
        return None
    return Review(mark=mark, about=_about(low, today), suggestions=_suggestions(text, low))


def _is_rating(low: str, mark: int | None, text: str) -> bool:
    if _SUBJECT.match(low):
        return True
    if mark is None:
        return False
    bare = re.sub(r"[\s★☆⭐🌟\ufe0f.!]+", "", text)
    if not bare and _STARS.search(text):
        return True
    speaks = _SUPPORT.search(low) or _PLAIN_MARK.search(low)
    return speaks is not None and _NOT_SUPPORT.search(low) is None


# The marks of Russian schools, which everybody knows by these words.
_SCHOOL = {"отлично": 5, "хорошо": 4, "удовлетворительно": 3, "неудовлетворительно": 2, "плохо": 2}
_IN_WORDS = re.compile(
    r"(?:оценка|оцениваю)(?: (?:работы|работу|поддержки|поддержку"
    r"|на)){0,3}[ \t]{0,3}[:=-]?[ \t]{0,3}\"?(" + "|".join(_SCHOOL) + r")(?![а-я])"
)


def _mark(text: str, low: str, by_subject: bool) -> int | None:
    for match in _MARK.finditer(low):
        for group in ("n1", "n2", "n3", "w1", "w3", "w4"):
            if match[group]:
                mark = int(match[group]) if match[group].isdecimal() else _WORDS.get(match[group][:3])
                if mark:
                    return mark
    in_words = _IN_WORDS.search(low)
    if in_words:
        return _SCHOOL[in_words[1]]
    stars = _STARS.search(text)
    if stars:
        return sum(char in "★⭐🌟" for char in stars[0])
    if not by_subject:
        return None
    alone = _ALONE.search(low)
    if not alone:
        return None
    return int(alone[1]) if alone[1] else _WORDS.get(alone[2][:3])


def _about(low: str, today: date | None) -> date | None:
    return next((stated.day for stated in dates(low, today)), None)


def _suggestions(text: str, low: str) -> str | None:
    """What follows «предложения:», else the sentence that suggests something."""
    found = _SUGGEST.search(low)
    if not found:
        return None
    label = _LABELLED.match(low, found.end())
    start = label.end() if label else found.start()
    field = _NEXT_FIELD.search(low, start)
    if label:
        end = field.start() if field else len(text)
    else:
        stop = re.compile(r"[.!?](?=\s|$)|\n").search(low, found.end())
        end = stop.start() if stop else len(low)
    said = text[start : min(end, start + 2000, _READ)].strip()
    return (
        said if len(said) > 2 and fold(said).strip(" .-") not in ("нет", "нету", "отсутствуют", "no", "none") else None
    )
