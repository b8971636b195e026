# ruff: noqa: E501 (lines of letters stand as the programs write them)
"""What the markup of mail programs says: own words, quoted letter, signature; and that nothing else comes through."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normalizer.html import render
from normalizer.quotes import split_lines

PROGRAMS = {
    "hotmail": (
        "A B",
        '<html><body><div class="hmmessage">A B<br><br><hr id="stopSpelling">Date: Wed, 5 Jun 2024 12:00<br>From: x@y.z<br>To: q@w.e<br>Subject: s<br><br>q</div></body></html>',
    ),
    "outlook on the web": (
        "A",
        '<div dir="ltr">A</div><div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font><b>От:</b> X &lt;x@y.z&gt;<br><b>Отправлено:</b> 5 июня<br><b>Кому:</b> Y<br><b>Тема:</b> s</font></div><div>q</div>',
    ),
    "apple mail": (
        "A",
        '<html><body style="word-wrap:break-word">A<br><div><br><blockquote type="cite"><div>5 июня 2024 г., в 12:05, X &lt;<a href="mailto:x@y.z">x@y.z</a>&gt; написал(а):</div><br><div>q</div></blockquote></div><br></body></html>',
    ),
    "thunderbird": (
        "A",
        '<html><body><p>A</p><div class="moz-cite-prefix">05.06.2024 12:05, X пишет:<br></div><blockquote type="cite" cite="mid:x">q</blockquote><p></p></body></html>',
    ),
    "thunderbird, answers between": (
        "A\n\nB",
        '<html><body><div class="moz-cite-prefix">05.06.2024 12:05, X пишет:<br></div><blockquote type="cite">q</blockquote><p>A</p><blockquote type="cite">r</blockquote><p>B</p><pre class="moz-signature" cols="72">-- \nX</pre></body></html>',
    ),
    "yahoo": (
        "A",
        '<div class="yahoo-style-wrap">A</div><div id="yahoo_quoted_1" class="yahoo_quoted"><div>On Wed X wrote:</div><div>q</div></div>',
    ),
    "yahoo, newer": (
        "A",
        '<div class="ydp1yahoo-style-wrap">A</div><div id="ydp2yahoo_quoted_1" class="ydp2yahoo_quoted">q</div>',
    ),
    "front": (
        "A",
        '<div>A</div><div class="front-signature">Ivan</div><blockquote class="front-blockquote">q</blockquote>',
    ),
    "proton": (
        "A",
        '<div>A</div><div><br></div><div class="protonmail_quote">On Wed X wrote:<blockquote class="protonmail_quote">q</blockquote></div>',
    ),
    "yandex": (
        "A",
        '<div>A</div><div>&nbsp;</div><div>05.06.2024, 12:05, "X" &lt;x@y.z&gt;:</div><blockquote><div>q</div></blockquote>',
    ),
    "zimbra": (
        "A",
        '<div style="font-family:arial">A<hr id="zwchr"><b>From: </b>"X" &lt;x@y.z&gt;<br><b>To: </b>"Y"<br><b>Sent: </b>Wed<br><b>Subject: </b>s<br><br>q</div>',
    ),
    "samsung": (
        "A",
        '<div>A</div><div><br></div><div id="composer_signature"><div>Отправлено с Samsung</div></div><div><br></div><div><!-- originalMessage --><div>-------- Исходное сообщение --------</div><div>От: X &lt;x@y.z&gt; </div><div>Дата: 05.06.2024  12:05  (GMT+03:00) </div><div>Кому: Y </div><div>Тема: s </div><div><br></div></div>q',
    ),
    "gmail on android": (
        "A",
        '<div dir="auto">A</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">ср, 5 июн. 2024 г., 12:05 X &lt;x@y.z&gt;:<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex">q</blockquote></div>',
    ),
    "gmail, answers between": (
        "A\n\nB",
        '<div class="gmail_quote"><div class="gmail_attr">On Wed, X wrote:<br></div><blockquote class="gmail_quote">q</blockquote><div>A</div><blockquote class="gmail_quote">r</blockquote><div>B</div></div>',
    ),
    "gmail signature": (
        "A",
        '<div dir="ltr">A<br clear="all"><div><br></div>-- <br><div dir="ltr" class="gmail_signature" data-smartmail="gmail_signature">X<br>Y</div></div>',
    ),
    "gmail forward": (
        "A",
        '<div>A</div><div><br></div><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>От: <b>X</b> &lt;x@y.z&gt;<br>Date: ср, 5 июн. 2024<br>Subject: s<br>To:  &lt;a@b&gt;<br></div><br>q</div>',
    ),
    "outlook on the desktop": (
        "A",
        '<html xmlns:o="x"><body lang=RU><div class=WordSection1><p class=MsoNormal>A<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal><b>From:</b> X &lt;x@y.z&gt; <br><b>Sent:</b> Wed<br><b>To:</b> Y<br><b>Subject:</b> s<o:p></o:p></p><p class=MsoNormal>q</p></div></body></html>',
    ),
    "gmail indent": (
        "A\n\nB",
        '<blockquote style="margin: 0 0 0 40px; border: none; padding: 0px;">A</blockquote><div>B</div>',
    ),
    "gmail, old": (
        "A",
        '<div>A</div><div class="mail_extra">On 5 Jun 2024 12:05, "X" &lt;x@y.z&gt; wrote:<br type="attribution"><blockquote class="quote">q</blockquote></div>',
    ),
    "mail.ru with regards": (
        "A",
        '<p>A</p><p>С уважением,<br>Иван</p><blockquote style="border-left:1px solid #0857A6"><div>Среда, 5 июня 2024, 12:00 +03:00 от X &lt;x@y.z&gt;:</div>q</blockquote>',
    ),
    "mail.ru on android": (
        "A",
        '<p>A</p><p>--<br>Отправлено из <a href="https://trk.mail.ru">Mail.ru для Android</a></p><div class="mail-quote-collapse">среда, 05 июня 2024г., 12:05 +03:00 от X <a href="mailto:x@y.z">x@y.z</a>:<br><blockquote id="mail-app-auto-quote">q</blockquote></div>',
    ),
}


@pytest.mark.parametrize(("own", "html"), PROGRAMS.values(), ids=PROGRAMS.keys())
def test_the_markup_of_a_mail_program_shows_what_is_quoted(own: str, html: str) -> None:
    found = split_lines(render(html).lines)
    assert found.own.replace("\n\n", "\n").split() == own.split()
    assert found.own == own


def test_blocks_become_lines_and_inline_elements_do_not() -> None:
    html = "<p>one <b>two</b>\nthree</p><ul><li>four<li>five</ul><table><tr><td>six</td><td>seven</td></tr></table>eight<br>nine"
    assert [line.text for line in render(html).lines if line.text] == [
        "one two three",
        "- four",
        "- five",
        "six seven",
        "eight",
        "nine",
    ]


def test_preformatted_text_keeps_its_lines() -> None:
    assert [line.text for line in render("<pre>a\n  b\n\nc</pre>").lines] == ["a", "  b", "", "c"]


def test_entities_are_characters_and_invisible_ones_are_dropped() -> None:
    assert render("a&nbsp;&lt;b&gt; &amp;&#1087; x\u200by\u00adz").lines[0].text == "a <b> &п xyz"


def test_a_ticket_number_cut_by_tags_is_one_again() -> None:
    assert render("№ <b>240605</b>-<span>000</span>001-<i>7</i>").lines[0].text == "№ 240605-000001-7"


def test_scripts_styles_comments_and_hidden_elements_say_nothing() -> None:
    html = "<style>a</style><script>b</script><!-- c --><div style='display:none'>d<p>e</p></div><span hidden>f</span><img alt='logo' src='http://x.example/g'>h"
    assert [line.text for line in render(html).lines] == ["h"]


def test_only_addresses_that_lead_somewhere_are_links() -> None:
    html = '<a href="javascript:x">1</a><a href="https://a.example/?a=1&amp;b=2">2</a><a href="mailto:a@b.example">3</a><a>4</a>'
    assert render(html).links == ["https://a.example/?a=1&b=2", "mailto:a@b.example"]


@pytest.mark.parametrize(
    "unit",
    [
        "<div>",
        "<b>",
        "<p>",
        "<blockquote>",
        "<table>",
        "<a href='",
        '<a b="',
        "<!--",
        "<",
        "&",
        "<svg><a>",
        "</div>",
        "<pre>\n",
        "<br>",
    ],
)
def test_the_worst_markup_takes_bounded_time(unit: str) -> None:
    started = time.thread_time()
    render(unit * (500_000 // len(unit)))
    assert time.thread_time() - started < 2


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            [
                "<div>",
                "</div>",
                "<blockquote>",
                "</blockquote>",
                "<p hidden>",
                "</p>",
                "<br",
                ">",
                '"',
                "text",
                "&amp;",
                "<!--",
                "-->",
                "<pre>",
                "\0",
                "<a href=x>",
                "\ud800",
            ]
        ),
        max_size=40,
    ).map("".join)
)
def test_any_markup_is_read_without_an_exception(html: str) -> None:
    render(html)


@pytest.mark.parametrize(
    "doctype", ["<!DOCTYPE html>", '<!doctype HTML PUBLIC "-//W3C//DTD HTML 4.0//EN" "http://x/y">']
)
def test_the_type_of_the_document_is_not_text(doctype: str) -> None:
    assert [line.text for line in render(f"{doctype}<html><body>A</body></html>").lines] == ["A"]
