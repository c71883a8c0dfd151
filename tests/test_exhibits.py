"""Pictures, texts, curves and sounds for the report: drawn by us, within their caps, whatever is shown."""

import base64
import io
import math
import wave
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from harness.exhibits import MOST, PIXELS_CAP, POINTS_CAP, RATE, SECONDS_CAP, TEXT_CAP, Show
from harness.failures import plain


def sheet_of(picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.png_base64))))


def shown(images, **options) -> np.ndarray:
    show = Show()
    show.images("Samples", images, **options)
    return sheet_of(show.exhibits[0])


def test_images_lie_side_by_side_with_lines_between():
    images = np.stack([np.zeros((2, 3)), np.ones((2, 3)), np.full((2, 3), 0.5)])
    sheet = shown(images, columns=2)
    assert (sheet.shape, sheet.dtype) == ((7, 9), np.uint8)
    assert sheet[0, 0] == sheet[3, 5] == 128
    assert (sheet[1:3, 1:4] == 0).all()
    assert (sheet[1:3, 5:8] == 255).all()
    assert (sheet[4:6, 1:4] == 128).all()


ODD = {
    "none": (np.zeros((0, 4, 4)), (1, 6)),
    "out-of-range": (np.array([[[-9.0, 9.0]]]), (3, 4)),
    "not-finite": (np.array([[[math.nan, math.inf]]]), (3, 4)),
    "integers": (np.ones((1, 2, 2), dtype=np.uint8), (4, 4)),
}


@pytest.mark.parametrize(("images", "shape"), ODD.values(), ids=ODD)
def test_odd_values_are_clipped(images, shape):
    assert shown(images).shape == shape


@pytest.mark.parametrize("shape", [(4, 4), (1, 2, 3, 4), ()], ids=str)
def test_what_is_no_stack_of_images_is_the_graders_mistake(shape):
    with pytest.raises(ValueError, match="n, height, width"):
        shown(np.zeros(shape))


def test_many_images_are_cut_to_the_cap():
    sheet = shown(np.zeros((10_000, 32, 32)))
    assert sheet.size < 1.2 * PIXELS_CAP


def test_text_is_clean_and_cut():
    show = Show()
    show.text("Generated", "\x1b[31mred\ud800" + "x" * 10_000, caption="at 0.8")
    exhibit = show.exhibits[0]
    assert exhibit.text.startswith("red\ufffdx")
    assert len(exhibit.text) < TEXT_CAP + 10
    assert exhibit.caption == "at 0.8"


def test_captions_are_clean_too():
    show = Show()
    show.text("a\x1b[0m\ud800", "b", caption="\u202ec")
    show.images("a\ud800", np.zeros((1, 1, 1)), caption="\x00")
    show.curve("\ud800", [1.0], x_label="\ud800", y_label="\ud800")
    for exhibit in show.exhibits:
        texts = [text for text in asdict(exhibit).values() if isinstance(text, str)]
        assert all(text == plain(text) for text in texts)


@pytest.mark.parametrize(
    ("count", "want"),
    [(0, 0), (1, 1), (POINTS_CAP, POINTS_CAP), (POINTS_CAP + 1, POINTS_CAP // 2 + 1), (10**6, 2000)],
)
def test_long_curves_are_thinned(count, want):
    show = Show()
    show.curve("Loss", np.arange(count))
    assert len(show.exhibits[0].values) == want


def test_curves_leave_out_what_cannot_be_drawn():
    show = Show()
    show.curve("Loss", [1.0, math.nan, 2, -math.inf, 3])
    assert show.exhibits[0].values == (1.0, 2.0, 3.0)


def test_there_are_only_so_many():
    show = Show()
    for index in range(MOST + 3):
        show.text(str(index), "x")
    assert [exhibit.title for exhibit in show.exhibits] == [str(index) for index in range(MOST)]


def heard(show) -> np.ndarray:
    with wave.open(io.BytesIO(base64.b64decode(show.exhibits[0].wav_base64))) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, RATE)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2") / 32767


def test_samples_are_heard_as_they_are():
    show = Show()
    show.sound("Tone", np.array([0.0, 0.5, -1.0, 9.0, math.nan]), caption="loud")
    assert heard(show) == pytest.approx([0, 0.5, -1, 1, 0], abs=1e-4)


def test_sound_is_cut():
    show = Show()
    show.sound("Long", np.zeros(10 * SECONDS_CAP * RATE))
    assert len(heard(show)) == SECONDS_CAP * RATE


@pytest.mark.parametrize("pitch", [57, 69, 81])
def test_a_note_sounds_at_its_pitch(pitch):
    show = Show()
    show.melody("A", np.array([pitch]), seconds=1.0)
    loudest = np.abs(np.fft.rfft(heard(show))).argmax()  # one bin is one hertz
    assert loudest == pytest.approx(440 * 2 ** ((pitch - 69) / 12), abs=1)


def test_what_is_no_note_is_a_rest():
    show = Show()
    show.melody("Rests", np.array([-1.0, 200.0, math.nan]))
    assert not heard(show).any()


@pytest.mark.parametrize("ask", ["sound", "melody"])
def test_what_is_no_row_is_the_graders_mistake(ask):
    with pytest.raises(ValueError, match=r"must be \(n,\)"):
        getattr(Show(), ask)("Odd", np.zeros((2, 2)))
