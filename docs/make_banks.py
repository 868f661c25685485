"""Puts the figures of `imgfilt bench banks --json` into docs/filter-banks.md.

    (imgfilt bench banks --json; imgfilt bench banks --threads 2 --json) | python docs/make_banks.py

The tables stand between the marks <!-- banks --> and <!-- /banks -->.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from imgfilt.bench.banks import HEADER, LAYERS, Row, mean_ratio, memory_ratio, table
from imgfilt.cost import isa
from imgfilt.processor import cpu_name

PAGE = Path(__file__).parent / "filter-banks.md"
BEGIN, END = "<!-- banks -->", "<!-- /banks -->"


def choices(rows: list[Row]) -> list[str]:
    """The planner's choice beside PyTorch, for each number of threads."""
    counts = sorted({row.threads for row in rows})
    head = (
        "| layer | " + " | ".join(f"choice, {n} thr., ms | torch ms | times as fast" for n in counts) + " |"
    )
    lines = [head, "| --- |" + " ---: | ---: | ---: |" * len(counts)]
    for layer in LAYERS:
        cells = []
        for n in counts:
            times = {row.side: row for row in rows if row.layer == layer.number and row.threads == n}
            if "auto" not in times or "torch" not in times:
                cells.append("| |")
                continue
            ours, theirs = times["auto"], times["torch"]
            cells.append(f"{ours.ms:.2f} ({ours.backend}) | {theirs.ms:.2f} | {theirs.ms / ours.ms:.2f}")
        lines.append(f"| {layer.number}: {layer} | " + " | ".join(cells) + " |")
    means = [mean_ratio([row for row in rows if row.threads == n], "auto", "torch") or 0.0 for n in counts]
    lines.append("| geometric mean | " + " | ".join(f"| | {mean:.2f}" for mean in means) + " |")
    return lines


def text(rows: list[Row]) -> str:
    """All tables as Markdown."""
    wrong = [f"layer {row.layer} {row.side}: {row.error}" for row in rows if row.error]
    if wrong:
        raise SystemExit(f"not a clean run: {'; '.join(wrong)}")
    one = sorted((row for row in rows if row.threads == 1), key=lambda row: row.layer)
    torch = next(row.backend for row in rows if row.side == "torch")
    lines = [
        f"Batch {one[0].batch}, float32, on an {cpu_name()}, instruction set {isa()}, {torch} (oneDNN), NCHW on both "
        "sides:",
        "",
        *choices(rows),
    ]
    for threads in sorted({row.threads for row in rows}):
        lines += [
            "",
            *sides(sorted((r for r in rows if r.threads == threads), key=lambda r: r.layer), threads),
        ]
    return "\n".join(lines)


def sides(rows: list[Row], threads: int) -> list[str]:
    """The means of each side on so many threads, then every layer."""
    told = f"{threads} thread{'s' * (threads > 1)}"
    lines = [
        f"Means over the twelve layers, {told}:",
        "",
        "| | torch's speed | im2col's | im2col_plain's | input + workspace, of im2col's |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for side in dict.fromkeys(row.side for row in rows if row.ms and not row.side.startswith("torch")):
        mine = [row for row in rows if row.side == side and row.ms]
        ratios = [mean_ratio(rows, side, other) or 0.0 for other in ("torch", "im2col", "im2col_plain")]
        share = sum(memory_ratio(row) for row in mine) / len(mine)
        layers = "" if len(mine) == len(LAYERS) else f" (layers {', '.join(str(row.layer) for row in mine)})"
        lines.append(
            f"| {side}{layers} | "
            + " | ".join(f"{ratio:.2f} x" for ratio in ratios)
            + f" | {100 * share:.1f} % |"
        )
    return [
        *lines,
        "",
        f"Every layer and side, {told}:",
        "",
        f"| {' | '.join(HEADER)} |",
        "| ---: | --- |" + " ---: |" * 6,
        *(f"| {' | '.join(cells)} |" for cells in table(rows)[1:]),
    ]


def main() -> None:
    rows = [Row(**json.loads(line)) for line in sys.stdin if line.strip()]
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text(rows)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
