"""What the animator asks for: a few frozen dataclasses, and the carry that crosses from frame to frame.

The animator is pure: it yields one of these and is sent the picture it asked for (`None` for `Emit`). A runner answers
with models, disk and ffmpeg; a test answers with painted squares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from animate.diffusion.sampling import Sampling


@dataclass(frozen=True, kw_only=True)
class Imagine:
    """A picture from noise alone."""

    index: int
    how: Sampling
    depth: Tensor | None = None
    """(1, H, W), positive, larger = farther: what the picture is to be like, for models that read depth."""
    drift: Tensor | None = None
    """(2, H, W) pixels: the noise at p is that of p + drift(p)."""


@dataclass(frozen=True, kw_only=True)
class Redraw:
    """`picture` (3, H, W) redrawn; strength in [0, 1]: 1 would keep it, 0 would ignore it."""

    index: int
    picture: Tensor
    strength: float
    how: Sampling
    within: Tensor | None = None
    """(1, H, W) in [0, 1]: how much of each place is redrawn; None is all of it."""
    depth: Tensor | None = None
    """As for `Imagine`."""
    drift: Tensor | None = None
    """As for `Imagine`."""
    towards: Tensor | None = None
    """(3, H, W) what the latent is drawn towards while it is painted."""
    share: Tensor | None = None
    """(1, H, W) in [0, 1], how far."""
    other: Tensor | None = None
    """(3, H, W) another picture: what is redrawn is a mixture of both as the model holds them."""
    mix: float = 0.0
    """Of `other`, in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class EstimateDepth:
    """Depth (1, H, W) of `picture`, positive, larger = farther."""

    index: int
    picture: Tensor


@dataclass(frozen=True, kw_only=True)
class Tween:
    """The picture (3, H, W) at `time`, in (0, 1), of the way from one picture to another, each (3, H, W)."""

    index: int
    before: Tensor
    after: Tensor
    time: float


@dataclass(frozen=True, kw_only=True)
class ReadFrame:
    """A picture from a file, fitted to the size of the animation."""

    index: int
    file: str
    fit: str = "crop"
    """How, as the field `video_fit`."""


@dataclass(frozen=True, kw_only=True)
class ReadMask:
    """A mask (1, H, W) in [0, 1] from a file, fitted to the size of the animation; of a video, its frame `index`."""

    index: int
    file: str
    alpha: bool = False
    """How opaque the file is, and nothing else."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Where `picture` (3, H, W) shows what the words name: (1, H, W) in [0, 1]."""

    index: int
    picture: Tensor
    words: str


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The film's picture for frame `index`, fitted to the size of the animation."""

    index: int
    ahead: bool = False
    """Before its time, for what is to come; frames are asked for ahead in their order as well, so that a film of which
    two run side by side is never wound back."""


@dataclass(frozen=True, kw_only=True)
class Follow:
    """Where things in `now` were in `before`, and back: (2, 2, H, W), the flows now → before and before → now."""

    index: int
    now: Tensor
    before: Tensor
    since: int = -1
    """The frame of the film that `before` is, where both are the film's own pictures."""


@dataclass(frozen=True, kw_only=True)
class Carry:
    """Everything a frame hands to the next. Saving it is the checkpoint; nothing else crosses a frame.

    A painted picture fades in over the cadence while the one before it fades out. Both are kept as they were painted,
    each with the motion gathered since, so a frame between costs one resampling however far its picture has travelled.
    """

    index: int
    """The frame that was shown last."""
    painted_at: int
    """The frame at which `arriving` was painted."""
    arriving: Tensor
    """(3, H, W) the picture painted last."""
    arriving_by: np.ndarray
    """(3, 3) float64, the motion since: pixel of `arriving` → pixel of frame `index`."""
    leaving: Tensor
    """(3, H, W) the picture painted before it; the same as `arriving` at the start of a shot."""
    leaving_by: np.ndarray
    """(3, 3) as `arriving_by`."""
    colors: Tensor
    """(3, H, W) the picture whose colours the shot keeps."""
    first: Tensor
    """(3, H, W) frame 0, which a loop leads back to."""
    unseen: Tensor
    """(1, H, W) in [0, 1], where `arriving` shows what was never seen; empty in 2D, where `arriving_by` tells it."""
    depth: Tensor
    """(1, H, W) what frame `index` is known to be like from the frames before, 0 where nothing is known; empty at the
    start of a shot and in 2D."""
    source: Tensor = field(default_factory=lambda: torch.empty(0))
    """(3, H, W) the film's picture that `arriving` was painted from; empty without a film."""
    drift: Tensor = field(default_factory=lambda: torch.empty(0))
    """(2, H, W) pixels, where the noise of each place comes from as the film has moved; empty where it stands still."""
    where: Tensor = field(default_factory=lambda: torch.empty(0))
    """(1, H, W) in [0, 1], where `arriving` was painted, in a restyled film; empty where it was everywhere."""
    left_at: int = 0
    """The frame at which `leaving` was painted, where a film is restyled by keys."""
    behind: Tensor = field(default_factory=lambda: torch.empty(0))
    """(3, H, W) the film's picture that `leaving` was painted from; empty where a film is not restyled by keys."""
    told: Tensor = field(default_factory=lambda: torch.empty(0))
    """(1, H, W) the depth that frame `index` was finished by (focus, stereo, maps); empty where nobody asked."""
    until: int = -1
    """The last frame that `leaving` and `arriving` are the keys of; −1 where a film is not restyled by keys."""

    @classmethod
    def opened(cls, index: int, picture: Tensor, before: Carry | None = None, **more: Any) -> Self:
        """A shot that begins with `picture` (3, H, W) at frame `index`.

        Args:
            index: the frame.
            picture: what it shows, and its first colours.
            before: what the frame before handed on; of it only frame 0 is kept.
            more: fields that a shot of this kind has besides, or has otherwise.
        """
        still, empty = np.eye(3), picture.new_empty(0)
        begun: dict[str, Any] = {
            "painted_at": index,
            "arriving": picture,
            "arriving_by": still,
            "leaving": picture,
            "leaving_by": still,
            "colors": picture,
            "first": before.first if before else picture,
            "unseen": empty,
            "depth": empty,
        }
        return cls(index=index, **begun | more)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The carry as named arrays, exact to the bit; one array where it is one tensor. `from_arrays` reads them."""
        values = {row.name: getattr(self, row.name) for row in fields(self)}
        pictures = {id(value): value for value in values.values() if isinstance(value, Tensor)}
        fetched = {key: picture.cpu().numpy() for key, picture in pictures.items()}
        return {
            name: fetched[id(value)] if id(value) in fetched else np.asarray(value) for name, value in values.items()
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], device: str | torch.device = "cpu") -> Self:
        """The carry that `to_arrays` wrote, its pictures on `device`."""
        values: dict[str, object] = {}
        for name, array in arrays.items():
            if array.ndim == 0:
                values[name] = int(array)
            elif array.dtype == np.float32:
                values[name] = torch.from_numpy(np.array(array)).to(device)
            else:
                values[name] = np.array(array)
        return cls(**values)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Emit:
    """Frame `index` is done; `carry` continues from here."""

    index: int
    picture: Tensor
    carry: Carry
    nearness: Tensor | None = None
    """(1, H, W) in [0, 1], 1 the nearest point, where a map of the depth is kept."""


Request = Imagine | Redraw | EstimateDepth | Segment | Tween | ReadFrame | ReadMask | Watch | Follow | Emit
