"""The pages in a real browser: nothing runs, nothing is fetched, nothing sticks out.

Without Chromium these tests are skipped on a developer's machine and fail in CI.
"""

import re

import pytest
from browsing import DESKTOP, PHONE, unfold
from hostile_strings import DECEIVING, MARKUP, tainted
from learner_samples import GPT, VAE, attention, check, earlier, everything, gpt, result, vae

from harness.records import Outcome
from reports import learner_page

pytestmark = pytest.mark.browser

WORD = "unbroken" * 60


def crowded():
    """Return a result of long words in every place, which must wrap and never widen the page."""
    return tainted(everything(), WORD)


PAGES = {
    "attention": lambda: learner_page(attention()),
    "vae": lambda: learner_page(vae(), VAE, earlier(vae(), 0.3, 0.5)),
    "gpt": lambda: learner_page(gpt(), GPT),
    "no-checks": lambda: learner_page(result()),
    "crowded": lambda: learner_page(crowded(), tainted(GPT, WORD), earlier(crowded(), 0.3)),
}


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_fits_and_asks_for_nothing(visit, name, scheme, size):
    page = visit(PAGES[name](), viewport=size, color_scheme=scheme)
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    sheets = page.evaluate("[...document.styleSheets].map(s => s.cssRules.length)")
    assert len(sheets) == 1
    assert sheets[0] > 50, "the style's hash does not allow it"


@pytest.mark.parametrize("bypass", [False, True], ids=["policy", "escaping-alone"])
def test_hostile_text_runs_nothing(visit, bypass):
    rows = [
        check(f"{i}", Outcome.FAILED, title=payload, message=payload, hint=payload, reason=payload)
        for i, payload in enumerate(MARKUP + DECEIVING)
    ]
    page = visit(
        learner_page(result(*rows, learner="".join(MARKUP), log="\n".join(MARKUP))), bypass_csp=bypass
    )
    unfold(page)
    page.mouse.move(200, 400)
    page.keyboard.press("Tab")
    page.wait_for_timeout(200)
    assert page.evaluate("document.scripts.length") == 0
    names = page.evaluate("[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())")
    assert not [name for name in names if name.startswith("on") or name == "style"]
    assert page.locator("article.check").count() == len(rows)


@pytest.mark.parametrize("payload", MARKUP[::11], ids=lambda p: ascii(p)[1:40])
def test_hostile_text_in_every_field_runs_nothing(visit, payload):
    shown = tainted(everything(), payload)
    page = visit(learner_page(shown, tainted(GPT, payload), earlier(shown, 0.4)), bypass_csp=True)
    assert page.evaluate("document.scripts.length") == 0


def test_dark_mode_is_dark(visit):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = visit(PAGES["vae"](), color_scheme="light").evaluate(ground)
    dark = visit(PAGES["vae"](), color_scheme="dark").evaluate(ground)
    assert min(map(int, re.findall(r"\d+", light))) > 200
    assert max(map(int, re.findall(r"\d+", dark))) < 60


def test_skipped_checks_unfold_by_keyboard(visit):
    page = visit(PAGES["gpt"]())
    assert not page.get_by_text("Training reaches the stated loss").is_visible()
    page.locator("details.waiting summary").focus()
    page.keyboard.press("Enter")
    assert page.get_by_text("Training reaches the stated loss").is_visible()


def test_the_advice_leads_to_its_check(visit):
    page = visit(PAGES["gpt"](), viewport=PHONE)
    page.locator(".advice a").click()
    page.wait_for_timeout(500)  # it scrolls smoothly
    assert 0 <= page.locator("article:target").bounding_box()["y"] < 200


def test_the_needle_stands_at_the_value(visit):
    page = visit(PAGES["vae"](), viewport=DESKTOP)
    places = page.evaluate("""[...document.querySelectorAll('.gauge')].map(g => {
        const track = g.querySelector('.track').getBoundingClientRect();
        const needle = g.querySelector('.needle path').getBoundingClientRect();
        return ((needle.left + needle.right) / 2 - track.left) / track.width;
    })""")
    assert places[0] == pytest.approx((0.42 - 0.118) / (0.42 - 0.06), abs=0.01)
    assert places[1] == pytest.approx(1, abs=0.02)
    assert places[2] == pytest.approx((0.44 - 0.35) / (0.8 - 0.35), abs=0.01)


def test_pictures_keep_their_pixels(visit):
    rendering = "getComputedStyle(document.images[0]).imageRendering"
    assert visit(PAGES["vae"]()).evaluate(rendering) == "pixelated"


def test_print_shows_what_is_folded(visit):
    page = visit(PAGES["gpt"](), color_scheme="light")
    page.emulate_media(media="print")
    assert page.locator("details.waiting li").first.bounding_box()["height"] > 10
