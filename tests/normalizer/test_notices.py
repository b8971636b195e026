"""What was learned of notices tells machines, and no person of the labelled letters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normalizer import notice_learn, notices
from tests.normalizer.test_machine_mail import judged

LABELLED = Path(__file__).with_name("machine_mail")


def of_file(name: str) -> list[tuple[dict[str, Any], str | None]]:
    """The letters of a file and what they are taken for."""
    found: list[tuple[dict[str, Any], str | None]] = []
    for line in (LABELLED / name).read_text(encoding="utf-8").splitlines():
        letter = json.loads(line)
        fields = {"In-Reply-To": "<x@y>"} if letter["answers"] else {}
        if letter.get("null_sender"):
            fields["Return-Path"] = "<>"
        sender = letter.get("sender", "ivan@example.com") or "<>"
        found.append((letter, judged(letter["subject"], letter["text"], sender, **fields).machine))
    return found


@pytest.mark.parametrize("name", ["examples.jsonl", "holdout.jsonl", "plain.jsonl"])
def test_no_person_of_the_labelled_letters_is_called_a_robot(name: str) -> None:
    people = [
        (letter["subject"], letter["text"], machine) for letter, machine in of_file(name) if not letter["machine"]
    ]
    assert len(people) > 70
    assert [person for person in people if person[2]] == []


def test_no_citizen_is_called_a_robot() -> None:
    people = notice_learn.citizens()
    assert len(people) > 1000
    assert [p for p in people if notices.is_notice(p.subject, p.text, p.answers, False)] == []


# No header tells these. Of the first file each is worded as no other; of the second as most mailboxes word them.
@pytest.mark.parametrize(
    ("name", "machine", "least"),
    [
        ("holdout.jsonl", "auto_reply", 0.5),
        ("holdout.jsonl", "bounce", 0.97),
        ("plain.jsonl", "auto_reply", 0.8),
        ("plain.jsonl", "bounce", 0.97),
    ],
)
def test_machines_without_a_telling_header_are_told(name: str, machine: str, least: float) -> None:
    """Letters from which nothing was learned."""
    found = [said == machine for letter, said in of_file(name) if letter["machine"] == machine]
    assert len(found) > 14 and sum(found) / len(found) >= least


PATCH = """Unused pages hold memory until the address changes, so return them at once.

Signed-off-by: Vera Holm <vera@kernel.example>
---
 core/pages.c | 19 +++++++++++
 1 files changed, 12 insertions(+), 7 deletions(-)

diff --git a/core/pages.c b/core/pages.c
index 14fe20b..41ab233 100644
--- a/core/pages.c
+++ b/core/pages.c
@@ -151,7 +151,12 @@ static int pages_read(struct pool *pool)
     if (pool->mailbox == NULL)
         return -EINVAL;
+    while (pool->unused > limit && !pool->offline)
+        release_one(pool, pool->address);
"""


@pytest.mark.parametrize("subject", ["Pages", "Re: [PATCH 3/9] core: give unused pages back", "Out of memory"])
def test_a_letter_of_which_most_is_of_other_things_is_a_persons(subject: str) -> None:
    assert judged(subject, PATCH, **{"In-Reply-To": "<x@y>"}).machine is None


@pytest.mark.parametrize("number", ["261122-000123-4", "261122 000123 4", "2611220001234", "№ 261122-000123-4"])
@pytest.mark.parametrize("answers", [False, True])
def test_who_states_the_number_of_his_request_is_a_person(number: str, answers: bool) -> None:
    bodies = (f"вопрос по {number}", f"{number}\nИванов Иван Иванович, тел. 89161234567", f"Нет ответа по {number}")
    letters = [(subject, body) for subject in ("Адрес", "Регистр адреса", "Статус", "Повтор") for body in bodies]
    assert [letter for letter in letters if notices.is_notice(*letter, answers, hinted=False)] == []


def test_a_form_that_is_filled_in_is_a_persons() -> None:
    text = "Here it is\n\nStatus: Resolved\nDue date: 2026-12-31\nAssigned to: lee@org.example\nField: 12.5"
    assert judged("Re: Task 7 (New)", text, **{"In-Reply-To": "<x@y>"}).machine is None


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Я в отпуске Re: Ваше обращение", "Вернусь 5 мая и отвечу."),
        ("On leave Re: Your request", "Back in May."),
        ("Abwesenheitsnotiz bis 3. Mai", "Guten Tag."),
        ("Automatski odgovor: zahtjev", "Poštovani."),
        ("Re: Your request", "Thank you for your message. In urgent cases please contact desk@org.example."),
    ],
)
def test_machines_name_themselves_in_many_ways(subject: str, text: str) -> None:
    assert judged(subject, text, **{"In-Reply-To": "<x@y>"}).machine == "auto_reply"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Отпуск Re: Ваше обращение", "Отпускные не выплатили, прошу проверить работодателя."),
        ("Жалоба Re: Ваше обращение", "Ответ не по существу."),
        ("Паспорт Re: Ответ", "Спасибо, всё получила!"),
        ("Re: Automatic reply: Request", "Then whom do I ask?"),
    ],
)
def test_people_put_words_before_a_subject_too(subject: str, text: str) -> None:
    assert judged(subject, text, **{"In-Reply-To": "<x@y>"}).machine is None


def test_a_rule_of_exchange_that_wants_no_answer_is_a_machine() -> None:
    rule = {"X-MS-Exchange-Inbox-Rules-Loop": "a@b.example"}
    assert judged("Request", "Some text", **rule, **{"X-Auto-Response-Suppress": "All"}).machine == "auto_reply"
    assert judged("Request", "Some text", **rule).machine is None


def test_one_who_is_away_may_list_contacts() -> None:
    text = "I am on annual leave until 4 May.\n\nSales: lee@org.example\nOrders: ann@org.example\nPhone: 12 34 56"
    assert judged("Re: Task 7", text, **{"In-Reply-To": "<x@y>"}).machine == "auto_reply"


@pytest.mark.parametrize(
    "subject", ["А. Иванов отсутствует на рабочем месте / is out of the office", "John Smith is out of the office."]
)
def test_a_subject_that_says_who_is_absent_makes_its_words_likely(subject: str) -> None:
    text = "Я буду отсутствовать на рабочем месте с 20.11.2026 и вернусь 30.11.2026."
    assert judged(subject, text).machine == "auto_reply"
    assert judged(subject, "Кто подпишет мою справку вместо него?").machine is None


def test_what_quotes_the_answered_letter_has_to_be_surer() -> None:
    """People's programs put the answered letter below."""
    text, subject = _between_the_limits()
    assert judged(subject, text, **{"In-Reply-To": "<x@y>"}).machine == "auto_reply"
    assert judged(subject, f"{text}\n\n> Ваше обращение принято.", **{"In-Reply-To": "<x@y>"}).machine is None


def test_who_says_that_he_is_away_needs_less() -> None:
    text, subject = _between_the_limits(notices.ABSENT, notices.BARE_ANSWER)
    assert judged(subject, text, **{"In-Reply-To": "<x@y>"}).machine == "auto_reply"


def test_a_re_without_in_reply_to_answers_too() -> None:
    """Machines put it before a subject and do not say what they answer."""
    text, subject = _between_the_limits()
    assert judged(subject, text).machine == "auto_reply"
    assert judged("Fwd: x", text).machine is None


def _between_the_limits(low: float = notices.BARE_ANSWER, high: float = notices.SURE) -> tuple[str, str]:
    for letter in notice_learn.read([notice_learn.EXAMPLES]):
        score = notices.score(notices.features(letter.subject, letter.text, True))
        re = letter.subject.lower().startswith("re:")
        if re and letter.notice and low < score < high and notices.is_notice(letter.subject, letter.text, True, False):
            return letter.text, "Re: x"
    raise AssertionError("no example stands between the limits")


def test_what_was_learned_is_kept() -> None:
    """But for a little: the citizens' messages grow without it."""
    learned = notice_learn.learn([*notice_learn.read([notice_learn.EXAMPLES]), *notice_learn.citizens()])
    kept = dict(line.rsplit(" ", 1) for line in notices.WEIGHTS.read_text(encoding="utf-8").splitlines())
    now = dict(line.rsplit(" ", 1) for line in learned.splitlines())
    near = [name for name, weight in now.items() if abs(int(weight) - int(kept.get(name, "0"))) <= 10]
    assert len(near) > 0.95 * len(now)


@given(st.text(max_size=300), st.text(max_size=3000), st.booleans(), st.booleans())
@settings(max_examples=60)
def test_any_words_are_judged(subject: str, own: str, answers: bool, hinted: bool) -> None:
    certain = notices.is_notice(subject, own, answers, False)
    assert not certain or notices.is_notice(subject, own, answers, True)


def test_a_line_that_is_no_example_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"subject": "x"}\n')
    with pytest.raises(ValueError, match="line 1"):
        notice_learn.read([tmp_path / "a.jsonl"])
