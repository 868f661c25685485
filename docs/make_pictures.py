"""Makes before-after.png and upsample.png in this folder from samples/: `python docs/make_pictures.py`.

Each panel is a piece of the picture at its own size, with the command that made it below.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import imgfilt
from imgfilt.resampling import KERNELS

HERE = Path(__file__).parent
PIECE = (40, 190, 340, 430)  # left, top, right, bottom
GAP, CAPTION, COLUMNS = 8, 22, 3
PANELS = (
    ("before", "identity"),
    ("imgfilt gaussian --sigma 3", "gaussian sigma=3"),
    ("imgfilt unsharp-mask --sigma 2 --amount 1.5", "unsharp_mask sigma=2 amount=1.5"),
    ("imgfilt sobel", "sobel"),
    ("imgfilt emboss --color luma", "emboss", "luma"),
    ("imgfilt canny --sigma 1.4 --low 40 --high 120", "canny sigma=1.4 low=40 high=120"),
)


SMALL = (232, 226, 288, 262)  # the piece that is enlarged
FACTOR = 6


def main() -> None:
    photo = Image.open(HERE.parent / "samples" / "landscape.jpg")
    done = []
    for caption, pipeline, *color in PANELS:
        made = imgfilt.apply(pipeline, photo, color=color[0] if color else None)
        done.append((caption, made.crop(PIECE)))
    sheet(done).save(HERE / "before-after.png", optimize=True)
    small = photo.crop(SMALL)
    enlarged = [(f"--kernel {kernel}", imgfilt.upsample(small, FACTOR, kernel)) for kernel in KERNELS]
    sheet(enlarged).save(HERE / "upsample.png", optimize=True)


def sheet(panels: list[tuple[str, Image.Image]]) -> Image.Image:
    """The pictures, all of one size, side by side with their captions."""
    width, height = panels[0][1].size
    rows = -(-len(panels) // COLUMNS)
    size = (COLUMNS * (width + GAP) - GAP, rows * (height + CAPTION + GAP) - GAP)
    whole = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(size=13)
    for number, (caption, picture) in enumerate(panels):
        x, y = number % COLUMNS * (width + GAP), number // COLUMNS * (height + CAPTION + GAP)
        whole.paste(picture, (x, y))
        draw.text((x + 2, y + height + 3), caption, "black", font)
    return whole


if __name__ == "__main__":
    main()
