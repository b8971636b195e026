"""What a letter says out of courtesy: it tells what the writer is like, not what he wants.

To the rules it would: «позвоните» and «помогите» are what people write about fraud, «спасибо» and «поддержка» belong to
reviews, and «Добрый день» beside «уведомление» was one that comes late.
"""

from __future__ import annotations

import re

_LONGEST = 160  # characters of a sentence that may be nothing but courtesy
_LEAST_LEFT = 2  # words; with fewer the courtesy is what was said
_LONG = 4000  # characters
_FEW = 5  # words that may need the courtesy to be understood: «Всё решено. Спасибо за помощь!»

_SENTENCE = re.compile(r"[^.!?:…\n]+(?:[.!?:…\n]+|$)")
_WORD = re.compile(r"[^\W_]+")
_GREETING = (
    r"(?:здравствуйте|здрасте|приветствую(?: вас)?"
    r"|добр(?:ый|ое|ого|ой) (?:день|вечер|утро|дня|вечера|утра|ночи|времени суток))"
)
_ADDRESS = re.compile(
    rf"(?:^|(?<=[.!\n]))\s{{0,5}}(?:{_GREETING}[,! ]{{1,3}})?уважаем[а-я]{{2}}(?: [\w«»\"-]{{1,40}}){{1,5}} ?[,!.]",
    re.I,
)
_FOR = r"(?: (?:за|о|в|на|по|для) [\w ]{1,60})?"
_SOON = (
    r"(?: (?:мне|нам|вас|очень|пожалуйста|срочно|скорее|побыстрее|поскорее|быстрее|как можно|в ближайшее время|нужно"
    r"|надо|важно|помочь|и|по возможности|обратно|по телефону|на почту))*"
)
_PENSIONER = r"(?:я )?(?:пенсионер(?:ка)?|(?:пенсионер(?:ка)? )?мне \d{1,3} (?:лет|года?))"
# What we ask for ourselves: whose it is, not what it is about.
_NUMBER = (
    r"(?:вот )?(?:мой |мое |моя |мои )?(?:номер )?(?:моего |моей )?"
    r"(?:заявлени[ея]|заявк[аи]|обращени[ея]|снилс|инн|паспорта?|паспортные данные)(?: номер)?(?: \d{1,20}){1,6}"
)
_COURTESY = re.compile(
    rf"{_GREETING}|{_NUMBER}|{_PENSIONER}|пишу (?:вам )?с (?:телефона|планшета|компьютера)"
    r"|(?:у меня )?(?:вот )?(?:так(?:ая|ой) |следующ(?:ая|ий) )?(?:проблема|вопрос|ситуация)"
    r"|(?:и )?(?:заранее )?(?:вам )?(?:большое |огромное )?(?:спасибо|благодарю|благодарим|благодарна|благодарен|спс)"
    rf"(?: вам| большое| огромное| заранее)*{_FOR}"
    r"|(?:я )?(?:заранее )?(?:очень )?(?:буду|будем|был бы|была бы)(?: вам)?(?: очень| крайне)? "
    rf"(?:благодарн|признател|рад)[а-я]{{0,4}}(?: вам)?{_FOR}"
    r"|(?:очень |с нетерпением )?(?:жду|ждем|ожидаю|надеюсь|надеемся|рассчитываю)(?: от вас| на)?"
    r"(?: ваш[а-я]{1,3}| скор[а-я]{2,3}| быстр[а-я]{2,3})* (?:ответа?|решени[ея]|помощ[иь]|понимание|содействие|звонка)"
    r"|(?:очень )?(?:прошу|просим|просьба)(?: вас)?(?: пожалуйста| срочно| мне| нам)* "
    r"(?:ответить|помочь|разобраться|перезвонить|позвонить|связаться со мной|принять меры"
    rf"|решить (?:мою |нашу |данную |эту )?(?:проблему|вопрос)){_SOON}"
    r"|(?:срочно |пожалуйста )?"
    rf"(?:позвоните|перезвоните|ответьте|помогите|подскажите|свяжитесь со мной|разберитесь){_SOON}"
    r"|(?:очень )?(?:срочно|нужно|надо|важно)(?: очень)?|пожалуйста|с уважением[\w ]{0,60}"
    r"|всего (?:вам )?(?:доброго|хорошего)|хорошего (?:вам )?дня|до свидания|отправлено с [\w ]{1,30}",
)


def without_address(text: str) -> str:
    """The text without whom it turns to («Уважаемые сотрудники портала, …»); all of it where that is all."""
    left = _ADDRESS.sub(" ", text)
    return left if left.strip() else text


def without_courtesies(text: str) -> str:
    """The text without what only greets, thanks, asks to answer or says who writes; all of it where that is all."""
    if len(text) > _LONG:  # in so much the courtesy weighs nothing
        return text
    left = "".join(map(_said, _SENTENCE.findall(text)))
    return left if len(_WORD.findall(left[:200])) >= _LEAST_LEFT else text


def says_little(text: str) -> bool:
    """Whether a text is so short that the courtesies beside it may tell what was meant."""
    return len(_WORD.findall(text[:200])) <= _FEW


def _said(sentence: str) -> str:
    """The sentence without courtesies, which stand before its first comma or behind its last: «…, заранее спасибо»."""
    if _is_courtesy(sentence):
        return ""
    if "," not in sentence:
        return sentence
    clauses = sentence.split(",")
    while len(clauses) > 1 and _is_aside(clauses[0]):
        del clauses[0]
    while len(clauses) > 1 and _is_aside(clauses[-1]):
        del clauses[-1]
    return "" if len(clauses) == 1 and _is_courtesy(clauses[0]) else ",".join(clauses)


def _is_courtesy(words: str) -> bool:
    return len(words) <= _LONGEST and bool(_COURTESY.fullmatch(_plain(words)))


def _is_aside(clause: str) -> bool:
    """A courtesy within a sentence; but «спасибо, помогли вернуть вход» thanks for what the sentence tells."""
    return _is_courtesy(clause) and not _THANKS.match(_plain(clause))


_THANKS = re.compile(r"(?:и )?(?:вам )?(?:большое |огромное )?(?:спасибо|благодар|спс)(?!.* заранее)")


def _plain(words: str) -> str:
    return " ".join(_WORD.findall(words.lower().replace("ё", "е")))
