"""A notebook's page shows what was written and what came out, and nothing in it runs, whatever the cells hold."""

import base64
import dataclasses
import hashlib
import json
import re

import pytest
from hostile_strings import CORPUS, MARKUP
from learner_samples import sprites, vae
from page_reader import Page

from reports import notebook_page, pages_of


def code(source, *outputs):
    return {
        "cell_type": "code",
        "id": f"c{abs(hash(source)) % 10**9}",
        "metadata": {},
        "execution_count": 1,
        "source": source,
        "outputs": list(outputs),
    }


def markdown(source):
    return {"cell_type": "markdown", "id": f"m{abs(hash(source)) % 10**9}", "metadata": {}, "source": source}


def shown(data):
    return {"output_type": "display_data", "metadata": {}, "data": data}


def notebook(*cells):
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)})


def everywhere(payload):
    """Return cells with a text in every place that is shown."""
    stream = {"output_type": "stream", "name": "stdout", "text": payload}
    error = {"output_type": "error", "ename": payload, "evalue": payload, "traceback": [payload]}
    data = {"text/plain": payload, "text/html": payload, "image/svg+xml": payload, "image/png": payload}
    return (
        markdown(payload),
        code(payload, stream, error, shown(data)),
        markdown(f"![x]({payload}) [y]({payload})"),
    )


@pytest.fixture(scope="module")
def hostile():
    return notebook_page(notebook(*(cell for payload in CORPUS for cell in everywhere(payload))), MARKUP[0])


def test_a_hostile_notebook_keeps_to_the_allowed_elements(hostile):
    page = Page(hostile)
    assert len(page.of("pre")) > len(CORPUS)
    assert not page.scripts
    for tag, attributes in page.elements:
        assert tag not in {"script", "iframe", "object", "embed", "base", "form", "input", "audio", "math"}
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcdoc")]
        if tag == "a":
            assert attributes.get("href", "https://").startswith(("http://", "https://"))
        if tag == "img":
            assert attributes.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")


def test_a_hostile_notebook_can_be_written_and_turns_nothing(hostile):
    hostile.encode()
    assert not re.search("[\x00-\x08\x1b\x7f-\x9f\u202a-\u202e\u2066-\u2069]", hostile)


@pytest.mark.browser
@pytest.mark.parametrize("bypass", [False, True], ids=["policy", "cleaning-alone"])
def test_a_hostile_notebook_runs_nothing(visit, hostile, bypass):
    page = visit(hostile, bypass_csp=bypass)
    page.mouse.move(200, 400)
    page.wait_for_timeout(200)
    assert page.evaluate("document.scripts.length") == 0


TEXT = """# A report

I trained a *small* model.

| a | b |
|---|---|
| 1 | 2 |

- one
- two

[more](https://example.org)
"""


def test_what_was_written_is_shown_as_it_was_meant():
    page = Page(notebook_page(notebook(markdown(TEXT), code("print(1)", shown({"text/plain": "42"}))), "Lab"))
    tags = [tag for tag, _ in page.elements]
    assert {"h1", "em", "table", "td", "ul", "li", "a", "pre"} <= set(tags)
    assert "A report" in page.text
    assert "<h1" not in page.text
    assert "42" in page.text


@pytest.mark.parametrize("broken", [False, True])
def test_pictures_are_shown_where_they_are_sound(broken):
    data = sprites(2, 2)
    if broken:
        data = base64.b64encode(base64.b64decode(data)[:-3]).decode()
    page = Page(notebook_page(notebook(code("plot()", shown({"image/png": data}))), "Lab"))
    assert [bool(one.get("src")) for one in page.of("img")] == [not broken]


def test_learners_cannot_dress_up_as_us():
    page = Page(notebook_page(notebook(markdown('<div class="verdict passed">20 of 20</div>')), "Lab"))
    classes = {name for _, attributes in page.elements for name in (attributes.get("class") or "").split()}
    assert not classes & {"verdict", "passed", "big", "advice"}


LONG = {
    "markdown": markdown("![a](" * 2000),
    "never-closed": markdown("<div>" * 600 + "end"),
    "code": code("x = 1\n" * 4000 + "# end"),
    "printed": code("spam()", shown({"text/plain": "spam\n" * 5000 + "end"})),
    "many": [markdown(f"{i} " + "word " * 900) for i in range(40)],
}


@pytest.mark.parametrize("cells", LONG.values(), ids=LONG)
def test_what_takes_long_to_show_is_cut_and_that_is_said(cells):
    page = notebook_page(notebook(*(cells if isinstance(cells, list) else [cells])), "Lab")
    assert "restistoolongtobeshown." in "".join(Page(page).text.split())
    assert len(page) < 2_000_000


NONE = [
    "",
    "{}",
    "[]",
    "nonsense",
    '{"cells": 3}',
    '{"cells": [3]}',
    '{"cells": [{}]}',
    "[" * 5000,
    "1" * (17 << 20),
]


@pytest.mark.parametrize("text", NONE, ids=lambda text: text[:12] or "empty")
def test_what_is_no_notebook_is_refused(text):
    with pytest.raises(ValueError, match="notebook"):
        notebook_page(text, "Lab")


def test_the_policy_allows_this_style_and_no_script():
    page = Page(notebook_page(notebook(), "Lab"))
    (policy,) = [one["content"] for one in page.of("meta") if one.get("http-equiv")]
    digest = base64.b64encode(hashlib.sha256("".join(page.styles).encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "script-src" not in policy


def test_a_report_and_its_notebook_link_to_each_other():
    result = dataclasses.replace(vae(), notebook=notebook(markdown("Hello")))
    (beside, lab), (name, report) = pages_of(result, None, "ada.html")
    assert (beside, name) == ("ada.notebook.html", "ada.html")
    assert [one["href"] for one in Page(report).of("a") if not one["href"].startswith("#")] == [beside]
    assert [one["href"] for one in Page(lab).of("a")] == [name]


@pytest.mark.parametrize("text", ["", "nonsense"])
def test_without_a_notebook_there_is_one_page(text):
    assert [name for name, _ in pages_of(dataclasses.replace(vae(), notebook=text), None, "a.html")] == [
        "a.html"
    ]
