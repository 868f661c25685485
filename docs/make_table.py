"""Puts the figures of `imgfilt bench --json` into the README: `imgfilt bench --json | python docs/make_table.py`.

The table stands between the marks <!-- bench --> and <!-- /bench -->.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def table(records: list[dict[str, Any]]) -> str:
    """The records as a paragraph and a Markdown table."""
    machine = next(r["machine"] for r in records if "machine" in r)
    rows = [r for r in records if "ratio" in r]
    wrong = [r["case"] for r in records if "error" in r]
    if wrong or not rows:
        raise SystemExit(f"not a clean run: {', '.join(wrong) or 'nothing was timed'}")
    width, height, threads = rows[0]["width"], rows[0]["height"], rows[0]["threads"]
    lines = [
        f"`imgfilt bench` on {width}x{height}, {threads} thread{'s' * (threads > 1)} on both sides, on an "
        f"{machine['cpu']}, {machine['cpus']} cores, instruction set {machine['isa']}, against OpenCV "
        f"{machine['opencv']} with {'IPP and ' if machine['opencv_ipp'] else ''}its own optimised code. The other "
        "side is the fastest of the chains of OpenCV calls that we know for the filter; destinations are allocated "
        "beforehand on both sides; “times as fast” is the median of the ratios, pair by pair "
        "([how](docs/benchmark.md)).",
        "",
        "| filter | image | imgfilt ms | OpenCV ms | times as fast | OpenCV's best chain |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for r in rows:
        image = f"{r['dtype']}, {'gray' if r['channels'] == 1 else 'RGB'}"
        lines.append(
            f"| {r['case']} | {image} | {r['ours_ms']:.2f} | {r['rival_ms']:.2f} | {r['ratio']:.2f} | {r['rival']} |"
        )
    small = [r for r in records if "overhead" in r]
    if small:
        told = ", ".join(f"{r['overhead_us']:.0f} µs for {r['overhead']}" for r in small)
        lines += ["", f"A call costs, beside its pixels and with its plan cached: {told}."]
    return "\n".join(lines)


def main() -> None:
    made = table([json.loads(line) for line in sys.stdin])
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    README.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
