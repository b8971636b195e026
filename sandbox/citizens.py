"""A few dozen invented citizens and what each of them will write: the same cast for the same seed.

Nobody here exists; phones, INNs and SNILS are made up, the latter two with right check digits.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

Channel = Literal["telegram", "vk", "whatsapp", "email"]
Act = Literal["say", "answer", "album", "photo", "document", "voice", "edit", "delete", "press", "location", "forward"]

CHANNELS: tuple[Channel, ...] = ("telegram", "vk", "whatsapp", "email")
FIRST = {
    "f": ("Анна", "Мария", "Ольга", "Галина", "Тамара", "Диляра", "Екатерина", "Наталья", "Зинаида", "Юлия"),
    "m": ("Иван", "Пётр", "Сергей", "Рустам", "Николай", "Артём", "Виктор", "Михаил", "Олег", "Тимур"),
}
LAST = ("Ким", "Смирнов", "Орлов", "Лебедев", "Гусев", "Воронов", "Зайцев", "Беляев", "Тарасов", "Щукин")
MIDDLE = {
    "f": ("Петровна", "Ивановна", "Сергеевна", "Олеговна"),
    "m": ("Петрович", "Иванович", "Сергеевич", "Олегович"),
}

# What people come with, by desk. {fields} are filled in from the citizen.
TROUBLES: dict[str, tuple[str, ...]] = {
    "registration": (
        "Здравствуйте! Не могу войти на портал, пишет «неверный логин или пароль», хотя пароль сменён вчера. "
        "{full_name}, СНИЛС {snils}.",
        "Добрый день. При регистрации не приходит код подтверждения на телефон {phone}. Что делать?",
    ),
    "services": (
        "Заявление на загранпаспорт, номер заявления {application}: уже две недели статус «принято». "
        "Меня зовут {full_name}, ИНН {inn}.",
        "Не получается оплатить госпошлину за регистрацию машины: на шаге оплаты ошибка {error}. {full_name}, {phone}",
    ),
    "cabinet": (
        "В личном кабинете пропали мои документы: раньше были полис и СНИЛС, теперь пусто. {full_name}, СНИЛС {snils}",
        "Личный кабинет не открывается: Internal Server Error, {error}. Windows 10, Яндекс Браузер 24.7. {full_name}",
    ),
    "mobile": (
        "Приложение Госуслуги вылетает сразу после запуска. Телефон Samsung A52, Android 13, версия 4.31. {full_name}",
        "После обновления приложения на айфоне не могу войти по отпечатку, iOS 17.5. Ответьте на почту {email}",
    ),
    "notifications": (
        "Не приходят СМС и письма о записи к врачу, хотя в настройках уведомления включены. {full_name}, {phone}",
        "Уведомление о штрафе пришло через месяц после срока оплаты со скидкой. Почему? {full_name}, ИНН {inn}",
    ),
    "security": (
        "Мне звонили будто бы из Госуслуг и просили код из СМС. Кода не дали. Не взломан ли мой кабинет? {full_name}",
        "В истории входов чужой город и чужой телефон! Срочно заблокируйте учётную запись. {full_name}, СНИЛС {snils}",
    ),
    "review": (
        "Хочу поблагодарить поддержку: помогли за двадцать минут. Оценка 5. {full_name}",
        "Отзыв о поддержке: ответ пришёл через трое суток, оценка 2. Предлагаю сделать обратный звонок. {full_name}",
    ),
}  # fmt: skip

# How a story goes on after the first message; {number} is from the acknowledgement that they received.
PLOTS: tuple[str, ...] = (
    "plain", "follow_up", "repeat", "album", "edit", "voice", "thanks", "stranger", "burst", "start", "document",
    "reply",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done, `after` seconds (of a person's time) later than the one before.

    `{number}` in the text: of the citizen's own latest acknowledgement; `{foreign}`: of somebody else's.
    """

    after: float
    act: Act
    text: str = ""


@dataclass(frozen=True, slots=True)
class Citizen:
    """One person with one channel. `desk`: what the trouble is about, as its author meant it."""

    index: int
    channel: Channel
    first: str
    last: str
    full_name: str
    phone: str  # digits, with the country's
    email: str
    desk: str
    plot: str
    story: tuple[Step, ...]

    @property
    def platform_id(self) -> int:
        return 5_000_000 + self.index


def cast(seed: int = 1, count: int = 48, channels: tuple[Channel, ...] = CHANNELS) -> list[Citizen]:
    """The citizens of a seed: channels, desks and plots in turn, so that a small cast has some of each."""
    chance = random.Random(f"citizens {seed}")
    desks = list(TROUBLES)
    people = []
    for index in range(count):
        plot = PLOTS[(index // len(channels) + index) % len(PLOTS)]
        people.append(_citizen(chance, index, channels[index % len(channels)], desks[index % len(desks)], plot))
    return people


def _citizen(chance: random.Random, index: int, channel: Channel, desk: str, plot: str) -> Citizen:
    own = fields(chance, index)
    trouble = chance.choice(TROUBLES[desk]).format(**own)
    story = tuple(_story(chance, plot, trouble, own["full_name"]))
    names = own["first"], own["last"], own["full_name"]
    return Citizen(index, channel, *names, own["phone"].removeprefix("+"), own["email"], desk, plot, story)


def fields(chance: random.Random, index: int) -> dict[str, str]:
    """What the texts of `TROUBLES` tell of one citizen. No two of ten million share a phone or an address."""
    sex = chance.choice("fm")
    first, last = chance.choice(FIRST[sex]), chance.choice(LAST)
    last = last + "а" if sex == "f" and last.endswith("в") else last
    return {
        "first": first, "last": last, "full_name": f"{last} {first} {chance.choice(MIDDLE[sex])}",
        "phone": f"+7999{index * 3_319_991 % 10**7:07d}", "email": f"citizen{index}@example.org",
        "inn": inn(chance), "snils": snils(chance),
        "application": str(chance.randrange(10**9, 10**10)), "error": f"ERR-{chance.randrange(100, 999)}",
    }  # fmt: skip


def _story(chance: random.Random, plot: str, trouble: str, full_name: str) -> list[Step]:
    first = Step(chance.uniform(0, 40), "say", trouble)

    def later(low: float, high: float, act: Act, text: str = "") -> Step:
        return Step(chance.uniform(low, high), act, text)

    if plot == "follow_up":
        return [first, later(20, 60, "say", "И ещё: это началось вчера около 18:00, браузер Firefox 128.")]
    if plot == "repeat":
        asked = "Повторно обращаюсь по номеру {number}, ответа так и нет. " + trouble
        return [first, later(40, 90, "say", asked)]
    if plot == "album":
        return [first, later(10, 30, "album", "Вот три снимка экрана с ошибкой"), later(30, 50, "photo", "И ещё один")]
    if plot == "edit":
        return [first, later(5, 15, "edit", trouble + " Исправление: дело срочное, нужно до пятницы.")]
    if plot == "voice":
        return [first, later(10, 30, "voice"), later(10, 20, "location", "Я живу здесь")]
    if plot == "thanks":
        return [first, later(40, 80, "say", "Спасибо большое!")]
    if plot == "stranger":
        claimed = "Добрый день! Что с обращением {foreign}? Я сосед, он просил узнать."
        return [Step(chance.uniform(60, 90), "say", claimed), later(10, 20, "say", trouble)]
    if plot == "burst":
        greeting = Step(first.after, "say", "Здравствуйте")
        return [greeting, later(1, 3, "say", trouble), later(2, 5, "say", "Помогите, пожалуйста")]
    if plot == "start":
        start = Step(first.after, "press", "/start")
        return [start, later(5, 15, "say", trouble), later(20, 40, "press", "/status {number}")]
    if plot == "document":
        return [first, later(5, 15, "document", "Прикладываю справку"), later(10, 20, "delete")]
    if plot == "reply":
        return [first, later(30, 60, "answer", f"Уточняю: меня зовут {full_name}, удобнее ответ по телефону.")]
    return [first, later(30, 60, "forward", "Служба безопасности: сообщите код из СМС, иначе счёт заблокируют")]


def inn(chance: random.Random) -> str:
    """A 12-digit INN with right check digits."""
    digits = [chance.randrange(10) for _ in range(10)]
    for weights in ((7, 2, 4, 10, 3, 5, 9, 4, 6, 8), (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)):
        digits.append(sum(weight * digit for weight, digit in zip(weights, digits, strict=True)) % 11 % 10)
    return "".join(map(str, digits))


def snils(chance: random.Random) -> str:
    """A SNILS (above 001-001-998) with its check number."""
    digits = [chance.randrange(1, 10) for _ in range(9)]
    check = sum((9 - at) * digit for at, digit in enumerate(digits)) % 101 % 100
    return "".join(map(str, digits)) + f"{check:02d}"
