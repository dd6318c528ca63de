"""Pictures that a viewer shows as a body in air, and that shrink under a compressor as little as noisy real ones."""

import math

_AIR, _BODY, _CORE = b"\x00", b"\x04", b"\x07"  # the high byte of a stored value


def phantom(rows: int, columns: int, radius: float, low_bytes: bytes) -> bytes:
    """Return the 12-bit pixels, little endian, of a disk of `radius` (1: as wide as the picture) with a core.

    `low_bytes`, one for each pixel, are the noise in it.
    """
    pixels = bytearray(2 * rows * columns)
    pixels[0::2] = low_bytes
    pixels[1::2] = b"".join(_row(abs(2 * row + 1 - rows) / rows, columns, radius) for row in range(rows))
    return bytes(pixels)


def _row(height: float, columns: int, radius: float) -> bytes:
    half = (columns + 1) // 2
    body = _half_chord(radius, height, half)
    core = _half_chord(radius / 3, height, half)
    left = _AIR * (half - body) + _BODY * (body - core) + _CORE * core
    return left + left[::-1][columns % 2 :]


def _half_chord(radius: float, height: float, half: int) -> int:
    """Half the width, in pixels, of a disk at `height` above its middle."""
    return int(math.sqrt(max(0.0, radius**2 - height**2)) * half)
