"""The writer's full name in a text, in any order, case and case form.

Patronymics, labels («ФИО:», «меня зовут») and signatures show where a name is; pymorphy3 says which word is what.
natasha would find more, for 174 MB and 2.5 ms a text. pymorphy3 is loaded at the first candidate (0.2 s, 30 MB).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from pymorphy3.analyzer import MorphAnalyzer

from normalizer.folding import fold, has_any, matches

# A text with more candidates than these is a list of people, and the first is as good as any.
_MOST = 12

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_PATRONYMIC = re.compile(
    r"(?:(?:ов|ев|ь|м|к)ич(?:а|у|ем|е)?|(?:ов|ев|ич)н(?:а|ы|е|у|ой|ою))(?![а-я-])"
    r"|(?:оглы|оглу|кызы|гызы|углы|улы)(?![а-я-])"
)
_PATRONYMIC_ENDINGS = (
    "ович", "евич", "ьич", "мич", "кич", "овн", "евн", "ичн", "оглы", "оглу", "кызы", "гызы", "углы", "улы",
)  # fmt: skip
# «Мамед оглы»: son of, «Ариф кызы»: daughter of.
_TURKIC = frozenset(("оглы", "оглу", "кызы", "гызы", "углы", "улы"))
_STEM = re.compile(r"(?<![\w-])[а-я]{2,20}$")
_LABEL = re.compile(
    r"(?:ф\. ?и\. ?о\.?|(?<![а-я])фио|фамилия,? имя,? (?:и )?отчество|полное имя|заявитель(?:ница)?"
    r"|меня зовут|зовут меня|мое имя|обращается"
    r"|пишет вам|вам пишет|(?<![a-z])(?:my name is|full name|my full name"
    r"|name))(?![а-яa-z])[ \t]*(?:\([^)\n]{0,40}\))?[ \t]*[:=-]?[ \t]*\n?[ \t]*"
)
_APART = re.compile(
    r"(?<![а-я])(фамилия|имя|отчество)[ \t]{0,4}([:=-]?)[ \t]{1,4}([а-я]{2,40}(?:-[а-я]{2,40})?)"
    r"(?![а-я])"
)
_PARTS = {"фамилия": "Surn", "имя": "Name", "отчество": "Patr"}
_REGARDS = re.compile(
    r"(?:с уважением|с ув\.|заранее (?:спасибо|благодар[а-я]{2,6})|regards|sincerely"
    r"|yours)[ \t]*[,.!:-]?\s{0,6}"
)
_INITIALS = re.compile(
    r"[А-ЯЁ][а-яё]{1,30}(?:-[А-ЯЁ][а-яё]{1,30})? [А-ЯЁ]\. ?[А-ЯЁ]\."
    r"|[А-ЯЁ]\. ?[А-ЯЁ]\. ?[А-ЯЁ][а-яё]{1,30}(?:-[А-ЯЁ][а-яё]{1,30})?"
)
_LATIN_NAME = re.compile(r"[A-Z][a-z'’-]{1,30}(?: [A-Z]\.)?(?: [A-Z][a-zA-Z'’-]{1,30}){1,2}(?![a-zA-Z])")
# Before a name: it belongs to a place or to an organisation.
_PLACE = re.compile(
    r"(?:^|[^а-я])(?:ул|улиц[а-я]{1,2}|пр-?к?т|просп|проспект[а-я]{0,2}|пл|площад[а-я]{1,2}|пер"
    r"|переул[а-я]{2,3}|бульвар[а-я]{0,2}|шоссе"
    r"|наб|набережн[а-я]{2}|им|имени|памяти|школ[а-я]{1,2}|лице[а-я]{1,2}|театр[а-я]{0,2}"
    r"|фонд[а-я]{0,2}|музе[а-я]{1,2}|парк[а-я]{0,2}|станци[а-я]|метро|ооо|оао|зао|пао|ао|тоо)"
    r"[. \"]{0,3}$"
)
# Before a name: somebody else than the writer.
_OTHER = re.compile(
    r"(?:^|[^а-я])(?:муж|жен|супруг|сын|доч|мат|мам|отц|отец|пап|брат|сестр|бабушк|дедушк|дед|внук"
    r"|внучк|ребен|дет|тещ|тест|свекр|сосед"
    r"|специалист|оператор|инспектор|сотрудни|директор|врач|доктор|судь|начальник|руководител"
    r"|консультант|менеджер|министр|президент"
    r"|губернатор|мэр|пристав|нотариус|представител|опекун|уважаем|глав|депутат|пациент|клиент"
    r"|умер|получател|владел|собственник"
    r"|должник|ответчик|истец|учител|воспитател|юрист|адвокат|следовател"
    r"|участков)[а-я]{0,5}(?: мо[а-я]{1,3})?[ ,:-]{1,4}$"
)
_TO_WHOM = re.compile(r"(?:^|[^а-я])к(?:о)? $")
_GREETED = re.compile(r"(?:здравствуйте|добрый день|доброе утро|добрый вечер|привет|уважаем[а-я]{2})[ ,]{1,3}$")


def full_name(text: str, signature: str | None = None, display_name: str | None = None) -> str | None:
    """The name of the person who writes, at least two words; None when none is stated or it is somebody else's.

    What a platform shows of the writer counts where the text names nobody, and only with a patronymic: nobody bears a
    nickname of that kind («Иванов Иван Иванович» in a letter's From), and he need not be asked for it.
    In the nominative when every word shows its form («от Иванова Ивана» → «Иванов Иван»), else as written; capitalised.
    """
    low = fold(text)
    stated = _labelled(text, low) or _stated_apart(low)
    if stated:
        return stated
    signed = _below_regards(text, low) or (_signed(signature) if signature else None)
    if signed and "." not in signed:  # who signs is who writes, but initials say less than the text may
        return signed
    return (
        _with_patronymic(text, low)
        or signed
        or _on_a_line(text, low)
        or (_with_initials(text, low) if "." in text else None)
        or (_with_patronymic(display_name, fold(display_name)) if display_name else None)
    )


def _labelled(text: str, low: str) -> str | None:
    if not has_any(low, ("фио", "ф.", "фамилия", "имя", "зовут", "заявител", "обраща", "пишет", "name")):
        return None
    for count, label in enumerate(_LABEL.finditer(low)):
        if count >= _MOST:
            return None
        latin = _LATIN_NAME.match(text, label.end())
        if latin:
            return latin[0]
        initials = _INITIALS.match(text, label.end())
        if initials:
            return initials[0]
        words = _following(text, low, label.end(), 4)
        name = _longest_name(words, trusted=True)
        if name:
            return name
    return None


def _stated_apart(low: str) -> str | None:
    """«Фамилия: Иванов», «Имя: Иван», «Отчество: Иванович», each by itself."""
    if "фамилия" not in low:
        return None
    found: dict[str, str] = {}
    for match in _APART.finditer(low):
        if match[3] not in _PARTS and (match[2] or _PARTS[match[1]] in _kinds(match[3])):
            found.setdefault(match[1], match[3])
    words = [found[part] for part in _PARTS if part in found]
    return " ".join(map(_capital, words)) if len(words) > 1 else None


def _with_patronymic(text: str, low: str) -> str | None:
    for match in matches(_PATRONYMIC, low, _PATRONYMIC_ENDINGS, _MOST):
        start, end = match.span()
        if low[start:end] not in _TURKIC:
            stem = _STEM.search(low, max(0, start - 24), start)
            if not stem:
                continue
            start = stem.start()
        words, begin = _around(text, low, start, end)
        if len(words) >= 2 and not _elsewhere(low, begin, len(words)):
            name = _longest_name(words, trusted=False)
            if name:
                return name
    return None


def _below_regards(text: str, low: str) -> str | None:
    if not has_any(low, ("с ув", "заранее", "regards", "sincerely", "yours")):
        return None
    found = None
    for found in _REGARDS.finditer(low):  # noqa: B007 - the last one counts
        pass
    return _signed(text[found.end() : found.end() + 120]) if found else None


def _signed(signature: str) -> str | None:
    """A name on a line of its own."""
    for line in signature.strip()[:600].splitlines()[:6]:
        line = re.sub(r"^\W*(?:с уважением|regards|sincerely)?[\s,.!:-]*", "", line, flags=re.IGNORECASE).strip(" ,.;")
        initials = _INITIALS.match(line) or _INITIALS.match(line + ".")
        if initials:
            return initials[0]
        low = fold(line)
        words = _following(line, low, 0, 4)
        alone = " ".join(words) == " ".join(line.split())
        by_patronymic = alone and any(_PATRONYMIC.fullmatch(fold(word)) for word in words)
        name = _longest_name(words, trusted=by_patronymic) if words and not _PLACE.search(low[:12]) else None
        if name:
            return name
        latin = _LATIN_NAME.fullmatch(line)
        if latin and not _NOT_PEOPLE.search(line):
            return latin[0]
    return None


_NOT_PEOPLE = re.compile(
    r"\b(?:Sent|From|Best|Kind|Thank|Support|Team|Mail|Phone|iPhone|Galaxy|Office|Outlook|Regards"
    r"|Department)\b"
)


_ON_A_LINE = re.compile(
    r"^[ \t]{0,8}([^\W\d_]{2,30}(?:-[^\W\d_]{2,30})?(?:[ \t]{1,3}[^\W\d_]{2,30}"
    r"(?:-[^\W\d_]{2,30})?){1,2})[ \t]{0,8}(?=[,.;]|$)",
    re.MULTILINE,
)


def _on_a_line(text: str, low: str) -> str | None:
    """«Иванов Иван, 500100732259, не могу войти»: name and surname alone on a line or before its first comma."""
    alone = text.strip()
    for line in islice(_ON_A_LINE.finditer(text), _MOST):
        words = line[1].split()
        whole = line[1] == alone
        if not whole and not all(word[0].isupper() for word in words):
            continue
        if _is_full_name(words, trusted=whole and _PATRONYMIC.search(low) is not None):
            return _nominative(words)
    return None


def _with_initials(text: str, low: str) -> str | None:
    """«Иванов И.И.» anywhere in the text."""
    for match in islice(_INITIALS.finditer(text), _MOST):
        surname = max(match[0].split(), key=len).rpartition(".")[2]
        if "Surn" in _kinds(surname) and not _elsewhere(low, match.start(), 3):
            return match[0]
    return None


def _elsewhere(low: str, begin: int, words: int) -> bool:
    before = low[max(0, begin - 40) : begin]
    if _PLACE.search(before) or _OTHER.search(before) or _TO_WHOM.search(before):
        return True
    return words == 2 and _GREETED.search(before) is not None


# ---------------------------------------------------------------- words

_SPACE = re.compile(r"[ \t]{1,3}")
# A name may be wrapped over a line before its patronymic, or stand in a column.
_BEFORE = re.compile(r"([^\W\d_]+(?:-[^\W\d_]+)?)(?:[ \t]{1,3}|[ \t]{0,2}\n[ \t]{0,2})$")
_BEHIND = re.compile(r"[ \t]{1,3}([^\W\d_]+(?:-[^\W\d_]+)?)")


def _following(text: str, low: str, at: int, most: int) -> list[str]:
    """Up to `most` words from `at`, with nothing but spaces between."""
    words: list[str] = []
    while len(words) < most:
        word = _WORD.match(low, at)
        if not word or len(word[0]) > 40:
            break
        words.append(text[at : word.end()])
        gap = _SPACE.match(low, word.end())
        if not gap:
            break
        at = gap.end()
    return words


def _around(text: str, low: str, start: int, end: int) -> tuple[list[str], int]:
    """The words of a name around a patronymic: two before it and one behind."""
    begin = start
    words = [text[start:end]]
    for _ in range(2 if low[start:end] not in _TURKIC else 3):
        before = _BEFORE.search(low, max(0, begin - 44), begin)
        if not before or not _part_of_name(text[before.start(1) : before.end(1)]):
            break
        begin = before.start(1)
        words.insert(0, text[begin : before.end(1)])
    if len(words) < 3:
        after = _BEHIND.match(low, end)
        if after and _part_of_name(text[after.start(1) : after.end(1)]):
            words.append(text[after.start(1) : after.end(1)])
    return words, begin


def _capital(word: str) -> str:
    if word.lower() in _TURKIC:
        return word.lower()
    return "-".join(piece[:1].upper() + piece[1:].lower() for piece in word.split("-"))


# ---------------------------------------------------------------- what pymorphy3 says


_PERSONAL = ("Name", "Surn", "Patr")
_IN_NOMINATIVE = re.compile(r"(?:ич|на)$")


@cache
def _morph() -> Any:
    return MorphAnalyzer(lang="ru")  # type: ignore[no-untyped-call]


@lru_cache(maxsize=512)
def _parses(word: str) -> tuple[Any, ...]:
    return tuple(_morph().parse(word))


def _kinds(word: str) -> frozenset[str]:
    """Which of name, surname and patronymic the word can be."""
    return _kinds_of(word.lower())


@lru_cache(maxsize=512)
def _kinds_of(low: str) -> frozenset[str]:
    return frozenset(kind for kind in _PERSONAL if any(kind in parse.tag for parse in _parses(low)))


def _part_of_name(word: str) -> bool:
    """A name or surname; a word in small letters only when it can hardly be anything else."""
    if len(word) < 2:
        return False
    if word.lower() in _TURKIC:
        return True
    parses = _parses(word.lower())
    best = parses[0].tag
    if word[0].isupper() and not (word.isupper() and len(word) < 3):
        return bool(_kinds(word)) or (not parses[0].is_known and not ({"VERB", "INFN", "ADVB"} & set(best.grammemes)))
    return any(kind in best for kind in _PERSONAL)


def _longest_name(words: list[str], trusted: bool) -> str | None:
    """The longest beginning of `words` that is a full name. `trusted`: a label says that a name follows."""
    for size in range(min(4, len(words)), 1, -1):
        chosen = words[:size]
        if _is_full_name(chosen, trusted):
            return _nominative(chosen)
    return None


def _is_full_name(words: list[str], trusted: bool) -> bool:
    if not all(_part_of_name(word) for word in words):
        return False
    kinds = [_kinds(word) for word in words]
    turkic = words[-1].lower() in _TURKIC
    if len(words) == 4:
        return turkic
    if len(words) == 3:
        return turkic or any("Patr" in kind for kind in kinds) or (trusted and any("Name" in kind for kind in kinds))
    if trusted:
        return any("Name" in kind for kind in kinds)
    # Name and patronymic alone are how one addresses somebody, not how one introduces oneself.
    return any("Name" in one and "Surn" in other and "Patr" not in other for one, other in (kinds, kinds[::-1]))


def _nominative(words: list[str]) -> str:
    """In the nominative, when patronymic or name show one oblique form that all the words can have; else as written."""
    plain = " ".join(_capital(word) for word in words)
    if any(_IN_NOMINATIVE.search(word.lower()) and "Patr" in _kinds(word) for word in words):
        return plain
    options: list[dict[tuple[str, str], Any]] = []
    for word in words:
        forms: dict[tuple[str, str], Any] = {}
        for parse in _parses(word.lower()):
            tag = parse.tag
            if tag.number == "sing" and tag.case and any(kind in tag for kind in _PERSONAL):
                forms.setdefault((str(tag.case), str(tag.gender)), parse)
        options.append(forms)
    shared = set.intersection(*(set(forms) for forms in options)) if options else set()
    if not shared or any(case == "nomn" for case, _ in shared) or len({gender for _, gender in shared}) > 1:
        return plain
    form = sorted(shared)[0]
    inflected = [forms[form].inflect({"nomn", "sing"}) for forms in options]
    if not all(inflected):
        return plain
    return " ".join(_capital(parse.word) for parse in inflected)
