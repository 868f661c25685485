"""Makes before-after.png in this folder from samples/landscape.jpg: `python docs/make_pictures.py`.

Each panel is a piece of the picture at its own size, with the command that made it below.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import imgfilt

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


def main() -> None:
    photo = Image.open(HERE.parent / "samples" / "landscape.jpg")
    width, height = PIECE[2] - PIECE[0], PIECE[3] - PIECE[1]
    rows = -(-len(PANELS) // COLUMNS)
    size = (COLUMNS * (width + GAP) - GAP, rows * (height + CAPTION + GAP) - GAP)
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for number, (caption, pipeline, *color) in enumerate(PANELS):
        x, y = number % COLUMNS * (width + GAP), number // COLUMNS * (height + CAPTION + GAP)
        sheet.paste(imgfilt.apply(pipeline, photo, color=color[0] if color else None).crop(PIECE), (x, y))
        draw.text((x + 2, y + height + 3), caption, "black", font)
    sheet.save(HERE / "before-after.png", optimize=True)


if __name__ == "__main__":
    main()
