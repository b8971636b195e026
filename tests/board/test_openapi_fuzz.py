"""What the OpenAPI document promises, held against the served application: by schemathesis, and by rough senders."""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection

from ledger import reports
from tests.board.site import OFFICE_KEY, PORTAL, Operator, Site, site

OPERATIONS = ("sendAppeal", "getAppeal", "commentAppeal", "markAppeal", "getReceipt")
# The same cases every time: a suite that finds another thing each night is nobody's to mend. Change the seed's source,
# the document, and the cases change.
QUIET = settings(
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
ENOUGH_SECONDS = 6.0  # of an operation: a machine at its limit tries fewer cases, and does not hang over them
ACCEPTED = {200, 201, 202}
_addresses = itertools.count(1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, postgres: Any) -> Iterator[Site]:
    """Over PostgreSQL: it refuses more of what a sender can think of than SQLite does."""
    folder, url = tmp_path_factory.mktemp("fuzz"), postgres.create_database()
    with site(url, folder, PORTAL) as made:
        yield made
    postgres.drop_database(url)


@pytest.fixture(scope="module")
def known(served: Site) -> dict[str, str]:
    """A number and a receipt of the source's own: without them every answer would be 404."""
    body = {"text": "Не приходит код для входа", "citizen": {"phone": "+79161234567"}}
    headers = {"Authorization": f"Bearer {OFFICE_KEY}", "Idempotency-Key": "known"}
    answer = served.client.post("/api/v1/appeals", json=body, headers=headers).json()
    receipt = answer["receipt"]
    while answer["state"] == "processing":  # a machine at its limit
        answer = served.client.get(f"/api/v1/receipts/{receipt}", headers=headers).json()
        time.sleep(0.1)
    return {"number": answer["number"], "receipt": receipt}


def address() -> dict[str, str]:
    """Wrong keys are counted by address: each case comes from another one."""
    number = next(_addresses)
    return {"X-Forwarded-For": f"203.0.{number // 250}.{number % 250}"}


def operation(served: Site, name: str) -> Any:
    schema = schemathesis.openapi.from_dict(served.client.get("/api/openapi.json").json())
    found = {each.ok().definition.raw["operationId"]: each.ok() for each in schema.get_all_operations()}
    assert set(found) == set(OPERATIONS)
    return found[name]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_one_that_the_document_names(
    served: Site, known: dict[str, str], name: str, mode: GenerationMode
) -> None:
    found = operation(served, name)
    seen: set[int] = set()
    end = time.monotonic() + ENOUGH_SECONDS

    @settings(QUIET, max_examples=25)
    @given(case=found.as_strategy(generation_mode=mode), own=st.booleans())
    def check(case: Any, own: bool) -> None:
        if time.monotonic() > end and (seen & ACCEPTED or mode is GenerationMode.NEGATIVE):
            return
        if (
            own
            and case.path_parameters
            and case.meta.components[ParameterLocation.PATH].mode is GenerationMode.POSITIVE
        ):
            case.path_parameters = {one: known[one] for one in case.path_parameters}
        # What no schema can say: a key that another request had is refused, and so is a line that is not configured.
        if re.fullmatch(r"[!-~][ -~]{0,149}", str(case.headers.get("Idempotency-Key"))):
            case.headers["Idempotency-Key"] = f"{name}-{next(_addresses)}"
        if mode is GenerationMode.POSITIVE:
            if isinstance(case.body, dict):
                case.body.get("appeal", case.body).pop("line", None)
            if own:
                case.headers.pop("Citizen-Id", None)  # not the citizen's who is known
        answer = case.call(base_url=served.url, headers={"Authorization": f"Bearer {OFFICE_KEY}", **address()})
        seen.add(answer.status_code)
        excluded = [ignored_auth]  # it sends without a key until it gets 429
        if case.media_type == "multipart/form-data":
            excluded.append(negative_data_rejection)  # a null for a field that may be null passes for a wrong string
        case.validate_response(answer, excluded_checks=excluded)

    check()
    assert seen & ACCEPTED or mode is GenerationMode.NEGATIVE  # it came further than the door
    assert "quarantined" not in served.parts.database.look_now(reports.states)  # what was taken could be read


ANY_BYTES = st.binary(max_size=300)
PATHS = (
    *("/api/v1/appeals", "/api/v1/appeals/{}", "/api/v1/appeals/{}/comments", "/api/v1/appeals/{}/mark"),
    *("/api/v1/receipts/{}", "/", "/status", "/captcha", "/sent/{}", "/board", "/board/sign-in", "/board/tickets/{}"),
    *("/board/quarantine/{}", "/board/quarantine/{}/retry", "/board/accounts/{}", "/attachments/{}", "/hooks/{}"),
    *("/static/x/{}", "/board/tickets?after={}", "/board/quarantine?after={}", "/board/record?after={}"),
    *("/board/search?q=word&after={}", "/board/search?q={}", "/board/search?q=a%40b.org&after={}"),
    *("/board/tickets/{}/answer", "/board/password", "/board/search"),
)
HOLES = st.sampled_from(
    [
        "%00",
        "nan",
        "1e400",
        "-1",
        "²",
        "9" * 5000,
        "9" * 19,
        "%ff",
        "a%00b",
        "..%2f..",
        "261122-000001-7",
        "telegram:%00",
    ]
)
TYPES = st.sampled_from(
    [
        *(
            "application/json",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=x",
        ),
        *("multipart/form-data; boundary=\xff", "multipart/form-data; boundary=x; charset=utf-16", "text/plain", ""),
        *("application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=zzz"),
    ]
)
BODIES = st.one_of(
    ANY_BYTES,
    ANY_BYTES.map(lambda part: b'--x\r\nContent-Disposition: form-data; name="appeal"\r\n\r\n' + part + b"\r\n--x--"),
    ANY_BYTES.map(lambda part: b'--x\r\nContent-Disposition: form-data; name="f"; filename="' + part + b'"\r\n\r\n'),
    st.sampled_from(
        [b"[" * 100_000, b'{"text": "\\u0000\\ud800"}', b'{"text": 1e999}', b"name=%ff&password=%00&q=%u1"]
    ),
)


@pytest.fixture(scope="module")
def operator(served: Site) -> Iterator[Operator]:
    with contextlib.closing(Operator(served)) as made:
        yield made


def test_no_request_however_rough_gets_an_error_of_the_servers(served: Site, operator: Operator) -> None:
    end = time.monotonic() + ENOUGH_SECONDS

    @settings(QUIET, max_examples=250)
    @given(
        method=st.sampled_from(["GET", "POST", "POST", "HEAD", "PUT"]),
        path=st.sampled_from(PATHS),
        hole=HOLES,
        kind=TYPES,
        body=BODIES,
        key=st.sampled_from([f"Bearer {OFFICE_KEY}", "Bearer \xff", "Basic x", ""]),
        signed=st.booleans(),
    )
    def check(method: str, path: str, hole: str, kind: str, body: bytes, key: str, signed: bool) -> None:
        if time.monotonic() > end:
            return
        headers = {"Authorization": key.encode("latin-1"), "Content-Type": kind.encode("latin-1")}
        headers |= {name: value.encode() for name, value in {**address(), "Idempotency-Key": "rough"}.items()}
        client = operator.client if signed else served.client
        content = None if method in ("GET", "HEAD") else body
        answer = client.request(method, path.replace("{}", hole), headers=headers, content=content)
        assert answer.status_code < 500, answer.text

    check()
