"""What the processor calls itself: times measured on one say nothing about another."""

from __future__ import annotations

import platform
from functools import cache


@cache
def cpu_name() -> str:
    """The processor's name, as precise as the system tells it."""
    facts: dict[str, str] = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if not key.strip() and facts:
                    break  # the other processors say the same
                facts.setdefault(key.strip(), value.strip())
    except OSError:
        return platform.processor() or platform.machine()
    name = facts.get("model name") or platform.processor() or platform.machine()
    family = f" (family {facts['cpu family']}, model {facts['model']})" if "cpu family" in facts else ""
    return name + family
