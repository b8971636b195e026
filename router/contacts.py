"""The words with which a citizen states his name, phone or e-mail: «Мой телефон 8 916 …» says nothing about the matter.

To the rules it would: «мой», «меня» and «телефон» beside «код» or «заявление» are what people write about fraud.
"""

from __future__ import annotations

import re

_BEGINS = r"(?:^|(?<=[.!?;,\n)]))[ \t]{0,3}"
_WHOSE = r"(?:(?:мой|моя|мое|моё|наш|наша|my) )?(?:(?:контактный|мобильный|сотовый|личный|электронная|электронный) )?"
_WHAT = (
    r"(?:номер(?: телефона| мобильного)?|телефон|тел|почта|адрес(?: почты| электронной почты)?|"
    r"e-?mail|имейл|емейл|мейл|phone(?: number)?|number)\.?(?: для связи)?"
)
_CONTACT = r"(?:\+?[0-9][0-9 ()\-]{8,20}(?![0-9])|[\w.+\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,4})"
_STATED = re.compile(
    rf"{_BEGINS}(?:{_WHOSE}{_WHAT}[ \t]?[:\-–—]?[ \t]?{_CONTACT}(?=[ \t]{{0,3}}(?:[.!?;,\n(]|$))|меня зовут(?=[ :]))",
    re.IGNORECASE,
)


def without_contacts(text: str) -> str:
    """The text without them; the rest of it as it stands."""
    return _STATED.sub(" ", text)
