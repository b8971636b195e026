"""Small talk and commands of a chat: what is answered, but is no request yet."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

from normalizer.folding import fold

CommandName = Literal["start", "new", "status"]
# A greeting that is longer holds something else.
_LONGEST = 120

_WORDS = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_GREETING = re.compile(
    r"(?:(?:и )?(?:здравствуй(?:те)?|здраствуй(?:те)?|здрасьте|здрасте|драсте|здравия желаю"
    r"|приветствую(?: вас)?|привет(?:ик|ствую)?(?: всем)?"
    r"|добр(?:ый|ого|ое|ой) (?:день|дня|вечер|вечера|утро|утра|утречка|ночи|времени суток|время суток)"
    r"|доброго здоровья|салам(?: алейкум)?|ассалам алейкум|хай|хелло|алло|ау|эй"
    r"|день добрый|вечер добрый|утро доброе|hi there|hello there|hello|hi|hey|good (?:morning"
    r"|afternoon|evening|day)|greetings)"
    r"(?: (?:уважаем(?:ые|ая|ый)|дорогие|коллеги|господа|всем|все|друзья|специалисты|операторы?|бот"
    r"|поддержка|команда|служба поддержки|всем доброго дня"
    r"|dear|support|team|everyone|all|sir|madam|sirs))*)"
)
# What still is no request: it only asks whether one may ask.
_OPENING = re.compile(
    r"(?:(?:а )?(?:можно|могу(?: ли)?|разрешите|хочу|хотел(?:а)?(?: бы)?|позвольте)(?: я)?(?: (?:вам"
    r"|вас|у вас))?(?: (?:задать|спросить|узнать|обратиться))?"
    r"(?: (?:один |вам )?вопрос(?:ик)?)?|есть (?:кто|кто-нибудь|кто-то|тут кто|кто живой|кто на связи)"
    r"|кто-нибудь(?: есть| тут| на связи)?"
    r"|у меня (?:есть )?(?:один )?вопрос(?:ик)?|(?:есть |один )?вопрос(?:ик)?|вы (?:тут|здесь|на связи"
    r"|работаете)|нужна (?:ваша )?помощь|помогите(?: пожалуйста| мне| разобраться)*"
    r"|подскажите(?: пожалуйста)?|скажите(?: пожалуйста)?|пожалуйста|как дела"
    r"|can i ask(?: you)?(?: a question)?|i have a question|anybody (?:here|there)"
    r"|is anyone (?:here|there)|are you there|question|please|(?:i )?(?:need )?help(?: me)?)"
)
_THANKS = re.compile(
    r"(?:(?:большое |огромное |ок |окей |хорошо |понятно |понял |поняла |да |все |ясно |отлично |супер |ну |и |вам )*"
    r"(?:спасибо|спс|спасибки|пасиб|благодарю|благодарствую|thanks|thank you|thx|ty|рахмат|мерси)"
    r"(?: (?:вам|вас|большое|огромное|за (?:помощь|ответ|информацию|быстрый ответ|оперативность|работу"
    r"|отзывчивость)|всем|very much|so much|a lot|you|очень|помогли|все|получилось|заработало"
    r"|хорошего дня|до свидания|for (?:your )?help))*"
    r"|ок|окей|ok|okay|хорошо|понятно|понял|поняла|ясно|ладно|договорились|отлично|супер|принято|жду"
    r"|до свидания|всего доброго|хорошего дня)"
)


def is_greeting(text: str) -> bool:
    """True when the whole text only greets («Здравствуйте, можно вопрос?»); False when anything is left to answer."""
    words = _plain(text)
    greeted = _GREETING.match(words) if words else None
    while greeted and greeted.end() < len(words):
        words = words[greeted.end() :].lstrip()
        greeted = _GREETING.match(words) or _OPENING.match(words)
        if greeted and not _ends_a_word(words, greeted.end()):
            return False
    return greeted is not None and greeted.end() > 0


def is_thanks(text: str) -> bool:
    """True when the whole text thanks or only acknowledges («спасибо большое!», «хорошо, спасибо», «ок»)."""
    words = _plain(text)
    thanked: re.Match[str] | None = None
    while words:
        thanked = _THANKS.match(words)
        if not thanked or not _ends_a_word(words, thanked.end()):
            return False
        words = words[thanked.end() :].lstrip()
    return thanked is not None


def _plain(text: str) -> str:
    """The words alone, folded, with single spaces; empty when the text is too long to be small talk."""
    return "" if len(text) > _LONGEST else " ".join(_WORDS.findall(fold(text)))


def _ends_a_word(words: str, at: int) -> bool:
    return at > 0 and (at == len(words) or words[at] == " ")


@dataclass(frozen=True, slots=True)
class Command:
    """`/start`, `/new` or `/status`, typed or pressed; `argument` is what follows it, stripped."""

    name: CommandName
    argument: str | None = None

    @property
    def words(self) -> str | None:
        """What a citizen wrote behind `/start` or `/new`, where it is neither a number nor a deep link's one word."""
        said = self.argument if self.name != "status" else None
        return said if said and any(map(str.isalpha, said)) and not _DEEP_LINK.fullmatch(said) else None


# https://core.telegram.org/bots/features#deep-linking
_DEEP_LINK = re.compile(r"[A-Za-z0-9_-]{1,64}")

# «/status@our_bot 261122-000123-4»; Telegram: https://core.telegram.org/bots/features#commands
_COMMAND = re.compile(r"\s*/(start|new|status)(?:@\w{1,64})?(?=\s|$)", re.IGNORECASE)
_BY_WORDS: dict[str, CommandName] = {
    "начать": "start", "старт": "start", "start": "start", "начать заново": "start", "get started": "start",
    "новое обращение": "new", "создать обращение": "new", "new request": "new", "new": "new", "новое": "new",
    "статус обращения": "status", "статус": "status", "статус моего обращения": "status", "мой статус": "status",
    "проверить статус": "status", "узнать статус": "status", "request status": "status", "status": "status",
}  # fmt: skip
_LONGEST_PAYLOAD = 1024  # Telegram allows 64 bytes, VK 255 characters; more is not ours


def command(text: str, button: str | None = None) -> Command | None:
    """The command of a typed text or of a button's payload, which may be plain or VK's JSON ({"command": "start"})."""
    if button:
        pressed = _pressed(button)
        if pressed:
            return pressed
    typed = _COMMAND.match(text)
    if typed:
        return Command(_name(typed[1]), text[typed.end() :].strip() or None)
    words = _plain(text)
    if words in ("status", "new"):  # English words that a person may well say, unlike the labels of our buttons
        return None
    return Command(_BY_WORDS[words]) if words in _BY_WORDS else None


def _pressed(button: str) -> Command | None:
    if len(button) > _LONGEST_PAYLOAD:
        return None
    payload: object = button
    if button.lstrip()[:1] in ("{", '"'):
        try:
            payload = json.loads(button)
        except (ValueError, RecursionError):
            return None
    if isinstance(payload, dict):
        payload = payload.get("command")
    if not isinstance(payload, str):
        return None
    typed = _COMMAND.match(payload) or _COMMAND.match("/" + payload.lstrip())
    if typed:
        rest = payload[payload.lower().index(typed[1].lower()) + len(typed[1]) :]
        return Command(_name(typed[1]), re.sub(r"^@\w{1,64}", "", rest).strip() or None)
    words = _plain(payload)
    return Command(_BY_WORDS[words]) if words in _BY_WORDS else None


def _name(written: str) -> CommandName:
    return _BY_WORDS[written.lower()]
