"""Who writes: names in any order and form, numbers with their check digits, addresses, how to answer."""

from datetime import date

import pytest

from normalizer.citizen import facts, snils_is_valid
from normalizer.envelope import Passport


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ФИО: Иванов Иван Иванович", "Иванов Иван Иванович"),
        ("меня зовут Петрова Анна Сергеевна, не могу войти", "Петрова Анна Сергеевна"),
        ("Я, Иванов Иван Иванович, прошу помочь", "Иванов Иван Иванович"),
        ("от Иванова Ивана Ивановича", "Иванов Иван Иванович"),
        ("от Петровой-Водкиной Марии Ильиничны", "Петрова-Водкина Мария Ильинична"),
        ("жалоба Смирновой Ольги Викторовны", "Смирнова Ольга Викторовна"),
        ("иванов иван иванович\nне приходит код", "Иванов Иван Иванович"),
        ("ИВАНОВ ИВАН ИВАНОВИЧ ИНН 500100732259", "Иванов Иван Иванович"),
        ("Иван Иванович Иванов", "Иван Иванович Иванов"),
        ("Меня зовут Анна Петрова", "Анна Петрова"),
        ("Меня зовут иванов иван", "Иванов Иван"),
        ("Иванов Иван", "Иванов Иван"),
        ("Алиев Рашид Мамед оглы, не могу войти", "Алиев Рашид Мамед оглы"),
        ("Гасанова Лейла Ариф кызы", "Гасанова Лейла Ариф кызы"),
        ("Бондаренко Тарас Григорьевич", "Бондаренко Тарас Григорьевич"),
        ("Кузьмин Лука Лукич", "Кузьмин Лука Лукич"),
        ("Рашидова Мадина Магомедовна", "Рашидова Мадина Магомедовна"),
        ("Белых Ирина Олеговна", "Белых Ирина Олеговна"),
        ("ИП Кузнецов Сергей Петрович", "Кузнецов Сергей Петрович"),
        ("Не работает сайт.\nС уважением, Сидоров Пётр", "Сидоров Пётр"),
        ("Не работает.\n\nС уважением,\nИванов И.И.\n+7 916", "Иванов И.И."),
        ("My name is John Smith, I cannot sign in", "John Smith"),
        ("It fails.\n\nBest regards,\nJohn Smith", "John Smith"),
        ("Фамилия: Иванов\nИмя: Иван\nОтчество: Иванович", "Иванов Иван Иванович"),
        ("Здравствуйте! Иванов Иван Иванович. Не приходит код", "Иванов Иван Иванович"),
    ],
)
def test_a_full_name_is_found_in_any_order_case_and_form(text: str, name: str) -> None:
    assert facts(text).full_name == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "улица Ивана Франко, дом 5",
        "ул. Петра Алексеева 12",
        "школа имени Петра Ивановича Багратиона",
        "проспект Ивана Ивановича Иванова",
        "мой муж Иванов Иван Иванович не может войти",
        "специалист Петрова Анна Ивановна мне сказала ждать",
        "Уважаемая Анна Ивановна! Не работает",
        "Здравствуйте, Анна Ивановна, когда ответ",
        "не обычна ситуация",
        "это основна причина",
        "Хочу подать заявление Московская Область",
        "Меня зовут Анна",
        "Меня зовут никак",
        "Личный Кабинет не открывается",
        "Не работает.\nС уважением, команда",
        "Sent from my iPhone",
        "Единый Портал Госуслуг",
    ],
)
def test_a_street_an_addressee_or_a_third_person_is_not_the_writer(text: str) -> None:
    assert facts(text).full_name is None


def test_a_signature_gives_the_name_when_the_text_does_not() -> None:
    assert (
        facts("Не приходит код", signature="--\nС уважением,\nСидорова Анна\nООО «Ромашка»").full_name
        == "Сидорова Анна"
    )
    assert facts("Не приходит код", signature="Отправлено с iPhone").full_name is None
    assert facts("Не приходит код", signature="Sent from my iPhone").full_name is None


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("тел. 8 (916) 123-45-67", "+79161234567"),
        ("8-916-123-45-67", "+79161234567"),
        ("+7 916 123 45 67", "+79161234567"),
        ("89161234567", "+79161234567"),
        ("9161234567", "+79161234567"),
        ("(495) 123-45-67", "+74951234567"),
        ("мой номер +375 29 123 45 67", "+375291234567"),
        ("заявление № 9161234567", None),
        ("ИНН: 7707083893", None),
        ("обращение 261122-000123-4", None),
        ("звонил на 8 800 100 70 10", None),
        ("карта 4276 3801 2345 6786", None),
        ("счет 40817810099910004312", None),
        ("СНИЛС 80012345678", None),
        ("20.11.2026 15:30", None),
        ("ошибка 500", None),
    ],
)
def test_a_phone_is_told_from_every_other_number(text: str, phone: str | None) -> None:
    assert facts(text).phone == phone


def test_a_phone_beside_its_word_comes_before_others() -> None:
    found = facts("мне звонили с 8 495 123-45-67. мой телефон 8 916 123-45-67")
    assert found.phone == "+79161234567"
    assert set(found.phones) == {"+79161234567", "+74951234567"}


def test_our_own_addresses_are_not_the_citizens() -> None:
    found = facts("писал на Help@portal.example, моя почта Ivan@YA.ru", own_addresses={"help@portal.example"})
    assert found.email == "ivan@ya.ru"
    assert found.emails == ("ivan@ya.ru",)


@pytest.mark.parametrize(
    ("text", "inn"),
    [
        ("ИНН 500100732259", "500100732259"),
        ("инн: 7707083893", "7707083893"),
        ("ИНН 7707 083 893", "7707083893"),
        ("Иванов Иван Иванович 500100732259 не могу войти", "500100732259"),
        ("ИНН 500100732250", None),
        ("заявление 500100732259", None),
        ("7707083893", None),
        ("000000000000", None),
    ],
)
def test_an_inn_has_right_check_digits(text: str, inn: str | None) -> None:
    assert facts(text).inn == inn


@pytest.mark.parametrize(
    ("text", "snils"),
    [
        ("СНИЛС 112-233-445 95", "11223344595"),
        ("снилс: 11223344595", "11223344595"),
        ("11223344595", "11223344595"),
        ("112-233-445 95", "11223344595"),
        ("СНИЛС 112-233-445 96", None),
        ("заявление 11223344595", None),
    ],
)
def test_a_snils_has_right_check_digits(text: str, snils: str | None) -> None:
    assert facts(text).snils == snils


def test_the_sum_of_a_hundred_is_written_as_two_zeros() -> None:
    assert snils_is_valid("08765430300")
    assert not snils_is_valid("08765430301")


def test_a_passport_is_read_with_its_date_and_issuer() -> None:
    found = facts("Паспорт: серия 45 10 номер 123456, выдан 12.03.2010 УФМС России, код подразделения 770-001").passport
    assert found == Passport(series="4510", number="123456", issued_on=date(2010, 3, 12), issued_by="УФМС России")
    found = facts("паспорт 4510 123456 выдан ОВД района Ясенево г. Москвы 12.03.2010").passport
    assert found == Passport(
        series="4510", number="123456", issued_on=date(2010, 3, 12), issued_by="ОВД района Ясенево г. Москвы"
    )
    assert facts("паспорт потерял").passport is None


def test_an_account_number_is_read_as_written() -> None:
    assert facts("лицевой счёт № 1234567890").account_number == "1234567890"
    assert facts("л/с 00123456").account_number == "00123456"


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("прошу ответить на почту a.b@ya.ru", "email"),
        ("Ответ прошу по телефону", "phone"),
        ("перезвоните мне", "phone"),
        ("пришлите ответ в личный кабинет", "cabinet"),
        ("предпочтительный способ связи: смс", "sms"),
        ("отвечайте в телеграм", "telegram"),
        ("please reply by email", "email"),
        ("ответ не приходит на почту", None),
        ("не получаю ответ по телефону", None),
        ("не звоните мне", None),
        ("не могу войти в личный кабинет", None),
    ],
)
def test_the_channel_preferred_for_the_answer(text: str, channel: str | None) -> None:
    assert facts(text).preferred_channel == channel


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("перезвоните после 18:00", "после 18:00"),
        ("Перезвоните завтра с 10 до 18, пожалуйста", "завтра с 10 до 18"),
        ("удобное время для звонка: с 9 до 12", "с 9 до 12"),
        ("Call me after 6 pm", "after 6 pm"),
        ("не могу дозвониться после 18:00", None),
        ("перезвоните", None),
    ],
)
def test_when_to_call_is_kept_in_the_citizens_words(text: str, when: str | None) -> None:
    assert facts(text).call_back_at == when
