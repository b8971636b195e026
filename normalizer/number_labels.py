"""What the words right before a number say that it is: a ticket, or something else that also has a number."""

from __future__ import annotations

import re
from typing import Literal

Label = Literal["ticket", "other"]

TAIL = 64  # characters before a number that are looked at

_TICKET = (
    r"обращени[а-яё]{1,4}|заявк[а-яё]{1,3}|заявок|запрос[а-яё]{0,3}|тикет[а-яё]{0,3}|жалоб[а-яё]{0,3}|претензи[а-яё]{1,3}|талон[а-яё]{0,3}|"
    r"ticket|request|case|appeal|complaint|inquiry|enquiry|ref|reference"
)
_NUMBER = r"номер[а-яё]{0,3}|ном|number|num|nr|no|n|id|н"

# Registers' own names: a word or two may stand between them and the number («ОГРН нашей организации 1027…»).
_REGISTERS = (
    r"огрн[а-яё]{0,4}|инн|снилс[а-яё]{0,2}|кпп|бик|окпо|октмо|уин|уид|шпи|рпо|омс|imei|iccid|iban|"
    r"ean(?:[ -]?13)?|gtin|isbn|upc|vin|uuid|guid|штрих[ -]?код[а-яё]{0,3}|barcode|bar code|"
    r"кадастр[а-яё]{0,6}|cadastral|полис[а-яё]{0,3}|policy|"
    r"трек[а-яё]{0,4}(?:-(?:номер|код)[а-яё]{0,2})?|track|tracking|inn|snils|ogrn|ogrnip|uin|kpp|bic"
)
# Everyday words: only when the number follows at once («карта 2200…»), not in «с телефона не входит 2611…», and
# only where its form does not tell: no card or phone is written 261122-000123-0.
_THINGS = (
    r"карт[а-яё]{0,3}|сч[её]т[а-яё]{0,3}|р/с|к/с|л/с|паспорт[а-яё]{0,4}|сери[яию]|тел|телефон[а-яё]{0,3}|моб|мобильн[а-яё]{2,4}|факс[а-яё]{0,2}|"
    r"посылк[а-яё]{1,3}|отправлени[а-яё]{1,3}|бандерол[а-яё]{1,3}|артикул[а-яё]{0,2}|верси[а-яё]{1,2}|постановлени[а-яё]{1,3}|штраф[а-яё]{0,3}|"
    r"начислени[а-яё]{1,3}|договор[а-яё]{0,3}|квитанци[а-яё]{1,3}|чек[а-яё]{0,2}|накладн[а-яё]{2,3}|свидетельств[а-яё]{1,3}|сумм[а-яё]{1,3}|"
    r"лицензи[а-яё]{1,3}|отслеживани[а-яё]{1,2}|почтов[а-яё]{2,3} идентификатор[а-яё]{0,2}|"
    r"card|account|passport|phone|mobile|cell|tel|fax|parcel|shipment|version|invoice|receipt|amount|sum|licence|license"
)
# These have numbers of their own, but people also call their ticket so.
_APPLICATION = r"заявлени[а-яё]{1,3}|услуг[а-яё]{0,3}|application|заказ[а-яё]{0,3}|order"

_OWNERS = r"мо[йяею][а-яё]?|мне|это|is|my|на|для|с|под|за|сбербанк[а-яё]{0,2}|банк[а-яё]{0,3}|мир|visa|рф|россии"
_FILLER = rf"(?:[ .:]{{1,3}}(?:{_NUMBER}|{_OWNERS})\.?)"
_GAP = r"[ .]{0,2}[:=№#\"«'(\-]{0,2}\n?[ №#\"«'(]{0,4}"
_WORD = rf"(?:[ ,]{{1,2}}(?!{_TICKET})[^\W\d_]{{1,20}})"
_OF = rf"(?: (?!{_TICKET})[^\W\d_]{{1,20}}){{0,3}}"  # «номер заявления на портале», «заявление на загранпаспорт №»

_COLON = r"(?:[ ]{0,2}(?:[:=№#\"«'(]\s?|-(?=[ ]))[ :№#\"«'(]{0,3}|[ ]{0,3})\Z"

_REGISTER_BEFORE = re.compile(rf"(?<![^\W_])(?:{_REGISTERS}){_WORD}{{0,3}}{_FILLER}{{0,2}}{_COLON}")
_THING_BEFORE = re.compile(rf"(?<![^\W_])(?:{_THINGS}){_FILLER}{{0,2}}{_COLON}")
_ABBREVIATED = re.compile(r"(?<![^\W_])(?:тел|моб|сч|tel|mob|ph|арт)\.[ :№]{0,3}\Z")
_APPLICATION_BEFORE = re.compile(
    rf"(?<![^\W_])(?:(?:{_APPLICATION}){_FILLER}{{0,2}}{_GAP}"
    rf"|(?:{_NUMBER}) (?:{_APPLICATION}){_OF}[ :\-]{{0,3}}|(?:{_APPLICATION}){_OF} ?[№#][ :\-]{{0,3}})\Z"
)
_TICKET_BEFORE = re.compile(
    rf"(?<![^\W_])(?:(?:{_TICKET})[^\d.!?;\n]{{0,30}}|(?:{_NUMBER})\.?)[ :=\-\n(\"«№#]{{0,6}}\Z|[№#][ :\-]{{0,3}}\Z"
)
_AFTER = re.compile(
    r" ?(?:\(|- )?(?:огрн|инн\b|снилс|уин\b|штрих|трек|ean|руб|коп|₽|\$|€|rub|usd|тыс|млн)|[ ]?р\.?(?![^\W_])"
)


def label(before: str, after: str, *, bare: bool) -> Label | None:
    """What the `TAIL` characters before a number and the 10 after it call it; None when they say nothing.

    `bare`: nothing but the words tells this number from others (no dashes between its groups, or not right in every
    digit). The nearest word wins: in «номер телефона 2611…» it is a phone's.
    """
    before = before.lower()
    if _AFTER.match(after.lower()) and bare:
        return "other"
    if _REGISTER_BEFORE.search(before):
        return "other"
    if bare and any(name.search(before) for name in (_THING_BEFORE, _ABBREVIATED, _APPLICATION_BEFORE)):
        return "other"
    return "ticket" if _TICKET_BEFORE.search(before) else None


# «обращение261122…», «N261122…»: the word that may stand before the digits without a space.
_BEFORE_DIGIT = re.compile(r"(?<![^\W_])[^\W\d_]{1,16}(?=[0-9])")
_GLUED = re.compile(rf"{_TICKET}|{_NUMBER}", re.IGNORECASE)


def unglue(text: str) -> str:
    """The text with a space in place of the last letter of such a word: places stay, and its digits stand alone."""
    return _BEFORE_DIGIT.sub(lambda word: word[0][:-1] + " " if _GLUED.fullmatch(word[0]) else word[0], text)
