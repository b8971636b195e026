"""Own words and quotes as real mail programs break them: attributions cut, glued or bare, ornaments, closings."""

import pytest

from normalizer.html import render
from normalizer.quotes import split, split_lines
from tests.normalizer.test_quotes import ATTRIBUTIONS, BARE, OWN, QUOTE


@pytest.mark.parametrize(
    "line",
    [
        "Всё получилось.пт, 3 нояб. 2023 г. в 12:00, Служба поддержки <support@example.ru>:",
        "It works now. On Wed, Jun 5, 2024 at 12:05 PM Support <support@example.ru> wrote:",
        "it works now On Wed, Jun 5, 2024 at 12:05 PM, support@example.ru wrote:",
        "it works now--- On Wed, Jun 5, 2024 at 12:05 PM, support@example.ru wrote:",
    ],
)
def test_own_words_glued_to_an_attribution_stay_own(line: str) -> None:
    found = split(f"{line}\n{QUOTE}")
    assert found.own in ("Всё получилось.", "It works now.", "it works now")
    assert "support@example.ru" in found.quoted and "Ваше обращение принято" in found.quoted


@pytest.mark.parametrize("line", ["Я вам об этом уже дважды писала:", "I have already wrote:"])
def test_a_sentence_of_the_writer_above_a_quote_is_no_attribution(line: str) -> None:
    assert split(f"{line}\n{QUOTE}").own == line


@pytest.mark.parametrize("line", ["Forwarded message:", "Пересылаемое сообщение:", "Begin forwarded message:"])
def test_words_below_a_quoted_letter_that_was_passed_on_stay_own(line: str) -> None:
    found = split(f"Посмотрите.\n\n{line}\n\n> От: a@example.com\n> Тема: Ответ\n>\n> Отказано.\n\nЧто мне делать?")
    assert found.own == "Посмотрите.\n\nЧто мне делать?"
    assert found.forwarded


def test_an_announcement_above_nothing_quoted_is_the_writers() -> None:
    assert split("Исходное сообщение:\nне открывается форма").own == "Исходное сообщение:\nне открывается форма"


@pytest.mark.parametrize(
    "attribution",
    [
        "ons. 5. jun. 2024 kl. 12:05 skrev Support <support@example.ru\n>:",
        "On Wed, Jun 5, 2024 at 12:05 PM Support\n\n<\nmailto:Support <support@example.ru>\n> wrote:",
        "On Wed, Jun 5, Support\n<support@example.ru>\nwrote:",
        "On Wed, 5 Jun 2024 12:05:10 +0300 Support <support@example.ru> wrote",
        "-----Oprindelig meddelelse-----",
        "====\n\nMessage du : 05/06/2024 12:05\nDe : Support <support@example.ru>\nA : b@example.ru\nSujet : x",
        "Date: Wed, 5 Jun 2024 12:05:02 +0300\nTo: ivan@example.com",
    ],
)
def test_broken_and_bare_forms_of_an_attribution_are_taken_off(attribution: str) -> None:
    assert split(f"{OWN}\n\n{attribution}\n\n{BARE}").own == OWN


def test_a_link_that_a_program_broke_inside_a_quote_is_quoted() -> None:
    text = "Ответ\n\nOn Mon, Jun 5, 2024 at 3:46 PM, bob wrote:\n\n> see (http://example.com/action\n_key=ab12)\n>\n"
    assert split(text).own == "Ответ"


def test_ornaments_are_no_quote() -> None:
    assert split("Реклама:\n>>> http://www.example.com <<<\nуберите её").own.count("example.com") == 1


def test_a_closing_typed_alone_under_a_quote_stays_own_and_one_under_words_is_a_signature() -> None:
    attribution = ATTRIBUTIONS["gmail ru"]
    assert split(f"Спасибо.\n\n{attribution}\n\n{QUOTE}\n\nС уважением, Иван").own == "Спасибо.\n\nС уважением, Иван"
    assert split("Спасибо.\n\nС уважением, Иван").signature == "С уважением, Иван"


@pytest.mark.parametrize(
    ("line", "is_signature"),
    [
        ("Sent from my Doogee S96 Pro", True),
        ("Отправлено с моего Doogee S96", True),
        ("Sent wirelessly from my Samsung phone", True),
        ("Envoyé sans fil par mon mobile Nokia", True),
        ("From my iPhone 6", True),
        ("Sent from my cell, sorry that it is short", True),
        ("Sent from my desk, which is easier than a phone.", False),
        ("---\nИван Петров", True),
        ("---\nпросьба ответить письменно", False),
        ("*****\nMessage-ID: <a@example.org>\nFrom: support@example.org", False),
        ("/Anna", True),
    ],
)
def test_the_lines_of_devices_and_names_are_told_from_words(line: str, is_signature: bool) -> None:
    assert bool(split(f"Прошу ответить.\n\n{line}").signature) is is_signature


@pytest.mark.parametrize(
    "device", ["Отправлено с iPhone", "Отправлено из мобильной Почты Mail.ru", "Sent from my iPad"]
)
@pytest.mark.parametrize("words", ["Не могу войти в кабинет, код не приходит", "код так и не пришёл\n\nчто делать"])
def test_words_typed_below_the_line_that_the_phone_put_first_are_the_citizens(device: str, words: str) -> None:
    assert words in split(f"{device}\n\n{words}").own
    assert words in split(f"Добрый день\n\n{device}\n\n{words}\n\nС уважением, Иван").own
    assert split(f"{words}\n\n{device}\n\nИван Петров\n+7 916 123-45-67").own == words


@pytest.mark.parametrize(
    "header",
    [
        "Date: Wed, 5 Jun 2024 12:05:02 +0300 From: support@example.ru To: Ivan Subject: Your letter",
        "От: support@example.ru Дата: 05.06.2024 12:05 Кому: Иван Тема: Ответ",
        '12:05 PM, June 5, 2024, "Support" <support@example.ru>:',
    ],
)
def test_a_header_on_one_line_is_taken_off(header: str) -> None:
    assert split(f"{OWN}\n\n{header}\n\n{BARE}").own == OWN


def test_a_sentence_with_the_words_of_a_header_is_no_header() -> None:
    text = "Date: нет. Письмо шло From: me в 12:00, я писал на a@example.ru дважды."
    assert split(f"Прошу ответить.\n\n{text}").own == f"Прошу ответить.\n\n{text}"


def test_initials_before_the_sign_make_a_quote_and_one_such_line_does_not() -> None:
    found = split("Здравствуйте.\n\nВы писали 5 июня 2024 г., 12:05:11:\n\nСП> Ждите.\nСП> Ответ будет.\n\nНе дождусь.")
    assert found.own == "Здравствуйте.\n\nНе дождусь."
    assert split("В> это не цитата\nа строка").own == "В> это не цитата\nа строка"


@pytest.mark.parametrize(
    "attribution",
    [
        "Исходное сообщение\nОт: Служба <support@example.ru>\nДата: 05.06.2024 12:05",
        "в среду, 5 июня 2024 г. в 12:05:11 UTC+3, support@example.ru:",
        "Am 05.06.24 um 12:05 schrieb Hilfe vom Amt:",
        "05.06.2024, 12:05, Служба <support@example.ru>",
        "Служба писал 05.06.2024 12:05:",
        "Вы писали 5 июня 2024 г., 12:05:11:",
    ],
)
def test_attributions_without_a_verb_at_their_end_or_a_colon_are_taken_off(attribution: str) -> None:
    assert split(f"{OWN}\n\n{attribution}\n\n{BARE}").own == OWN


@pytest.mark.parametrize(
    "text",
    [
        "05.06.2024 в 12:05 отправил письмо на support@example.ru:\nответа нет",
        "Am 05.06.24 um 12:00 schrieb ich Ihnen:\nkeine Antwort",
        "Исходное сообщение\nпотерялось",
        "Форма:\n____________\nПодпись\n\nКуда нести?",
    ],
)
def test_what_only_resembles_an_attribution_stays_own(text: str) -> None:
    assert split(f"Прошу ответить.\n\n{text}").own == f"Прошу ответить.\n\n{text}"


def test_a_notice_on_secrecy_is_no_word_of_the_citizen_and_a_complaint_about_secrecy_is() -> None:
    notice = "Настоящее письмо является конфиденциальным и предназначено только для адресата. Если оно не вам, удалите."
    assert split(f"Прошу ответить.\n\n{notice}").signature == notice
    words = "Конфиденциальные данные, предназначенные адресату, показаны всем в моём кабинете, это сообщение верное."
    assert split(f"Прошу ответить.\n\n{words}").own == f"Прошу ответить.\n\n{words}"


@pytest.mark.parametrize(
    "attribution",
    [
        "Цитирую Служба <support@example.ru>:",
        "----------------\n05.06.2024 12:05, Служба пишет:",
        "Кому: ivan@example.com;\nТема: Ответ;\n05.06.2024, 12:05, Служба <support@example.ru>:",
    ],
)
def test_what_stands_above_an_attribution_goes_with_it(attribution: str) -> None:
    assert split(f"{OWN}\n\n{attribution}\n{QUOTE}").own == OWN


@pytest.mark.parametrize(
    "closing",
    ["с уважением, иван", "Щиро,\nІван", "З пошаною, Іван Петренко", "Құрметпен,\nАйгүл", "Üdvözlettel,\nAnna"],
)
def test_closings_in_small_letters_and_in_other_languages(closing: str) -> None:
    assert split(f"Прошу ответить.\n\n{closing}").signature == closing


@pytest.mark.parametrize(
    "text",
    [
        "Ниже текст ошибки\n\n-----------\nERROR 500\n-----------\n\nПомогите.",
        "Текст:\n-----------\nСпасибо",
        "С уважением, жду ответа",
    ],
)
def test_words_under_a_drawn_line_or_behind_a_closing_stay_own(text: str) -> None:
    assert split(text).own == text


def test_what_the_writer_says_that_he_wrote_stays_own() -> None:
    assert split("Прошу ответить.\n\nЯ писал 05.06.2024 12:05:\nнет входа").own.endswith("нет входа")


HEADED = "От: Служба <support@example.ru>\nДата: Wed, 05 Jun 2024 12:05:00 +0300\n\n"


def test_words_below_a_quote_that_a_header_introduces_are_own() -> None:
    found = split(f"{HEADED}> Ваше обращение принято.\n\nПриложите его, пожалуйста, к первому.\n\n> Оно\n\nДа.")
    assert found.own == "Приложите его, пожалуйста, к первому.\n\nДа."
    assert found.quoted.startswith("От: Служба") and not found.forwarded


def test_a_letter_below_its_header_stays_quoted_to_the_end() -> None:
    assert split(f"{HEADED}Ваше обращение принято.\n\n> Когда?\n\nЗавтра.").own == ""
    assert split(f"Спасибо!\n\n{HEADED}> Когда?\n\nЗавтра.").own == "Спасибо!"


def test_excerpts_are_announced() -> None:
    found = split("Excerpts from Ann Lee's message of Thu Nov 26 09:17:15 +0100 2009:\n> It is done.\n\nThank you")
    assert found.own == "Thank you"


def _own_of_html(body: str) -> str:
    return split_lines(render(body).lines).own


@pytest.mark.parametrize(
    "body",
    [
        "<p>Прошу изготовить:</p><blockquote>ограждение 12 м<br>калитка</blockquote><p>Когда?</p>",
        "<div>Нужно к 01.10.2026:<blockquote>ограждение 12 м<br>калитка</blockquote>Когда?</div>",
        "<div>Пишите на docs@example.org:</div><blockquote>ограждение 12 м<br>калитка</blockquote>Когда?",
    ],
)
def test_a_plain_blockquote_that_nothing_announces_is_the_writers_own_list(body: str) -> None:
    assert "ограждение 12 м\nкалитка" in _own_of_html(body) and _own_of_html(body).endswith("Когда?")


@pytest.mark.parametrize(
    "body",
    [
        '<div>Да.</div><div>05.06.2024, 12:05, "Служба" &lt;s@example.ru&gt;:</div><blockquote>Когда?</blockquote>',
        "<div>Да.</div><div>Иван Петров пишет:</div><blockquote><div>Когда?</div></blockquote>",
        "<div>Да.</div><blockquote>Среда, 5 июня 2024, 12:05 +03:00 от s@example.ru:<br><br>Когда?</blockquote>",
        "<div>Иван пишет:</div><blockquote>Что?</blockquote><div>Да.</div><blockquote>Когда?</blockquote>",
    ],
)
def test_a_plain_blockquote_below_an_attribution_is_quoted_and_so_are_those_that_follow(body: str) -> None:
    assert _own_of_html(body) == "Да."


def test_words_below_a_quote_of_roundcube_are_own() -> None:
    quote = '<p id="reply-intro">On 2024-06-05 12:05, Служба wrote:</p><blockquote type="cite">Когда?</blockquote>'
    assert _own_of_html(f"{quote}<div>Завтра.</div>") == "Завтра."


def test_who_writes_only_below_the_line_of_a_help_desk_is_read() -> None:
    line = "##- Please type your reply above this line -##"
    assert split(f"{line}\n\nНе работает вход").own.endswith("Не работает вход")
    assert split(f"Не работает вход\n\n{line}\n\nВаше обращение принято").own == "Не работает вход"


@pytest.mark.parametrize(
    "attribution",
    [
        "суббота, 14 марта 2015 г. пользователь Служба написал:",
        "Суббота, 26 сентября 2026, 11:42 +03:00 от Служба <support@example.ru>",
        "2016-03-03 17:21 GMT+01:00 Служба поддержки",
        "Am 10. Dez. 2015 haben Sie geschrieben:",
        "Кімнен: Служба <support@example.ru>\nЖіберілді: 2024 ж. 5 маусым 12:05\nТақырыбы: x",
        "От: Служба <support@example.ru>\nИзпратено: 5 юни 2024 г. 12:05\nОтносно: x",
        "Початок листа, що пересилається:\n\nВід: Служба <support@example.ru>\nТема: x\nДата: 5 червня 2024 р. о 12:05",
        "Это пересылаемое сообщение\nОт: Служба <support@example.ru>\nКому: b@example.ru\nТема: x",
    ],
)
def test_rarer_forms_are_taken_off(attribution: str) -> None:
    assert split(f"{OWN}\n\n{attribution}\n\n{BARE}").own == OWN


@pytest.mark.parametrize(
    "line",
    [
        "Отримати Outlook для iOS<https://aka.ms/o0ukef>",
        "\u2063Получить BlueMail для Android\u200b",
        "Отправлено из «Р7-Офис. Органайзер»",
    ],
)
def test_lines_of_programs_in_ukrainian_and_between_invisible_characters(line: str) -> None:
    assert split(f"{OWN}\n\n{line}").own == OWN
