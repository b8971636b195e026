"""Whose a number or an address is, by the words beside it: the writer's own, a relative's, or of who called him.

A swindler's phone in the citizen's place is the worst of slips: the desk calls it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

OWN, UNSAID, RELATIVE, FORMER, STRANGER = range(5)

_BEFORE, _AFTER = 56, 28  # characters that are looked at on either side
# What stands before another number or address, or in another sentence, says nothing of this one.
_APART = re.compile(r"\d[\d ()-]{5,}|@|[.!?;](?=\s)|\n")
_RELATIVE = (
    r"мам[аыуе]|мать|матери|пап[аыуе]|отец|отц[ау]|муж(?:а|у|ем)?|жен[аыуе]|супруг[аиу]?|сын(?:а|у|ом)?|доч(?:ь|ери|к[аиу])"
    r"|ребен(?:ок|к[ау]|ком)|дет(?:и|ей|ям)|родител[а-я]{1,3}|бабушк[аиу]|дедушк[аиу]|брат[ау]?|сестр[аыеу]|внук[ау]?"
    r"|внучк[аиу]|тет[яию]|дяд[яию]|подруг[аиу]|друг[ау]|сосед[а-я]{0,3}|тещ[аиу]|свекров[а-я]{1,2}|племянни[а-я]{1,3}"
)
_CALLED = (
    r"(?:по)?звон(?:или|ят)(?! вам)|(?:по)?звонил[ао]? (?:мне|нам|мужчина|женщина|девушка|как[а-я]{2,3})"
    r"|(?:мне|нам) (?:по)?звонил[ао]?|поступ[а-я]{1,4} звон(?:ок|ки)"
)
_WROTE = (
    r"(?:смс|сообщени[еяй]|звон(?:ок|ки)|письм[оа])(?: [а-я]{1,12}){0,2} (?:с|от)"
    r" (?:номер|телефон|адрес|почт|ящик)[а-я]*"
    r"|письм[оа](?: [а-я]{1,12})? (?:с|от)(?=[ \"]{1,2}$)"
)
_CUE = re.compile(
    r"(?<![а-я])(?:(?P<stranger>(?:мошенни|аферист|жулик)[а-я]*|чуж(?:ой|ого|ому|ая|ую)"
    rf"|(?:не ?известн|не ?знаком)[а-я]{{2,3}}|не (?:мой|моя|мое)|{_CALLED}|{_WROTE})"
    r"|(?P<former>стар(?:ый|ого|ом|ая|ой|ую)|прежн[а-я]{2,3}"
    r"|(?:утер|утрач|потер)[а-я]{2,5} (?:номер|телефон|сим)[а-я]*)"
    rf"|(?P<relative>{_RELATIVE})"
    r"|(?P<own>мо(?:й|я|е|его|ей|ему|ю|и)|сво(?:й|его|ей|ему|ю|и)|наш(?:а|его)?|нов(?:ый|ого|ая|ом|ую)|со мной"
    r"|для связи))(?![а-я])"
)
_LATER = re.compile(
    r"[ (-]{0,4}(?:это )?(?:(?P<stranger>не (?:мой|моя|мое)|чужо[йе]|мошенни[а-я]+)"
    r"|(?P<former>(?:был )?(?:утер|утрач)[а-я]{2,5}|не ?действ[а-я]{3,8}|(?:больше|уже) не |заблокирован|отключен)"
    rf"|(?P<relative>{_RELATIVE})|(?P<own>мой|моя|мое)(?=[,.;)\n]|$))(?![а-я])"
)
_RANKS = {"own": OWN, "relative": RELATIVE, "former": FORMER, "stranger": STRANGER}


def whose(low: str, start: int, end: int) -> int:
    """How far what stands at `start` to `end` of a folded text is from being the writer's own: OWN to STRANGER."""
    later = _LATER.match(low, end, end + _AFTER)
    if later:
        return _RANKS[later.lastgroup or "own"]
    before = _APART.split(low[max(0, start - _BEFORE) : start])[-1]
    rank = UNSAID
    for cue in _CUE.finditer(before):
        rank = _RANKS[cue.lastgroup or "own"]  # the nearest says it: «мой номер, а это мамин»
    return rank


def likeliest_first(found: Iterable[tuple[int, T]]) -> tuple[T, ...]:
    """The values of `found` (rank, value) that are no stranger's, the writer's own first; equals stay as they stood."""
    return tuple(value for rank, value in sorted(found, key=lambda each: each[0]) if rank < STRANGER)
