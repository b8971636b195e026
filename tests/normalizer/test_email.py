"""A letter's meaning: structure, charsets, files, threads, what the trusted server says, and hostile bytes."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from normalizer.email import identify, read
from normalizer.message import Account, Ignored, Limits, Message, Unreadable

GOLDEN = Path(__file__).parent.parent / "golden" / "email"
ACCOUNT = Account(
    kind="email",
    platform_account="support@example.org",
    own_addresses=frozenset({"support@example.org"}),
    trusted_authserv_id="mx.example.org",
)
BODY = "Здравствуйте!\n\nНе приходит код подтверждения"


def letter(name: str) -> bytes:
    return (GOLDEN / f"{name}.eml").read_bytes()


def message(payload: bytes, account: Account = ACCOUNT) -> Message:
    reading = read(payload, account)
    assert isinstance(reading, Message)
    return reading


def mail(body: bytes | str = b"text", **fields: str) -> bytes:
    head = {
        "From": "ivan@example.com",
        "Message-ID": "<one@example.com>",
        **{k.replace("_", "-"): v for k, v in fields.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return (lines + "\r\n").encode() + (body.encode() if isinstance(body, str) else body)


def multipart(*parts: bytes, kind: str = "mixed", **fields: str) -> bytes:
    body = b"".join(b"--B\r\n" + part + b"\r\n" for part in parts) + b"--B--\r\n"
    return mail(body, MIME_Version="1.0", Content_Type=f"multipart/{kind}; boundary=B", **fields)


def test_every_golden_letter_is_read() -> None:
    names = sorted(path.stem for path in GOLDEN.glob("*.eml"))
    assert len(names) >= 30
    for name in names:
        assert isinstance(read(letter(name), ACCOUNT), Message), name


@pytest.mark.parametrize(
    "name",
    ["text-utf-8", "text-koi8-r", "text-windows-1251", "text-cp866", "text-iso-8859-5", "unknown-charset",
     "mislabelled-koi8-as-1251", "mislabelled-1251-as-latin1", "raw-8bit-header-1251"],
)  # fmt: skip
def test_russian_is_read_in_every_charset_and_under_every_wrong_label(name: str) -> None:
    found = message(letter(name))
    assert found.text.startswith(BODY)
    assert found.sender.display_name == "Мария Сергеева"
    assert found.sender.id == found.sender.email == "maria.sergeeva@example.com"


SUBJECTS = {
    "text-koi8-r": "Не приходит код",
    "raw-8bit-header-1251": "Ошибка при входе в кабинет",
    "encoded-word-cut-in-a-character": "Не могу получить выписку, помогите",
    "gb2312-beyond": "无法登录镕",
    "malformed-header-line": "broken header",
    "nul-and-bidi": "примерtxt.exe",
}


@pytest.mark.parametrize(("name", "subject"), SUBJECTS.items())
def test_a_subject_is_decoded_to_one_clean_line(name: str, subject: str) -> None:
    assert message(letter(name)).subject == subject


FILES = {
    "mixed-two-texts-and-pdf": ["Квитанция об оплате.pdf"],
    "related-inside-alternative": ["снимок.png"],
    "file-name-2231-continued": ["Справка.docx", "x"],
    "forwarded-as-attachment": ["letter.eml"],
    "winmail-dat": ["report.txt", "winmail.dat"],
    "nul-and-bidi": ["agpj.exe", "_CON.txt"],
    "calendar-invitation": ["invite.ics"],
    "multipart-signed": ["smime.p7s"],
    "wrong-boundary": ["a.txt"],
}


@pytest.mark.parametrize(("name", "files"), FILES.items())
def test_files_are_found_wherever_they_stand_under_clean_names(name: str, files: list[str]) -> None:
    assert [part.name for part in message(letter(name)).attachments] == files


TEXTS = {
    "html-only-outlook": "Добрый день!\n\nПри подаче заявления ошибка 500.",
    "alternative-gmail-reply": "Спасибо, код пришёл.",
    "alternative-empty-plain": "Текст только здесь: не открывается справка.",
    "mailru-reply-html": "Да, ошибка осталась.",
    "yandex-reply-html": "Проблема решена, спасибо.",
    "apple-iphone-reply": "Не помогло, код так и не пришёл.",
    "thunderbird-interleaved-flowed": "Браузер Яндекс, версия 24.4, система Windows 11.\n\nПришлю завтра.",
    "outlook-mobile-reply": "Спасибо!",
    "rambler-reply": "Ответа до сих пор нет.",
    "mixed-two-texts-and-pdf": "Первая часть.\n\nВторая часть.",
    "phishing-forward-inline": "Это мошенники?",
    "pgp-clear-signed": "Прошу удалить мою учётную запись.\n-- так было написано",
    "smime-opaque": "Текст внутри подписи.",
    "calendar-invitation": "Приём в МФЦ\n20240610T090000Z\nОкно 5\nВозьмите паспорт\nи СНИЛС",
    "no-header": "Just some words without any header.",
    "malformed-header-line": "The text is still here.",
    "wrong-boundary": "Текст есть.",
}


@pytest.mark.parametrize(("name", "text"), TEXTS.items())
def test_the_own_words_are_read(name: str, text: str) -> None:
    assert message(letter(name)).text == text


FLAGS = {
    "forwarded-as-attachment": {"forwarded"},
    "phishing-forward-inline": {"forwarded"},
    "pgp-clear-signed": {"signed"},
    "multipart-signed": {"signed"},
    "smime-opaque": {"signed"},
    "encrypted-pgp": {"encrypted"},
    "bounce-rfc3464": {"bounce"},
    "read-receipt": {"read_receipt", "auto_reply"},
    "newsletter": {"bulk"},
    "nested-200": {"too_large"},
    "text-utf-8": set(),
}


@pytest.mark.parametrize(("name", "flags"), FLAGS.items())
def test_flags_say_what_kind_of_letter_it_is(name: str, flags: set[str]) -> None:
    assert set(message(letter(name)).flags) == flags


@pytest.mark.parametrize("kind", ["06092a864886f70d010703", "060b2a864886f70d0109100117"])
def test_a_letter_encrypted_by_smime_is_said_to_be_in_either_form(kind: str) -> None:
    """EnvelopedData (RFC 5652, 6), and AuthEnvelopedData (RFC 5083), which AES-GCM is wrapped in."""
    inner = bytes.fromhex(kind) + b"\xa0\x80\x30\x80" + bytes(range(256))
    body = base64.encodebytes(b"\x30\x80" + inner).decode()
    found = message(mail(body, Content_Type="application/pkcs7-mime", Content_Transfer_Encoding="base64"))
    assert set(found.flags) == {"encrypted"} and len(found.attachments) == 1


def test_the_sender_and_date_of_a_forwarded_letter_are_kept_apart() -> None:
    found = message(letter("forwarded-as-attachment"))
    assert found.sender.email == "maria.sergeeva@example.com"
    assert found.quoted == (
        "From: Bank <security@bank.example>\nDate: Tue, 04 Jun 2024 09:00:00 +0300\nTo: maria.sergeeva@example.com\n"
        "Subject: Ваш счёт заблокирован\n\nСообщите код из SMS и пароль от портала."
    )


def test_a_bounce_names_the_letter_that_did_not_arrive() -> None:
    assert message(letter("bounce-rfc3464")).reply_to[0] == "ack-240605-000001@example.org"
    assert message(letter("bounce-mailru-plain")).reply_to[0] == "ack-240605-000002@example.org"
    assert message(letter("read-receipt")).reply_to[0] == "ack-240605-000005@example.org"


def test_an_attachment_is_taken_byte_for_byte() -> None:
    data = bytes(range(256)) * 100 + b"\r\n\n\r"
    unpadded = base64.b64encode(data).rstrip(b"=")
    for encoded, encoding in ((base64.encodebytes(data), "base64"), (unpadded, "BASE64")):
        part = f"Content-Type: image/png\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        (found,) = message(multipart(b"\r\nsee", part.encode() + encoded)).attachments
        assert found.content == data and found.size == len(data) and found.kind == "photo"


def test_the_bytes_of_a_binary_part_are_not_touched() -> None:
    part = b"Content-Type: application/x-y\r\nContent-Transfer-Encoding: binary\r\n\r\na\nb\r\nc\0\xff"
    assert message(multipart(part)).attachments[0].content == b"a\nb\r\nc\0\xff"


NAMES = {
    "plain": (b'filename="a.pdf"', "a.pdf"),
    "no quotes, blanks": (b"filename=my file.pdf", "my file.pdf"),
    "encoded word in quotes": (b'filename="=?koi8-r?B?8NLJ18XU?=.txt"', "Привет.txt"),
    "encoded word, no quotes": (b"filename==?utf-8?Q?=D0=9F=D1=80=D0=B8=D0=B2=D0=B5=D1=82?=.txt", "Привет.txt"),
    "two encoded words": (b'filename="=?utf-8?B?0J/RgNC4?= =?utf-8?B?0LLQtdGC?=.txt"', "Привет.txt"),
    "rfc 2231": (b"filename*=utf-8''%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82.txt", "Привет.txt"),
    "rfc 2231 in quotes": (b"filename*=\"utf-8''%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82.txt\"", "Привет.txt"),
    "rfc 2231 continued, cut in a character": (
        b"filename*0*=utf-8''%D0%9F%D1%80%D0%B8%D0; filename*1*=%B2%D0%B5%D1%82.txt",
        "Привет.txt",
    ),
    "rfc 2231 out of order": (b"filename*1=b.txt; filename*0=a", "ab.txt"),
    "rfc 2231 without a charset": (b"filename*=%CF%F0%E8%E2%E5%F2.txt", "Привет.txt"),
    "both forms": (b"filename=\"?????.txt\"; filename*=utf-8''%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82.txt", "Привет.txt"),
    "raw utf-8": ('filename="Привет.txt"'.encode(), "Привет.txt"),
    "raw windows-1251": ('filename="Заявление.txt"'.encode("cp1251"), "Заявление.txt"),
    "raw koi8-r": ('filename="Заявление.txt"'.encode("koi8-r"), "Заявление.txt"),
    "semicolon in quotes": (b'filename="a;b.txt"', "a;b.txt"),
    "escaped quote": (rb'filename="a\"b.txt"', "a_b.txt"),
    "path": (b'filename="C:\\\\Users\\\\me\\\\doc.txt"', "doc.txt"),
    "folded": (b'filename="=?utf-8?B?0J/RgNC4?=\r\n =?utf-8?B?0LLQtdGC?=.txt"', "Привет.txt"),
    "no end quote": (b'filename="a.txt', "a.txt"),
}


@pytest.mark.parametrize(("field", "name"), NAMES.values(), ids=NAMES.keys())
def test_a_file_name_is_decoded_in_its_right_and_wrong_forms(field: bytes, name: str) -> None:
    part = b"Content-Type: application/x-y\r\nContent-Disposition: attachment; " + field + b"\r\n\r\nx"
    assert [found.name for found in message(multipart(part)).attachments] == [name]


SENDERS = {
    "plain": (b"Ivan@Example.COM", "ivan@example.com", None),
    "name": (b"Ivan Petrov <ivan@example.com>", "ivan@example.com", "Ivan Petrov"),
    "quoted, comma": (b'"Petrov, Ivan" <ivan@example.com>', "ivan@example.com", "Petrov, Ivan"),
    "comment": (b"ivan@example.com (Ivan Petrov)", "ivan@example.com", "Ivan Petrov"),
    "address as name": (b'"other@example.com" <ivan@example.com>', "ivan@example.com", "other@example.com"),
    "brackets in quotes": (b'"a <b@c.d>" <ivan@example.com>', "ivan@example.com", "a <b@c.d>"),
    "two": (b"ivan@example.com, petr@example.com", "ivan@example.com", None),
    "two with names": (b"A <ivan@example.com>, B <petr@example.com>", "ivan@example.com", "A"),
    "encoded whole": (b"=?utf-8?B?0JjQstCw0L0gPGl2YW5AZXhhbXBsZS5jb20+?=", "ivan@example.com", "Иван"),
    "encoded name": (b"=?koi8-r?B?6dfBzg==?= <ivan@example.com>", "ivan@example.com", "Иван"),
    "encoded in quotes": (b'"=?utf-8?B?0JjQstCw0L0=?=" <ivan@example.com>', "ivan@example.com", "Иван"),
    "raw koi8-r": ("Иван Петров <ivan@example.com>".encode("koi8-r"), "ivan@example.com", "Иван Петров"),
    "no bracket": (b"Ivan <ivan@example.com", "ivan@example.com", "Ivan"),
    "blanks": (b"Ivan < ivan@example.com >", "ivan@example.com", "Ivan"),
    "single quotes": (b"'Ivan' <ivan@example.com>", "ivan@example.com", "Ivan"),
    "route": (b"<@a,@b:ivan@example.com>", "ivan@example.com", None),
    "group": (b"Friends: ivan@example.com;", "ivan@example.com", "Friends"),
    "international": ("Иван <иван@почта.рф>".encode(), "иван@почта.рф", "Иван"),
    "none": (b"undisclosed", None, "undisclosed"),
}


@pytest.mark.parametrize(("value", "email", "name"), SENDERS.values(), ids=SENDERS.keys())
def test_the_sender_is_read_from_every_form_of_the_field(value: bytes, email: str | None, name: str | None) -> None:
    found = message(b"From: " + value + b"\r\nSubject: x\r\n\r\ntext").sender
    assert (found.email, found.display_name) == (email, name)


def test_a_letter_without_a_sender_is_by_its_envelope() -> None:
    assert message(b"Return-Path: <ivan@example.com>\r\nSubject: x\r\n\r\ntext").sender.email == "ivan@example.com"


def test_the_thread_is_its_first_letter() -> None:
    payload = mail(References="<root@a> <middle@a>", In_Reply_To="<last@a>")
    found = message(payload)
    assert found.conversation_id == identify(payload).conversation == "root@a"
    assert found.reply_to == ("last@a", "middle@a", "root@a")
    assert (found.native_id, found.chat) == ("one@example.com", False)
    assert message(mail(In_Reply_To="<last@a>")).conversation_id == "last@a"
    assert identify(mail()).conversation == message(mail()).conversation_id == "one@example.com"


def test_a_letter_without_an_id_gets_one_from_its_bytes() -> None:
    payload = b"From: ivan@example.com\r\n\r\ntext"
    found = message(payload)
    assert (
        found.native_id
        == found.conversation_id
        == identify(payload).key
        == "sha256:" + hashlib.sha256(payload).hexdigest()
    )


def test_times_are_utc_and_come_from_the_way_when_the_letter_has_none() -> None:
    assert str(identify(mail(Date="Wed, 05 Jun 2024 12:05:00 +0300")).sent_at) == "2024-06-05 09:05:00+00:00"
    assert str(message(letter("unix-line-ends-no-date")).sent_at) == "2024-06-05 09:05:00+00:00"
    assert message(mail(Date="yesterday")).sent_at is None


AUTHENTICATION = {
    "dmarc": ("mx.example.org; dmarc=pass header.from=example.com", "pass"),
    "dmarc fail": ("mx.example.org; dkim=pass header.d=example.com; dmarc=fail header.from=example.com", "fail"),
    "dkim aligned": ("mx.example.org; dkim=pass header.d=example.com; spf=none", "pass"),
    "dkim of a parent": ("mx.example.org 1; dkim=pass (2048-bit) header.i=@example.com", "pass"),
    "dkim of another": ("mx.example.org; dkim=pass header.d=evil.example", None),
    "spf aligned": ("mx.example.org; spf=pass smtp.mailfrom=bounce@example.com", "pass"),
    "spf of another": ("mx.example.org; spf=pass smtp.mailfrom=x@evil.example", None),
    "spf fail": ("mx.example.org; spf=fail smtp.mailfrom=ivan@example.com", "fail"),
    "softfail": ("mx.example.org; spf=softfail smtp.mailfrom=ivan@example.com", None),
    "none": ("mx.example.org; none", None),
    "another server": ("mx.evil.example; dmarc=pass header.from=example.com", None),
    "dmarc of another domain": ("mx.example.org; dmarc=pass header.from=evil.example", None),
    "in a comment": (
        "mx.example.org; spf=none (dmarc=pass header.from=example.com; dkim=pass header.d=example.com)",
        None,
    ),
}


@pytest.mark.parametrize(("value", "verdict"), AUTHENTICATION.values(), ids=AUTHENTICATION.keys())
def test_the_trusted_server_is_believed_and_no_other(value: str, verdict: str | None) -> None:
    found = message(mail(Authentication_Results=value))
    assert found.authentication == verdict
    assert found.sender.vouched == (("id", "email") if verdict == "pass" else ())
    assert ("authentication_failed" in found.flags) == (verdict == "fail")


def test_only_the_topmost_result_counts() -> None:
    top = b"Authentication-Results: mx.example.org; dmarc=fail header.from=example.com\r\n"
    forged = b"Authentication-Results: mx.example.org; dmarc=pass header.from=example.com\r\n"
    assert message(top + forged + mail()).authentication == "fail"


def test_nobody_is_vouched_for_without_a_trusted_server() -> None:
    payload = mail(Authentication_Results="mx.example.org; dmarc=pass header.from=example.com")
    assert message(payload, Account()).sender.vouched == ()


def test_our_own_mail_is_ignored_and_a_person_at_our_address_is_not() -> None:
    ours = mail(From="Support <Support@example.org>", Auto_Submitted="auto-replied")
    assert read(ours, ACCOUNT) == Ignored("our own mail")
    assert isinstance(read(mail(From="support@example.org"), ACCOUNT), Message)
    assert isinstance(read(mail(From="ivan@example.com", Auto_Submitted="auto-replied"), ACCOUNT), Message)


def test_the_same_letter_through_two_mailboxes_has_one_content_key() -> None:
    one, other = b"Received: from a by b\r\n" + mail(), b"Received: from c by d\r\nDelivered-To: x@y\r\n" + mail()
    assert identify(one).key != identify(other).key
    assert message(one).content_key == message(other).content_key
    assert message(mail("other text")).content_key != message(mail()).content_key


def test_empty_and_binary_bytes_are_unreadable() -> None:
    for payload in (b"", b"\r\n\r\n", b"\0\0\0", b"  \n", b"\x7fELF\x01\x02\x03", b"PK\x03\x04"):
        assert isinstance(read(payload, ACCOUNT), Unreadable)


def test_a_part_over_the_limit_is_refused_and_the_rest_is_read() -> None:
    account = Account(limits=Limits(attachment=1000))
    big = b"Content-Type: application/x-y\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(
        bytes(5000)
    )
    small = b"Content-Type: application/x-z\r\n\r\nsmall"
    found = message(multipart(b"\r\ntext", big, small), account)
    assert [part.refused for part in found.attachments] == ["larger than the limit", None]
    assert found.attachments[0].content is None and found.text == "text" and "too_large" in found.flags


def test_a_text_over_the_limit_is_cut_at_whole_characters() -> None:
    found = message(mail("я" * 1000), Account(limits=Limits(text=101)))
    assert found.text == "я" * 50 and "too_large" in found.flags


def test_links_are_collected_and_nothing_else_of_the_markup() -> None:
    found = message(letter("newsletter"))
    assert found.links == ("https://shop.example/sale?a=1&b=2",)
    assert "alert" not in found.text and "<" not in found.text


def test_hidden_text_of_html_is_not_read() -> None:
    html = '<div style="display:none">a <b>deep</b></div><p hidden>b</p><p>seen</p><style>p{}</style><script>x</script>'
    assert message(mail(html, Content_Type="text/html")).text == "seen"


def test_a_stub_beside_the_html_is_not_taken_for_the_letter() -> None:
    plain = b"Content-Type: text/plain\r\n\r\nYour program does not show HTML."
    html = "Content-Type: text/html; charset=utf-8\r\n\r\n<p>Прошу вернуть доступ.</p>".encode()
    assert message(multipart(plain, html, kind="alternative")).text == "Прошу вернуть доступ."


@pytest.mark.parametrize("mark", [b"X-Priemnaya-Cut: larger than the limit\r\n", b"x-priemnaya-cut: 1\n"])
def test_a_letter_that_the_intake_cut_is_flagged_and_otherwise_read_as_it_stands(mark: bytes) -> None:
    whole = multipart(
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + BODY.encode(),
        b"Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"iVBORw0KGgoAAAA=" * 50,
        Subject="Scan",
    )
    reading = message(mark + whole[:-300])
    assert reading.flags == ("too_large",)
    assert (reading.text, reading.subject, reading.sender.email) == (BODY, "Scan", "ivan@example.com")
    assert reading.native_id == "one@example.com"
    assert [file.name for file in reading.attachments] == ["a.png"]
    assert "too_large" not in message(whole).flags
    assert "too_large" not in message(mail(Subject="X") + mark).flags


def test_a_sender_cannot_flag_its_letter_as_cut_below_the_first_line() -> None:
    assert "too_large" not in message(mail(**{"X-Priemnaya-Cut": "no"})).flags


def test_the_files_of_an_enclosed_letter_stand_beside_it_and_a_returned_letter_stays_one_file() -> None:
    inner = (
        b"From: c@example.org\r\nSubject: scan\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n--C\r\n\r\nSee\r\n"
        b"--C\r\nContent-Type: image/png; name=scan.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        b"iVBORw0KGgo=\r\n--C--\r\n"
    )
    outer = (
        b"From: a@example.org\r\nContent-Type: multipart/%s; boundary=B\r\n\r\n--B\r\n\r\nLook\r\n"
        b"--B\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--B--\r\n"
    )
    found = read(outer % b"mixed", Account(kind="email"))
    assert isinstance(found, Message)
    named = {part.name: (part.part, part.content) for part in found.attachments}
    assert named["scan.png"] == ("2.2", b"\x89PNG\r\n\x1a\n")
    assert inner.strip() in (named[None][1] or b"") + b"\r\n"
    returned = read(outer % b"report", Account(kind="email"))
    assert isinstance(returned, Message) and [part.name for part in returned.attachments] == [None]
