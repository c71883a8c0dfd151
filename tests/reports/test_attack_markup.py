"""Whatever learners write, wherever it is shown: the page keeps its own elements and nothing of theirs."""

import re

import pytest
from hostile_strings import CORPUS, DECEIVING, MARKUP, tainted
from learner_samples import GPT, check, earlier, everything, result
from page_reader import Page

from harness.records import Outcome, Picture
from reports import learner_page
from reports.text import visible

ELEMENTS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "link",
        "style",
        "body",
        "header",
        "main",
        "footer",
        "section",
        "article",
    ),
    *(
        "div",
        "span",
        "p",
        "h1",
        "h2",
        "h3",
        "ul",
        "li",
        "dl",
        "dt",
        "dd",
        "strong",
        "b",
        "code",
        "pre",
        "a",
        "bdi",
    ),
    *(
        "details",
        "summary",
        "figure",
        "figcaption",
        "img",
        "audio",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ),
    *("svg", "desc", "rect", "line", "path", "circle", "polyline", "text"),
}
ATTRIBUTES = {
    *(
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "rel",
        "href",
        "class",
        "id",
        "role",
        "controls",
        "preload",
        "tabindex",
        "dir",
    ),
    *("src", "alt", "width", "height", "scope", "aria-hidden", "aria-label", "aria-labelledby", "viewbox"),
    *(
        "preserveaspectratio",
        "text-anchor",
        "points",
        "x",
        "y",
        "x1",
        "x2",
        "y1",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "d",
    ),
    "dy",
}


def page_with(payload):
    """Return a page that carries the payload in every free text of every record."""
    shown = tainted(everything(), payload)
    return learner_page(
        shown, tainted(GPT, payload), tuple(tainted(old, payload) for old in earlier(shown, 0.2, 0.9))
    )


@pytest.mark.parametrize("payload", MARKUP, ids=lambda p: ascii(p)[1:40])
def test_only_the_templates_elements_and_attributes_are_on_the_page(payload):
    page = Page(page_with(payload))
    assert {tag for tag, _ in page.elements} <= ELEMENTS
    assert {name for _, attributes in page.elements for name in attributes} <= ATTRIBUTES
    assert all(a["href"].startswith("#check-") for a in page.of("a"))
    assert [link["href"] for link in page.of("link")] == ["data:,"]
    assert all(re.fullmatch(r"data:image/png;base64,[\w+/=]+", image["src"]) for image in page.of("img"))


@pytest.mark.parametrize(
    "payload", [p for p in MARKUP if "\n" not in visible(p)], ids=lambda p: ascii(p)[1:40]
)
def test_a_payload_changes_no_element(payload):
    def shape(page):
        return [tag for tag, _ in page.elements if tag != "code"]  # backticks make code, and may

    assert shape(Page(page_with(payload))) == shape(Page(page_with("x")))


@pytest.mark.parametrize("payload", [p for p in MARKUP if "`" not in p], ids=lambda p: ascii(p)[1:40])
def test_a_payload_is_shown_as_it_was_written(payload):
    wanted = " ".join(visible(payload + "Changing token 7").split())
    assert wanted in Page(page_with(payload)).text


def test_the_corpus_is_large_enough():
    assert len(CORPUS) >= 200
    assert len(set(CORPUS)) == len(CORPUS)


@pytest.mark.parametrize("payload", MARKUP + DECEIVING, ids=lambda p: ascii(p)[1:40])
def test_no_character_is_unseen_or_turns_the_text(payload):
    html = page_with(payload)
    html.encode("utf-8")  # a lone surrogate would raise
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]", html
    )


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('" onerror="alert(1)', id="attribute"),
        pytest.param("data:image/svg+xml,<svg onload=alert(1)>", id="other-scheme"),
        pytest.param("PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+", id="svg-in-base64"),
        pytest.param("http://evil.example/x.png", id="address"),
    ],
)
def test_a_picture_that_is_none_is_not_shown(source):
    shown = result(check(outcome=Outcome.PASSED, exhibits=(Picture(title="t", png_base64=source),)))
    page = Page(learner_page(shown))
    assert page.of("img") == []
    assert "This picture cannot be shown" in page.text
