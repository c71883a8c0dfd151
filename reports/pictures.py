"""Pictures that a page may carry: whole PNG files in base64, of a size a browser can stand."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from dataclasses import dataclass
from typing import Final

MAXIMUM_BYTES: Final = 2 << 20
MAXIMUM_SIDE: Final = 4096
"""Pixels; a small file can unpack to a picture that takes a browser's memory."""
SHOWN_WIDTH: Final = 560
"""CSS pixels that small pictures are enlarged to at most, by a whole factor."""
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture that was checked: its data and how large to draw it, in CSS pixels."""

    source: str
    width: int
    height: int
    enlarged: bool
    """Drawn larger than it is: its pixels are to stay squares."""


def shown(png_base64: str) -> Shown | None:
    """Return the picture ready to be shown, or None if it is not a sound PNG."""
    data = _decoded(png_base64)
    if data is None or not _sound(data):
        return None
    width, height = struct.unpack(">II", data[16:24])
    if not (0 < width <= MAXIMUM_SIDE and 0 < height <= MAXIMUM_SIDE):
        return None
    factor = max(1, SHOWN_WIDTH // max(width, height))
    return Shown(
        source="data:image/png;base64," + base64.b64encode(data).decode("ascii"),
        width=width * factor,
        height=height * factor,
        enlarged=factor > 1,
    )


def _decoded(text: str) -> bytes | None:
    if len(text) > MAXIMUM_BYTES * 4 // 3 + 4:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # ValueError: characters beyond ASCII
        return None


def _sound(data: bytes) -> bool:
    """Return whether the bytes are a PNG of whole chunks and nothing after its end."""
    if not data.startswith(_SIGNATURE) or data[8:16] != b"\x00\x00\x00\rIHDR":
        return False
    at, kind = 8, b""
    while at + 12 <= len(data) and kind != b"IEND":
        (size,) = struct.unpack_from(">I", data, at)
        body = data[at + 4 : at + 8 + size]
        kind, checksum = body[:4], data[at + 8 + size : at + 12 + size]
        if checksum != zlib.crc32(body).to_bytes(4, "big"):
            return False
        at += 12 + size
    return kind == b"IEND" and at == len(data)
