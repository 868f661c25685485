"""Draws a run: how many times as fast each cell is, and how far from the machine's limits (a roofline).

The roofline is of S. Williams, A. Waterman and D. Patterson, "Roofline: an insightful visual performance model", 2009.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from imgfilt.bench.case import MissingPackageError
from imgfilt.bench.summary import Cell, by, mean_ratio, sound

_SIZES = {"64": "#bdd7e7", "256": "#6baed6", "1MP": "#2171b5", "8MP": "#08306b", "100MP": "#e6550d"}
_DTYPES = {"uint8": "#1b7837", "uint16": "#762a83", "float32": "#e08214"}
_NAMES = {"v4": "AVX-512", "v3": "AVX2", "v2": "SSE4.2"}
_INK, _FAINT = "#333333", "#dddddd"
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "imgfilt",
    "axes.edgecolor": "#bbbbbb",
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "figure.facecolor": "white",
}


def draw(records: Sequence[dict[str, Any]], folder: Path) -> Iterator[Path]:
    """Writes ratios.svg and roofline.svg into the folder, and gives their paths.

    `records` are lines of `imgfilt bench --json`. Raises MissingPackageError without Matplotlib.
    """
    try:
        matplotlib = import_module("matplotlib")
        figure_of = import_module("matplotlib.figure").Figure
    except ImportError as error:
        raise MissingPackageError(
            f'pictures are drawn by Matplotlib, which cannot be imported ({error}): pip install "imgfilt[bench]"'
        ) from error
    cells = sound([record for record in records if "case" in record])
    limits = {r["machine"]["isa"]: r["machine"]["limits"] for r in records if "machine" in r}
    with matplotlib.rc_context(_STYLE):
        for name, figure in (
            ("ratios.svg", _ratios(figure_of, cells)),
            ("roofline.svg", _roofline(figure_of, cells, limits)),
        ):
            path = folder / name
            figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
            yield path


def _ratios(figure_of: Any, cells: Sequence[Cell]) -> Any:
    """A line for each filter, a dot for each cell; one panel for each instruction set."""
    panels = by(cells, "isa")
    names = list(dict.fromkeys(cell["case"] for cell in cells))
    figure = figure_of(figsize=(5.2 * len(panels) + 1.2, 0.25 * len(names) + 1.4))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, ((isa,), found) in zip(axes, panels.items(), strict=True):
        axis.set_xscale("log")
        axis.axvspan(1e-9, 1.0, color="#fdecea", zorder=0)
        axis.axvline(1.0, color="#cc4444", linewidth=1, zorder=1)
        for size, color in _SIZES.items():
            dots = [cell for cell in found if cell["size"] == size]
            shift = (list(_SIZES).index(size) - 2) * 0.15
            if dots:
                axis.scatter([cell["ratio"] for cell in dots], [names.index(cell["case"]) + shift for cell in dots],
                             s=9, color=color, alpha=0.65, linewidths=0, label=_spelled(size), zorder=3)  # fmt: skip
        for i, name in enumerate(names):
            mean = mean_ratio(cell for cell in found if cell["case"] == name)
            if mean is not None:
                axis.plot([mean, mean], [i - 0.42, i + 0.42], color=_INK, linewidth=1.6, zorder=4)
        _log_ticks(axis, [cell["ratio"] for cell in found])
        axis.set_yticks(range(len(names)), names)
        axis.set_ylim(len(names) - 0.4, -0.6)
        axis.grid(axis="x", color=_FAINT, linewidth=0.6, zorder=0)
        axis.tick_params(length=0)
        axis.set_xlabel("times as fast as OpenCV")
        axis.set_title(f"{_NAMES.get(isa, isa)}: geometric mean {mean_ratio(found):.2f}", fontsize=10)
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
    axes[-1].legend(
        title="pixels", loc="lower right", frameon=True, framealpha=0.9, fontsize=8, markerscale=2
    )
    figure.tight_layout()
    return figure


def _spelled(size: str) -> str:
    return f"{size}x{size}" if size.isdigit() else size.replace("MP", " million")


def _log_ticks(axis: Any, ratios: Sequence[float]) -> None:
    low, high = min(ratios) / 1.15, max(ratios) * 1.15
    ticks = [t for t in (0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 50, 100) if low <= t <= high]
    axis.set_xlim(low, high)
    axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axis.set_xticks([], minor=True)


def _roofline(figure_of: Any, cells: Sequence[Cell], limits: dict[str, list[dict[str, Any]]]) -> Any:
    """Multiply-adds a second over multiply-adds a byte, under the two roofs; cells of 8 megapixels."""
    panels = {isa: most for isa, most in limits.items() if any(c["isa"] == isa for c in cells)}
    figure = figure_of(figsize=(5.4 * max(1, len(panels)), 4.4))
    axes = figure.subplots(1, max(1, len(panels)), sharey=True, squeeze=False)[0]
    for axis, (isa, most) in zip(axes, panels.items(), strict=False):
        best = max(most, key=lambda limit: int(limit["threads"]))
        found = [
            c for c in cells
            if c["isa"] == isa and c["size"] == "8MP" and c["threads"] == best["threads"] and c["gmac_s"]
        ]  # fmt: skip
        axis.set_xscale("log")
        axis.set_yscale("log")
        left, right = 0.3, 1200.0
        for limit in most:
            peak, copy = limit["fma_gmac_s"], limit["copy_gb_s"]
            ridge = peak / copy
            line = {"color": _INK if limit is best else "#aaaaaa", "linewidth": 1.4, "zorder": 2}
            axis.plot([left, ridge, right], [left * copy, peak, peak], **line)
            threads = f"{limit['threads']} thread{'s' * (limit['threads'] > 1)}"
            axis.annotate(f"{threads}: {peak:.0f} multiply-adds/ns, {copy:.0f} GB/s", (right, peak), ha="right",
                          va="bottom", fontsize=8, color=line["color"])  # fmt: skip
        for dtype, color in _DTYPES.items():
            dots = [cell for cell in found if cell["dtype"] == dtype]
            axis.scatter([c["gmac_s"] / c["gb_s"] for c in dots], [c["gmac_s"] for c in dots], s=20, color=color,
                         alpha=0.75, linewidths=0, label=dtype, zorder=3)  # fmt: skip
        for cell in _labelled(found):
            axis.annotate(cell["case"], (cell["gmac_s"] / cell["gb_s"], cell["gmac_s"]), xytext=(4, -8),
                          textcoords="offset points", fontsize=7, color="#666666")  # fmt: skip
        axis.set_xlim(left, right)
        axis.grid(color=_FAINT, linewidth=0.5, zorder=0)
        axis.set_xlabel("multiply-adds a byte read or written, by the plain definition")
        axis.set_title(f"{_NAMES.get(isa, isa)}, 8 megapixels", fontsize=10)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
        axis.legend(loc="lower right", frameon=True, framealpha=0.9, fontsize=8)
    axes[0].set_ylabel("multiply-adds a nanosecond")
    figure.tight_layout()
    return figure


def _labelled(cells: Sequence[Cell]) -> Iterator[Cell]:
    """One cell of each of a few filters, in gray, to tell where in the picture they are."""
    wanted = {("sobel magnitude", "uint8"), ("integer 3x3", "uint8"), ("gaussian 3", "uint8"),
              ("random 31x31", "float32"), ("random 7x7", "float32"), ("gaussian 50", "uint8")}  # fmt: skip
    return (c for c in cells if (c["case"], c["dtype"]) in wanted and c["channels"] == 1)
