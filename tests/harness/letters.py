"""Letters of every sort that a public service gets, each with what must become of it."""

import base64
import quopri
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.header import Header
from email.utils import format_datetime

SORTS = (
    "utf-8", "koi8-r", "windows-1251", "html", "attachment", "forwarded", "reply", "bounce", "out of office", "quoted",
)  # fmt: skip
MACHINES = ("bounce", "out of office")
BEGUN = datetime.now(timezone(timedelta(hours=3))).replace(microsecond=0) - timedelta(hours=2)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True)
class Letter:
    """One letter. `key` is its Message-ID without brackets, `thread` that of the first letter of its thread."""

    key: str
    thread: str
    sort: str
    sender: str
    content: bytes

    @property
    def acknowledged(self) -> bool:
        """Whether an acknowledgement is due: not to machines, and not to what only goes on with a thread."""
        return self.sort not in (*MACHINES, "reply")


def letters(count: int, *, series: str = "a", to: str = "help@service.test") -> list[Letter]:
    """The first `count` letters of a series: each sort in turn, each from a person of its own (a reply: the same)."""
    return [letter(index, series=series, to=to) for index in range(count)]


def letter(index: int, *, series: str = "a", to: str = "help@service.test", sort: str | None = None) -> Letter:
    sort = sort or SORTS[index % len(SORTS)]
    author = index - 6 if sort == "reply" else index
    key, thread = _key(series, index), _key(series, author)
    sender = f"citizen-{series}-{author}@mail.test" if sort not in MACHINES else f"machine-{series}-{index}@mail.test"
    if sort == "bounce":
        sender = f"MAILER-DAEMON@mx{index}-{series}.mail.test"
    content = _content(sort, index, series, key, thread, sender, to).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return Letter(key, thread, sort, sender.lower(), content)


def _key(series: str, index: int) -> str:
    return f"{series}.{index}@mail.test"


def _content(sort: str, index: int, series: str, key: str, thread: str, sender: str, to: str) -> bytes:
    subject = f"Обращение гражданина номер по порядку {series} {index}"
    words = (
        f"Здравствуйте! Меня зовут Пётр Сергеевич Лебедев-{series}{index}. Не могу войти в личный кабинет с "
        f"понедельника: страница {series}-{index} показывает ошибку, хотя пароль сменён. Что мне делать дальше?\n"
    )
    head = [
        f"From: {_word('Пётр Лебедев')} <{sender}>",
        f"To: {to}",
        f"Date: {format_datetime(BEGUN + timedelta(seconds=index))}",
        f"Message-ID: <{key}>",
        "MIME-Version: 1.0",
    ]
    if sort == "bounce":
        return _bounce(head, index, series)
    if sort == "out of office":
        head += [f"Subject: {_word('Автоответ: я в отпуске')}", "Auto-Submitted: auto-replied", "Precedence: bulk"]
        return _text(head, "Меня нет до понедельника.\n", "utf-8")
    if sort == "reply":
        head += [f"Subject: {_word('Re: ' + subject)}", f"In-Reply-To: <{thread}>", f"References: <{thread}>"]
        return _text(head, f"Дополняю: ошибка {series}-{index} повторилась и сегодня утром.\n", "utf-8")
    if sort == "forwarded":
        head.append(f"Subject: {_word('Fwd: ' + subject)}")
        enclosed = (
            "\n---------- Пересланное сообщение ----------\nОт: Банк <bank@bank.test>\nТема: Отказ\n\nВам отказано.\n"
        )
        return _text(head, words + enclosed, "utf-8")
    head.append(f"Subject: {_word(subject)}")
    if sort == "html":
        page = f"<html><body><p>{words}</p><img src='http://tracker.test/x.png'></body></html>"
        return _text(head, page, "utf-8", "html")
    if sort == "attachment":
        return _with_file(head, words, index)
    if sort == "quoted":
        head += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable"]
        return "\n".join(head).encode() + b"\n\n" + quopri.encodestring(words.encode())
    return _text(head, words, sort)


def _word(text: str) -> str:
    return Header(text, "utf-8", maxlinelen=900).encode()


def _text(head: list[str], text: str, charset: str, subtype: str = "plain") -> bytes:
    lines = [*head, f"Content-Type: text/{subtype}; charset={charset}", "Content-Transfer-Encoding: base64"]
    return "\n".join(lines).encode() + b"\n\n" + base64.encodebytes(text.encode(charset))


def _with_file(head: list[str], words: str, index: int) -> bytes:
    head.append('Content-Type: multipart/mixed; boundary="part"')
    file = base64.encodebytes(PNG + str(index).encode())
    return (
        "\n".join(head).encode()
        + b"\n\n--part\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(words.encode())
        + b'\n--part\nContent-Type: image/png; name="screen.png"\nContent-Transfer-Encoding: base64\n'
        + b'Content-Disposition: attachment; filename="screen.png"\n\n'
        + file
        + b"\n--part--\n"
    )


def _bounce(head: list[str], index: int, series: str) -> bytes:
    head += [
        "Subject: Undelivered Mail Returned to Sender",
        "Auto-Submitted: auto-replied",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="part"',
    ]
    return (
        "\n".join(head)
        + "\n\n--part\nContent-Type: text/plain\n\nThe mail system could not deliver your message.\n"
        + "\n--part\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n"
        + f"Final-Recipient: rfc822; nobody-{series}-{index}@mail.test\nAction: failed\nStatus: 5.1.1\n\n--part--\n"
    ).encode()
