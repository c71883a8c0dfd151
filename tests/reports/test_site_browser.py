"""The site's pages in a real browser: they fit, fetch nothing, work by keyboard, and axe-core finds nothing serious."""

from dataclasses import replace
from pathlib import Path

import pytest
from browsing import DESKTOP, PHONE, unfold
from cohort_samples import CODE, EXERCISES, STAGES, attempt, attempts, dossier, learner, other_code, renamed
from learner_samples import lab_report, tone

from reports.addresses import notebook_address, result_address
from reports.cohort import Cohort
from reports.cohort_page import cohort_page
from reports.site import Fault, Site, Sources

pytestmark = pytest.mark.browser

ATTENTION = EXERCISES[1].id
KINDS = {
    "front": "index.html",
    "cohort": f"cohorts/{ATTENTION.replace('/', '.')}.html",
    "exercise": f"exercises/{ATTENTION.replace('/', '.')}.html",
    "unhanded": "exercises/alignment.dpo.html",
    "pair": f"pairs/{ATTENTION.replace('/', '.')}/1.html",
    "walk": "learners/jonas-wei-*.html",
    "result": result_address(ATTENTION, learner(0)),
    "notebook": notebook_address(ATTENTION, learner(0)),
}
COLOURS = ["light", "dark"]
SERIOUS = """axe.run().then(found => found.violations
    .filter(one => ['serious', 'critical'].includes(one.impact))
    .map(one => one.id + ': ' + one.nodes.slice(0, 3).map(node => node.html).join(' | ')))"""


def handed_in(_):
    """Yield code of which two submissions are the same but for their names."""
    for index in range(24):
        yield learner(index), {3: CODE, 7: renamed(CODE)}.get(index) or other_code(index)


def with_a_notebook(results):
    """Give the first learner's results a notebook and something to hear."""
    for one in results:
        if one.learner == learner(0):
            first = replace(one.checks[0], exhibits=(tone(),))
            one = replace(one, notebook=lab_report(), checks=(first, *one.checks[1:]))
        yield one


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a generated cohort's site."""
    root = tmp_path_factory.mktemp("site")
    made = Site(
        stages=STAGES,
        dossiers={ATTENTION: dossier(), "alignment/dpo": dossier()},
        faults=[Fault(exercise=ATTENTION, learner="Lost One", reason="the engine was gone")],
        sources=Sources(of=handed_in),
    )
    for address, html in made.pages(with_a_notebook(attempts(24))):
        (root / address).parent.mkdir(parents=True, exist_ok=True)
        (root / address).write_text(html, "utf-8")
    return root


def place(site, kind) -> Path:
    return next(iter(sorted(site.glob(KINDS[kind]))))


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", COLOURS)
@pytest.mark.parametrize("kind", KINDS)
def test_page_fits_and_asks_for_nothing(visit, site, kind, scheme, size):
    page = visit(place(site, kind), viewport=size, color_scheme=scheme)
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate("document.styleSheets[0].cssRules.length") > 50, "the style's hash does not allow it"


@pytest.mark.parametrize("scheme", COLOURS)
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_serious(visit, site, axe, kind, scheme):
    page = visit(place(site, kind), viewport=DESKTOP, color_scheme=scheme)
    unfold(page)
    page.evaluate(axe)
    assert page.evaluate(SERIOUS) == []


@pytest.mark.parametrize("kind", ["front", "cohort"])
def test_axe_finds_nothing_serious_on_a_phone(visit, site, axe, kind):
    page = visit(place(site, kind), viewport=PHONE, color_scheme="light")
    page.evaluate(axe)
    assert page.evaluate(SERIOUS) == []


def column(page, number):
    rows = ".matrix tbody tr:not([hidden])"
    return page.locator(rows).evaluate_all(f"rows => rows.map(row => row.cells[{number}].textContent.trim())")


def test_the_table_sorts_by_keyboard(visit, site):
    page = visit(place(site, "cohort"), viewport=DESKTOP)
    button = page.get_by_role("button", name="Score", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    scores = [int(text.split()[0]) for text in column(page, 1)]
    assert scores == sorted(scores)
    assert page.locator(".matrix thead th").nth(1).get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert [int(text.split()[0]) for text in column(page, 1)] == sorted(scores, reverse=True)
    assert page.evaluate("document.activeElement.textContent") == "Score"
    assert len(set(column(page, 0))) == len(scores)


def test_checks_sort_with_what_failed_together(visit, site):
    page = visit(place(site, "cohort"), viewport=DESKTOP)
    page.locator(".matrix thead button").nth(6).press("Enter")
    outcomes = column(page, 6)
    assert outcomes == sorted(outcomes)


def test_nothing_known_sorts_to_the_end(visit, site):
    page = visit(place(site, "exercise"), viewport=DESKTOP)
    button = page.get_by_role("button", name="Discrimination")
    for _ in range(2):
        button.press("Enter")
        last = page.locator("[data-table] tbody tr").last
        assert last.locator("td").nth(2).text_content().strip() == "–"


def test_the_table_filters_by_keyboard(visit, site):
    page = visit(place(site, "cohort"), viewport=DESKTOP)
    count = page.get_by_role("status")
    everybody = len(column(page, 0))
    assert count.text_content() == f"{everybody} of {everybody} shown"
    page.get_by_label("Search").press_sequentially("ada")
    assert column(page, 0)
    assert all("Ada" in name for name in column(page, 0))
    assert count.text_content() == f"{len(column(page, 0))} of {everybody} shown"
    page.get_by_label("Search").fill("")
    page.get_by_label("Show").focus()
    page.keyboard.press("ArrowDown")
    assert set(column(page, 2)) == {"passed"}
    page.get_by_label("Show").select_option("")
    page.locator("select[name=column]").select_option(index=2)
    page.locator("select[name=outcome]").select_option("f")
    assert set(column(page, 5)) == {"failed"}


def test_filters_reach_by_tab_and_enter_sends_nothing(visit, site):
    page = visit(place(site, "cohort"), viewport=DESKTOP)
    page.get_by_label("Search").focus()
    page.keyboard.type("zo")
    page.keyboard.press("Enter")
    assert page.url.endswith(".html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "verdict"


def test_without_script_everything_is_there(visit, site):
    page = visit(place(site, "cohort"), viewport=DESKTOP, java_script_enabled=False)
    assert page.locator(".matrix tbody tr").count() > 10
    assert page.locator(".matrix tbody tr").first.is_visible()
    assert page.locator("button").count() == 0
    assert not page.locator("form").first.is_visible()


def test_links_lead_from_the_front_to_a_result_and_back(visit, site):
    page = visit(site / "index.html", viewport=DESKTOP)
    page.unroute_all()
    hrefs = page.locator("a").evaluate_all("links => links.map(link => link.href)")
    assert all(Path(href.removeprefix("file://")).exists() for href in hrefs)
    assert any("/cohorts/" in href for href in hrefs)
    assert any("/learners/" in href for href in hrefs)


def test_a_result_leads_to_its_notebook_and_back(visit, site):
    page = visit(place(site, "result"), viewport=DESKTOP)
    link = page.get_by_role("link", name="Your notebook, as it ran").get_attribute("href")
    assert (place(site, "result").parent / link).resolve() == place(site, "notebook").resolve()
    back = (
        visit(place(site, "notebook"), viewport=DESKTOP)
        .get_by_role("link", name="Report")
        .get_attribute("href")
    )
    assert back == place(site, "result").name


def test_sound_can_be_played(visit, site):
    page = visit(place(site, "result"), viewport=DESKTOP)
    page.wait_for_function("document.querySelector('audio').readyState > 0", timeout=20_000)
    assert page.evaluate("document.querySelector('audio').duration") == pytest.approx(0.5, abs=0.01)


def test_outcomes_do_not_rely_on_colour(visit, site):
    page = visit(place(site, "cohort"), viewport=DESKTOP)
    signs = {
        letter: page.evaluate(
            f"getComputedStyle(document.querySelector('.legend .{letter}'), '::before').content"
        )
        for letter in "pfcsu"
    }
    assert len(set(signs.values())) == len(signs)


def test_print_shows_the_whole_table(visit, site):
    page = visit(place(site, "cohort"), viewport=DESKTOP, color_scheme="light")
    page.emulate_media(media="print")
    assert not page.get_by_label("Search").is_visible()
    assert page.evaluate("(b => b.scrollHeight <= b.clientHeight + 1)(document.querySelector('.tall'))")


@pytest.mark.timeout(120)
def test_a_thousand_learners_open_and_filter_in_a_second(visit, tmp_path):
    cohort = Cohort(exercise=ATTENTION)
    for index in range(1000):
        cohort.take(attempt(index, 30))
    file = tmp_path / "large.html"
    file.write_text(cohort_page(cohort), "utf-8")
    assert file.stat().st_size <= 5_000_000
    page = visit(file, viewport=DESKTOP)
    opened = page.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
    filtered = min(timed(page, words) for words in ("ada", "zo", ""))
    assert opened < 10_000, (
        "a second is promised and measured by bench/reports.py; here a busy machine has ten"
    )
    assert filtered < 10_000


def timed(page, words):
    """Return the milliseconds from typing to the laid-out table."""
    script = """words => { const field = document.querySelector('input[type=search]'), began = performance.now();
        field.value = words; field.dispatchEvent(new Event('input', {bubbles: true}));
        document.querySelector('.matrix').getBoundingClientRect(); return performance.now() - began; }"""
    return page.evaluate(script, words)
