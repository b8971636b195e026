"""Who, what and where to answer: which of the three a ticket still lacks. Computed over the whole ticket."""

from __future__ import annotations

import re
from typing import Literal

from normalizer.chatter import is_greeting, is_thanks
from normalizer.folding import fold

Missing = Literal["full_name", "contact", "description"]

_READ = 4000
_WORD = re.compile(r"[а-яa-z]{3,}")
# Words that are in every letter, or that only name the writer's data: they describe no problem.
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """
        здравствуйте здравствуй привет добрый доброе доброго день дня вечер утро уважаемые
        пожалуйста спасибо прошу просьба очень помогите помощь подскажите скажите срочно вопрос
        обращение обращения обращению номер телефон почта email mail фио имя меня зовут фамилия
        отчество инн снилс паспорт серия мой моя мое мне мои вам вас ваш как что
        это эта этот для или при уважением лет есть был была так если чтобы жду ответа ответ
        ответьте хорошо понятно все еще уже hello help please thanks thank you the and for with from
        name phone number request ticket
        """,
    )
)
_ADDRESS = re.compile(r"https?://\S+|(?<!\S)[^\s@]{1,64}@\S+")
# Two words of substance: «не приходит код», «ошибка входа».
_ENOUGH = 2


def describes(text: str, full_name: str | None = None) -> bool:
    """Whether the text says what the problem is, in at least two words that are no greeting, number or name.

    `full_name`: the citizen's, whose words describe nothing, in whatever form they stand.
    """
    if is_greeting(text) or is_thanks(text):
        return False
    head = fold(text)[:_READ]
    if "@" in head or "://" in head:
        head = _ADDRESS.sub(" ", head)
    # By its first letters, so that every case form counts; a surname of two letters would take «личный» for «Ли».
    name = tuple(word[:4] for word in fold(full_name).split() if len(word) > 2) if full_name else ()
    found: set[str] = set()
    for word in _WORD.finditer(head):
        if word[0] in _EMPTY or (name and word[0].startswith(name)):
            continue
        found.add(word[0])
        if len(found) >= _ENOUGH:
            return True
    return False


def missing(
    *,
    full_name: str | None,
    phone: str | None = None,
    email: str | None = None,
    answerable: bool = False,
    described: bool = False,
) -> list[Missing]:
    """What to ask for, in the order who, where, what.

    `answerable`: we can answer on the channel itself (a chat, a mail, a cabinet; not a call that an operator typed in).
    `described`: some message of the ticket `describes` the problem, or holds a file or a voice message that may.
    """
    lacks: list[Missing] = []
    if not full_name or len(full_name.split()) < 2:
        lacks.append("full_name")
    if not (answerable or phone or email):
        lacks.append("contact")
    if not described:
        lacks.append("description")
    return lacks
