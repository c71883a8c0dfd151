"""Draws docs/report.png, the picture in the README, from the sample results: python tests/reports/draw_readme_picture.py."""

import io
import shutil
from pathlib import Path

from browsing import ARGUMENTS
from learner_samples import VAE, vae
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from reports import learner_page

ROOT = Path(__file__).resolve().parents[2]
MARGIN, HEIGHT, SCALE = 28, 962, 1.5


def crop(page: Page, left: float, top: float) -> Image.Image:
    """Return a part of the page, as wide as its text and as high as the picture."""
    width = page.locator("main").bounding_box()["width"]
    clip = {"x": left - MARGIN, "y": top, "width": width + 2 * MARGIN, "height": HEIGHT}
    return Image.open(io.BytesIO(page.screenshot(clip=clip, full_page=True))).convert("RGB")


def picture(page: Page) -> Image.Image:
    """Return the page's beginning and its hidden checks side by side."""
    left = page.locator("main").bounding_box()["x"]
    hidden = page.locator(".group").nth(1).bounding_box()["y"]
    parts = [crop(page, left, 0), crop(page, left, hidden - MARGIN)]
    whole = Image.new("RGB", (sum(part.width for part in parts), parts[0].height))
    whole.paste(parts[0], (0, 0))
    whole.paste(parts[1], (parts[0].width, 0))
    return whole


def main() -> None:
    """Write the picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = browser.new_page(
            viewport={"width": 1000, "height": 900}, device_scale_factor=SCALE, color_scheme="light"
        )
        page.set_content(learner_page(vae(), VAE))
        drawn = picture(page).resize(
            (1840, round(1840 * HEIGHT / (2 * (896 + 2 * MARGIN)))), Image.Resampling.LANCZOS
        )
        drawn.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3).save(
            ROOT / "docs" / "report.png", optimize=True
        )
        browser.close()


if __name__ == "__main__":
    main()
