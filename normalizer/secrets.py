"""Passwords, PINs, confirmation codes and cards: taken out before anyone sees them.

A number or a word is a secret only beside the word that makes it one; a citizen who forgot a password,
or to whom no code comes, keeps every word. Also fit for short strings: subjects and file names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from normalizer import secret_numbers
from normalizer.folding import fold, has_any, matches, one_script
from normalizer.phishing import asks_for_secrets
from normalizer.secret_numbers import Secret, Span

__all__ = ["MARK", "Cleaned", "Secret", "asks_for_secrets", "remove"]

MARK = "[удалено]"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`text` with every secret replaced by `MARK`; `removed` names the kinds, never the values."""

    text: str = field(repr=False)
    removed: tuple[Secret, ...] = ()


def remove(text: str) -> Cleaned:
    """Cleaned(text, ()) when there is nothing to remove. Removing twice removes no more than once."""
    low = fold(text)
    spans: list[Span] = []
    keyed = one_script(low)
    if has_any(keyed, _PASSWORD_STEMS):
        spans += _passwords(text, low, keyed)
    if has_any(low, _KEY_STEMS):
        spans += [(*m.span(m.lastindex or 0), "password") for m in _LONG_KEY.finditer(low)]
    if _DIGIT.search(low):
        spans += _access_pairs(low)
        spans += secret_numbers.find(keyed)
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


_PASSWORD_STEMS = ("пар", "пор", "пас", "pas", "pwd", "слов", "п а р", "kennw", "вопрос", "contras")
_KEY = re.compile(
    r"(?:п[ао]рол(?:ь|я|ю|ем|е|и)|парол|п а р о л ь|пассворд|пасворд|пасс|passw(?:or)?[dt]|passcode|passphrase|pass|pwd"
    r"|kennwort|mot de passe|contraseña|(?:кодов|контрольн|секретн)(?:ое|ым) слово(?:м)?"
    r"|ответ на (?:контрольный|секретный) вопрос)"
    r"(?![a-zа-я])"
)
# What wallets and machines use for a password: words in a row, a key of many signs.
_KEY_STEMS = ("токен", "token", "ключ", "key", "фраз", "phrase")
_LONG_KEY = re.compile(
    r"(?<![a-zа-я])(?:(?:токен|token|(?:секретный|приватный) ключ|(?:secret|private|api)[ -]?key)[\s:=\"'-]{1,4}"
    r"(?=[a-z_.-]{0,64}\d)([a-z0-9_.+/-]{16,2000}={0,2})"
    r")|(?<![a-zа-я])(?:сид|seed|мнемоническая|mnemonic)[ -]?(?:фраза|phrase)[\s:=-]{1,4}"
    r"((?:[a-z]{3,8}[\s,]{1,2}){5,23}[a-z]{3,8})"
)
# Also a boarding pass and «пасс» in football: a password only before a colon.
_BRIEF = ("pass", "пасс")
_QUALIFIED = re.compile(
    r"(?:[\s_]{1,4}(?:[\w.+-]{1,64}@[\w.-]{3,64}|из (?:смс|sms|сообщения)|от|для|к|на|в|у|меня|мой|был|такой|вот|это"
    r"|следующий|старый|новый|текущий|временный|is|was|for|to|my|the|i|use|used|have|входа?|госуслуг\w{0,4}"
    r"|портал\w{0,3}|лк|личн\w{1,4}|кабинет\w{0,2}|почт\w{0,2}|аккаунт\w{0,2}|учетн\w{1,3}|запис\w{1,2}|ваи-?фа\w"
    r"|вай-?фа\w|wi-?fi|ключ\w{0,2}|эцп|эп|токен\w{0,2}|рутокен\w{0,2}|пользователя|компьютер\w|архив\w{0,2}"
    r"|файл\w{0,2}|документ\w{0,2}|приложени\w{1,2}|сайт\w{0,2}|карт\w{0,2}|есиа|esia|account|email|portal"
    r"|login)(?![a-zа-я0-9])){0,6}"
)
_STRONG = re.compile(r"[\s_]{0,8}(?:[:=]|->|=>|[\u2190-\u21ff\u2600-\u27bf\U0001f000-\U0001faff]{1,4})\s{0,16}")
_DIGIT = re.compile(r"\d")
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


def _passwords(text: str, low: str, keyed: str) -> list[Span]:
    """`keyed`: where the word for it is looked for, in one script; its value is what stands in the text."""
    found: list[Span] = []
    for key in _KEY.finditer(keyed):
        if key.start() and low[key.start() - 1].isalpha():
            continue
        value = _paired(low, key) or _password_after(text, low, key) or _pair_before(low, key)
        if value and value[0] < value[1]:
            found.append((*value, "password"))
            second = _SECOND.match(low, value[1])
            if second and _LATIN.search(second[1]) and any(map(str.isdigit, second[1])):
                found.append((*_trim(low, *second.span(1)), "password"))
    found += [(*_trim(low, *typed.span(1)), "password") for typed in _TYPED.finditer(low) if _is_typed(low, typed)]
    return found


# «В пароле должно быть 8 символов, я ввожу Anna2020!»
_TYPED = re.compile(
    r"(?<![а-яa-z])(?:ввожу|вв[её]л[аи]?|вводил[аи]?|набираю|набрал[аи]?|придумал[аи]?|typed?|entered?|enter)"
    r" [\"']?((?=[^\s,;]{0,63}\d)(?=[^\s,;]{0,63}[a-z])[a-z0-9!#$%^&*_+=~?.-]{6,64})"
)


def _is_typed(low: str, typed: re.Match[str]) -> bool:
    """Whether the password was spoken of shortly before, and this is no address, product or version."""
    value = low[slice(*_trim(low, *typed.span(1)))]
    near = _KEY.search(low, max(0, typed.start() - 120), typed.start())
    return near is not None and not _NOT_A_VALUE.match(value) and not _PRODUCT.match(value)


_SECOND = re.compile(r"[\"»]?(?:,? (?:и|или|либо|and|or)|,) [\"«]?([^\s,;\"]{6,64})")


def _access_pairs(low: str) -> list[Span]:
    found: list[Span] = []
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
        return _judge(text, low, key[0], end, _STRONG.match(low, end) or _WEAK.match(low, end), "strong")
    if named := _NAMED_USER.match(low, end):
        far = _far_value(low, end)
        if far or low.startswith("[удалено", named.end()):
            return far
    for pattern, strength in ((_STRONG, "strong"), (_DASH, "dash"), (_WEAK, "weak")):
        separator = pattern.match(low, end)
        if separator:
            return _judge(text, low, key[0], end, separator, strength) or _far_value(low, key.end())
    return None


# «пароль пользователя ivanov: Qwerty1»: some words between, and then what can hardly be anything else.
_FAR = re.compile(r"[^\n.!?:;,\"\d]{1,40}[:=]\s{0,4}([^\s,;]{6,64})")
_NAMED_USER = re.compile(r"\s{1,4}[a-z0-9_.@-]{2,64}\s?[:=]\s")
_OF_ANOTHER = re.compile(
    r"(?<![а-я])не |ошиб|код|номер|телефон|обращ|заяв|снилс|инн|паспорт|почт|логин|error|number|not "
)


def _far_value(low: str, at: int) -> tuple[int, int] | None:
    found = _FAR.match(low, at)
    if not found or _OF_ANOTHER.search(low, at, found.start(1)):
        return None
    start, stop = _trim(low, *found.span(1))
    value = low[start:stop]
    looks = any(map(str.isdigit, value)) and _LATIN.search(value) and not _CYRILLIC.search(value)
    return (start, stop) if looks and not _NOT_A_VALUE.match(value) else None


# «ivanov:Qwerty1 - логин и пароль»
_PAIR_BEHIND = re.compile(r"(?<!\S)[^\s:/]{2,40}\s?[:/]\s?([^\s:/]{4,40})\s?[-(]\s?(?:это )?(?:мои )?логин и $")


def _pair_before(low: str, key: re.Match[str]) -> tuple[int, int] | None:
    if low[key.start() - 2 : key.start()] != "и ":
        return None
    start = max(0, key.start() - 90)
    if not has_any(low[start : key.start()], (":", "/")):
        return None
    found = _PAIR_BEHIND.search(low, start, key.start())
    return found.span(1) if found and _mixed(found[1]) and not _NOT_A_VALUE.match(found[1]) else None


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
        plain = plain and (_PROSE.search(quoted) is not None or not (strength == "strong" or key.endswith("слово")))
        unnamed = strength == "weak" and not _mixed(quoted) and not key.endswith("слово")
        unfit = plain or _NOT_A_VALUE.match(quoted) or unnamed
        return None if unfit or (key in _BRIEF and strength != "strong") else span
    if strength == "strong" and key not in _BRIEF and (phrase := _phrase(low, separator)):
        return phrase
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


# Several words behind a colon are the password where they are no sentence: nobody acts, asks or denies in them.
_PHRASE = re.compile(r"[^\s,;.!?:()\"/@]{1,20}(?:[ \t][^\s,;.!?:()\"/@]{1,20}){1,23}(?=[ \t.!]*(?:$|[\n,;]))")
_PROSE = re.compile(
    r"(?<![\w])(?:не|нет|это|что|как|где|и|а|но|или|по|при|для|из|от|на|в|во|с|со|к|у|я|мы|он|она|мне|вы|вас|же|уже"
    r"|до|после|минимум|символ\w*|букв\w*|цифр\w*|раз|раза|снилс|инн|телефон|логин|спасибо|пожалуйста|прошу|почему"
    r"|неверн\w*|правильн\w*|ошибк\w*|\w{3,20}(?:ть|ться|л|ла|ли|ло|лся|лась|ет|ете|ит|ют|ут|ится|ется|йте|ьте|ите"
    r"|жу|чу|шу|ую|ован\w*|ено|ана|аны|ены)|the|is|was|are|does|do|did|not|no|to|for|from|it's|can|can't|cannot"
    r"|please|help|work|works|reset|forgot|lost|wrong|when|and|or|but|be|has|have|with|on|in|at|login|email|phone"
    r"|thanks)(?![\w])"
)


def _phrase(low: str, separator: re.Match[str]) -> tuple[int, int] | None:
    """The span of several words behind a colon that together are a password."""
    found = _PHRASE.match(low, separator.end())
    if not found or "\n" in separator[0]:
        return None
    words = found[0].split()
    first = words[0]
    # A word that is a password already («Qwerty123 СНИЛС …») has no second one.
    if _NOT_A_VALUE.match(first) or (any(map(str.isdigit, first)) and not first.isdigit()):
        return None
    if first.isdigit() and (len(first) > 4 or not all(map(str.isdigit, words))):
        return None
    if len(words) > 6 and not found[0].isascii():
        return None
    if _PROSE.search(found[0]) or _FORGOTTEN.search(low, max(0, separator.start() - 80), separator.start()):
        return None
    return found.span()


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
