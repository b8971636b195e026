"""Machines are told apart by what they say of themselves, and no person is called one."""

from __future__ import annotations

import time

import pytest

from normalizer.email import read
from normalizer.message import Account, Message


def judged(subject: str, text: str, sender: str = "ivan@example.com", **fields: str) -> Message:
    head = {"From": sender, "Subject": subject, "Message-ID": "<a@b>", "Content-Type": "text/plain; charset=utf-8"}
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    payload = "".join(f"{name}: {value}\r\n" for name, value in head.items()) + "\r\n" + text.replace("\n", "\r\n")
    reading = read(payload.encode(), Account())
    assert isinstance(reading, Message)
    return reading


DAEMON = "MAILER-DAEMON@mx.example.net"
BOUNCES = {
    "a gateway names itself": (
        "Delivery failure notification",
        "Your message could not be delivered to the recipients below. Attempts go on for 5 days.",
        "Vendor_AntiVirus_for_SMTP_Gateways@example.net",
    ),
    "ndr": (
        "Mail delivery failed: returning message to sender",
        "It could not be delivered to one recipient.",
        "ndr@example.net",
    ),
    "returned by a daemon": ("Processing Error", "The following mail has been returned because of an error.", DAEMON),
    "failed addresses": (
        "mail failed, returning to sender",
        "no valid recipients were found\na@b ... unknown host",
        DAEMON,
    ),
    "chinese": ("邮件传输失败！", "邮件无法发送到您指定的地址中。", DAEMON),
    "a service account that begins as servers do": (
        "Non-Delivery: your letter",
        "--- Non-Delivery Report ---\nThe letter below was meant for:\na@b.example",
        "admin@example.com",
    ),
    "to no valid user": ("", "You sent mail to a@b.example. That's not a valid user here.", "<>"),
    "postfix without a report": (
        "Undelivered Mail Returned to Sender",
        "I'm sorry to have to inform you that your message could not be delivered",
        DAEMON,
    ),
    "qmail": (
        "failure notice",
        "Hi. This is the qmail-send program at mx.example.net.\n<a@b>:\nSorry, no mailbox here by that name. (#5.1.1)",
        DAEMON,
    ),
    "exim": (
        "Mail delivery failed: returning message to sender",
        "A message that you sent could not be delivered to all of its recipients.",
        "Mail Delivery System <Mailer-Daemon@mx.example.net>",
    ),
    "sendmail": (
        "Returned mail: see transcript for details",
        "----- The following addresses had permanent fatal errors -----\n550 5.1.1 User unknown",
        "Mail Delivery Subsystem <MAILER-DAEMON@mx.example.net>",
    ),
    "gmail": (
        "Delivery Status Notification (Failure)",
        "Address not found. Your message wasn't delivered to a@b because the address couldn't be found",
        "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
    ),
    "exchange": (
        "Undeliverable: your request",
        "Delivery has failed to these recipients or groups:\na@b\nRemote Server returned '550 5.1.10'",
        "postmaster@corp.example",
    ),
    "exchange ru": (
        "Недоставлено: Ваше обращение",
        "Сбой доставки следующим получателям или группам:\na@b\n#550 5.1.1",
        "Microsoft Outlook <postmaster@corp.example>",
    ),
    "exchange, microsoft": (
        "Undeliverable: x",
        "Your message couldn't be delivered.",
        "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@corp.example>",
    ),
    "exchange 5.5": (
        "Undeliverable: x",
        "Your message did not reach some or all of the intended recipients.\nThe recipient could not be found",
        "System Administrator <postmaster@corp.example>",
    ),
    "mail.ru": (
        "Mail failure.",
        "Это письмо создано автоматически сервером Mail.Ru.\nВаше письмо не может быть доставлено\nuser not found",
        "mailer-daemon@corp.mail.example",
    ),
    "yandex": (
        "Недоставленное сообщение",
        "Ваше письмо не может быть отправлено одному или нескольким адресатам.",
        "mailer-daemon@yandex.example",
    ),
    "rambler": (
        "Undelivered Mail Returned to Sender",
        "Это система доставки почты. Ваше письмо не было доставлено.",
        "MAILER-DAEMON@mail.rambler.example",
    ),
    "postmaster, full mailbox": (
        "Mail System Error - Returned Mail",
        "The user's mailbox is full",
        "postmaster@isp.example",
    ),
    "domino": (
        "DELIVERY FAILURE: User a (a@b) not listed in Domino Directory",
        "Your message was not delivered to: a@b because: User not listed",
        "Postmaster@corp.example",
    ),
    "delayed": (
        "Warning: could not send message for past 4 hours",
        "THIS IS A WARNING MESSAGE ONLY. Your message could not be delivered for 4 hours",
        DAEMON,
    ),
    "german": ("Unzustellbar: Anfrage", "Die Nachricht konnte nicht zugestellt werden", "postmaster@firma.example"),
    "exchange ru, of today": (
        "Не удается доставить: Ваше обращение",
        "Не удалось доставить сообщение следующим получателям или группам.",
        "postmaster@corp.example",
    ),
    "nothing but its name": ("Delayed Mail (still being retried)", "THIS IS A WARNING ONLY.", DAEMON),
    "refused": (
        "Your message has been rejected",
        "It was refused by the server of the recipient.",
        "postmaster@a.example",
    ),
    "exchange 2000": (
        "Delivery Status Notification (Failure)",
        "This is an automatically generated Delivery Status Notification.",
        "exchange@corp.example",
    ),
    "ukrainian": ("Повідомлення не доставлено", "Не вдалося доставити лист", "postmaster@ua.example"),
    "czech": ("Nedoručitelné: Odpověď", "Zprávu se nepodařilo doručit", "postmaster@cz.example"),
    "a mangled address": (
        "Mail Delivery Warning",
        "Delivery has been postponed due to a full mailbox.",
        "<Postmaster\\@mx.example@relay.example>",
    ),
    "asks whether a person wrote": (
        "RE: Answer",
        "Your message was received. This account is protected by a filter. Please click on the link to confirm.",
        "ivan@mail.example",
    ),
    "an odd sender": (
        "Delivery Status Notification (Failure)",
        "Delivery to the following recipient failed permanently:\na@b\nTechnical details: 550 5.1.1 user unknown",
        "robot@isp.example",
    ),
}


@pytest.mark.parametrize(("subject", "text", "sender"), BOUNCES.values(), ids=BOUNCES.keys())
def test_a_bounce_is_told_without_a_report(subject: str, text: str, sender: str) -> None:
    assert judged(subject, text, sender).machine == "bounce"


def test_a_header_of_exim_makes_a_bounce() -> None:
    assert judged("x", "y", DAEMON, X_Failed_Recipients="a@b").machine == "bounce"


AWAY = {
    "exchange": ("Automatic reply: your number", "I am out.", {}),
    "exchange ru": ("Автоматический ответ: Ваше обращение", "Меня нет.", {}),
    "outlook en": ("Out of Office: Re: x", "Away.", {}),
    "autoreply": ("AutoReply: x", "Your letter arrived.", {}),
    "mail.ru": ("Автоответ: Ваше обращение", "Я в отпуске.", {}),
    "german": ("Automatische Antwort: x", "Ich bin abwesend.", {}),
    "german, notice": ("Abwesenheitsnotiz: x", "Ich bin im Urlaub.", {}),
    "french": ("Réponse automatique : x", "Je suis absent.", {}),
    "spanish": ("Respuesta automática: x", "Estoy fuera.", {}),
    "vacation by header": ("Re: x", "Away.", {"Auto-Submitted": "auto-replied"}),
    "vacation by old header": ("Re: x", "Away.", {"X-Autoreply": "yes"}),
    "precedence": ("Re: x", "Away.", {"Precedence": "auto_reply"}),
    "words and a null sender": ("Re: x", "I am currently out of the office.", {"Return-Path": "<>"}),
    "words and the suppress header": ("Re: x", "Я нахожусь в отпуске.", {"X-Auto-Response-Suppress": "All"}),
    "subject and words": ("Я в отпуске", "Отвечу после возвращения.", {}),
    "out of office and words": ("Out of office", "I will be out of the office until Monday.", {}),
    "words alone, three signs": (
        "Re: x",
        "Здравствуйте! Я нахожусь в отпуске до 20 июня. По срочным вопросам обращайтесь к Петрову.",
        {},
    ),
    "sieve and notes": ("AUTO: Ivan Petrov is away", "I am out of the office until 05/01.", {}),
    "a mark behind the subject": ("Re: Ваше обращение (Автоматический ответ)", "Меня нет.", {}),
    "says so at once": (
        "Re: x",
        "Здравствуйте! Это автоматическое сообщение, оно не требует ответа.",
        {"In-Reply-To": "<x@y>"},
    ),
    "precedence bulk": ("Out of the office", "I am away until Monday.", {"Precedence": "bulk"}),
    "bulk, and nobody to tell of a bounce": ("Hello", "Hi from Ann.", {"Precedence": "bulk", "Return-Path": "<>"}),
    "an answer by its subject": ("Re: Certificate", "Hi from Ann.", {"Auto-Submitted": "auto-generated"}),
}


@pytest.mark.parametrize(("subject", "text", "fields"), AWAY.values(), ids=AWAY.keys())
def test_an_answering_machine_is_told(subject: str, text: str, fields: dict[str, str]) -> None:
    assert judged(subject, text, **fields).machine == "auto_reply"


BULK = {
    "list": {"List-Id": "<a.example.com>"},
    "unsubscribe": {"List-Unsubscribe": "<https://example.com/u>"},
    "precedence": {"Precedence": "bulk"},
    "generated": {"Auto-Submitted": "auto-generated"},
}


@pytest.mark.parametrize("fields", BULK.values(), ids=BULK.keys())
def test_lists_and_mailings_are_bulk(fields: dict[str, str]) -> None:
    assert judged("News", "Buy", **fields).machine == "bulk"


PEOPLE = {
    "mail does not arrive": (
        "Не доставлено письмо",
        "Мне не доставлено письмо с кодом, адрес не найден, ящик переполнен?",
        {},
    ),
    "passed on a bounce": (
        "Fwd: Undelivered Mail Returned to Sender",
        "Пришло вот это: 550 5.1.1 user unknown, mailbox full",
        {},
    ),
    "answers about a bounce": (
        "Re: Undelivered Mail Returned to Sender",
        "Your mail could not be delivered? 550 user unknown",
        {"In-Reply-To": "<x@y>"},
    ),
    "on vacation": ("Не могу войти", "Я в отпуске и не могу войти в кабинет, помогите.", {}),
    "in hospital": ("Прошу помочь", "Нахожусь на больничном, пособие не приходит. Я вернусь на работу 5 июня.", {}),
    "urgent": ("Срочно", "По срочным вопросам звоните мне после 18:00.", {}),
    "about notifications": ("Уведомления", "Не приходят автоматические уведомления о доставке.", {}),
    "suppress header alone": ("Вопрос", "Как записаться к врачу?", {"X-Auto-Response-Suppress": "All"}),
    "not auto-submitted": ("Вопрос", "Как записаться?", {"Auto-Submitted": "no"}),
    "absence of a certificate": ("Отсутствует справка", "Справка отсутствует в кабинете.", {}),
    "answers out of office": ("Re: Out of office hours", "When do you work? Please call.", {}),
    "a person called auto": ("Автоматический ворот", "Не работает запись на осмотр авто.", {}),
    "asks about an automatic answer": (
        "Re: x",
        "Пришло: «Это автоматическое сообщение». Где ответ?",
        {"In-Reply-To": "<x@y>"},
    ),
    "quotes an automatic answer": (
        "Re: x",
        "> Это автоматическое сообщение, отвечать на него не нужно.\nЯ всё же отвечаю.",
        {"In-Reply-To": "<x@y>"},
    ),
    "a car": ("Auto: запись на техосмотр", "Не могу записаться на осмотр.", {}),
    "thanks": ("Спасибо", "Спасибо за ваше письмо, всё получилось.", {}),
    "normal precedence": ("Вопрос", "Текст", {"Precedence": "normal"}),
    "a letter that did not come": (
        "Не доставлено письмо",
        "Ваше письмо с ответом мне не доставлено. Пришлите ещё раз.",
        {},
    ),
    "delivery failure of a parcel": ("Delivery failure", "My message to the ministry could not be delivered. Why?", {}),
    "an account that is protected": ("Question", "My account is protected by SMS. Why do I click confirm twice?", {}),
    "rejected": ("Mail delivery failed to explain", "The status 5.1 of my request is not found", {}),
}


@pytest.mark.parametrize(("subject", "text", "fields"), PEOPLE.values(), ids=PEOPLE.keys())
def test_no_person_is_called_a_robot(subject: str, text: str, fields: dict[str, str]) -> None:
    assert judged(subject, text, **fields).machine is None


def test_a_letter_that_a_rule_of_the_recipient_rejected_is_a_bounce() -> None:
    report = (
        "From: Mail Delivery Subsystem <admin@example.com>\r\nSubject: Automatically rejected mail\r\n"
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=R\r\n\r\n"
        "--R\r\n\r\nYour message was automatically rejected: quota exceeded\r\n"
        "--R\r\nContent-Type: message/disposition-notification\r\n\r\n"
        "Disposition: automatic-action/MDN-sent-automatically; deleted\r\n--R--\r\n"
    )
    reading = read(report.encode(), Account())
    assert isinstance(reading, Message) and reading.machine == "bounce"


def test_a_report_of_success_is_no_bounce() -> None:
    report = (
        "From: postmaster@mx.example\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=R\r\n\r\n"
        "--R\r\n\r\nDone.\r\n--R\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a\r\n\r\n"
        "Final-Recipient: rfc822; a@b\r\nAction: delivered\r\nStatus: 2.0.0\r\n--R--\r\n"
    )
    reading = read(report.encode(), Account())
    assert isinstance(reading, Message) and reading.machine == "auto_reply"


AWAY_WITHOUT_A_HEADER = {
    "not at the desk": (
        "Нет на рабочем месте: Ваше обращение",
        "В настоящее время я отсутствую в офисе. С уважением, Семёнов",
    ),
    "notes in Russian": ("Иванов Иван вне офиса (вернется 30.11.2026)", "Я буду отсутствовать с 20.11.2026."),
    "notes": ("И. Петров отсутствует в офисе.", "Буду отсутствовать с 01.07 и вернусь 15.07."),
    "notes, by its prefix": ("АВТО: Петров отсутствует (возвращается 15.07)", "Отсутствую до 15.07."),
    "a ticket": ("[#5512] Мы получили ваше письмо", "Мы получили ваше письмо. Номер заявки 5512."),
    "a ticket, english": ("[Request received] Passport", "Your request (5512) has been received."),
    "ukrainian": ("Автовідповідач: Запит", "Дякую."),
    "belarusian": ("Аўтаматычны адказ: Запыт", "Я ў водпуску."),
    "an answer, whom to ask": (
        "Re: Ответ",
        "Добрый день! Нахожусь в очередном отпуске до 17 марта. По срочным вопросам обращайтесь к Орлову.",
    ),
    "an answer, somebody left": ("Re: Ответ", "Я больше не работаю здесь. Это автоответ."),
    "an answer, not at work": ("Re: Ответ", "Меня не будет на рабочем месте до 15.07, отвечу позже."),
    "out of hours": ("Re: Ответ", "Спасибо за обращение! Сейчас нерабочее время, мы ответим утром."),
    "who stands in": ("Re: Ответ", "Я в отпуске до 5 июля. Мой заместитель: Орлова, тел. 12-34."),
    "somebody left": ("Re: Ответ", "Сотрудник больше не работает у нас. Обращайтесь: a@b.example."),
    "arrived, an answer follows": ("Re: Ответ", "Ваше письмо получено. Мы ответим в течение 30 дней."),
    "says not to answer": ("Re: Ответ", "Ваше сообщение доставлено адресату. Не отвечайте на это письмо."),
    "a mark before": ("[Auto] Re: Answer", "Nobody reads this mailbox."),
    "german": ("AW: Ответ", "Ich bin bis 17.03. nicht im Büro. In dringenden Fällen wenden Sie sich an a@b.example."),
}


@pytest.mark.parametrize(("subject", "text"), AWAY_WITHOUT_A_HEADER.values(), ids=AWAY_WITHOUT_A_HEADER.keys())
def test_an_answering_machine_without_a_header_of_its_own_is_told(subject: str, text: str) -> None:
    assert judged(subject, text, In_Reply_To="<x@y>").machine == "auto_reply"


@pytest.mark.parametrize("name", ["X-Autoresponder", "X-Mail-AutoReply", "X-Vendor-Autoreply", "X-Autoreply-From"])
def test_every_products_own_header_is_known(name: str) -> None:
    assert judged("Re: x", "Письмо пришло", **{name: "yes"}).machine == "auto_reply"
    assert judged("Re: x", "Письмо пришло", **{name: "no"}).machine is None


PEOPLE_AWAY = {
    "an office that was shut": (
        "Out of office",
        "Your office in Lenin street was shut on Monday, I was told you are out of the office. When can I come?",
    ),
    "brings papers later": ("Re: Ответ", "Я сейчас в отпуске, документы привезу после 17 марта."),
    "comes back": ("Re: Ответ", "Нахожусь в командировке, вернусь 17 марта и приду на приём."),
    "was away": ("Re: Ответ", "Я был в отпуске и не видел письма. Что делать дальше?"),
    "abroad": ("В отпуске не могу войти", "Нахожусь в отпуске за границей, СМС не приходит."),
    "on holiday": ("On holiday in Spain, lost passport", "I am on holiday and lost my passport. How do I get home?"),
    "for a boss": ("Заявление", "Он в командировке до 20 июня. По срочным вопросам можно связаться со мной."),
    "on maternity leave": ("Пособие", "Я в декретном отпуске до 2026 года, пособие не приходит."),
    "not in the register": ("Отсутствую в реестре", "Меня нет в реестре многодетных."),
    "complains of a machine": ("Автоматический ответ вместо помощи", "Пришёл автоматический ответ. Ответьте сами."),
    "answers a machine": ("Re: Автоматический ответ: Запрос", "Спасибо, жду до 15-го."),
    "passes one on": ("Пересылаю", "Пришёл автоответ: «Я в отпуске до 17 марта, по срочным вопросам пишите Орлову»."),
    "quotes a status": ("Ваша заявка принята", "Ваша заявка принята, пишет система, а статус не меняется."),
    "asks to move a visit": ("В отпуске до 5 августа", "Пожалуйста, перенесите мою запись."),
    "sends copies": ("Я в командировке", "Подпишу документы после 5 августа, примите копии."),
    "complains of what was accepted": ("Заявка 9911", "Ваша заявка принята 1 июля, а мастера всё нет."),
    "absence of a pupil": ("Absence", "Absence from school certificate"),
    "a phone that answers": ("Автоответчик мошенников", "Мне звонит автоответчик и представляется вами."),
}


@pytest.mark.parametrize("fields", [{}, {"In-Reply-To": "<x@y>"}], ids=["new", "answer"])
@pytest.mark.parametrize(("subject", "text"), PEOPLE_AWAY.values(), ids=PEOPLE_AWAY.keys())
def test_a_person_who_is_away_is_no_robot(subject: str, text: str, fields: dict[str, str]) -> None:
    assert judged(subject, text, **fields).machine is None


@pytest.mark.parametrize(
    ("sender", "subject", "text"),
    [
        ("mtarasov@corp.example", "Ошибка отправки заявления", "Пишет: адрес не найден."),
        ("smtpavlov@corp.example", "Не найден", "Мой адрес не найден в справочнике."),
        ("Системный администратор Петров <p@school.example>", "Не доставлено", "Ящик переполнен не был, проверьте."),
        ("Mail System Engineer Bob <bob@corp.example>", "Question", "It could not be delivered? How do I register?"),
        ("Почтовый сервер школы, Орлов <it@a.example>", "Вопрос", "Письмо не доставлено, адрес не найден. Повторите?"),
        ("postmaster@school.example", "Заявка на подключение", "Подключите школу к порталу, контакты ниже."),
        ("postmaster@school.example", "Re: lost mail", "We looked: your server said 550 5.1.1 user unknown."),
    ],
)
def test_a_person_with_the_name_of_a_server_is_no_bounce(sender: str, subject: str, text: str) -> None:
    assert judged(subject, text, sender).machine is None


def test_a_gateway_that_reports_under_our_subject_is_a_bounce() -> None:
    text = (
        "Delivery error: no such user\n\nReply of the server:\n550 - mailbox unavailable\n\nRCPT TO: 7900@sms.example"
    )
    assert judged("Re: Certificate", text, "postmaster@sms.example", In_Reply_To="<x@y>").machine == "bounce"


@pytest.mark.parametrize(
    "unit", ["1", "a1", "[1] ", "ticket ", "меня ", "я буду ", "по всем вопросам ", "from ", "ваш ", "_"]
)
def test_no_subject_or_text_takes_long_to_judge(unit: str) -> None:
    text = (unit * 9000)[:9000]
    before = time.thread_time()
    judged(text, text, In_Reply_To="<x@y>", Return_Path="<>")
    assert time.thread_time() - before < 0.5
