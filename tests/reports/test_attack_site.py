"""Learners who call themselves and everything else something hostile: the site's pages stay ours."""

import dataclasses
import re

import pytest
from browsing import unfold
from cohort_samples import CODE, EXERCISES, STAGES, attempt, dossier
from hostile_strings import CORPUS, MARKUP, tainted
from page_reader import Page

from reports.addresses import exercise_slug, learner_slug
from reports.environment import TEMPLATES
from reports.site import Fault, Site, Sources

SCRIPT = (TEMPLATES / "tables.js").read_text("utf-8")


def hostile_results(corpus=CORPUS):
    """Yield a result of each payload, by that learner, with the payload in every text."""
    for index, payload in enumerate(corpus):
        made = tainted(attempt(index, 4, of=EXERCISES[1]), payload)
        if index % 20:  # a check of a name of its own adds a column: not for each learner
            rows = tuple(dataclasses.replace(row, name=f"check_{i}") for i, row in enumerate(made.checks))
            made = dataclasses.replace(made, checks=rows)
        yield dataclasses.replace(made, exercise=EXERCISES[1].id, learner=payload)


def hostile_site(corpus=CORPUS):
    """Return all pages of a site in which every text is hostile."""
    known = dossier(4)
    known = dataclasses.replace(
        known,
        checks=tuple(corpus),
        wrong=tuple(
            dataclasses.replace(known.wrong[0], name=payload, mistake=payload, checks={payload: "failed"})
            for payload in corpus
        ),
        mutants=dataclasses.replace(
            known.mutants,
            survivors=tuple(tainted(known.mutants.survivors[0], payload) for payload in corpus[:90]),
        ),
        problems=tuple(corpus),
    )
    site = Site(
        stages=tuple(dataclasses.replace(one, title=MARKUP[0], summary=MARKUP[1]) for one in STAGES),
        dossiers={EXERCISES[1].id: known},
        faults=[Fault(exercise=EXERCISES[1].id, learner=payload, reason=payload) for payload in corpus],
        sources=Sources(of=lambda _: ((payload, f"{payload}\n{CODE}") for payload in corpus[:5])),
    )
    return dict(site.pages(hostile_results(corpus)))


@pytest.fixture(scope="module")
def pages():
    return hostile_site()


@pytest.fixture(scope="module")
def read(pages):
    """Every page, parsed once."""
    return {address: Page(html) for address, html in pages.items()}


def test_every_page_keeps_its_own_elements(read):
    assert len(read) > 2 * len(CORPUS)
    for address, page in read.items():
        names = {name for _, attributes in page.elements for name in attributes}
        assert not [name for name in names if name.startswith("on") or name == "style"], address
        assert "".join(page.scripts) in ("", SCRIPT), address
        assert not {"iframe", "object", "embed", "base", "math", "img"} & {tag for tag, _ in page.elements}, (
            address
        )
        assert all(re.fullmatch(r"(#check-\d+|[\w./-]+\.html)", link["href"]) for link in page.of("a")), (
            address
        )


def test_every_page_can_be_written(pages):
    for html in pages.values():
        html.encode("utf-8")  # a lone surrogate would raise


def test_addresses_hold_nothing_of_what_learners_wrote(pages):
    for address in pages:
        assert re.fullmatch(r"([a-z]+/)?([a-z0-9.-]+/)?[a-z0-9.-]+\.html", address), address
        assert ".." not in address


def test_every_link_leads_to_a_page(pages, read):
    for address, page in read.items():
        folder = address.split("/")[:-1]
        for link in page.of("a"):
            if not link["href"].startswith("#"):
                up = link["href"].count("../")
                target = "/".join([*folder[: len(folder) - up], link["href"].replace("../", "")])
                assert target in pages, f"{address} leads to {target}"


@pytest.mark.browser
@pytest.mark.parametrize("bypass", [False, True], ids=["policy", "escaping-alone"])
@pytest.mark.parametrize("kind", ["cohort", "exercise", "front", "walk", "result", "pair"])
def test_nothing_runs_in_a_browser(visit, pages, kind, bypass):
    slug, learner = exercise_slug(EXERCISES[1].id), learner_slug(MARKUP[19])
    address = {
        "cohort": f"cohorts/{slug}.html",
        "exercise": f"exercises/{slug}.html",
        "front": "index.html",
        "walk": f"learners/{learner}.html",
        "result": f"results/{slug}/{learner}.html",
        "pair": f"pairs/{slug}/1.html",
    }[kind]
    page = visit(pages[address], bypass_csp=bypass)
    unfold(page)
    if page.locator("input[type=search]").count():
        page.locator("input[type=search]").fill("<script>")
        page.locator("thead button").first.click()
    page.mouse.move(200, 400)
    page.wait_for_timeout(100)
    assert page.evaluate("document.scripts.length") <= 1
    names = page.evaluate("[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())")
    assert not [name for name in names if name.startswith("on") or name == "style"]
