"""One style sheet, allowed by its hash; colours that can be read; nothing from the network."""

import base64
import hashlib
import re

import pytest
from learner_samples import everything
from page_reader import Page

from reports import learner_page
from reports.environment import TEMPLATES

STYLE = (TEMPLATES / "style.css").read_text("utf-8")
OUTCOMES = ["passed", "failed", "crashed", "skipped", "ungraded"]


def tokens(block):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))


LIGHT = tokens(STYLE.split("@media")[0])
DARK = {**LIGHT, **tokens(STYLE.split("prefers-color-scheme: dark", 1)[1].split("}")[0])}


def luminance(colour):
    """Relative luminance as WCAG 2 defines it, 0 to 1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first, second):
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("colour", ["ink", "soft", "accent", *OUTCOMES])
def test_text_can_be_read_on_every_ground(palette, colour):
    grounds = [
        "paper",
        "card",
        "well",
        *(f"{o}-tint" for o in ([colour] if colour in OUTCOMES else OUTCOMES)),
    ]
    assert [ground for ground in grounds if contrast(palette[colour], palette[ground]) < 4.5] == []


def test_the_policy_allows_this_style_and_nothing_else():
    page = Page(learner_page(everything()))
    (policy,) = [m["content"] for m in page.of("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256("".join(page.styles).encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "media-src": "data:",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_policy_stands_before_what_it_governs():
    html = learner_page(everything())
    assert html.index("Content-Security-Policy") < html.index("<style>")
    assert html.count("<style") == 1


def test_the_page_asks_the_network_for_nothing():
    html = learner_page(everything())
    assert "http:" not in html
    assert "https:" not in html
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_no_template_marks_anything_safe():
    for file in TEMPLATES.glob("*.html"):
        text = file.read_text("utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape|Markup", text), file.name
        assert " style=" not in text, f"{file.name}: the policy would block it"
