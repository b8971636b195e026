"""Answering machines told by the words that programs put before or behind the subject that they answer."""

from __future__ import annotations

import re

# In languages that programs do not put other words around.
_ELSEWHERE = (
    r"automatski odgovor|automātisk\w* atbild\w*|automatinis atsakymas|automaatvastus|răspuns automat"
    r"|αυτόματη απάντηση|автоматски одговор"
)
# The words that programs put before the subject of the letter that they answer: sure, whatever follows.
_PREFIX = re.compile(
    r"^\W{0,3}(?:auto(?:matic|mated)? ?-?(?:reply|response|answer)|autoreply|autoresponder|auto-?antwort"
    r"|automatische (?:antwort|reactie|beantwoording)|automatisch(?:es)? antwoord|réponse automatique"
    r"|respuesta automática|risposta automatica|resposta automática|resposta automàtica|automatiskt? svar|autosvar"
    r"|odpowiedź automatyczna|automatyczna odpowiedź|autoodpowiedź|automatická odpověď|automatická odpoveď"
    r"|otomatik (?:yanıt|cevap)|automaattinen vastaus|automatikus válasz|abwesenheits(?:notiz|assistent)|abwesenheit"
    r"|absence du bureau|fuera de (?:la )?oficina|fuori (?:sede|ufficio)|fora do escritório|afwezigheidsbericht"
    r"|out[ -]of[ -](?:the )?office(?: (?:auto)?reply| autoreply| assistant|(?!\W*$))"
    rf"|{_ELSEWHERE}"
    r"|автоответ(?:чик)?|автоматический ответ|автоматическое (?:сообщение|уведомление)|авто-ответ"
    r"|автовідповід(?:ь|ач)|автоматична відповідь|аўтаматычны адказ|автоматты жауап|автоматичен отговор"
    r"|自动(?:回复|答复)|自動(?:返信|回覆|応答)|자동 (?:회신|응답))"
    r"(?:\s?[:：\])]|\s-\s|\s(?:re|на|от|auf|to|for|from|von)\b)",
)
# Beside the subject of the letter that is answered: "Re: … (Automatic Response)".
_MARK = re.compile(
    r"[\[(](?:auto(?:matic|mated)?[ -]?(?:reply|response)|out of (?:the )?office|away from (?:my|the) (?:mail|office)"
    rf"|{_ELSEWHERE}"
    r"|автоответ(?:чик)?|автоматический ответ|нет на месте|в отпуске|automatyczna odpowied\w|automatische antwort"
    r"|réponse automatique|respuesta automática|request received|заявка получена)[\])]",
)
_ABSENCE_NOTE = re.compile(r"^abwesenheits(?:notiz|assistent) (?:bis|vom|ab|re:)")
# What a person chose as the subject, and behind it the subject that is answered, as Gmail does: «В отпуске Re: …».
_BEFORE_ANSWERED = re.compile(r"^(?![^:]{0,12}:)([^:\[\](){}*]{3,80}?)\s(?:re|aw|sv)\s?:\s", re.I)
# Lotus Notes names the person: "AUTO: A. Smith is out of the office (returning 05/01)".
_NOTES = re.compile(
    r"^this is an auto|^\[auto[\w -]{0,12}\]|^(?:auto|авто)\s?: .{0,80}"
    r"(?:out of|away|returning|on (?:vacation|leave)|отсутств|отпуск|возвращ)"
)

# Lotus Notes without its "AUTO:": the name, and where the person is not, in both languages of the office.
_ABSENT = re.compile(
    r"^[^:?!]{3,60}\s(?:is out of (?:the )?office|отсутству\w+ на (?:рабочем месте|работе)|(?:ist|est|está|è|jest)"
    r" (?:nicht im büro|abwesend|absent\w*|ausente|assente|nieobecn\w))\W{0,3}(?:$|/|\()"
)


def names_absent(subject: str) -> bool:
    """Whether a subject says of somebody that he is away, and no more: likely a machine's, but people write so too."""
    return bool(_ABSENT.match(subject.lower()))


def named(subject: str) -> bool:
    """Whether a subject has the words that programs put there, before or behind the subject that is answered."""
    subject = subject.lower()
    return bool(
        _PREFIX.match(subject) or _MARK.search(subject) or _NOTES.match(subject) or _ABSENCE_NOTE.match(subject)
    )


def chosen(subject: str) -> str | None:
    """The words that stand before the subject that is answered, or None where none do."""
    found = _BEFORE_ANSWERED.match(subject)
    return found.group(1) if found else None
