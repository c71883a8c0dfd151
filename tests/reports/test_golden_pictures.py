"""The three main pages look as they did: coarse pictures, so that neither fonts nor a browser's version matter.

ROADMARK_RENEW=1 pytest tests/reports/test_golden_pictures.py draws them anew; look at them before they are committed.
"""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from browsing import unfold
from cohort_samples import EXERCISES, STAGES, attempts, learner
from conftest import missing
from learner_samples import VAE, earlier, vae
from PIL import Image

from reports import learner_page
from reports.addresses import cohort_address
from reports.site import Site

pytestmark = pytest.mark.browser

GOLDEN = Path(__file__).parent / "golden"
SIZE = {"width": 1280, "height": 1600}
COARSE = (SIZE["width"] // 10, SIZE["height"] // 10)
"""Cells of 10 by 10 pixels: lines of text are grey, what stands where is seen."""
FONT = "* { font-family: 'DejaVu Sans' !important; text-rendering: geometricPrecision !important; }"
HAS_FONT = """() => { const pen = document.createElement('canvas').getContext('2d');
    const wide = rest => { pen.font = `40px 'DejaVu Sans', ${rest}`; return pen.measureText('Roadmark 12').width; };
    return wide('monospace') === wide('serif'); }"""
MEAN, LARGE, SHARE = 2.0, 40, 0.003
"""Of 255: how far cells may be off on average, and what share of them by more than LARGE."""


@pytest.fixture(scope="module")
def pages():
    results = [one for one in attempts(24) if one.learner.isascii() or one.learner == learner(1)]
    site = dict(Site(stages=STAGES).pages(results))
    return {
        "learner": learner_page(vae(), VAE, earlier(vae(), 0.3, 0.5)),
        "cohort": site[cohort_address(EXERCISES[1].id)],
        "roadmap": site["index.html"],
    }


@pytest.fixture
def drawn(visit):
    """Return a page as a coarse picture, (rows, columns, 3) in 0 to 255."""

    def draw(html, change=""):
        page = visit(html, viewport=SIZE, color_scheme="light", bypass_csp=True)
        if not page.evaluate(HAS_FONT):
            missing("the font DejaVu Sans is missing: install the package `fonts-dejavu-core`")
        page.add_style_tag(content=FONT + change)
        unfold(page)
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        return np.asarray(shot.resize(COARSE, Image.Resampling.BOX))

    return draw


def differs(one, other) -> bool:
    apart = np.abs(one.astype(int) - other.astype(int))
    return bool(apart.mean() > MEAN or (apart.max(axis=-1) > LARGE).mean() > SHARE)


@pytest.mark.parametrize("name", ["learner", "cohort", "roadmap"])
def test_a_page_looks_as_it_did(drawn, pages, name, tmp_path):
    file = GOLDEN / f"{name}.png"
    picture = drawn(pages[name])
    if os.environ.get("ROADMARK_RENEW"):
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(file, optimize=True)
    assert file.stat().st_size < 40_000
    Image.fromarray(picture).save(tmp_path / file.name)
    assert not differs(picture, np.asarray(Image.open(file).convert("RGB"))), (
        f"see {tmp_path / file.name}; where it is meant to look so: ROADMARK_RENEW=1"
    )


CHANGES = {
    "learner": [".score { display: none !important; }", "body { font-size: 1.1rem !important; }"],
    "cohort": [".bars { display: none !important; }", ".earned { fill: red !important; }"],
    "roadmap": [".share { display: none !important; }", ".leg { padding: 0 !important; }"],
}


@pytest.mark.parametrize(
    ("name", "change"), [(name, one) for name, several in CHANGES.items() for one in several]
)
def test_a_change_is_seen(drawn, pages, name, change):
    assert differs(drawn(pages[name]), drawn(pages[name], change))
