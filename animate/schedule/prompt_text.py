"""The text of one prompt as it is written in a schedule, and what is taken out of it when it is read.

    a {red|blue} __bird__, (mist:`0.5+0.5*sin(t/10)`), ${2*t} <lora:ink:0.8> --seed 1561 --neg text, watermark

Chance (`wildcards`) is drawn first, once, by the run's seed; then `--seed` and `--neg` are parted off, LoRA tags taken
out, and the formulas left to be filled in frame by frame.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from animate.errors import near
from animate.schedule import expression, notation
from animate.schedule.expression import Expression, ExpressionError
from animate.schedule.files import inside
from animate.schedule.functions import hashed
from animate.schedule.source import Report
from animate.schedule.tree import Node
from animate.schedule.wildcards import WildcardError, drawn

Array = NDArray[np.float64]

NO_SEED = -1
_FORMULA = re.compile(r"\$\{([^{}]*)\}|`([^`]*)`")
_UNCLOSED = re.compile(r"`|\$\{")
_NEGATIVE = re.compile(r"\s*--neg(?![\w-])\s*")
_SEED = re.compile(r"\s*--seed(?![\w-])[\s=]*(-?[\w.]*)\s*")
_LORA = re.compile(r"\s*<(?P<kind>lora|lyco):(?P<name>[^:<>`$]+)(?::(?P<weight>(?:`[^`]*`|\$\{[^{}]*\}|[^<>`$])*))?>")
_WEIGHTS = (".safetensors", ".pt", ".ckpt", ".bin")
LARGEST_SEED = 2**62
LARGEST_FILE = 1_000_000
"""Bytes of a wildcard's file."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text with expressions inside."""

    parts: tuple[str | Expression, ...]
    loras: tuple[tuple[str, float | Expression], ...] = ()
    """(path, weight) of the tags that stood in it."""

    def at(self, index: int, columns: Mapping[str, Array]) -> str:
        """The text of one frame; `columns` holds every expression's values by its text."""
        return "".join(
            written if isinstance(written, str) else spelled(columns[written.text][index]) for written in self.parts
        )

    def expressions(self) -> list[Expression]:
        """Every formula in it, the weights' too."""
        weights = (weight for _, weight in self.loras)
        return [part for part in (*self.parts, *weights) if isinstance(part, Expression)]

    @property
    def is_fixed(self) -> bool:
        return not any(isinstance(part, Expression) for part in self.parts)


EMPTY = Text(())


@dataclass(frozen=True)
class Sides:
    """A prompt parted into its sides."""

    positive: Text = EMPTY
    negative: Text = EMPTY
    seed: int = NO_SEED


def spelled(value: float) -> str:
    """A number as it stands in a prompt: at most four decimals, no exponent."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def split(text: str) -> tuple[str, str]:
    """A prompt parted at `--neg`; what follows a second one belongs to the negative too."""
    positive, *negative = _NEGATIVE.split(text)
    return positive.strip(), " ".join(part.strip() for part in negative if part.strip())


@dataclass(frozen=True)
class Shelf:
    """What the prompts of a schedule may name, and the seed that their chances go by."""

    folder: Path
    """Of the schedule."""
    seed: int = 0
    loras: tuple[str, ...] = ()
    """Paths of the field `loras`."""

    @cached_property
    def _lora_folders(self) -> tuple[Path, ...]:
        shelf = os.environ.get("ANIMATE_MODELS")
        beside = (self.folder, self.folder / "loras", self.folder / "models" / "loras")
        return beside if not shelf else (*beside, Path(shelf).expanduser() / "loras")

    def chance(self, *keys: int) -> Callable[[], float]:
        """Numbers in [0, 1), the same for the same seed and keys."""
        count = 0

        def one() -> float:
            nonlocal count
            count += 1
            return float(hashed(self.seed, *keys, count) >> np.uint64(11)) * 2.0**-53

        return one

    def lines(self, name: str) -> tuple[str, ...]:
        """The lines of a wildcard. Raises WildcardError."""
        place = self.folder / "wildcards"
        path = place / f"{name}.txt"
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise WildcardError(f"wildcards/{name}.txt is larger than {LARGEST_FILE:,} bytes")
            text = path.read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            there = sorted(str(file.relative_to(place).with_suffix("")) for file in place.rglob("*.txt"))
            nearest = get_close_matches(name, there, 1, 0.6)
            hint = f"wildcards/{nearest[0]}.txt is there" if nearest else f"its lines stand in wildcards/{name}.txt"
            raise WildcardError(f"there is no wildcard __{name}__", hint) from None
        lines = tuple(line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
        if not lines:
            raise WildcardError(f"wildcards/{name}.txt has no lines")
        return lines

    def lora(self, name: str) -> str:
        """The absolute path of a LoRA by its name, with or without its ending; "" if there is none."""
        named = [path for path in self.loras if name in (Path(path).name, Path(path).stem)]
        if named:
            return named[0]
        for folder in self._lora_folders:
            for ending in ("", *_WEIGHTS):
                path = inside(folder, name + ending)
                if path is not None and path.is_file():
                    return str(path.absolute())
        wanted = name.casefold()  # Windows, where many files come from, tells no capitals apart
        alike = (path for path in self._lora_files() if wanted in (path.name.casefold(), path.stem.casefold()))
        return next((str(path.absolute()) for path in alike), "")

    def lora_near(self, name: str) -> str:
        """What helps to find a LoRA that is not there."""
        there = {path.stem for path in self._lora_files()}
        return near(name, sorted(there), f"put {name}.safetensors beside the schedule or into loras/")

    def _lora_files(self) -> list[Path]:
        """The files that may be LoRA: those that the field names, then those of the folders by name."""
        folders = (sorted(folder.iterdir()) for folder in self._lora_folders if folder.is_dir())
        return [Path(path) for path in self.loras] + [
            path for files in folders for path in files if path.suffix.casefold() in _WEIGHTS and path.is_file()
        ]


def read(written: str, node: Node, name: str, shelf: Shelf, report: Report, keys: tuple[int, ...]) -> Sides:
    """A whole prompt; what is wrong with it is a problem of the field `name`.

    `keys` tell this prompt's chances from those of others.
    """
    return parted(drawn_by(written, node, name, shelf, report, keys), node, name, shelf, report)


def parted(written: str, node: Node, name: str, shelf: Shelf, report: Report) -> Sides:
    """A prompt of which nothing is left to chance, parted into its sides."""
    written, seed = _seeded(written, node, name, report)
    positive, negative = split(written)
    return Sides(text(positive, node, name, shelf, report), text(negative, node, name, shelf, report), seed)


def one_after_the_other(*texts: Text) -> Text:
    """Texts as one, with commas between."""
    parts: list[str | Expression] = []
    for one in texts:
        parts += [", "] * bool(parts and one.parts) + list(one.parts)
    return Text(tuple(parts), tuple(lora for one in texts for lora in one.loras))


def text(written: str, node: Node, name: str, shelf: Shelf, report: Report) -> Text:
    """A text with its formulas read and its LoRA tags taken out."""
    loras: list[tuple[str, float | Expression]] = []

    def take(match: re.Match[str]) -> str:
        found = _lora(match, node, name, shelf, report)
        if found is not None:
            loras.append(found)
        return ""

    written = _LORA.sub(take, written).strip() if "<" in written else written
    parts: list[str | Expression] = []
    at = 0
    for match in _FORMULA.finditer(written):
        parts.append(written[at : match.start()])
        at = match.end()
        formula = _formula(match, node, name, report)
        if formula is not None:
            parts.append(formula)
    parts.append(written[at:])
    for part in parts:
        if isinstance(part, str) and (open_ := _UNCLOSED.search(part)):
            what = f"{notation.short(part[open_.start() :])} is no formula without its end, and is painted as it is"
            report.note(node, name, what, "`2*t` or ${2*t}")
    return Text(tuple(part for part in parts if part != ""), tuple(loras))


def drawn_by(written: str, node: Node, name: str, shelf: Shelf, report: Report, keys: tuple[int, ...]) -> str:
    """A prompt with its choices made."""
    if "{" not in written and "__" not in written:
        return written
    try:
        return drawn(written, shelf.chance(*keys), shelf.lines)
    except WildcardError as error:
        tell = report.note if report.source.lenient else report.refuse
        tell(node, name, error.what, error.hint)
        return written


def _seeded(written: str, node: Node, name: str, report: Report) -> tuple[str, int]:
    """A prompt without its `--seed`, and the seed."""
    seed = NO_SEED

    def take(match: re.Match[str]) -> str:
        nonlocal seed
        if not match[1].isdecimal() or int(match[1]) > LARGEST_SEED:
            report.refuse(node, name, f"--seed {match[1][:40]}: is no seed", "a whole number, --seed 1561")
        else:
            seed = int(match[1])
        return " "

    return (_SEED.sub(take, written).strip(), seed) if "--seed" in written else (written, seed)


def _lora(
    match: re.Match[str], node: Node, name: str, shelf: Shelf, report: Report
) -> tuple[str, float | Expression] | None:
    called, weight = match["name"].strip(), (match["weight"] or "1").strip()
    tell = report.note if report.source.lenient else report.refuse
    path = shelf.lora(called)
    if not path:
        tell(node, name, f"there is no LoRA {called[:60]!r}", shelf.lora_near(called))
        return None
    formula = _FORMULA.fullmatch(weight)
    if formula is not None:
        found = _formula(formula, node, name, report)
        return None if found is None else (path, found)
    try:
        number = float(weight)
        if not np.isfinite(number):
            raise ValueError(weight)
    except ValueError:
        tell(node, name, f"{match[0].strip()[:80]}: {weight[:40]!r} is not a weight", f"<lora:{called[:40]}:0.8>")
        return None
    return path, number


def _formula(match: re.Match[str], node: Node, name: str, report: Report) -> Expression | None:
    try:
        return expression.parse(match[1] if match[1] is not None else match[2])
    except ExpressionError as error:
        report.refuse(node, name, f"{notation.short(match[0])}: {error.what}", error.hint)
        return None
