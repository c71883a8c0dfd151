"""Sounds that a page may carry: plain WAV files in base64, written anew from their samples."""

from __future__ import annotations

import base64
import binascii
import io
import wave
from typing import Final

MAXIMUM_BYTES: Final = 2 << 20
RATES: Final = range(4000, 48001)
"""Samples per second that every browser plays."""


def heard(wav_base64: str) -> str | None:
    """Return the sound as a data address, or None if it is no WAV of one channel and 16 bit."""
    if len(wav_base64) > MAXIMUM_BYTES * 4 // 3 + 4:
        return None
    try:
        data = base64.b64decode(wav_base64, validate=True)
        with wave.open(io.BytesIO(data)) as sound:
            rate, frames = sound.getframerate(), sound.readframes(sound.getnframes())
            known = sound.getnchannels() == 1 and sound.getsampwidth() == 2
    except (binascii.Error, ValueError, EOFError, wave.Error):
        return None
    if not known or rate not in RATES or not frames:
        return None
    return "data:audio/wav;base64," + base64.b64encode(_written(rate, frames)).decode("ascii")


def _written(rate: int, frames: bytes) -> bytes:
    """Return a file with these samples and nothing else that the first one may have carried."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(frames)
    return file.getvalue()
