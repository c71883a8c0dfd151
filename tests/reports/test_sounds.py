"""Sounds on a page are WAV files that we wrote, and nothing else."""

import base64
import io
import wave

import pytest
from learner_samples import sprites, tone

from reports.sounds import heard


def wav(channels=1, width=2, rate=8000, frames=b"\x00\x01" * 8):
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(frames)
    return file.getvalue()


def test_a_sound_is_heard():
    address = heard(tone().wav_base64)
    assert address.startswith("data:audio/wav;base64,")
    assert base64.b64decode(address.partition(",")[2]) == base64.b64decode(tone().wav_base64)


def test_what_follows_the_samples_is_dropped():
    extra = wav() + b"<script>alert(1)</script>"
    assert base64.b64decode(heard(base64.b64encode(extra).decode()).partition(",")[2]) == wav()


ODD = {
    "empty": b"",
    "text": b"<svg onload=alert(1)>",
    "cut": wav()[:20],
    "stereo": wav(channels=2),
    "bytes": wav(width=1),
    "too-fast": wav(rate=10**6),
    "silent": wav(frames=b""),
    "picture": base64.b64decode(sprites(1, 1)),
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_what_is_no_plain_sound_is_not_played(data):
    assert heard(base64.b64encode(data).decode()) is None


@pytest.mark.parametrize("text", ["???", "größe", "A" * (4 << 20)], ids=["odd", "no-ascii", "huge"])
def test_what_is_no_base64_is_not_played(text):
    assert heard(text) is None
