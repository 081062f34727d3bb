"""Tell what changes between two schedules, as plans: which fields, in which frames, and where the most."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from animate.cli import overrides
from animate.schedule.fields import FIELDS

if TYPE_CHECKING:
    from animate.schedule.plan import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="a schedule")
    parser.add_argument("b", metavar="B", help="the other one")
    overrides.add_set(parser)


def run(args: argparse.Namespace) -> int:
    a, b, seed = _plans(args)
    lines = [*seed, *_settings(a, b), *_curves(a, b), *_texts(a, b), *_prompts(a, b), *_cuts(a, b)]
    print("\n".join(lines) if lines else "The plans are the same.")
    return 0


def _plans(args: argparse.Namespace) -> tuple[Plan, Plan, list[str]]:
    """Both plans, and what is to be said of their seeds; a seed that chance draws is drawn once for both."""
    from animate.render.checked import load
    from animate.schedule.compile import compile

    given = overrides.overrides(args)
    a, b = (compile(load(file, given)) for file in (args.a, args.b))
    drawn = ["drawn" if plan.seed_drawn else str(plan.settings["seed"]) for plan in (a, b)]
    if b.seed_drawn:
        b = compile(load(args.b, {**given, "seed": a.settings["seed"]}))
    elif a.seed_drawn:
        a = compile(load(args.a, {**given, "seed": b.settings["seed"]}))
    return a, b, [f"seed: {drawn[0]} → {drawn[1]}"] if drawn.count("drawn") == 1 else []


def _settings(a: Plan, b: Plan) -> Iterator[str]:
    for name in FIELDS:
        one, other = a.settings.get(name), b.settings.get(name)
        if one != other:
            yield f"{name}: {_said(one)} → {_said(other)}"
    if len(a) != len(b) and a.settings.get("max_frames") == b.settings.get("max_frames"):
        yield f"frames: {len(a)} → {len(b)}"


def _said(value: object) -> str:
    return "none" if value in ("", None) else str(value)


def _curves(a: Plan, b: Plan) -> Iterator[str]:
    """Compared over the frames that both have."""
    shared = min(len(a), len(b))
    for field in FIELDS.values():
        if field.kind != "curve":
            continue
        one, other = a[field.name][:shared], b[field.name][:shared]
        apart = np.abs(one - other)
        where = np.flatnonzero(apart > 0)
        if not len(where):
            continue
        if len(where) == shared and np.ptp(one) == np.ptp(other) == 0:
            yield f"{field.name}: {one[0]:.6g} → {other[0]:.6g}"
            continue
        worst = int(apart.argmax())
        yield (
            f"{field.name}: {_frames(where, shared)}; "
            f"most at frame {worst}, {one[worst]:.6g} → {other[worst]:.6g}"
        )  # fmt: skip


def _frames(where: np.ndarray, shared: int) -> str:
    if len(where) == shared:
        return "in every frame"
    if len(where) == 1:
        return f"at frame {where[0]}"
    if where[-1] - where[0] + 1 == len(where):
        return f"frames {where[0]} to {where[-1]}"
    return f"{len(where)} of {shared} frames between {where[0]} and {where[-1]}"


def _texts(a: Plan, b: Plan) -> Iterator[str]:
    shared = min(len(a), len(b))
    for name, texts in a.text.items():
        where = [index for index in range(shared) if texts[index] != b.text[name][index]]
        if where:
            first = where[0]
            yield f"{name}: {_frames(np.array(where), shared)}: {texts[first]} → {b.text[name][first]}"


def _prompts(a: Plan, b: Plan) -> Iterator[str]:
    shared = min(len(a), len(b))
    where = [index for index in range(shared) if a[index].prompts != b[index].prompts]
    if not where:
        return
    yield f"prompts: {_frames(np.array(where), shared)}; at frame {where[0]}"
    for sign, plan in (("−", a), ("+", b)):
        for positive, negative, weight in plan[where[0]].prompts:
            share = "" if weight == 1 else f"{weight:.3g} × "
            yield f"  {sign} {share}{positive}{' --neg ' + negative if negative else ''}"


def _cuts(a: Plan, b: Plan) -> Iterator[str]:
    one, other = (np.flatnonzero(plan.cut).tolist() for plan in (a, b))
    if one != other:
        yield f"cuts: {one or 'none'} → {other or 'none'}"
