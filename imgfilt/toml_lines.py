"""On which lines of a TOML text its tables and keys stand: tomllib does not say."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\[\[?\s*([\w.-]+)\s*\]\]?")
_KEY = re.compile(r"""(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*[=.]""")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|' + r"'[^']*'")
_FENCE = re.compile(r'"""|' + r"'''")

Lines = dict[tuple[str, int, str], int]


def lines_of(text: str) -> Lines:
    """(table, index, key) -> line, from 1; key "" is the table's header; table "" is the top of the file.

    `index` counts the tables of one name from 0. Keys of inline tables have the line of the table's key.

    >>> lines_of('a = 1\\n[[step]]\\nb = 2\\n[[step]]\\nb = 3\\n')[("step", 1, "b")]
    5
    """
    found: Lines = {}
    counts: dict[str, int] = {}
    table, depth, fence = "", 0, ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not fence and depth <= 0:
            header, key = _HEADER.match(line), _KEY.match(line)
            if header:
                table = header[1]
                counts[table] = counts.get(table, -1) + 1
                found[table, counts[table], ""] = number
                continue
            if key:
                name = next(word for word in key.groups() if word is not None)
                found.setdefault((table, counts.get(table, 0), name), number)
        line, fence = _outside_fences(line, fence)
        bare = _STRING.sub("", line).partition("#")[0]
        depth += bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")
    return found


def line_of(text: str, table: str = "", index: int = 0, key: str = "") -> int | None:
    """The line of a key, or of its table where the key is not there; None where neither is."""
    lines = lines_of(text)
    for wanted in ((table, index, key), (table, index, ""), ("", 0, table), (key, 0, "")):
        if wanted in lines:
            return lines[wanted]
    return None


def _outside_fences(line: str, fence: str) -> tuple[str, str]:
    """What of a line lies outside multi-line strings, and the fence that is open at its end."""
    kept = ""
    while line:
        if fence:
            _, closed, line = line.partition(fence)
            fence = "" if closed else fence
            continue
        found = _FENCE.search(line)
        if found is None:
            return kept + line, ""
        kept, line, fence = kept + line[: found.start()], line[found.end() :], found[0]
    return kept, fence
