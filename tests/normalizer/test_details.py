"""What the problem is about: application, service, step, error, time, device, system, browser."""

from datetime import UTC, datetime, timedelta

import pytest

from normalizer.details import find

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)  # a Sunday, 13:00 in Moscow
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)
YANDEX = (
    "Mozilla/5.0 (Linux; Android 13; SM-A525F) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/116.0.0.0 YaBrowser/23.9.1.126.00 Mobile Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.2 Mobile/15E148 Safari/604.1"
)


def details(text: str) -> dict[str, object]:
    return find(text, sent_at=NOW, timezone="Europe/Moscow", ticket_numbers=("261122-000123-4",)).model_dump(
        exclude_none=True
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Номер заявления 1234567890", "1234567890"),
        ("заявление № 2026-11-123456 не рассмотрено", "2026-11-123456"),
        ("заявление №1234567890 на сайте", "1234567890"),
        ("Статус заявления: 4567890123.", "4567890123"),
        ("application number 4567890", "4567890"),
        ("заявление от 12.11.2026 № 123456", "123456"),
        ("моё заявление, поданное 20.11.2026, номер 5551234567", "5551234567"),
        ("номер заявления - АБ-12345/2026", "АБ-12345/2026"),
        ("заявка № 998877 на услугу", "998877"),
        ("Заявление (1234567890) зависло", "1234567890"),
        ("заявление на выплату, СНИЛС 112-233-445 95", None),
        ("При подаче заявления 3 раза вылетает", None),
        ("номер заявления 261122-000123-4", None),
        ("номер заявления 261122 000123 4", None),
        ("заявление от 12.11.2026 не принято", None),
        ("подал заявление в 2026 году", None),
        ("заявление не проходит, тел 89161234567", None),
        ("обращение 1234567890", None),
    ],
)
def test_an_application_number_is_another_thing_than_a_ticket_number(text: str, number: str | None) -> None:
    assert details(text).get("application_number") == number


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("Запись к врачу на 25.11.2026 в 9:40 пропала", "Запись к врачу"),
        ("Услуга «Загранпаспорт нового образца» недоступна", "Загранпаспорт нового образца"),
        ("Услуга: Регистрация по месту жительства\nне работает", "Регистрация по месту жительства"),
        ("не могу записаться к врачу, пишет ошибку", "записаться к врачу"),
        ("Запись на прием к врачу не работает", "Запись на прием к врачу"),
        ("хочу оформить загранпаспорт, не получается", "загранпаспорт"),
        ("запись на завтра", None),
        ("подаю заявление на пособие, но ошибка", "пособие"),
        ("не могу войти", None),
    ],
)
def test_the_service_is_kept_as_stated(text: str, service: str | None) -> None:
    assert details(text).get("service") == service


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("на шаге 3 ошибка 500", "шаге 3"),
        ("на 2 шаге зависает", "2 шаге"),
        ("на этапе «Подтверждение данных» появляется ошибка", "Подтверждение данных"),
        ("на этапе проверки документов зависает", "проверки документов"),
        ("при оплате госпошлины выдает ошибку", "при оплате госпошлины"),
        ("ошибка при входе в личный кабинет", "при входе в личный кабинет"),
        ("it fails at step 3", "step 3"),
        ("Услуга: Замена прав. Шаг: «Загрузка фото». Ошибка: файл большой", "Загрузка фото"),
        ("на третьем шаге", "третьем шаге"),
        ("шаг 5 из 7", "шаг 5"),
        ("при нажатии кнопки «Отправить» ничего не происходит", "при нажатии кнопки «Отправить»"),
        ("не приходит код", None),
    ],
)
def test_the_step_is_kept_as_stated(text: str, step: str | None) -> None:
    assert details(text).get("step") == step


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ошибка 500", "500"),
        ("Ошибка №1034", "1034"),
        ("код ошибки: 404", "404"),
        ("код ошибки ESIA-007004", "ESIA-007004"),
        ("выдает EPGU-000123", "EPGU-000123"),
        ("ERR_CONNECTION_RESET", "ERR_CONNECTION_RESET"),
        ("Error 0x80070057", "0x80070057"),
        ("HTTP 502", "502"),
        ("502 Bad Gateway", "502"),
        ("error code E-1001", "E-1001"),
        ("Ошибка «Сервис временно недоступен» (код 502)", "502"),
        ("Выходит ошибка «Сервис недоступен», код E-1042", "E-1042"),
        ("Ошибка «Неверный логин», код подтверждения 482913 не подошёл", None),
        ("Пришло сообщение «Вход выполнен», код 482913", None),
        ("ошибка (код 1034)", "1034"),
        ("код: 0x80070005", "0x80070005"),
        ("выдаёт ошибку «Не удалось войти. Код: ESIA-005011»", "ESIA-005011"),
        ("Ошибка ЕСИА-005011", "ЕСИА-005011"),
        ("ошибка 5 раз подряд", None),
        ("ошибка 20.11.2026", None),
        ("ошибка в 15:30", None),
        ("ошибка входа", None),
        ("код подтверждения не приходит", None),
    ],
)
def test_an_error_code_is_told_from_counts_and_dates(text: str, code: str | None) -> None:
    assert details(text).get("error_code") == code


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("пишет «Сервис временно недоступен», что делать", "Сервис временно недоступен"),
        ('появляется сообщение "Данные не найдены"', "Данные не найдены"),
        ("ошибка: Сервис недоступен. Попробуйте позже", "Сервис недоступен"),
        ("Текст ошибки:\nНе удалось загрузить файл", "Не удалось загрузить файл"),
        ("На экране надпись: Технические работы", "Технические работы"),
        ("Error: connection timed out", "connection timed out"),
        ("появляется окно с текстом «Доступ запрещен»", "Доступ запрещен"),
        ("the page says “Something went wrong”", "Something went wrong"),
        ("услуга «Загранпаспорт» недоступна", None),
        ("не приходит код", None),
    ],
)
def test_the_error_is_kept_in_its_exact_words(text: str, said: str | None) -> None:
    assert details(text).get("error_text") == said


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("вчера в 15:30 пытался войти", "2026-11-21T15:30:00+03:00"),
        ("вчера в 15:30 по Екатеринбургу", "2026-11-21T15:30:00+05:00"),
        ("20.11.2026 около 14:00 МСК", "2026-11-20T14:00:00+03:00"),
        ("в 15:30 20.11.2026", "2026-11-20T15:30:00+03:00"),
        ("сегодня утром", "2026-11-22"),
        ("20 ноября в 9 утра", "2026-11-20T09:00:00+03:00"),
        ("5 ноября 2026 г. в 14:05", "2026-11-05T14:05:00+03:00"),
        ("в прошлую пятницу в 10.15", "2026-11-20T10:15:00+03:00"),
        ("yesterday at 3 pm", "2026-11-21T15:00:00+03:00"),
        ("Nov 20, 2026 15:30 UTC+5", "2026-11-20T15:30:00+05:00"),
        ("вчера в 12:00 (мск+2)", "2026-11-21T12:00:00+05:00"),
        ("30.12 подал", "2025-12-30"),
        ("3 дня назад", "2026-11-19"),
        ("неделю назад", "2026-11-15"),
        ("22.11.2026 12:47:33", "2026-11-22T12:47:33+03:00"),
        ("19 ноября 2026 года в 18 часов 30 минут", "2026-11-19T18:30:00+03:00"),
        ("вчера в 25:70", "2026-11-21"),
        ("записался на 25.11.2026 к врачу", None),
        ("паспорт выдан 12.03.2010", None),
        ("дата рождения 12.03.1990", None),
        ("заявление от 12.11.2026", None),
        ("действует до 20.11.2026", None),
        ("31.02.2026", None),
        ("1.01.2035 наступит", None),
        ("файл 5.2 ГБ", None),
        ("Chrome 20.11 на Windows 10.0", None),
    ],
)
def test_when_it_happened_has_the_zone_of_the_writer(text: str, moment: str | None) -> None:
    assert details(text).get("occurred_at") == moment


def test_without_the_time_of_writing_only_dates_with_a_year_are_known() -> None:
    assert find("вчера в 15:30").occurred_at is None
    assert find("20.11.2026 в 15:30").occurred_at == "2026-11-20T15:30:00+03:00"


def test_today_is_the_writers_day_and_not_that_of_utc() -> None:
    late = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)
    assert find("сегодня", sent_at=late, timezone="Europe/Moscow").occurred_at == "2026-11-23"
    assert find("сегодня", sent_at=late, timezone="UTC").occurred_at == "2026-11-22"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Chrome 120 на Windows 10", {"browser": "Chrome 120", "os": "Windows 10"}),
        ("iPhone 13 Pro, iOS 17.2, Safari", {"device": "iPhone 13 Pro", "os": "iOS 17.2", "browser": "Safari"}),
        (
            "Android 14, Samsung Galaxy A52, Яндекс.Браузер 24.1",
            {"device": "Samsung Galaxy A52", "os": "Android 14", "browser": "Яндекс.Браузер 24.1"},
        ),
        ("айфон 11", {"device": "iPhone 11"}),
        ("айфоне 14 про макс, iOS17", {"device": "iPhone 14 Pro Max", "os": "iOS 17"}),
        ("Win 10, IE 11", {"os": "Windows 10", "browser": "Internet Explorer 11"}),
        ("Honor 9X, Android 10", {"device": "Honor 9X", "os": "Android 10"}),
        ("самсунг галакси а54, андроид 14", {"device": "самсунг галакси а54", "os": "Android 14"}),
        ("хонор х8б", {"device": "хонор х8б"}),
        ("редми ноут 12 про вылетает", {"device": "редми ноут 12 про"}),
        ("самсунг 2 раза перезагружал", {"device": "самсунг"}),
        ("с компьютера через Мозилу", {"device": "компьютер", "browser": "Firefox"}),
        ("С ноутбука, Windows 11, хром", {"device": "ноутбук", "os": "Windows 11", "browser": "Chrome"}),
        ("телефон Xiaomi Redmi Note 10, андроид 12", {"device": "Xiaomi Redmi Note 10", "os": "Android 12"}),
        ("Firefox версия 121.0, Astra Linux", {"browser": "Firefox 121.0", "os": "Astra Linux"}),
        (CHROME, {"browser": "Chrome 120", "os": "Windows 10"}),
        (YANDEX, {"browser": "Яндекс.Браузер 23.9", "os": "Android 13", "device": "SM-A525F"}),
        (IPHONE, {"browser": "Safari 17.2", "os": "iOS 17.2", "device": "iPhone"}),
        ("не приходит код, операция в макете", {}),
    ],
)
def test_device_system_and_browser(text: str, expected: dict[str, str]) -> None:
    found = details(text)
    assert {name: found[name] for name in ("device", "os", "browser") if name in found} == expected


@pytest.mark.parametrize("year", [1, 1900, 9999])
def test_a_broken_clock_of_the_sender_breaks_nothing(year: int) -> None:
    broken = datetime(year, 1, 1, tzinfo=UTC)
    for text in ("вчера в 15:30", "01.01.0001 в 10:00 по Владивостоку", "31.12.9999 в 10:00 UTC-12", "3 дня назад"):
        moment = find(text, sent_at=broken, timezone="Asia/Kamchatka").occurred_at
        assert moment is None or datetime.fromisoformat(moment).utcoffset() in (
            None, *(timedelta(hours=hours) for hours in range(-12, 15))
        )  # fmt: skip
