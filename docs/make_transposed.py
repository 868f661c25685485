"""Puts the figures of `imgfilt bench transposed --json` into docs/transposed.md.

    (imgfilt bench transposed --json; imgfilt bench transposed --threads 2 --json) | python docs/make_transposed.py

The tables stand between the marks <!-- transposed --> and <!-- /transposed -->.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from imgfilt.bench.transposed import HEADER, Row, means, table
from imgfilt.cost import isa
from imgfilt.processor import cpu_name

PAGE = Path(__file__).parent / "transposed.md"
BEGIN, END = "<!-- transposed -->", "<!-- /transposed -->"


def text(rows: list[Row]) -> str:
    """All tables as Markdown."""
    wrong = [f"{row.case}: {row.error}" for row in rows if row.error]
    if wrong or not rows:
        raise SystemExit(f"not a clean run: {'; '.join(wrong) or 'no rows'}")
    counts = sorted({row.threads for row in rows})
    found = {n: means([row for row in rows if row.threads == n]) for n in counts}
    lines = [
        f"One image, float32, on an {cpu_name()}, instruction set {isa()}; PyTorch {rows[0].torch} (oneDNN). Times as "
        "fast, geometric means:",
        "",
        "| | " + " | ".join(f"{n} thread{'s' * (n > 1)}" for n in counts) + " |",
        "| --- |" + " ---: |" * len(counts),
    ]
    for i, (told, _) in enumerate(found[counts[0]]):
        lines.append(f"| {told} | " + " | ".join(f"{found[n][i][1]:.2f}" for n in counts) + " |")
    for n in counts:
        lines += ["", f"{n} thread{'s' * (n > 1)}:", "", f"| {' | '.join(HEADER)} |"]
        lines += ["| --- |" + " ---: |" * 7 + " --- |" * 3]
        lines += [f"| {' | '.join(cells)} |" for cells in table([r for r in rows if r.threads == n])[1:]]
    return "\n".join(lines)


def main() -> None:
    rows = [Row(**json.loads(line)) for line in sys.stdin if line.strip()]
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text(rows)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
