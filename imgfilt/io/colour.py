"""Colours that are not RGB, made so: inks (CMYK) by their profile, CIELAB by its definition.

CIELAB to XYZ: CIE 15:2004. XYZ under D50 to linear sRGB: IEC 61966-2-1 with Bradford's adaptation, as in the
sRGB profile of the ICC. How TIFF stores CIELAB: TIFF 6.0, section 23; Adobe Photoshop TIFF technical notes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

CIELAB, ICCLAB = 8, 9

_TO_LINEAR = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ],
    np.float32,
)
_D50 = np.array([0.9642, 1.0, 0.8249], np.float32)
_ROWS_AT_ONCE = 1 << 20  # pixels


@cache
def srgb_profile() -> bytes:
    """An ICC profile of sRGB, the same every day."""
    import imagecodecs

    profile = bytearray(imagecodecs.cms_profile("srgb"))
    profile[24:36] = (2000).to_bytes(2, "big") + b"\0\1\0\1" + bytes(6)  # its date of creation
    return bytes(profile)


def cmyk_to_rgb(ink: NDArray[Any], profile: bytes) -> tuple[NDArray[Any], bytes, str]:
    """(H, W, 4) of inks, 0: none, as RGB of the same dtype; the profile of that; and a note.

    By the inks' profile, relative colorimetric with black point compensation; without one by the plain formula
    (1 - C)(1 - K), which says nothing of how inks look on paper.
    """
    if ink.dtype.kind != "f" and profile[16:20] == b"CMYK":
        import imagecodecs

        try:
            rgb: NDArray[Any] = imagecodecs.cms_transform(
                np.ascontiguousarray(ink),
                profile,
                srgb_profile(),
                colorspace="cmyk",
                outcolorspace="rgb",
                intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
                flags=imagecodecs.CMS.FLAGS.BLACKPOINTCOMPENSATION,
            )
        except (imagecodecs.CmsError, ValueError, RuntimeError):
            return _plain(ink), b"", "CMYK became RGB by the plain formula: its colour profile is damaged"
        return rgb, srgb_profile(), "CMYK became sRGB by its colour profile"
    return _plain(ink), b"", "CMYK became RGB by the plain formula: it has no colour profile"


def _plain(ink: NDArray[Any]) -> NDArray[Any]:
    full = np.float32(1.0 if ink.dtype.kind == "f" else np.iinfo(ink.dtype).max)
    rgb = np.empty((*ink.shape[:2], 3), ink.dtype)
    for top, bottom in _bands(ink):
        light = 1 - ink[top:bottom].astype(np.float32) / full
        part = light[..., :3] * light[..., 3:4] * full
        rgb[top:bottom] = part if ink.dtype.kind == "f" else np.rint(part)
    return rgb


def lab_to_rgb(samples: NDArray[Any], photometric: int) -> NDArray[Any]:
    """(H, W, 3) of uint8 or uint16 as TIFF stores CIELAB or ICCLAB, as sRGB of the same dtype, clipped."""
    full = np.float32(np.iinfo(samples.dtype).max)
    rgb = np.empty_like(samples)
    for top, bottom in _bands(samples):
        part = _srgb(_lab(samples[top:bottom], photometric))
        rgb[top:bottom] = np.rint(part * full)
    return rgb


def _lab(samples: NDArray[Any], photometric: int) -> NDArray[np.float32]:
    """L* 0 to 100, a* and b* -128 to 127."""
    lab: NDArray[np.float32] = samples.astype(np.float32)
    deep = samples.dtype == np.uint16
    if photometric == ICCLAB:
        lab[..., 0] *= np.float32(100 / (0xFF00 if deep else 0xFF))
        lab[..., 1:] = lab[..., 1:] / (256 if deep else 1) - 128
    else:
        lab[..., 0] *= np.float32(100 / (0xFFFF if deep else 0xFF))
        signed = samples[..., 1:].view(np.int16 if deep else np.int8)
        lab[..., 1:] = signed.astype(np.float32) / (256 if deep else 1)
    return lab


def _srgb(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    limit = np.float32(6 / 29)
    xyz = np.where(f > limit, f**3, 3 * limit**2 * (f - np.float32(4 / 29))) * _D50
    linear = np.clip(xyz @ _TO_LINEAR.T, 0, 1)
    encoded: NDArray[np.float32] = np.where(
        linear <= 0.0031308,
        linear * np.float32(12.92),
        np.float32(1.055) * linear ** np.float32(1 / 2.4) - np.float32(0.055),
    )
    return encoded


def _bands(array: NDArray[Any]) -> list[tuple[int, int]]:
    step = max(1, _ROWS_AT_ONCE // max(1, array.shape[1]))
    return [(top, min(top + step, array.shape[0])) for top in range(0, array.shape[0], step)]
