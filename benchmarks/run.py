"""Run the benchmarks: `python benchmarks/run.py [NAME…] [--json] [--cpu]`.

Without names all rows of all modules of this folder are run; a name picks a module (`picture`) or a row
(`colour-match-lab`). Exit status 1 if a goal was missed. Times are the clock's and mean something on an idle machine
only; `--cpu` counts processor time instead, which a busy machine distorts less (a child such as ffmpeg is not in it,
and what threads do beside each other adds up).
"""

from __future__ import annotations

import os

# Spinning OpenMP threads on a busy core turn a 0.1 s network into 2.3 s, so timing runs wait passively. Before torch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import difflib
import importlib
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

# The folder is not installed, so the path comes first.
from animate.render.memory import keep_freed_blocks  # noqa: E402
from benchmarks.rows import Row, count_processor_time  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Ours against the reference, as paired ratios.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="modules or rows; all if none")
    parser.add_argument("--json", action="store_true", help="machine, commit and rows as JSON")
    parser.add_argument("--list", action="store_true", help="only say which rows there are")
    parser.add_argument("--cpu", action="store_true", help="processor time instead of the clock's")
    options = parser.parse_args(arguments)
    if options.cpu:
        count_processor_time()

    keep_freed_blocks()  # as in a render: else chance decides which side of a row pays for fresh memory
    known = find()
    if options.list:
        print("\n".join(f"{module}: {', '.join(rows)}" for module, rows in known.items()))
        return 0
    try:
        chosen = choose(known, options.names)
    except KeyError as unknown:
        parser.error(str(unknown.args[0]))
    rows = []
    for make in chosen:
        row = make()
        rows.append(row)
        if not options.json:
            print(as_text(row), flush=True)
    if options.json:
        print(json.dumps(as_json(rows), indent=2, ensure_ascii=False))
    return 0 if all(row.met for row in rows) else 1


def find() -> dict[str, dict[str, Callable[[], Row]]]:
    """Module name → its rows. Modules without `ROWS` (this one, `rows`) are no benchmarks."""
    modules = {}
    for path in sorted(HERE.glob("*.py")):
        if path.stem in ("run", "rows", "__init__"):
            continue
        rows = getattr(importlib.import_module(f"benchmarks.{path.stem}"), "ROWS", None)
        if rows:
            modules[path.stem] = dict(rows)
    return modules


def choose(known: dict[str, dict[str, Callable[[], Row]]], names: Iterable[str]) -> list[Callable[[], Row]]:
    """The rows a list of module and row names asks for, in its order; every row if it is empty."""
    chosen = [make for name in names for make in _named(known, name)]
    return chosen or [make for rows in known.values() for make in rows.values()]


def _named(known: dict[str, dict[str, Callable[[], Row]]], name: str) -> list[Callable[[], Row]]:
    if name in known:
        return list(known[name].values())
    found = [rows[name] for rows in known.values() if name in rows]
    if not found:
        names = [*known, *(row for rows in known.values() for row in rows)]
        near = difflib.get_close_matches(name, names, n=1)
        raise KeyError(f"no benchmark {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return found


def as_text(row: Row) -> str:
    sign = "≤" if row.better == "lower" else "≥"
    spread = f" [{row.spread[0]:.2f} … {row.spread[1]:.2f}]" if row.spread else ""
    line = (
        f"{'ok  ' if row.met else 'MISS'} {row.name:<44} {row.ours_ms:9.2f} ms {row.reference_ms:9.2f} ms"
        f"  {row.ratio:7.2f} × (goal {sign} {row.goal:g}){spread}"
    )
    return line + (f"  {row.note}" if row.note else "")


def as_json(rows: list[Row]) -> dict[str, object]:
    return {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "commit": _commit(),
        "rows": [asdict(row) | {"met": row.met} for row in rows],
    }


def _commit() -> str:
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"  # a source archive has no history
    return answer.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
