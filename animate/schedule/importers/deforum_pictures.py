"""Masks, guided images and hybrid video of a Deforum settings file: what its tables of single keys cannot say.

Each is written in our names into the fields imported so far; a picture that lies on the network, or is named by a
variable that we do not have, becomes a note and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from animate.errors import Problem
from animate.schedule.importers.deforum_keys import COMPOSITE, GUIDED, MASKED, MOTION
from animate.schedule.importers.deforum_settings import NONE, Settings, curve, spoken_by_key, unpacked, unquoted
from animate.schedule.masks import MaskError, parse
from animate.schedule.tree import Node, Table

HYBRID = (*COMPOSITE, *MOTION)

_VARIABLE = re.compile(r"\{(\w*)\}")
_MASK_TYPES = {
    "depth": "picture.depth",
    "video depth": "film.depth",
    "blend": "film.luma",  # Deforum's is a mix of both brightnesses
    "difference": "difference",
}


def put(pairs: dict[str, Node], settings: Settings, notes: list[Problem]) -> None:
    """Write them into the fields."""
    _masks(pairs, settings, notes)
    if settings.mode in ("2D", "3D"):
        _guided(pairs, settings, notes)
        _hybrid(pairs, settings)


def differences(settings: Settings) -> Iterator[str]:
    """What of them comes along only in part, for the list of what was on."""
    masked = settings.is_on(MASKED)
    if masked and settings.word("fill") not in ("", "1", "original"):
        yield f"the mask's fill ({settings.word('fill')})"
    if masked and any(
        settings.word(f"mask_{name}_adjust") not in ("", "1", "1.0") for name in ("contrast", "brightness")
    ):
        yield "contrast and brightness of the mask"
    if masked and settings.word("overlay_mask") == "false":
        yield "a mask without overlay"
    if masked and settings.word("full_res_mask") == "true":
        yield "the masked part painted at full resolution (full_res_mask)"
    if settings.mode not in ("2D", "3D") or not settings.is_on(HYBRID):
        return
    if settings.is_on(COMPOSITE) and settings.word("hybrid_comp_mask_type") == "blend":
        yield "the blend of both brightnesses in the hybrid mask"
    adjusted = ("hybrid_comp_mask_equalize", "hybrid_comp_mask_auto_contrast", "hybrid_generate_human_masks")
    if any(settings.is_on((name,)) for name in adjusted):
        yield "adjustments of the hybrid mask"
    if settings.is_on(MOTION) and settings.word("hybrid_flow_method") == "raft":
        yield "flow by RAFT (`flow_method: RAFT` where torchvision is installed)"


# --- masks --------------------------------------------------------------------------------------------------------


def _masks(pairs: dict[str, Node], settings: Settings, notes: list[Problem]) -> None:
    known = {"everywhere": "1"}
    for key, switch in (("mask_file", "use_mask"), ("video_mask_path", "use_mask_video")):
        path = _path(key, settings, notes) if settings.is_on((switch,)) else ""
        if path:
            known["video_mask"] = f"[{path}]"  # the video where there is one
    if settings.is_on(("use_alpha_as_mask",)):
        known.setdefault("video_mask", "alpha")
    if settings.is_on(MASKED):
        _mask(pairs, "mask", "mask_schedule", settings, known, notes)
    if settings.is_on(("use_noise_mask",)) and settings.mode in ("2D", "3D"):
        _mask(pairs, "noise_mask", "noise_mask_schedule", settings, known, notes)


def _mask(
    pairs: dict[str, Node],
    field: str,
    key: str,
    settings: Settings,
    known: dict[str, str],
    notes: list[Problem],
) -> None:
    """One schedule of masks, its variables replaced; Deforum's `\\` is "and not"."""
    node = settings.get(key) or Node.of('0: ("{video_mask}")')
    inverted = field == "mask" and settings.is_on(("invert_mask",))
    texts: list[tuple[Node, Node]] = []
    for frame, text in spoken_by_key(node):
        missing = [name for name in _VARIABLE.findall(text) if name not in known]
        said = _VARIABLE.sub(lambda match: known.get(match[1], "none"), text).replace("\\", "&!")
        try:
            if missing:
                raise MaskError(f"{{{missing[0]}}} is not known here")
            parse(said)
        except MaskError as error:
            notes.append(settings.problem(key, error.what, "left out"))
            continue
        texts.append((Node.of(frame), Node.of(f"!({said})" if inverted else said, at=node)))
    if texts:
        pairs[field] = Node(Table(tuple(texts)), node.line, node.column)


# --- guided images ------------------------------------------------------------------------------------------------


def _guided(pairs: dict[str, Node], settings: Settings, notes: list[Problem]) -> None:
    if not settings.is_on(GUIDED):
        return
    node = settings.get("init_images")
    try:
        told = node.plain() if node is not None and isinstance(node.value, Table) else unpacked(str(node.plain()))  # type: ignore[union-attr]
        pictures = {str(key): unquoted(str(value)) for key, value in told.items()}
    except (ValueError, AttributeError):
        notes.append(settings.problem("init_images", "is no list of pictures by frame", "left out"))
        return
    away = [path for path in pictures.values() if re.match(r"\w+://", path)]
    if away:
        what = f"{away[0]} is on the network" if len(away) == 1 else f"{len(away)} pictures are on the network"
        notes.append(settings.problem("init_images", what, "download them and name the files"))
    here = [(Node.of(_frame(key)), Node.of(path, at=node)) for key, path in pictures.items() if path not in away]
    if not here:
        return
    pairs["init_images"] = Node(Table(tuple(here)), node.line if node else 0, node.column if node else 0)
    pairs["init_images_mode"] = Node.of("deforum")
    pairs["seed_behavior"] = Node.of("schedule")  # whatever the file says
    pairs.pop("seed_iter_N", None)


def _frame(key: str) -> int | str:
    return int(key) if key.strip().isdigit() else key


# --- hybrid video -------------------------------------------------------------------------------------------------


def _hybrid(pairs: dict[str, Node], settings: Settings) -> None:
    if not settings.is_on(HYBRID) or "video" not in pairs:
        for name in [name for name in pairs if name.startswith("hybrid_")]:
            del pairs[name]
        return
    pairs.setdefault("hybrid_flow_consistency", Node.of(False))
    pairs.setdefault("init_strength", curve(settings.get("strength") or Node.of(0.8)))
    kind = settings.word("hybrid_comp_mask_type") or settings.word("hybrid_video_comp_mask_type")
    if settings.is_on(COMPOSITE) and kind in _MASK_TYPES:
        inverse = settings.is_on(("hybrid_comp_mask_inverse", "hybrid_video_comp_mask_inverse"))
        said = _MASK_TYPES[kind]
        pairs["hybrid_mask"] = Node.of(said if inverse else f"!{said}")  # white is the animation's there


def _path(key: str, settings: Settings, notes: list[Problem]) -> str:
    """A file that a key names; "" and a note for an address, "" for none."""
    node = settings.get(key)
    path = unquoted(str(node.plain())) if node is not None else ""
    if path.lower() in NONE:
        return ""
    if re.match(r"\w+://", path) or "]" in path:
        hint = "download it and name the file" if "://" in path else "name it without brackets"
        notes.append(settings.problem(key, f"{path} is not a file here", hint))
        return ""
    return path
