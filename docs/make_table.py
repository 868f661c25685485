"""Puts the figures of `imgfilt bench --json` into README.md and benchmark.md: `python docs/make_table.py FILES`.

The README has some cells of 8 megapixels, the page the means, the goals and what is lost, each between the marks
<!-- bench --> and <!-- /bench -->. `imgfilt bench show FILES --draw docs` draws the pictures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from imgfilt.bench import history, summary
from imgfilt.bench.summary import COMPOSITE, Cell, by, mean_ratio

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
NAMES = {"v4": "AVX-512", "v3": "AVX2", "v2": "SSE4.2"}
SIZES = ("64", "256", "1MP", "8MP", "100MP")
WORST = 25
SOME = (
    ("sobel magnitude", "uint8", (1, 3)), ("sobel x", "uint8", (1,)), ("laplacian", "uint8", (1,)),
    ("integer 3x3", "uint8", (1, 3)), ("random 7x7", "uint8", (1,)), ("random 7x7", "float32", (1,)),
    ("random 31x31", "float32", (1,)), ("gaussian 0.8", "uint8", (1,)), ("gaussian 3", "uint8", (1, 3)),
    ("gaussian 3", "float32", (1,)), ("gaussian 50", "uint8", (1,)), ("box 3", "uint8", (1,)),
    ("box 15", "uint8", (1, 3)), ("box 101", "uint8", (1,)), ("unsharp mask", "uint8", (1, 3)),
    ("difference of gaussians", "uint8", (1,)), ("gaussian | sobel", "uint8", (1, 3)), ("median 3", "uint8", (1,)),
    ("median 5", "uint8", (1,)), ("median 15", "uint8", (1,)), ("bilateral 9", "uint8", (1, 3)),
    ("canny", "uint8", (1,)), ("integral", "uint8", (1,)), ("pyr down", "uint8", (1,)), ("pyr up", "uint8", (1,)),
)  # fmt: skip
"""What the README has: case, dtype, numbers of channels."""


def readme(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Some cells of 8 megapixels on one thread."""
    machine = _machine(records, "v4")
    cells = [c for c in summary.sound(r for r in records if "case" in r) if c["isa"] == "v4"]
    found = {
        (c["case"], c["dtype"], c["channels"]): c for c in cells if c["size"] == "8MP" and c["threads"] == 1
    }
    chosen = [
        found[case, dtype, n] for case, dtype, channels in SOME for n in channels if (case, dtype, n) in found
    ]
    yield (
        f"`imgfilt bench` on an {machine['cpu']}, {machine['cpus']} cores, instruction set {machine['isa']}, against "
        f"OpenCV {machine['opencv']} with {'IPP and ' if machine['opencv_ipp'] else ''}its own optimised code: "
        f"{mean_ratio(cells):.2f} times as fast, the geometric mean of {len(cells)} cells (filters, dtypes, channels, "
        "sizes, threads). The other side is the fastest of the chains of OpenCV calls that we know for the filter; "
        "destinations are allocated beforehand on both sides; “times as fast” is the median of the ratios, pair by "
        "pair. Here are some cells of 3840x2160 pixels on one thread; [the page](docs/benchmark.md) has the rest, and "
        "where OpenCV is faster."
    )
    yield ""
    yield "| filter | image | imgfilt ms | OpenCV ms | times as fast | OpenCV's best chain |"
    yield "| --- | --- | ---: | ---: | ---: | --- |"
    for c in chosen:
        image = f"{c['dtype']}, {'gray' if c['channels'] == 1 else 'RGB'}"
        times = f"{c['ours_ms']:.2f} | {c['rival_ms']:.2f} | {c['ratio']:.2f}"
        yield f"| {_name(c)} | {image} | {times} | {c['rival']} |"
    small = {r["overhead"]: r for r in records if "overhead" in r}
    if small:
        told = ", ".join(f"{r['overhead_us']:.0f} µs for {name}" for name, r in small.items())
        yield from ("", f"A call costs, beside its pixels and with its plan cached: {told}.")


def page(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The machine, means by size and by filter, the goals, and the cells that are lost."""
    every = [r for r in records if "case" in r]
    left_out = len(summary.disturbed(every))
    cells = summary.sound(every)
    isas = [isa for (isa,) in by(cells, "isa")]
    machine = _machine(records, isas[0])
    yield (
        f"{machine['cpu']}, {machine['cpus']} cores, {machine['system']}, Python {machine['python']}, NumPy "
        f"{machine['numpy']}, OpenCV {machine['opencv']} (IPP {machine['opencv_ipp']}). {len(cells)} cells of the "
        f"matrix, run in pieces on a shared virtual machine; {left_out} more, during which other processes kept "
        "processors busy that were needed, are left out."
    )
    yield ""
    yield "| instruction set | threads | copy, GB/s | multiply-adds of float32 a nanosecond |"
    yield "| --- | ---: | ---: | ---: |"
    for isa in isas:
        for most in _machine(records, isa)["limits"]:
            yield f"| {NAMES.get(isa, isa)} | {most['threads']} | {most['copy_gb_s']:.1f} | {most['fma_gmac_s']:.0f} |"
    yield from ("", "![Times as fast as OpenCV, every cell](ratios.svg)", "", "![Roofline](roofline.svg)", "")
    yield from ("Geometric means of “times as fast” by the size of the picture; cells in parentheses:", "")
    yield from _means(cells, isas)
    yield from ("", "The same by filter, all dtypes, channels and threads:", "")
    yield from _by_filter(cells, isas)
    yield from (
        "",
        "### Goals",
        "",
        "| goal | holds | found | the least good cell |",
        "| --- | --- | --- | --- |",
    )
    for goal in summary.goals(cells):
        holds = {True: "yes", False: "no", None: "not measured"}[goal.holds]
        yield f"| {goal.wanted} | {holds} | {goal.found} | {_plain(goal.worst)} |"
    yield from ("", "### Where OpenCV is faster", "")
    lost = summary.losses(cells)
    if not lost:
        yield "In no cell from 256x256 up."
        return
    yield (
        f"In {len(lost)} of {sum(c['width'] * c['height'] >= 65536 for c in cells)} cells from 256x256 up (ratios from "
        f"{summary.EQUAL} on are noise). How many of them, by filter and size:"
    )
    yield ""
    yield from _lost_counts(lost)
    yield from ("", f"The {min(WORST, len(lost))} worst:", "")
    yield "| filter | image | size | threads | | imgfilt ms | OpenCV ms | times as fast |"
    yield "| --- | --- | --- | ---: | --- | ---: | ---: | ---: |"
    for c in lost[:WORST]:
        cell = (
            f"{c['dtype']} x{c['channels']} | {c['size']} | {c['threads']} | {NAMES.get(c['isa'], c['isa'])}"
        )
        yield f"| {_name(c)} | {cell} | {c['ours_ms']:.3f} | {c['rival_ms']:.3f} | {c['ratio']:.2f} |"


def _machine(records: Sequence[dict[str, Any]], isa: str) -> dict[str, Any]:
    found: dict[str, Any] = [r["machine"] for r in records if "machine" in r and r["machine"]["isa"] == isa][
        -1
    ]
    return found


def _name(cell: Cell) -> str:
    return _plain(str(cell["case"]))


def _plain(text: str) -> str:
    return text.replace("|", "\\|")


def _means(cells: Sequence[Cell], isas: Sequence[str]) -> Iterator[str]:
    threads = sorted({c["threads"] for c in cells})
    sizes = [size for size in SIZES if any(c["size"] == size for c in cells)]
    yield "| | threads | " + " | ".join(sizes) + " | all |"
    yield "| --- | ---: |" + " ---: |" * (len(sizes) + 1)
    for isa in isas:
        for what, kept in (("all filters", None), ("composite filters", COMPOSITE)):
            for count in threads:
                row = [
                    c
                    for c in cells
                    if c["isa"] == isa and c["threads"] == count and (not kept or c["case"] in kept)
                ]
                words = [_mean([c for c in row if c["size"] == size]) for size in sizes]
                yield f"| {NAMES.get(isa, isa)}, {what} | {count} | {' | '.join([*words, _mean(row)])} |"


def _mean(cells: Sequence[Cell]) -> str:
    mean = mean_ratio(cells)
    return "" if mean is None else f"{mean:.2f} ({len(cells)})"


def _by_filter(cells: Sequence[Cell], isas: Sequence[str]) -> Iterator[str]:
    yield "| filter | " + " | ".join(f"{NAMES.get(isa, isa)}" for isa in isas) + " |"
    yield "| --- |" + " ---: |" * len(isas)
    for (case,), found in by(cells, "case").items():
        words = [_mean([c for c in found if c["isa"] == isa]) for isa in isas]
        yield f"| {_plain(str(case))} | {' | '.join(words)} |"


def _lost_counts(lost: Sequence[Cell]) -> Iterator[str]:
    sizes = [size for size in SIZES if any(c["size"] == size for c in lost)]
    yield "| filter | " + " | ".join(sizes) + " | the least |"
    yield "| --- |" + " ---: |" * (len(sizes) + 1)
    for (case,), found in by(lost, "case").items():
        words = [str(sum(c["size"] == size for c in found) or "") for size in sizes]
        yield f"| {_plain(str(case))} | {' | '.join(words)} | {min(c['ratio'] for c in found):.2f} |"


def _put(path: Path, lines: Iterator[str]) -> None:
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    made = "\n".join(lines)
    path.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


def main() -> None:
    records = history.read([Path(name) for name in sys.argv[1:]])
    wrong = [record for record in records if "error" in record]
    if wrong or not any("ratio" in record for record in records):
        raise SystemExit(f"not a clean run: {wrong or 'nothing was timed'}")
    _put(ROOT / "README.md", readme(records))
    _put(ROOT / "docs" / "benchmark.md", page(records))


if __name__ == "__main__":
    main()
