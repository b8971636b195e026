"""Pages: templates that escape by themselves, the words of a language, and static files under names that change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from config import page_texts
from config.settings import Settings
from config.texts import EN_MONTHS, LANGUAGES, RU_MONTHS

HERE = Path(__file__).parent
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Pages:
    """Renders pages and serves what belongs to them."""

    def __init__(self, settings: Settings) -> None:
        self.words = page_texts.load(settings.texts.path)
        self._zone: ZoneInfo = settings.tickets.timezone
        self._static = {path.name: path.read_bytes() for path in (HERE / "static").iterdir() if path.is_file()}
        self._version = hashlib.sha256(b"".join(self._static[name] for name in sorted(self._static))).hexdigest()[:10]
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,  # everything that a citizen wrote is escaped
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["static"] = lambda name: f"/static/{self._version}/{name}"

    def routes(self) -> list[Route]:
        """The static files. Their address changes with their content, so that they may be kept for ever."""
        return [Route("/static/{version}/{name}", self.static)]

    async def static(self, request: Request) -> Response:
        """One file."""
        name = request.path_params["name"]
        content = self._static.get(name)
        if content is None:
            return PlainTextResponse("not found", 404)
        media_type = _MEDIA_TYPES.get(Path(name).suffix, "application/octet-stream")
        kept = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(content, media_type=media_type, headers=kept)

    def language(self, connection: HTTPConnection) -> str:
        """`?lang=`, else what was chosen before, else the browser's first that we speak, else Russian."""
        asked = connection.query_params.get("lang")
        if asked in LANGUAGES:
            return asked
        kept = connection.cookies.get("lang")
        if kept in LANGUAGES:
            return kept
        for spoken in connection.headers.get("accept-language", "")[:200].split(","):
            language = spoken.split(";")[0].split("-")[0].strip().lower()
            if language in LANGUAGES:
                return language
        return LANGUAGES[0]

    def text(self, template: str, language: str, **values: Any) -> str:
        """A template filled in."""
        words = self.words[language]
        return self._templates.get_template(template).render(
            lang=language,
            t=words.__getitem__,
            w=words,
            moment=lambda seconds: self.moment(seconds, language),
            zone=self.zone(language),
            size=lambda count: size(count, words),
            **values,
        )

    def page(self, request: HTTPConnection, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """An answer with a filled-in template, in the language of who asks."""
        language = values.pop("language", None) or self.language(request)
        here = request.url.path
        response = HTMLResponse(
            self.text(template, language, here=here, in_other_language=_in_other_language(request, language), **values),
            status,
            headers={"vary": "accept-language, cookie", "content-language": language},
        )
        if request.query_params.get("lang") == language:
            response.set_cookie("lang", language, max_age=31536000, path="/", httponly=True, samesite="lax")
        return response

    def moment(self, seconds: float | None, language: str) -> str:
        """«22 ноября, 14:05» in the zone of the tickets."""
        if seconds is None:
            return "—"
        at = datetime.fromtimestamp(seconds, UTC).astimezone(self._zone)
        months = EN_MONTHS if language == "en" else RU_MONTHS
        year = f" {at.year}" if at.year != datetime.now(self._zone).year else ""
        return f"{at.day} {months[at.month - 1]}{year}, {at:%H:%M}"

    def zone(self, language: str) -> str:
        """«МСК, UTC+03:00»: by whose clock the moments are, for who lives by another."""
        now = datetime.now(self._zone)
        name, offset = now.tzname() or "", f"{now:%z}"
        name = "МСК" if (name, language) == ("MSK", "ru") else name
        shown = f"UTC{offset[:3]}:{offset[3:]}"
        return f"{name}, {shown}" if name.isalpha() else shown  # most zones have a number for their name


def _in_other_language(request: HTTPConnection, language: str) -> str:
    """The address of the same page in the other language, with what was searched or chosen; a form begins anew."""
    [other] = [each for each in LANGUAGES if each != language]
    path, ours = request.url.path, ("/board", "/sent/")
    if request.scope.get("method") == "GET" and path.startswith(ours):
        return f"{path}?{request.url.include_query_params(lang=other).query}"
    home = "/board" if path.startswith("/board") else "/"
    return f"{path if path == '/status' else home}?lang={other}"


def size(count: int | None, words: Mapping[str, str]) -> str:
    """Bytes as people read them, in 1024s: as the configuration means its limits."""
    if count is None:
        return ""
    if count < 1024**2:
        return f"{max(1, round(count / 1024))}\u00a0{words['common.kilobytes']}"
    return f"{count / 1024**2:.1f}".removesuffix(".0") + f"\u00a0{words['common.megabytes']}"


def chosen(words: Mapping[str, str], prefix: str, name: str) -> str:
    """The words for a name of ours, or the name itself where an administrator's own has none."""
    return words.get(f"{prefix}.{name}", name)
