"""Makes the pictures in this folder, out of nothing but numpy and a seed: `python samples/make_samples.py`.

landscape.jpg   640x480 RGB: sky, sun, ridges of fractal mountains, a lake, reeds, and a hut with sharp edges
dusk16.png      192x128 RGB, 16 bits: a dark scene whose tones lie closer together than 8 bits can tell
leaf.png        200x200 RGBA: a leaf with soft, half transparent edges
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgfilt.io import Picture, write

Floats = NDArray[np.float64]


def noise(rng: np.random.Generator, shape: tuple[int, int], exponent: float) -> Floats:
    """Fractal noise with spectrum 1/f^exponent, mean 0, deviation 1."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) / frequency**exponent
    field: Floats = np.fft.irfft2(spectrum, shape)
    return (field - field.mean()) / field.std()


def mix(picture: Floats, colour: tuple[float, float, float] | Floats, cover: Floats) -> Floats:
    """`colour` laid over `picture` where `cover` is 1."""
    return picture + (np.asarray(colour) - picture) * cover[..., None]


def soft(distance: Floats, width: float = 1.0) -> Floats:
    """1 inside (negative distance), 0 outside, a linear edge of `width` pixels."""
    return np.clip(0.5 - distance / width, 0.0, 1.0)


def landscape(rng: np.random.Generator, height: int = 480, width: int = 640) -> Floats:
    """The scene as RGB in 0 to 1."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    horizon = 0.62 * height
    t = (y / horizon).clip(0, 1)[..., None]
    picture = (1 - t) * np.array([0.24, 0.45, 0.80]) + t * np.array([0.95, 0.80, 0.62])
    clouds = np.clip(noise(rng, (height, width), 1.7) * 0.5 + 0.1, 0, 1) * np.clip(1 - y / horizon, 0, 1)
    picture = mix(picture, (1.0, 0.97, 0.93), 0.75 * clouds)
    sun = np.hypot(x - 0.72 * width, y - 0.30 * height)
    picture = mix(picture, (1.0, 0.93, 0.70), 0.6 * np.exp(-((sun / 90) ** 2)))
    picture = mix(picture, (1.0, 0.99, 0.90), soft(sun - 24, 3))
    for base, rise, near in ((0.50, 60, 0.0), (0.55, 45, 0.5), (0.60, 28, 1.0)):
        ridge = base * height - rise * noise(rng, (1, 2 * width), 1.4)[0, :width]
        texture = 0.5 + 0.10 * noise(rng, (height, width), 1.1)
        far, close = np.array([0.55, 0.60, 0.72]), np.array([0.16, 0.24, 0.17])
        rock = (far + (close - far) * near) * (0.6 + 0.8 * texture[..., None])
        picture = mix(picture, rock, soft(ridge[None, :] - y))
    mirrored = picture[np.clip(2 * horizon - y, 0, height - 1).astype(int), x.astype(int)]
    waves = 3 * np.sin(y * 40 / (y - horizon + 12).clip(1)) + noise(rng, (height, width), 0.8)
    columns = np.clip(x + waves, 0, width - 1).astype(int)
    lake = 0.75 * np.take_along_axis(mirrored, columns[..., None].repeat(3, 2), 1) + np.array(
        [0.0, 0.03, 0.06]
    )
    picture = mix(picture, lake, soft(horizon - y))
    grass = np.array([0.30, 0.36, 0.14]) * (1 + 0.25 * noise(rng, (height, width), 0.7)[..., None])
    bank = 350 + (x / 26) ** 1.55 + 4 * noise(rng, (1, 2 * width), 1.2)[:, :width]
    picture = mix(picture, grass, soft(bank - y))
    picture = hut(picture, x, y)
    for _ in range(70):
        foot, lean, tall = rng.uniform(0, width), rng.uniform(-0.15, 0.15), rng.uniform(40, 130)
        stem = np.abs(x - foot - lean * (height - y)) - 1.1
        straw = rng.uniform((0.10, 0.16, 0.04), (0.40, 0.42, 0.15))
        picture = mix(picture, straw, soft(stem) * soft(height - tall - y))
    return np.clip(picture + rng.normal(0, 0.008, picture.shape), 0, 1)


def hut(picture: Floats, x: Floats, y: Floats) -> Floats:
    """A red hut on the near shore: straight edges at several angles."""
    wall = np.maximum(np.abs(x - 170) - 46, np.abs(y - 330) - 28)
    boards = 0.85 + 0.15 * (x.astype(int) % 8 > 0)
    picture = mix(picture, np.array([0.62, 0.13, 0.10]) * boards[..., None], soft(wall))
    roof = np.maximum(np.abs(x - 170) * 0.62 - (y - 264), y - 303)
    picture = mix(picture, (0.17, 0.16, 0.19), soft(roof - 2))
    for left in (148, 192):
        window = np.maximum(np.abs(x - left) - 9, np.abs(y - 326) - 10)
        picture = mix(picture, (0.98, 0.98, 0.95), soft(window))
        pane = np.maximum(np.abs(np.abs(x - left) - 4) - 3, np.abs(np.abs(y - 326) - 4.5) - 3.5)
        picture = mix(picture, (0.99, 0.80, 0.35), soft(pane))
    return picture


def dusk(rng: np.random.Generator) -> Floats:
    """A dark landscape in one fiftieth of the range."""
    return 0.02 + landscape(rng, 480, 640)[::4, ::4][:, :160] / 50


def leaf(size: int = 200) -> Floats:
    """RGBA in 0 to 1; colour and transparency vary independently, and clear pixels are white."""
    y, x = (np.mgrid[:size, :size] - size / 2) / (size / 2)
    u, v = (x + y) / np.sqrt(2), (x - y) / np.sqrt(2)
    edge = np.abs(v) - 0.45 * np.clip(1 - (u / 0.9) ** 2, 0, None) ** 0.8
    alpha = np.clip(-edge * 9, 0, 1)
    vein = np.exp(-((v * 40) ** 2)) + 0.5 * np.exp(-((((np.abs(v) * 1.4 - u) % 0.18 - 0.09) * 60) ** 2))
    green = np.stack([0.20 + 0.25 * (u + 1) / 2, 0.50 + 0.25 * v, 0.12 + 0 * u], axis=2)
    colour = mix(green, (0.80, 0.85, 0.45), np.clip(vein, 0, 1))
    colour = np.where(alpha[..., None] > 0, colour, 1.0)
    return np.dstack([np.clip(colour, 0, 1), alpha])


def eight(values: Floats) -> NDArray[np.uint8]:
    """0 to 1 as bytes."""
    return np.rint(values * 255).astype(np.uint8)


def main() -> None:
    """Writes the three pictures beside this script."""
    folder = Path(__file__).resolve().parent
    write(folder / "landscape.jpg", Picture(eight(landscape(np.random.default_rng(7)))), quality=88)
    dark = np.rint(dusk(np.random.default_rng(8)) * 65535).astype(np.uint16)
    write(folder / "dusk16.png", Picture(dark))
    write(folder / "leaf.png", Picture(eight(leaf()), has_alpha=True))


if __name__ == "__main__":
    main()
