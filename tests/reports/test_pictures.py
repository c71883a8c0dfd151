"""Only whole, still, sensible PNG files reach a page."""

import base64
import struct
import zlib

import numpy as np
import pytest
from learner_samples import png

from reports.pictures import MAXIMUM_BYTES, SHOWN_WIDTH, shown

GOOD = base64.b64decode(png(np.zeros((12, 12), np.uint8)))


def resized(width, height):
    header = b"IHDR" + struct.pack(">II", width, height) + GOOD[24:29]
    return GOOD[:12] + header + struct.pack(">I", zlib.crc32(header)) + GOOD[33:]


def encoded(data):
    return base64.b64encode(data).decode()


def test_small_pictures_are_enlarged_by_a_whole_factor():
    picture = shown(png(np.zeros((50, 100), np.uint8)))
    assert (picture.width, picture.height, picture.enlarged) == (500, 250, True)
    assert picture.width <= SHOWN_WIDTH


def test_large_pictures_keep_their_size():
    picture = shown(png(np.zeros((300, 900), np.uint8)))
    assert (picture.width, picture.height, picture.enlarged) == (900, 300, False)


def test_the_data_is_kept():
    assert shown(encoded(GOOD)).source == "data:image/png;base64," + encoded(GOOD)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("not base64!", id="not-base64"),
        pytest.param("é" * 8, id="not-ascii"),
        pytest.param(encoded(GOOD) + "\n", id="line-end"),
        pytest.param(encoded(GOOD[:-4]), id="cut-short"),
        pytest.param(encoded(GOOD[:33]), id="header-alone"),
        pytest.param(encoded(GOOD + b"x"), id="something-after-the-end"),
        pytest.param(encoded(GOOD[:40] + b"\xff" + GOOD[41:]), id="damaged"),
        pytest.param(encoded(b"GIF89a" + GOOD[6:]), id="gif"),
        pytest.param(encoded(b"\xff\xd8\xff\xe0" + bytes(64)), id="jpeg"),
        pytest.param(encoded(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), id="svg"),
        pytest.param(encoded(resized(60_000, 60_000)), id="enormous-sides"),
        pytest.param(encoded(resized(0, 12)), id="no-width"),
        pytest.param("A" * (2 * MAXIMUM_BYTES), id="too-many-bytes"),
    ],
)
def test_what_is_no_sound_png_is_refused(text):
    assert shown(text) is None
