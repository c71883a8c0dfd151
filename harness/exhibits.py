"""Pictures, texts, curves and sounds that a grader shows in the report, made from what it saw."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness.failures import plain
from harness.records import Curve, Exhibit, Picture, Sound, TextSample

MOST: Final = 8
PIXELS_CAP: Final = 1 << 21
TEXT_CAP: Final = 4000
POINTS_CAP: Final = 2000
RATE: Final = 8000
"""Samples of a sound per second."""
SECONDS_CAP: Final = 20


class Show:
    """Collects the exhibits of one check; what is over the caps is cut."""

    def __init__(self) -> None:
        self._exhibits: list[Exhibit] = []

    @property
    def exhibits(self) -> tuple[Exhibit, ...]:
        """All exhibits so far, at most eight."""
        return tuple(self._exhibits[:MOST])

    def images(self, title: str, images: npt.NDArray[Any], *, columns: int = 10, caption: str = "") -> None:
        """Show a grid of grayscale images.

        Args:
            title: What they are.
            images: (n, height, width), values in [0, 1]; others are clipped.
            columns: Images in a row.
            caption: A sentence below.
        """
        png = _png(_grid(np.asarray(images, dtype=np.float64), columns))
        self._exhibits.append(
            Picture(title=plain(title), png_base64=base64.b64encode(png).decode(), caption=plain(caption))
        )

    def text(self, title: str, text: str, *, caption: str = "") -> None:
        """Show text that a submission produced."""
        self._exhibits.append(
            TextSample(title=plain(title), text=plain(text, TEXT_CAP), caption=plain(caption))
        )

    def curve(self, title: str, values: Any, *, x_label: str = "step", y_label: str = "loss") -> None:
        """Show a series; long ones are thinned, values that are not finite left out."""
        array = np.asarray(values, dtype=np.float64).reshape(-1)
        array = array[np.isfinite(array)]
        step = max(1, -(-len(array) // POINTS_CAP))
        points = tuple(float(v) for v in array[::step])
        self._exhibits.append(
            Curve(title=plain(title), values=points, x_label=plain(x_label), y_label=plain(y_label))
        )

    def sound(self, title: str, samples: npt.NDArray[Any], *, caption: str = "") -> None:
        """Let samples be heard, at 8,000 per second.

        Args:
            title: What it is.
            samples: (n,), values in [-1, 1]; others are clipped, and what is over 20 seconds is cut.
            caption: A sentence below.
        """
        data = base64.b64encode(_wav(np.asarray(samples, dtype=np.float64))).decode()
        self._exhibits.append(Sound(title=plain(title), wav_base64=data, caption=plain(caption)))

    def melody(
        self, title: str, pitches: npt.NDArray[Any], *, seconds: float = 0.25, caption: str = ""
    ) -> None:
        """Let notes of equal length be heard.

        Args:
            title: What they are.
            pitches: (n,) MIDI numbers, 69 for 440 Hz; outside of 0 to 127 is a rest.
            seconds: How long a note sounds.
            caption: A sentence below.
        """
        self.sound(title, _played(np.asarray(pitches, dtype=np.float64), seconds), caption=caption)


def _played(pitches: npt.NDArray[np.float64], seconds: float) -> npt.NDArray[np.float64]:
    """Return (samples,) of a plucked tone for each note: a sine with its octave that dies away."""
    if pitches.ndim != 1:
        raise ValueError(f"notes to play must be (n,), not {pitches.shape}")
    pitches = pitches[: int(SECONDS_CAP / seconds)]
    times = np.arange(int(RATE * seconds)) / RATE  # (t,)
    heard = np.isfinite(pitches) & (pitches >= 0) & (pitches <= 127)
    hertz = 440.0 * 2 ** ((np.where(heard, pitches, 69) - 69) / 12)  # (n,)
    phase = 2 * np.pi * hertz[:, None] * times  # (n, t)
    envelope = np.exp(-4 * times / seconds) * np.minimum(1, times * 200)  # (t,) no click at the start
    notes: npt.NDArray[np.float64] = (np.sin(phase) + np.sin(2 * phase) / 3) * envelope * heard[:, None] / 2
    return notes.reshape(-1)


def _wav(samples: npt.NDArray[np.float64]) -> bytes:
    if samples.ndim != 1:
        raise ValueError(f"samples to hear must be (n,), not {samples.shape}")
    values = np.nan_to_num(samples[: SECONDS_CAP * RATE]).clip(-1, 1)
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes((values * 32767).round().astype("<i2").tobytes())
    return file.getvalue()


def _grid(images: npt.NDArray[np.float64], columns: int) -> npt.NDArray[np.uint8]:
    """Return the images side by side with a line of one pixel between them, (height, width)."""
    if images.ndim != 3:
        raise ValueError(f"images to show must be (n, height, width), not {images.shape}")
    count = min(len(images), max(1, PIXELS_CAP // max(1, images[0].size)) if len(images) else 0)
    _, height, width = images.shape
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1), 128, dtype=np.uint8)
    values = np.nan_to_num(images[:count]).clip(0, 1)
    for index, image in enumerate((values * 255).round().astype(np.uint8)):
        top, left = (index // columns) * (height + 1) + 1, (index % columns) * (width + 1) + 1
        sheet[top : top + height, left : left + width] = image
    return sheet


def _png(sheet: npt.NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(sheet).save(file, format="PNG", optimize=True)
    return file.getvalue()
