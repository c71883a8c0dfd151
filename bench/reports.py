"""What reports cost: a learner's page, a cohort of 1,000 × 30, a site's memory, and the page in a browser.

    python bench/reports.py [--json FILE]

Promised are a learner's page in 30 ms, the cohort's page in 3 s and 5 MB, opened and filtered
in a second, and a site whose memory does not depend on what its results carry.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.pop(0)  # this folder: there this file would hide the package of its name
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "reports"))

from browsing import ARGUMENTS, executable
from cohort_samples import EXERCISES, STAGES, attempt
from learner_samples import VAE, earlier, vae

from reports import learner_page
from reports.cohort import Cohort
from reports.cohort_page import cohort_page
from reports.site import Site

LOG = 200_000
FILTER = """words => { const field = document.querySelector('input[type=search]'), began = performance.now();
    field.value = words; field.dispatchEvent(new Event('input', {bubbles: true}));
    document.querySelector('.matrix').getBoundingClientRect(); return performance.now() - began; }"""


def main() -> None:
    """Measure, print a table, and write it as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--site", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.site:
        print(site_memory(options.site))
        return
    measures = {**pages(), **memory()}
    for name, value in measures.items():
        print(f"{name:58} {value:10.2f}")
    if options.json:
        options.json.write_text(json.dumps(measures, indent=2))


def pages() -> dict[str, float]:
    """Return what pages cost."""
    shown, history = vae(), earlier(vae(), 0.2, 0.5, 0.6)
    results = [attempt(index, 30) for index in range(1000)]
    html = cohort_page(gathered(results))
    return {
        "learner page with pictures, ms (at most 30)": 1000
        * timed(lambda: learner_page(shown, VAE, history), 20),
        "cohort of 1,000 x 30, from records to HTML, s (at most 3)": timed(
            lambda: cohort_page(gathered(results)), 5
        ),
        "cohort of 1,000 x 30, MB (at most 5)": len(html.encode()) / 1e6,
        **browser(html),
    }


def gathered(results: list) -> Cohort:
    """Return the cohort of some results."""
    cohort = Cohort(exercise=EXERCISES[1].id)
    for result in results:
        cohort.take(result)
    return cohort


def timed(work: Callable[[], object], runs: int) -> float:
    """Return the median seconds; the first run, which compiles templates, is left out."""
    work()
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def browser(html: str) -> dict[str, float]:
    """Return how long Chromium takes to open the page and to filter it; nothing without Chromium."""
    path = executable()
    if path is None:
        return {}
    from playwright.sync_api import sync_playwright

    opened, filtered = [], []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "cohort.html"
        file.write_text(html, "utf-8")
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        for _ in range(5):
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            page.goto(file.as_uri())
            opened.append(page.evaluate("performance.getEntriesByType('navigation')[0].domComplete"))
            filtered += [page.evaluate(FILTER, words) for words in ("ada", "zo", "")]
            page.close()
        chromium.close()
    return {
        "that page opened in Chromium, s (at most 1)": statistics.median(opened) / 1000,
        "that page filtered in Chromium, s (at most 1)": max(filtered) / 1000,
    }


def memory() -> dict[str, float]:
    """Return the peak memory of sites of different sizes, each in a process of its own."""
    peaks = {}
    for count in (50, 500, 2000):
        command = [sys.executable, __file__, "--site", str(count)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks[count] = float(done.stdout)
    told = {f"site of {count:,} learners, peak MiB": peak for count, peak in peaks.items()}
    return {**told, "site, KiB for each further learner": 1024 * (peaks[2000] - peaks[50]) / 1950}


def site_memory(count: int) -> float:
    """Make a site, throw its pages away, and return the peak of this process in MiB."""
    results = (dataclasses.replace(attempt(index, 12), log="x" * LOG) for index in range(count))
    for _ in Site(stages=STAGES).pages(results):
        pass
    status = Path("/proc/self/status").read_text("utf-8")  # getrusage also counts whoever started us
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
