"""The intake API: who may send, what comes back, and problems as RFC 9457 says."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import pytest

from pipeline.inspect import ticket_view
from tests.board.site import CABINET_KEY, OFFICE_KEY, PHONE_KEY, Site

_keys = itertools.count(1)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def post(site: Site, path: str, body: Any, key: str = CABINET_KEY, **headers: str) -> Any:
    given = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"test-{next(_keys)}", **headers}
    answer = site.client.post(f"/api/v1/{path}", json=body, headers=given)
    while answer.status_code == 202:  # a machine at its limit has not come to it within the two seconds that it waits
        answer = get(site, f"receipts/{answer.json()['receipt']}", key)
    return answer


def get(site: Site, path: str, key: str = CABINET_KEY, **headers: str) -> Any:
    return site.client.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {key}", **headers})


def envelope(site: Site, number: str, index: int = -1) -> dict[str, Any]:
    found = ticket_view(site.parts, number)
    assert found is not None
    value: dict[str, Any] = found["messages"][index]["envelope"]
    return value


def signed_in(citizen: str) -> dict[str, Any]:
    return {
        "sign_in": {"id": citizen, "vouched": ["full_name", "email"]},
        "citizen": {"full_name": "Соколов Игорь Андреевич", "email": f"{citizen}@example.org"},
    }


def test_a_request_of_the_cabinet_is_numbered_and_vouched_for(portal: Site) -> None:
    body = {
        **signed_in("c1"),
        "text": "Статус заявления не обновляется третью неделю",
        "subject": "Статус",
        "category": "cabinet",
        "details": {"application_number": "1834567890"},
        "attachments": [{"name": "экран.png", "media_type": "image/png", "content": base64.b64encode(PNG).decode()}],
    }
    answer = post(portal, "appeals", body)
    assert answer.status_code == 201, answer.text
    number = answer.json()["number"]
    assert answer.headers["location"] == f"/api/v1/appeals/{number}"
    found = envelope(portal, number)
    assert found["source"]["via"] == "cabinet" and found["citizen"]["id"] == "portal:cabinet:c1"
    assert found["citizen"]["vouched"] == ["id", "full_name", "email"]
    assert found["details"]["application_number"] == "1834567890"
    assert found["route"]["category"] == "cabinet"
    assert found["attachments"][0]["state"] == "stored"


def test_the_same_key_gives_the_same_number_and_another_request_under_it_is_refused(portal: Site) -> None:
    body = {**signed_in("c2"), "text": "Не могу войти в кабинет"}
    first = post(portal, "appeals", body, **{"Idempotency-Key": "once"})
    again = post(portal, "appeals", body, **{"Idempotency-Key": "once"})
    assert first.json()["number"] == again.json()["number"]
    assert again.headers["idempotent-replayed"] == "true" and "idempotent-replayed" not in first.headers
    other = post(portal, "appeals", {**body, "text": "Совсем другое"}, **{"Idempotency-Key": "once"})
    assert (other.status_code, other.json()["type"]) == (422, "/api/docs#key-used-before")


def test_the_line_that_was_called_gives_the_audience(portal: Site) -> None:
    body = {"text": "Не приходит код", "line": "8 (800) 100-00-02", "citizen": {"full_name": "Никифорова Анна"}}
    number = post(portal, "appeals", body, PHONE_KEY).json()["number"]
    assert envelope(portal, number)["route"]["audience"] == "pensioners"
    wrong = post(portal, "appeals", {**body, "line": "112"}, PHONE_KEY)
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "#/line")


def test_files_can_come_as_parts_of_the_request(portal: Site) -> None:
    headers = {"Authorization": f"Bearer {OFFICE_KEY}", "Idempotency-Key": "parts-1"}
    appeal = json.dumps(
        {"text": "Прикладываю копию", "citizen": {"full_name": "Галиев Рустам", "phone": "+79170000001"}}
    )
    files = [("files", ("скан.png", PNG, "image/png"))]
    answer = portal.client.post("/api/v1/appeals", data={"appeal": appeal}, files=files, headers=headers)
    assert answer.status_code == 201, answer.text
    assert envelope(portal, answer.json()["number"])["attachments"][0]["name"] == "скан.png"


def test_the_state_is_told_to_whose_request_it_is_and_to_nobody_else(portal: Site) -> None:
    number = post(portal, "appeals", {**signed_in("c3"), "text": "Пропали мои документы в кабинете"}).json()["number"]
    mine = get(portal, f"appeals/{number}", **{"Citizen-Id": "c3"})
    assert (mine.status_code, mine.json()["state"], mine.json()["number"]) == (200, "open", number)
    others = [
        get(portal, f"appeals/{number}", **{"Citizen-Id": "c4"}),
        get(portal, f"appeals/{number}"),
        get(portal, f"appeals/{number}", OFFICE_KEY),
        get(portal, "appeals/261122-999999-0"),
        get(portal, "appeals/nonsense"),
    ]
    assert [answer.status_code for answer in others] == [404] * 5
    assert len({answer.text for answer in others}) == 1


def test_ids_that_differ_in_letter_case_only_are_of_two_citizens(portal: Site) -> None:
    """The portal's ids may be any text: «aBc» was told the state of «AbC»'s request, and joined it."""
    one, other = {"sign_in": {"id": "aBc-1"}}, {"sign_in": {"id": "AbC-1"}}
    number = post(portal, "appeals", {**one, "text": "Пропали мои документы"}).json()["number"]
    assert get(portal, f"appeals/{number}", **{"Citizen-Id": "aBc-1"}).status_code == 200
    assert get(portal, f"appeals/{number}", **{"Citizen-Id": "AbC-1"}).status_code == 404
    stranger = post(portal, f"appeals/{number}/comments", {**other, "text": "А что там с этим?"})
    assert stranger.json()["number"] != number


def test_a_service_centre_sees_what_it_entered_itself(portal: Site) -> None:
    body = {"text": "Запись не подтверждена", "citizen": {"full_name": "Галиев Рустам", "phone": "+79170000002"}}
    number = post(portal, "appeals", body, OFFICE_KEY).json()["number"]
    assert get(portal, f"appeals/{number}", OFFICE_KEY).status_code == 200
    assert get(portal, f"appeals/{number}", PHONE_KEY).status_code == 404


def test_a_comment_and_a_mark_join_the_citizens_request(portal: Site) -> None:
    number = post(portal, "appeals", {**signed_in("c5"), "text": "Не открывается раздел «Налоги»"}).json()["number"]
    comment = post(portal, f"appeals/{number}/comments", {**signed_in("c5"), "text": "Сегодня открылся, но пустой"})
    assert (comment.status_code, comment.json()["number"], comment.json()["kind"]) == (201, number, "follow_up")
    mark = post(portal, f"appeals/{number}/mark", {**signed_in("c5"), "mark": 5, "suggestions": "Спасибо"})
    assert (mark.json()["number"], mark.json()["kind"]) == (number, "review")
    assert envelope(portal, number)["review"] == {"mark": 5, "about": None, "suggestions": "Спасибо"}
    stranger = post(portal, f"appeals/{number}/comments", {**signed_in("c6"), "text": "А что там с этим?"})
    assert stranger.status_code == 201 and stranger.json()["number"] != number


def test_a_receipt_tells_its_own_source_what_became_of_the_request(portal: Site) -> None:
    sent = post(portal, "appeals", {**signed_in("c7"), "text": "Проверка квитанции о приёме"}).json()
    assert get(portal, f"receipts/{sent['receipt']}").json()["number"] == sent["number"]
    assert get(portal, f"receipts/{sent['receipt']}", OFFICE_KEY).status_code == 404


@pytest.mark.parametrize("key", ["x", "wrong-key-wrong-key-wrong-key", "é"])
def test_without_a_right_key_nothing_is_taken(portal: Site, key: str) -> None:
    before = portal.journalled()
    headers = {"Authorization": f"Bearer {key}".encode(), "Idempotency-Key": "x"}
    answer = portal.client.post("/api/v1/appeals", json={"text": "…"}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert portal.journalled() == before


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/text"),
        ({"text": "a", "unknown": 1}, "#/unknown"),
        ({"text": "a", "category": "no such"}, "#/category"),
        ({"text": "a", "audience": "everybody"}, "#/audience"),
        ({"text": "a", "sent_at": "2026-11-22T10:00:00"}, "#/sent_at"),
        ({"text": "a" * 70_000}, "#/text"),
        ([], "#/"),
    ],
)
def test_a_body_that_is_wrong_is_answered_with_where_it_is_wrong(portal: Site, body: Any, pointer: str) -> None:
    answer = post(portal, "appeals", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert "aaaa" not in answer.text


def test_a_request_that_is_none_is_answered_with_a_problem(portal: Site) -> None:
    headers = {"Authorization": f"Bearer {CABINET_KEY}", "Idempotency-Key": "odd"}
    answers = [
        portal.client.post("/api/v1/appeals", content=b"{", headers={**headers, "content-type": "application/json"}),
        portal.client.post("/api/v1/appeals", content=b"a=1", headers=headers),
        post(portal, "appeals", {"text": "a"}, **{"Idempotency-Key": ""}),
        portal.client.put("/api/v1/appeals", headers=headers),
        portal.client.get("/api/v1/nothing"),
        portal.client.post(
            "/api/v1/appeals", content=b"x" * 60_000_000, headers={**headers, "content-type": "application/json"}
        ),
    ]
    assert [answer.status_code for answer in answers] == [400, 415, 400, 405, 404, 413]
    for answer in answers:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == answer.status_code and problem["title"] and problem["type"].startswith("/api/docs#")


def test_who_tries_keys_one_after_another_is_stopped(portal: Site) -> None:
    statuses = {get(portal, "receipts/x", f"guess-{index:020}").status_code for index in range(25)}
    assert statuses == {401, 429}


def test_the_document_names_every_path_and_every_reference_leads_somewhere(portal: Site) -> None:
    document = portal.client.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert len(document["paths"]) == 5

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            found = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return found + [one for item in value.values() for one in references(item)]
        return [one for item in value for one in references(item)] if isinstance(value, list) else []

    names = {reference.rpartition("/")[2] for reference in references(document)}
    assert names <= set(document["components"]["schemas"])
    page = portal.client.get("/api/docs").text
    assert all(path in page for path in document["paths"])
    assert 'id="unauthorized"' in page


def test_without_a_portal_channel_nobody_has_a_key(bare: Site) -> None:
    assert post(bare, "appeals", {"text": "a"}).status_code == 401
