"""Real photographs as a table of crops, 256 x 256: texture that the world cannot give.

Sources: the wallpapers in Debian's packages, unpacked under ``cache/debian/x`` (see ``README.md``), and the pictures in
scikit-image's wheel. They are training material only; none is shipped. Held out for judging, never trained on: coffee,
chelsea, astronaut and rocket, and every eighth wallpaper; the motorcycle is for the depth eye's judge alone.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.checkpoint import CACHE, write_whole

SIDE = 256
SKIMAGE = ("grass", "gravel", "brick", "hubble_deep_field", "ihc", "retina", "color")
HELD_OUT = ("coffee", "chelsea", "astronaut", "rocket")
FOLDERS = ("usr/share/backgrounds", "usr/share/wallpapers", "usr/share/lomiri-wallpapers")
EXTRA = ("leuvenA.jpg", "starry_night.jpg", "graf1.png", "rubberwhale1.png", "plant.jpg")
FLAT = ("mate/desktop", "_dark", "ubuntukylin", "string", "default", "analogpattern", "fluent")

Pictures = NDArray[np.uint8]


def read(path: Path) -> Pictures:
    """RGB, (H, W, 3)."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise OSError(f"cannot read the picture {path}")
    return np.ascontiguousarray(picture[:, :, ::-1])


def sources() -> tuple[list[Path], list[Path]]:
    """Files to train on and files to judge on."""
    import skimage

    wheel = Path(skimage.__file__).parent / "data"
    root = CACHE / "debian" / "x"
    walls = [
        path
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*"))
        if path.suffix.lower() in (".jpg", ".png", ".jpeg")
        and path.stat().st_size > 200_000
        and not any(word in str(path) for word in FLAT)
    ]
    largest = {_name(path): path for path in sorted(walls, key=lambda path: path.stat().st_size)}
    held = [path for name, path in largest.items() if zlib.crc32(name.encode()) % 8 == 0]
    doc = root / "usr/share/doc/opencv-doc/examples"
    extra = [path for name in EXTRA for path in sorted(doc.rglob(name))]
    train = [path for path in largest.values() if path not in held] + extra
    train += [path for name in SKIMAGE for path in sorted(wheel.glob(name + ".*"))]
    return train, held + [path for name in HELD_OUT for path in sorted(wheel.glob(name + ".*"))]


def _name(path: Path) -> str:
    """One name for all sizes of a wallpaper: its own folder's, or the file's."""
    return path.parents[2].name if path.parent.name.startswith("images") else path.stem.split("_")[0]


def crop(picture: Pictures, random: np.random.Generator) -> Pictures:
    """A square of 256 at a scale between the whole short side and 1 : 1, the livelier of two places, half mirrored."""
    short = min(picture.shape[:2])
    side = int(np.exp(random.uniform(np.log(min(SIDE, short)), np.log(short))))
    height, width = picture.shape[:2]
    places = random.integers(0, [height - side + 1, width - side + 1], (2, 2))
    cuts = [picture[top : top + side, left : left + side] for top, left in places]
    cut = max(cuts, key=lambda part: float(part[:: side // 64 + 1, :: side // 64 + 1].std()))
    resized = cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_AREA if side > SIDE else cv2.INTER_CUBIC)
    return resized[:, ::-1] if random.random() < 0.5 else resized


def table(count: int = 4000, seed: int = 7) -> Pictures:
    """Crops to train on, (count, 256, 256, 3), made once and kept under ``cache/photographs``."""
    return _cached(CACHE / "photographs" / f"train-{count}-{seed}.npy", sources()[0], count, seed)


def judged(kind: str) -> Pictures:
    """Crops never trained on: ``wallpapers`` (16) or ``photographs`` (the four held-out pictures, middle square)."""
    held = sources()[1]
    walls = [path for path in held if path.stem not in HELD_OUT]
    if kind == "wallpapers":
        return _cached(CACHE / "photographs" / "judged-16.npy", walls, 16, 1)
    whole = [read(path) for path in held if path.stem in HELD_OUT]
    return np.stack([cv2.resize(_middle(picture), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in whole])


def _middle(picture: Pictures) -> Pictures:
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    return picture[top : top + side, left : left + side]


def _cached(path: Path, files: list[Path], count: int, seed: int) -> Pictures:
    if not path.exists():
        if not files:
            raise OSError(f"no photographs below {CACHE / 'debian' / 'x'}: see training/README.md for the packages")
        random = np.random.default_rng(seed)
        share = -(-count // len(files))
        rows = [crop(picture, random) for picture in map(read, files) for _ in range(share)]
        order = random.permutation(len(rows))[:count]
        crops = np.stack([rows[place] for place in order])

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:
                np.save(file, crops)

        write_whole(path, write)
    return np.load(path, mmap_mode="r")
