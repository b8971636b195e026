# ruff: noqa: E501 (lines of letters stand as the programs write them)
"""A letter's own words, the quoted letter and the signature: by mail program and language."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normalizer.lines import Line, Mark
from normalizer.quotes import Split, split, split_lines

OWN = "Спасибо, теперь всё работает.\n\nНо остался вопрос: когда придёт ответ?"
QUOTE = "> Здравствуйте!\n> \n> Ваше обращение принято."
BARE = "Здравствуйте!\n\nВаше обращение принято."

ATTRIBUTIONS = {
    "gmail ru": "пн, 5 июн. 2024 г. в 12:05, Служба поддержки <support@example.ru>:",
    "gmail ru, older": "5 июня 2024 г., 12:05 пользователь Служба поддержки <support@example.ru> написал:",
    "gmail ru, wrapped": "пн, 5 июн. 2024 г. в 12:05, Служба поддержки портала государственных услуг\n<support@example.ru>:",
    "gmail en": "On Wed, Jun 5, 2024 at 12:05 PM Support <support@example.ru> wrote:",
    "gmail en, narrow no-break space": "On Wed, Jun 5, 2024 at 12:05\u202fPM Support <support@example.ru> wrote:",
    "gmail en, wrapped before the address": "On Wed, Jun 5, 2024 at 12:05 PM The Support Service of the Portal\n<support@example.ru> wrote:",
    "gmail en, wrapped before the verb": "On Wed, Jun 5, 2024 at 12:05 PM The Support Service <support@example.ru>\nwrote:",
    "gmail en, mailto": "On Wed, Jun 5, 2024 at 12:05 PM Support <support@example.ru<mailto:support@example.ru>> wrote:",
    "gmail uk": "ср, 5 черв. 2024 р. о 12:05 Служба <support@example.ru> пише:",
    "gmail de": "Am Mi., 5. Juni 2024 um 12:05 Uhr schrieb Support <support@example.ru>:",
    "gmail fr": "Le mer. 5 juin 2024 à 12:05, Support <support@example.ru> a écrit :",
    "gmail es": "El mié, 5 jun 2024 a las 12:05, Support (<support@example.ru>) escribió:",
    "gmail it": "Il giorno mer 5 giu 2024 alle ore 12:05 Support <support@example.ru> ha scritto:",
    "gmail pt": "Em qua., 5 de jun. de 2024 às 12:05, Support <support@example.ru> escreveu:",
    "gmail nl": "Op wo 5 jun 2024 om 12:05 schreef Support <support@example.ru>:",
    "gmail pl": "śr., 5 cze 2024 o 12:05 Support <support@example.ru> napisał(a):",
    "gmail sv": "Den ons 5 juni 2024 kl 12:05 skrev Support <support@example.ru>:",
    "gmail da": "Den ons. 5. jun. 2024 kl. 12.05 skrev Support <support@example.ru>:",
    "gmail no": "ons. 5. juni 2024 kl. 12:05 skrev Support <support@example.ru>:",
    "gmail fi": "ke 5. kesäk. 2024 klo 12.05 Support (support@example.ru) kirjoitti:",
    "gmail cs": "st 5. 6. 2024 v 12:05 odesílatel Support <support@example.ru> napsal:",
    "gmail sk": "st 5. 6. 2024 o 12:05 Support <support@example.ru> napísal(a):",
    "gmail tr": "Support <support@example.ru>, 5 Haz 2024 Çar, 12:05 tarihinde şunu yazdı:",
    "gmail hu": "Support <support@example.ru> ezt írta (időpont: 2024. jún. 5., Sze, 12:05):",
    "gmail ro": "În mie., 5 iun. 2024 la 12:05, Support <support@example.ru> a scris:",
    "gmail el": "Στις Τετ 5 Ιουν 2024 στις 12:05 μ.μ., ο χρήστης Support <support@example.ru> έγραψε:",
    "gmail vi": "Vào Th 4, 5 thg 6, 2024 vào lúc 12:05 Support <support@example.ru> đã viết:",
    "gmail zh": "Support <support@example.ru> 于2024年6月5日周三 12:05写道：",
    "gmail ja": "2024年6月5日(水) 12:05 Support <support@example.ru>:",
    "gmail ko": "2024년 6월 5일 (수) 오후 12:05, Support <support@example.ru>님이 작성:",
    "gmail bg": "На ср, 5.06.2024 г. в 12:05 Support <support@example.ru> написа:",
    "gmail he": "\u200fבתאריך יום ד׳, 5 ביוני 2024 ב-12:05 מאת \u202aSupport\u202c\u200f <\u202asupport@example.ru\u202c\u200f>:\u202c",
    "apple ru": "5 июня 2024 г., в 12:05, Служба поддержки <support@example.ru> написал(а):",
    "apple ru, quoted line before": "5 июня 2024 г., в 12:05, Служба поддержки написал(а):",
    "apple en": "On Jun 5, 2024, at 12:05 PM, Support <support@example.ru> wrote:",
    "apple en, day first": "On 5 Jun 2024, at 12:05, Support <support@example.ru> wrote:",
    "apple de": "Am 05.06.2024 um 12:05 schrieb Support <support@example.ru>:",
    "apple fr": "Le 5 juin 2024 à 12:05, Support <support@example.ru> a écrit :",
    "apple es": "El 5 jun 2024, a las 12:05, Support <support@example.ru> escribió:",
    "apple it": "Il giorno 5 giu 2024, alle ore 12:05, Support <support@example.ru> ha scritto:",
    "apple nl": "Op 5 jun. 2024, om 12:05 heeft Support <support@example.ru> het volgende geschreven:",
    "apple pt": "Em 5 de jun. de 2024, à(s) 12:05, Support <support@example.ru> escreveu:",
    "apple sv": "5 juni 2024 kl. 12:05 skrev Support <support@example.ru>:",
    "apple pl": "Wiadomość napisana przez Support <support@example.ru> w dniu 05.06.2024, o godz. 12:05:",
    "apple uk": "5 черв. 2024 р. о 12:05 Служба <support@example.ru> написав(ла):",
    "apple zh": "在 2024年6月5日，12:05，Support <support@example.ru> 写道：",
    "apple ja": "2024/06/05 12:05、Support <support@example.ru>のメール:",
    "thunderbird ru": "05.06.2024 12:05, Служба поддержки пишет:",
    "thunderbird en": "On 6/5/24 12:05, Support wrote:",
    "thunderbird de": "Am 05.06.24 um 12:05 schrieb Support:",
    "thunderbird fr": "Le 05/06/2024 à 12:05, Support a écrit :",
    "thunderbird uk": "05.06.2024 12:05, Служба пише:",
    "thunderbird es": "El 5/6/24 a las 12:05, Support escribió:",
    "thunderbird it": "Il 05/06/2024 12:05, Support ha scritto:",
    "thunderbird pl": "W dniu 5.06.2024 o 12:05, Support pisze:",
    "thunderbird cs": "Dne 05. 06. 24 v 12:05 Support napsal(a):",
    "thunderbird nl": "Op 5-6-2024 om 12:05 schreef Support:",
    "thunderbird sv": "Den 2024-06-05 kl. 12:05, skrev Support:",
    "mail.ru": "Среда, 5 июня 2024, 12:05 +03:00 от Служба поддержки <support@example.ru>:",
    "mail.ru, address only": "Среда,  5 июня 2024, 12:05 +03:00 от support@example.ru:",
    "mail.ru en": "Wednesday, June 5, 2024, 12:05 +03:00 from Support <support@example.ru>:",
    "yandex": '05.06.2024, 12:05, "Служба поддержки" <support@example.ru>:',
    "yandex, bare name": "05.06.2024, 12:05, Служба поддержки (support@example.ru):",
    "yandex, older": '5 июня 2024, 12:05, "Служба поддержки" <support@example.ru>:',
    "rambler": "Служба поддержки <support@example.ru> писал(а) 5 июня 2024 г., 12:05:",
    "rambler, feminine": "Служба поддержки писала 2024-06-05 12:05:",
    "roundcube ru": "Служба поддержки писал 2024-06-05 12:05:",
    "roundcube en": "On 2024-06-05 12:05, Support wrote:",
    "the bat": "Вы писали 5 июня 2024 г., 12:05:00:",
    "zimbra": "5 июня 2024 г. 12:05:33 Служба поддержки <support@example.ru> написал:",
    "yahoo": "On Wednesday, June 5, 2024 at 12:05:33 PM GMT+3, Support <support@example.ru> wrote:",
    "proton": "On Wednesday, June 5th, 2024 at 12:05 PM, Support <support@example.ru> wrote:",
    "zoho": "---- On Wed, 05 Jun 2024 12:05:33 +0300 Support <support@example.ru> wrote ----",
}


@pytest.mark.parametrize("attribution", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS.keys())
def test_an_attribution_and_the_quote_below_it_are_taken_off(attribution: str) -> None:
    assert split(f"{OWN}\n\n{attribution}\n\n{QUOTE}\n").own == OWN


@pytest.mark.parametrize("attribution", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS.keys())
def test_an_attribution_right_under_the_own_words_is_taken_off(attribution: str) -> None:
    assert split(f"{OWN}\n{attribution}\n{QUOTE}\n").own == OWN


BARE_FORMS = [name for name, line in ATTRIBUTIONS.items() if "@" in line]


@pytest.mark.parametrize("name", BARE_FORMS)
def test_a_quote_without_angle_brackets_is_taken_off_when_the_attribution_names_an_address(name: str) -> None:
    assert split(f"{OWN}\n\n{ATTRIBUTIONS[name]}\n\n{BARE}\n").own == OWN


HEADERS = {
    "outlook ru": "От: Служба поддержки <support@example.ru>\nОтправлено: 5 июня 2024 г. 12:05\nКому: Иванов Иван\nТема: Ваше обращение",
    "outlook ru, bold": "*От:* Служба поддержки <support@example.ru>\n*Отправлено:* 5 июня 2024 г. 12:05\n*Кому:* Иванов\n*Тема:* Ваше обращение",
    "outlook en": "From: Support <support@example.ru>\nSent: Wednesday, June 5, 2024 12:05 PM\nTo: Ivan Ivanov\nSubject: RE: your request",
    "outlook en, bold": "*From:* Support [mailto:support@example.ru]\n*Sent:* Wednesday, June 5, 2024 12:05 PM\n*To:* Ivan\n*Cc:* Petr\n*Subject:* RE: your request",
    "outlook de": "Von: Support <support@example.ru>\nGesendet: Mittwoch, 5. Juni 2024 12:05\nAn: Ivan\nBetreff: AW: Anfrage",
    "outlook fr": "De : Support <support@example.ru>\nEnvoyé : mercredi 5 juin 2024 12:05\nÀ : Ivan\nObjet : RE: demande",
    "outlook es": "De: Support <support@example.ru>\nEnviado: miércoles, 5 de junio de 2024 12:05\nPara: Ivan\nAsunto: RE: consulta",
    "outlook it": "Da: Support <support@example.ru>\nInviato: mercoledì 5 giugno 2024 12:05\nA: Ivan\nOggetto: R: richiesta",
    "outlook pt": "De: Support <support@example.ru>\nEnviada em: quarta-feira, 5 de junho de 2024 12:05\nPara: Ivan\nAssunto: RES: pedido",
    "outlook nl": "Van: Support <support@example.ru>\nVerzonden: woensdag 5 juni 2024 12:05\nAan: Ivan\nOnderwerp: RE: vraag",
    "outlook pl": "Od: Support <support@example.ru>\nWysłano: środa, 5 czerwca 2024 12:05\nDo: Ivan\nTemat: RE: pytanie",
    "outlook sv": "Från: Support <support@example.ru>\nSkickat: den 5 juni 2024 12:05\nTill: Ivan\nÄmne: Sv: fråga",
    "outlook da": "Fra: Support <support@example.ru>\nSendt: 5. juni 2024 12:05\nTil: Ivan\nEmne: Sv: spørgsmål",
    "outlook fi": "Lähettäjä: Support <support@example.ru>\nLähetetty: keskiviikko 5. kesäkuuta 2024 12.05\nVastaanottaja: Ivan\nAihe: VS: kysymys",
    "outlook cs": "Od: Support <support@example.ru>\nOdesláno: středa 5. června 2024 12:05\nKomu: Ivan\nPředmět: RE: dotaz",
    "outlook tr": "Kimden: Support <support@example.ru>\nGönderildi: 5 Haziran 2024 Çarşamba 12:05\nKime: Ivan\nKonu: YNT: soru",
    "outlook uk": "Від: Служба <support@example.ru>\nНадіслано: 5 червня 2024 р. 12:05\nКому: Іван\nТема: RE: звернення",
    "outlook zh": "发件人: Support <support@example.ru>\n发送时间: 2024年6月5日 12:05\n收件人: Ivan\n主题: 答复: 问题",
    "outlook ja": "差出人: Support <support@example.ru>\n送信日時: 2024年6月5日 12:05\n宛先: Ivan\n件名: RE: 質問",
    "outlook ko": "보낸 사람: Support <support@example.ru>\n보낸 날짜: 2024년 6월 5일 12:05\n받는 사람: Ivan\n제목: RE: 질문",
    "hotmail": "Date: Wed, 5 Jun 2024 12:05:00 +0300\nSubject: Re: your request\nFrom: support@example.ru\nTo: ivan@example.com",
    "apple forward": "From: Support <support@example.ru>\nSubject: your request\nDate: 5 June 2024 at 12:05:00 MSK\nTo: Ivan <ivan@example.com>",
    "with a line of underscores": "________________________________\nFrom: Support <support@example.ru>\nSent: Wednesday, June 5, 2024 12:05 PM\nTo: Ivan\nSubject: Re: your request",
    "with a line of dashes": "-----------------------\nОт: Служба <support@example.ru>\nДата: 5 июня 2024 г. 12:05\nКому: Иван\nТема: Re: обращение",
    "wrapped receivers": "From: Support <support@example.ru>\nSent: Wednesday, June 5, 2024 12:05 PM\nTo: Ivan <ivan@example.com>; Petr <petr@example.com>;\n Sidor <sidor@example.com>\nSubject: RE: your request",
    "original message": "-----Original Message-----\nFrom: Support\nSent: Wednesday, June 5, 2024 12:05 PM\nTo: Ivan\nSubject: Re",
    "original message ru": "-----Исходное сообщение-----\nFrom: Служба\nSent: 5 июня 2024 г.\nTo: Иван\nSubject: Re",
    "samsung ru": "-------- Исходное сообщение --------\nОт: Служба <support@example.ru>\nДата: 05.06.2024 12:05 (GMT+03:00)\nКому: Иван\nТема: Re",
    "samsung fr": "-------- Message d'origine --------\nDe : Support <support@example.ru>\nDate : 05/06/2024 12:05 (GMT+03:00)\nÀ : Ivan\nObjet : Re",
    "samsung de": "-------- Ursprüngliche Nachricht --------\nVon: Support <support@example.ru>\nDatum: 05.06.24 12:05 (GMT+03:00)\nAn: Ivan\nBetreff: Re",
    "unknown words between dashes": "-------- Alkuperäinen sähköposti --------\nLähettäjä: Support <support@example.ru>\nPäivämäärä: 5.6.2024 12.05\nVastaanottaja: Ivan\nAihe: Re",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_a_quoted_header_and_everything_below_it_are_taken_off(header: str) -> None:
    result = split(f"{OWN}\n\n{header}\n\n{BARE}\n")
    assert result.own == OWN
    assert (
        (result.quoted.endswith("принято.") and "support@example.ru" in result.quoted)
        or "Original" in header
        or "Исходное" in header
    )


FORWARDS = {
    "gmail": "---------- Forwarded message ---------\nFrom: Bank <bank@example.com>\nDate: Wed, Jun 5, 2024 at 12:05 PM\nSubject: code\nTo: <ivan@example.com>",
    "gmail ru": "---------- Forwarded message ---------\nОт: Банк <bank@example.com>\nDate: ср, 5 июн. 2024 г. в 12:05\nSubject: код\nTo: <ivan@example.com>",
    "mail.ru": "-------- Пересылаемое сообщение --------\nОт кого: Банк <bank@example.com>\nКому: ivan@example.com\nДата: Среда, 5 июня 2024, 12:05 +03:00\nТема: код",
    "yandex": "-------- Пересылаемое сообщение --------\n05.06.2024, 12:05, Банк <bank@example.com>:",
    "yandex, end mark": "-------- Завершение пересылаемого сообщения --------",
    "thunderbird": "-------- Перенаправленное сообщение --------\nТема: \tкод\nДата: \tWed, 5 Jun 2024 12:05:00 +0300\nОт: \tБанк <bank@example.com>\nКому: \tivan@example.com",
    "apple": "Начало переадресованного сообщения:\n\nОт: Банк <bank@example.com>\nТема: код\nДата: 5 июня 2024 г., 12:05:00 MSK\nКому: ivan@example.com",
    "apple en": "Begin forwarded message:\n\nFrom: Bank <bank@example.com>\nSubject: code\nDate: June 5, 2024\nTo: ivan@example.com",
}


@pytest.mark.parametrize("header", FORWARDS.values(), ids=FORWARDS.keys())
def test_a_letter_that_was_passed_on_is_quoted_and_flagged(header: str) -> None:
    result = split(f"Смотрите, что мне прислали.\n\n{header}\n\nСообщите код из SMS.")
    assert result.own == "Смотрите, что мне прислали."
    assert result.quoted.endswith("Сообщите код из SMS.")
    assert result.forwarded


def test_a_bottom_reply_is_own_and_its_attribution_is_not() -> None:
    text = f"05.06.2024 12:05, Служба поддержки пишет:\n{QUOTE}\n\n{OWN}\n"
    assert split(text).own == OWN


def test_answers_between_the_quoted_lines_are_own() -> None:
    text = "Иван пишет:\n> Какая система?\nWindows 11\n> Какой браузер?\n\nЯндекс 24.1\n\n> Спасибо"
    assert split(text).own == "Windows 11\n\nЯндекс 24.1"


def test_a_greeting_above_answers_between_the_lines_is_own_too() -> None:
    text = "Добрый день!\n\nOn Jun 5, 2024, at 12:05 PM, Support <s@example.ru> wrote:\n> Which system?\n\nLinux\n\n> Which browser?\n\nFirefox"
    assert split(text).own == "Добрый день!\n\nLinux\n\nFirefox"


SIGNATURES = {
    "rfc": "-- \nИван Иванов\nтел. +7 900 000-00-00",
    "without the blank": "--\nИван Иванов",
    "long dash": "—\nИван Иванов",
    "regards ru": "С уважением,\nИван Иванов",
    "regards ru in one line": "С уважением, Иван Иванов",
    "regards ru with post": "С уважением,\n\nИванов Иван Иванович\nглавный инженер\nООО «Ромашка»\n+7 (900) 000-00-00",
    "drawn line and a card": "—————\nИван Иванов\nинженер\n📱 +7 900 000-00-00",
    "regards uk": "З повагою,\nІван",
    "regards en": "Best regards,\nIvan",
    "regards en, formal": "Yours sincerely,\n\nIvan Ivanov",
    "regards de": "Mit freundlichen Grüßen\nIwan",
    "regards fr": "Cordialement,\nIvan",
    "regards es": "Saludos cordiales,\nIvan",
    "delimiter after regards": "С уважением,\nИван\n\n--\nОтправлено из Mail.ru для Android",
    "iphone ru": "Отправлено с iPhone",
    "iphone ru, possessive": "Отправлено с моего iPhone",
    "ipad ru": "Отправлено с iPad",
    "mail.ru mobile": "Отправлено из мобильной Почты Mail.ru",
    "mail.ru ios": "--\nОтправлено из Почты Mail.ru для iOS",
    "yandex mobile": "Отправлено из мобильного приложения Яндекс Почты",
    "yandex": "-- \nОтправлено из Яндекс.Почты для мобильных",
    "yandex en": "Sent from Yandex.Mail for mobile",
    "samsung ru": "Отправлено с устройства Samsung Galaxy",
    "huawei ru": "Отправлено с моего Huawei",
    "xiaomi": "Отправлено с моего Xiaomi",
    "windows ru": "Отправлено из Почты для Windows 10",
    "outlook ru": "Получить Outlook для iOS<https://aka.ms/o0ukef>",
    "outlook en": "Get Outlook for Android<https://aka.ms/ghei36>",
    "iphone en": "Sent from my iPhone",
    "blackberry": "Sent from my BlackBerry wireless handheld from Vodafone",
    "iphone de": "Von meinem iPhone gesendet",
    "iphone fr": "Envoyé de mon iPhone",
    "iphone es": "Enviado desde mi iPhone",
    "iphone it": "Inviato da iPhone",
    "iphone pt": "Enviado do meu iPhone",
    "iphone nl": "Verstuurd vanaf mijn iPhone",
    "iphone pl": "Wysłane z iPhone'a",
    "iphone sv": "Skickat från min iPhone",
    "iphone da": "Sendt fra min iPhone",
    "iphone fi": "Lähetetty iPhonesta",
    "iphone tr": "iPhone'umdan gönderildi",
    "iphone ja": "iPhoneから送信",
    "iphone zh": "发自我的iPhone",
    "iphone ko": "나의 iPhone에서 보냄",
    "iphone uk": "Надіслано з iPhone",
}


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES.keys())
def test_a_signature_is_taken_off(signature: str) -> None:
    result = split(f"{OWN}\n\n{signature}\n")
    assert result.own == OWN
    assert result.signature


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES.keys())
def test_a_signature_above_the_quote_is_taken_off(signature: str) -> None:
    result = split(f"{OWN}\n\n{signature}\n\n05.06.2024, 12:05, Служба <support@example.ru>:\n\n{QUOTE}\n")
    assert result.own == OWN


# Whole letters: (own words, letter). "q" is the quoted letter.
REPLIES = [
    (
        "A",
        "A\n\n-Abhishek Kona\n\n\n_______________________________________________\nusers mailing list\nusers@lists.example.com\nhttp://lists.example.com/x",
    ),
    ("A", "A\n\nOn Tuesday, August 28, 2012 at 5:49 PM, bob wrote:\n\nhello there"),
    ("A", "A\n\nbob@example.org wrote:\n> quoted"),
    ("A", "A\n\nOn 04/19/2011 07:10 AM, Roman T wrote:\n\n>\n> Test."),
    (
        "A",
        "A\n\nOn Nov 30, 2011, at 12:47 PM, Somebody <\n416ffd3258d4d2fa4c85cfa4c44e1721d66e3e8f4\n@example.com>wrote:\n\nHi",
    ),
    ("A", "A\n\n2011/11/7 Somebody <some@example.com>\n\n> hi\n> there"),
    ("A", "A\n\n2011/11/7 Somebody <some@example.com>\n\nhi there"),
    ("A", "A\n\nVeronica wrote on 12.03.2014 16:12:\n> q"),
    ("A", "A\n\n> On 10 Jul 2012, at 12:00, Bob wrote:\n>\n> q"),
    ("A", "A\n\n--- On Tue, 6/5/12, Bob <bob@example.com> wrote:\n\nFrom: Bob\nSubject: x\nTo: y\nDate: z\n\nq"),
    (
        "A\n\nB",
        "A\n\nB\n\nSent from my Verizon Wireless BlackBerry\n\n-----Original Message-----\nFrom: x\nDate: 1\nTo: y\nSubject: z\n\nq",
    ),
    (
        "A",
        "A\n\nSent from my Windows Phone\n________________________________\nFrom: X\nSent: 05.06.2024 12:00\nTo: Y\nSubject: Z\n\nq",
    ),
    ("A", "A\n\nOn Thu, Jun 5, 2024 at 12:05 PM, <\nnotifications@example.com> wrote:\n\n> q"),
    ("A", "A\n\nOn Thu, Jun 5, 2024 at 12:05 PM, Name Surname\n<\nnotifications@example.com>\nwrote:\n\n> q"),
    ("A", "A\n\n*From:* X [mailto:x@y.z]\n*Sent:* Monday\n*To:* y\n*Subject:* z\n\nq"),
    (
        "A",
        "A\n\nFrom: X <x@y.z<mailto:x@y.z>>\nDate: Monday, 5 June 2024 at 12:05\nTo: Y <y@z.x<mailto:y@z.x>>\nSubject: z\nq",
    ),
    ("A", "A\n\nFrom: X <x@y.z>\nReply-To: X <x@y.z>\nDate: Monday\nTo: y\nSubject: z\n\nq"),
    ("A", 'A\n\n----- Original Message ----- \nFrom: "X" <x@y.z>\nTo: <y>\nSent: Monday\nSubject: z\n\n\n> q'),
    ("A", 'A\n\n----- Reply message -----\nFrom: "X" <x@y.z>\nTo: <y>\nSubject: z\nDate: Monday\n\nq'),
    ("A", "A\n\n> From: x@y.z\n> To: y\n> Subject: z\n>\n> q"),
    ("A", "A\n\nSkickat från min iPad\n\n5 juni 2024 kl. 12:05 skrev X <x@y.z>:\n\n> q"),
    ("A", "A\n\nEl jueves, 5 de junio de 2024 12:05:33 CEST, X <x@y.z> escribió: \n\n q"),
    ("A", "A\n\nНачало пересылаемого письма:\n\nОт: x\nq"),
    ("A", "A\n\n05.06.2024 12:05, X пишет:\n\n> q\n\n-- \nBest regards,\nY"),
    ("A", "A\n\nсреда, 5 июня 2024 г., 12:05 +03:00 от X <x@y.z>:\n\nq"),
    ("A", "A\n\n---\nОтправлено из Mail.ru для Android среда, 5 июня 2024г., 12:05 +03:00 от X x@y.z :\n\nq"),
    ("A", "A\n\nсреда, 5 июня 2024г., 12:05 +03:00 от X Y  x@y.z:\n\nq"),
    (
        "A",
        "A\n\n---\nОтправлено из Mail.ru для iOS среда, 5 июня 2024г., 12:05 +03:00 от X x@y.z :\n\nq\nr\ns\nt\nu\nv\nw",
    ),
    ("A", "A\n\n--\nОтправлено из мобильной Почты Mail.ru Среда, 5 июня 2024, 12:05 +03:00 от X <x@y.z>:\n\n>q"),
    (
        "A",
        "A\n\n-------- Исходное сообщение --------\nОт: X\nДата:05.06.2024 12:05 (GMT+03:00) \nКому: Y \nТема: Z \n\nq",
    ),
    ("A", "A\n\nОт: X [mailto:x@y.z] \nОтправлено: 5 июня 2024 г. 12:05\nКому: Y\nТема: Z\n\nq"),
    ("A", "A\n\nFrom: X [mailto:x@y.z] \nSent: Wednesday, June 05, 2024 12:05 PM\nTo: Y\nSubject: Z\n\nq"),
    ("A", "A\n\nот: X <x@y.z>\nкому: Y <y@z.x>\nдата: 5 июня 2024 г., 12:05\nтема: Z\n\nq"),
    ("A", 'A\n\n05.06.2024, 12:05, "X" <x@y.z>:\n\nq\n\n-- \nС уважением, Y'),
    ("A", "A\n\n5 июня 2024 г. 12:05:00 GMT+03:00, X <x@y.z> пишет:\n>q"),
    ("A", "A\n\nСр, 5 июн. 2024, 12:05 X <x@y.z>:\n\n> q"),
    ("A", "A\n\nср, 5 июня 2024 г., 12:05 X <x@y.z>:\n\n> q"),
    ("A", "A\n\nOn Wed, 5 Jun 2024 12:05 X, <x@y.z> wrote:\n\n> q"),
    ("A", "A\n\nX писал(а) в своём письме Wed, 05 Jun 2024 12:05:00 +0300:\n\n> q"),
    ("A", "A\n\nX <x@y.z> 5 июня 2024 г. 12:05 написал(а):\n\nq"),
    (
        "A",
        "A\n\nKind Regards\n\nBob\nhttp://x.y\n\nThis email and any attachments are confidential and may be privileged. If you are not the intended recipient, please notify the sender immediately and delete it.",
    ),
    ("A\nB", "A\nB\n\n\nSent from my mobile device.  Please excuse brevity."),
    ("A", "A\n\nDen 5 juni 2024 12:05 skrev X <x@y.z>:\n\nq"),
    ("A", "A\n\n在2024-06-05 12:05:00，X <x@y.z> 写道：\n\n>q"),
    (
        "A",
        'A\n\n------------------ 原始邮件 ------------------\n发件人: "X" <x@y.z>;\n发送时间: 2024年6月5日(星期三) 中午12:05\n收件人: "Y"<y@z.x>;\n主题: Z\n\nq',
    ),
    ("A", "A\n\n----- Mensaje original -----\nDe: X\nPara: y\nEnviado: x\nAsunto: z\n\nq"),
    ("A", "A\n\n##- Please type your reply above this line -##\n\nq"),
    ("A", "A\n\n-----Mensagem original-----\nDe: X\nEnviada: x\nPara: y\nAssunto: z\nq"),
    ("A", "A\n\n_____________________________\nFrom: X <x@y.z>\nSent: Wed\nSubject: Z\nTo: <y>\n\nq"),
    ("A", "A\n\n ________________________________\n From: X <x@y.z>\nTo: y \nSent: Wed\nSubject: Z\n \n\nq"),
    (
        "A",
        "A\n\nOn Wed, Jun 5, 2024 at 12:05 PM X via Forum\n<forum@example.com> wrote:\n>\n> q\n>\n> On Tue, Jun 4, 2024 at 1 PM Y <y@z.x> wrote:\n>> r",
    ),
]


@pytest.mark.parametrize(("own", "text"), REPLIES)
def test_a_reply_is_cut_to_its_own_words(own: str, text: str) -> None:
    assert split(text).own == own


KEPT = {
    "a date and a colon": "12.05.2024 в 12:30 я подал заявление, вот номер:\n1234567890",
    "a story of a talk": "Оператор сказал 5 мая 2024 в 10:00:\nпозвоните завтра. Я позвонил, никто не ответил.",
    "on monday": "On Monday at 10:30 the operator told me to wait, and then he wrote:\nplease call again.",
    "an address in the sentence": "Я писал 12.05.2024 на support@example.ru и просил следующее:\nвернуть доступ.",
    "two header words": "От: меня\nКому: вам\nПрошу помочь.",
    "dashes in the text": "Список:\n- раз\n- два\n---\nвсё",
    "regards in a sentence": "С уважением отношусь к вашей работе, но доступа нет третий день.\nПомогите.",
    "regards at the top": "С уважением,\n\nпрошу вас рассмотреть вопрос о доступе в личный кабинет?\nКогда это будет сделано?",
    "sent from in a sentence": "Отправлено с моего адреса три письма, ответа нет.",
    "sent from my office": "Sent from my office the documents never arrived, please check.",
    "fields of a form": "Дата: 05.06.2024\nТема: доступ\nНе могу войти.",
    "from and date": "From: the very first day on.\nDate: unknown\nIt fails.",
    "wrote with no quote": "Он мне написал:\nприходите завтра",
    "a line drawn between two parts": "Первая часть.\n\n____________________\n\nВторая часть.",
    "dashes between two parts": "Первая часть.\n\n--\n\nВторая часть, и она длиннее строки подписи: здесь рассказано подробно, что случилось, когда и на каком шаге подачи заявления.",
    "an answer under a drawn line": "Вопрос один.\n-----\nНомер заявления 4512345678, звоните +7 900 000-00-00 после шести.",
    "a postscript": "Помогите войти.\n\nС уважением,\nИван\n\nP.S. Ответ пришлите на почту.",
    "a sentence under the regards": "Помогите войти.\n\nС уважением,\nИван\n\nИ ещё не приходит код подтверждения на телефон.",
    "an appeal with a head of its own": "Кому: начальнику отдела\nОт: Иванова Ивана\nДата: 5 июня 2024\nТема: жалоба\n\nПрошу вернуть доступ.",
    "two dashes inside": "Код ошибки -- 500 -- и больше ничего.",
    "url with wrote": "See http://example.com/on-2024-wrote:\nIt fails.",
    "greater than in arithmetic": "Если сумма > 1000, то ошибка.",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT.keys())
def test_in_doubt_the_text_stays_own(text: str) -> None:
    assert split(text).own == text


def test_lines_of_a_quote_that_a_program_broke_stay_with_the_quote() -> None:
    long = "> Пройдите, пожалуйста, по ссылке https://example.ru/very/long/path/to/the/service/of/the/portal/and/some/more/"
    text = f"Не открывается.\n\n5 июня 2024 г., 12:05, Служба пишет:\n{long}\nand-the-tail.html\n> и повторите."
    assert split(text).own == "Не открывается."


def test_marks_of_html_decide_before_words() -> None:
    lines = [Line("Ответ"), Line("Цитата без знаков", Mark.QUOTED), Line("Ещё ответ"), Line("Иван", Mark.SIGNATURE)]
    assert split_lines(lines) == Split("Ответ\n\nЕщё ответ", "Цитата без знаков", "Иван")


def _words(text: str) -> list[str]:
    return sorted(text.split())


PIECES = st.sampled_from(
    [
        *(
            OWN,
            QUOTE,
            BARE,
            "",
            "-- ",
            "С уважением,",
            "Иван",
            "> ",
            "От: я",
            "Кому: вам",
            "Тема: т",
            "On 5 Jun 2024",
            "wrote:",
        ),
        *(form for forms in (ATTRIBUTIONS, HEADERS, SIGNATURES, FORWARDS) for form in forms.values()),
    ]
)


@settings(max_examples=300)
@given(st.lists(st.one_of(PIECES, st.text(max_size=60)), max_size=12).map("\n".join))
def test_every_word_is_in_exactly_one_part(text: str) -> None:
    result = split(text)
    assert _words(text) == _words(" ".join((result.own, result.quoted, result.signature)))


@pytest.mark.parametrize(
    "unit",
    [
        "От:\n",
        "От: a\nКому: b\nТема: c\n",
        "> ",
        ">\n",
        "On 1.1.2024 12:00 wrote:\n",
        "-",
        "_",
        "--\n",
        "С уважением\n",
        "1",
        " ",
        "<a@",
        "wrote:\n",
        "Иван <a@b.ru> ",
        "(",
    ],
)
def test_the_worst_input_takes_linear_time(unit: str) -> None:
    text = unit * (65536 // len(unit))
    for ending in ("", ":", "\n> x"):
        started = time.thread_time()
        split(text + ending)
        assert time.thread_time() - started < 1.0
