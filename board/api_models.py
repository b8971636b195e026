"""The shapes of the intake API; its OpenAPI document is made of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
LongLine = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Text = Annotated[str, StringConstraints(max_length=64 * 1024)]
Audience = Literal["pensioners", "accessibility", "business", "offline", "general"]
MOST_ATTACHMENTS = 20


class Shape(BaseModel):
    """Closed: a field that nobody reads is a mistake of the sender's."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Passport(Shape):
    """A passport."""

    series: Line | None = None
    number: Line | None = None
    issued_on: date | None = None
    issued_by: Line | None = None


class Citizen(Shape):
    """Who writes, as stated."""

    full_name: Line | None = Field(default=None, examples=["Соколов Игорь Андреевич"])
    email: Annotated[str, StringConstraints(strip_whitespace=True, max_length=254)] | None = None
    phone: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)] | None = None
    inn: Annotated[str, StringConstraints(max_length=20)] | None = None
    snils: Annotated[str, StringConstraints(max_length=20)] | None = None
    passport: Passport | None = None
    account_number: Line | None = None
    preferred_channel: Line | None = None
    call_back_at: Line | None = None
    language: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=16)] | None
    ) = None


class SignIn(Shape):
    """Who is signed in with the source, and what of him the source vouches for."""

    id: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,100}$")] = Field(
        description="the source's own id of the citizen; the same for every request of his"
    )
    vouched: list[Literal["full_name", "phone", "email", "inn", "snils"]] = Field(
        default_factory=list, max_length=5, description="fields of `citizen` that the source has checked"
    )


class Details(Shape):
    """What the problem is about, as far as the source knows."""

    application_number: Line | None = None
    service: Line | None = None
    step: Line | None = None
    error_code: Line | None = None
    error_text: LongLine | None = None
    occurred_at: Line | None = None
    device: Line | None = None
    os: Line | None = None
    browser: Line | None = None


class Attachment(Shape):
    """A file. In a multipart request files are sent as parts named `files` instead."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    media_type: Annotated[str, StringConstraints(max_length=127)] = "application/octet-stream"
    content: str = Field(description="base64", json_schema_extra={"format": "byte"}, repr=False)


class _Said(Shape):
    citizen: Citizen = Citizen()
    sign_in: SignIn | None = None
    sent_at: AwareDatetime | None = Field(None, description="when the citizen said it; unset: now")


class Comment(_Said):
    """An addition to a request. State `sign_in`, or a phone or e-mail that it has: else it becomes one of its own."""

    text: Text = Field(min_length=1)
    attachments: list[Attachment] = Field(default_factory=list, max_length=MOST_ATTACHMENTS)


class Mark(_Said):
    """A rating of how the request was dealt with."""

    mark: int = Field(ge=1, le=5)
    about: date | None = Field(None, description="the day that the mark is about")
    suggestions: Annotated[str, StringConstraints(max_length=10_000)] | None = None


class Appeal(Comment):
    """A request of a citizen."""

    subject: Line | None = None
    category: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="a category of the routing rules; unset: told from the text"
    )
    number: Annotated[str, StringConstraints(max_length=60)] | None = Field(
        None, description="of an earlier request, as the citizen wrote it"
    )
    audience: Audience | None = None
    line: Annotated[str, StringConstraints(max_length=60)] | None = Field(
        None, description="the line of the hotline that was called: gives the audience, see `lines` of the channel"
    )
    details: Details = Details()


class Accepted(Shape):
    """What became of what was sent. It is durable, whatever `state` says."""

    receipt: str = Field(description="for GET /api/v1/receipts/{receipt}")
    state: Literal["numbered", "added", "processing", "kept"] = Field(
        description="numbered: `number` says which request it is or joined; added: it joined a request whose number its"
        " sender may not be told; processing: ask again by the receipt; kept: an operator will look at it"
    )
    number: str | None = None
    kind: Literal["new", "follow_up", "repeat", "edit", "deletion", "review"] | None = None


class State(Shape):
    """The state of a request."""

    number: str
    state: Literal["open", "answered", "closed"]
    opened_at: datetime
    answer_by: datetime | None
    answered_at: datetime | None
    closed_at: datetime | None
    category: str
    repeats: int


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[dict[str, Any]] | None = Field(None, description="of each wrong field: `pointer` and `detail`")
