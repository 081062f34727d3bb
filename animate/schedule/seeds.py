"""Seeds: which chance each frame is drawn from.

Seeds advance at redrawn frames only; a frame that is merely carried along keeps the seed before it. The sequences are
Deforum's, seen from the start seed 100:

    iter       100 101 102 103 …      with N = 3: 100 101 101 101 102 102 102 …
    ladder     100 102 101 103 102 …  two up, one down
    alternate  100 101 100 101 …
    fixed      100 100 100 …
    random     100, then any, the same on every run
    schedule   the curve `seed_schedule`; a fraction leans to the next seed, −1 draws one

A prompt with a seed of its own begins the sequence anew from that seed; in a latent walk it holds it, and the noise
leans to the next prompt's seed as the prompts do. There a prompt without one has the run's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animate.schedule.functions import hashed

Seeds = NDArray[np.int64]
Array = NDArray[np.float64]

LIMIT = 2**63 - 1
DEFAULTS: Mapping[str, str] = {"seed_behavior": "fixed"}
"""What a latent walk takes where it is silent: noise that is another one in every frame does not travel."""


def _drawn(*keys: object) -> Seeds:
    """Any seed below 2³², the same for the same keys; models and other tools take no larger ones."""
    return (hashed(*keys) >> np.uint64(32)).astype(np.int64)


SEQUENCES: dict[str, Callable[[int | Seeds, Seeds, int], Seeds]] = {
    "iter": lambda start, turn, every: start + (turn + every - 1) // every,
    "ladder": lambda start, turn, every: start + turn // 2 + 2 * (turn % 2),
    "alternate": lambda start, turn, every: start + turn % 2,
    "fixed": lambda start, turn, every: np.full_like(turn, start),
    "random": lambda start, turn, every: np.where(turn == 0, start, _drawn(start, turn)),
}
"""Seed of each turn: `(start seed, one or (n,), turn (n,) from 0, N) → (n,)`."""


@dataclass(frozen=True)
class Own:
    """The seeds that prompts bring along."""

    seed: Seeds
    """(n,) of the prompt that each frame comes from, −1 where it has none."""
    following: Seeds
    """(n,) of the prompt after it."""
    share: Array
    """(n,) how far a frame is on its way to that one."""
    key: NDArray[np.intp]
    """(n,) which prompt it is."""
    walks: bool
    """Noise travels as the prompts do."""


def resolve(
    behavior: str,
    start: int,
    every: int,
    redrawn: NDArray[np.bool_],
    scheduled: Array,
    subseed: Array,
    subseed_strength: Array,
    own: Own | None = None,
) -> tuple[Seeds, Seeds, Array]:
    """Seed, second seed and the share of the second, each (n,).

    Args:
        start: the run's seed, already drawn.
        every: N of `iter`.
        redrawn: (n,) frames at which the seed advances.
        scheduled, subseed, subseed_strength: (n,) the curves as written; −1 draws.
        own: seeds of prompts; they count unless the behaviour is `schedule`.
    """
    turn = np.maximum(np.cumsum(redrawn) - 1, 0).astype(np.int64)
    at = np.maximum.accumulate(np.where(redrawn, np.arange(len(redrawn)), 0))  # the redrawn frame each one shows
    share = subseed_strength[at]
    second = np.nan_to_num(subseed[at]).astype(np.int64)  # whole from here on: floats end at 2⁵³
    if behavior == "schedule":
        wanted = scheduled[at]
        seed = np.where(wanted < 0, _drawn(start, turn), np.floor(wanted).astype(np.int64))
        fraction = np.where(wanted < 0, 0.0, wanted - np.floor(wanted))
        leans = (fraction > 0) & (share == 0)
        share = np.where(leans, fraction, share)
        second = np.where(leans, seed + 1, second)
    else:
        seed = _wrapped(start, turn, behavior, every)
        if own is not None and (own.seed >= 0).any():
            seed, second, share = _owned(own, at, turn, behavior, every, seed, second, share)
    return seed, np.where(second < 0, _drawn(seed, 1), second), np.asarray(share, dtype=np.float64)


def _owned(
    own: Own, at: NDArray[np.intp], turn: Seeds, behavior: str, every: int, seed: Seeds, second: Seeds, share: Array
) -> tuple[Seeds, Seeds, Array]:
    """Seed, second seed and its share (n,), with those that the prompts bring."""
    mine, following, key, on = own.seed[at], own.following[at], own.key[at], own.share[at]
    has = mine >= 0
    if own.walks:
        mine, following = np.where(has, mine, seed), np.where(following >= 0, following, seed)
        leans = following != mine
        return mine, np.where(leans, following, second), np.where(leans, on, share)
    begins = np.concatenate([[True], key[1:] != key[:-1]])
    since = turn - np.maximum.accumulate(np.where(begins, turn, 0))
    return np.where(has, SEQUENCES[behavior](np.maximum(mine, 0), since, every), seed), second, share


def _wrapped(start: int, turn: Seeds, behavior: str, every: int) -> Seeds:
    """A sequence that begins again at 0 past the largest seed, instead of overflowing."""
    room = LIMIT - start
    steps = SEQUENCES[behavior](0, turn, every) if behavior != "random" else None
    if steps is None:
        return SEQUENCES["random"](start, turn, every)
    return np.where(steps <= room, start + np.minimum(steps, room), steps - room - 1)
