"""A real browser, and axe-core to judge what it shows."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from browsing import ARGUMENTS, executable

AXE = "axe-core@4.10.3"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / AXE.replace("@", "-")


def missing(what):
    """Skip on a developer's machine; in CI nothing passes by being skipped."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


@pytest.fixture(scope="session")
def chromium():
    """Start Chromium once; its absence fails in CI, where nothing passes by being skipped."""
    path = executable()
    if path is None:
        missing("Chromium is missing: install the package `chromium`")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, tmp_path):
    """Open HTML text, or a file; afterwards nothing may have run, complained or been fetched."""
    opened, events = [], []

    def go(html, **options):
        file = html if isinstance(html, Path) else tmp_path / f"page{len(opened)}.html"
        if file is not html:
            file.write_text(html, "utf-8")
        context = chromium.new_context(**options)
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda message: events.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: events.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (events.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "request",
            lambda asked: events.append(f"request: {asked.url}") if outside(asked.url, file) else None,
        )
        page.goto(file.as_uri())
        return page

    yield go
    for context in opened:
        context.close()
    assert events == []


def outside(url, file):
    return not url.startswith(("data:image/png;base64,", "data:audio/wav;base64,")) and url not in {
        file.as_uri(),
        "data:,",
    }


@pytest.fixture(scope="session")
def axe():
    """The text of axe-core, fetched once by npm and kept."""
    file = CACHE / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        npm = shutil.which("npm")
        if npm is None:
            missing("npm is missing: install the package `npm`")
        command = [npm, "install", "--prefix", str(CACHE), "--no-save", "--no-audit", "--ignore-scripts", AXE]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            missing(f"npm could not fetch {AXE}: {done.stderr[-500:]}")
    return file.read_text("utf-8")
