"""What will differ: the sentences that tell how an imported file will look unlike what Deforum made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from animate.schedule.importers import deforum_pictures
from animate.schedule.importers.deforum_flip import shrink
from animate.schedule.importers.deforum_keys import FLIP, OTHERS
from animate.schedule.importers.deforum_settings import NONE, Settings, constant, listed, unquoted, whole
from animate.schedule.tree import Node


def sentences(
    settings: Settings, pairs: Mapping[str, Node], managed_in_parseq: bool = False, left: Sequence[str] = ()
) -> Iterator[str]:
    """The sentences of "what will differ for this file".

    Args:
        pairs: our fields as they were imported.
        managed_in_parseq: the file holds a Parseq document, which has been read.
        left: what that document manages and we do not have.
    """
    if settings.mode == "3D" and settings.word("use_depth_warping") != "false":
        depth = unquoted(str(node.plain())) if (node := settings.get("depth_algorithm")) else "MiDaS"
        yield (
            f"Depth came from {depth}; here from the embedded network, or from a model of transformers that "
            "`depth_algorithm` names."
        )
    if settings.is_on(("frame_interpolation_engine",)):
        engine = unquoted(str(settings.get("frame_interpolation_engine").plain()))  # type: ignore[union-attr]
        yield (
            f"In-betweens came from {engine}; here from the best engine there is "
            "(`animate models get rife` brings one)."
        )
    names: dict[str, None] = {}
    for part in settings.parts_on():
        if part.name == "Parseq" and managed_in_parseq:
            continue
        shown = ", ".join(_shortened(str(node.plain())) for key in part.shown if (node := settings.get(key)))
        names[f"{part.name} ({shown})" if shown else part.name] = None
    for name, pattern in OTHERS.items():
        if any(pattern.fullmatch(key) and settings.is_on((key,)) for key in settings.values):
            names[name] = None
    names |= dict.fromkeys(deforum_pictures.differences(settings))
    if settings.word("color_coherence") == "video input":
        names["colours taken from a video"] = None
    if settings.word("add_soundtrack") == "init video" and settings.mode != "Video Input":
        names["the sound of the input video"] = None
    names |= dict.fromkeys(f"{name} of Parseq" for name in left)
    if names:
        yield f"On in this file and not carried over: {listed(list(names))}."
    if settings.mode == "2D" and settings.is_on(FLIP):
        factor = _shrink(pairs)
        moving = [name for name in ("translation_x", "translation_y") if constant(pairs[name]) != 0]
        yield f"The scale by {factor:.5f} that its perspective flip has even at zero angles is part of zoom here."
        if moving:
            yield f"{listed(moving)}, which Deforum drops while the flip is on, takes effect."
    if settings.mode == "3D" and settings.is_on(FLIP):
        factor = _shrink(pairs)
        yield f"Its perspective flip scales each frame by {factor:.5f} even at zero angles; here it does not."
    cadence, frames = whole(pairs.get("diffusion_cadence", Node(1))), whole(pairs["max_frames"])
    if cadence > 1 and frames > cadence and "video" not in pairs:  # with a film it is not known how many there are
        missing = frames - cadence * ((frames - 1) // cadence)
        yield f"All {frames} frames are made; with its cadence of {cadence} Deforum leaves out the last {missing}."
    model = settings.get("sd_model_name")
    if model is not None and str(model.value).lower() not in NONE:
        yield f"It was made with the model {model.value}; `--set model=…` chooses one here."


def _shrink(pairs: Mapping[str, Node]) -> float:
    fv = constant(pairs.get("perspective_flip_fv", Node(53)))
    return shrink(whole(pairs["width"]), whole(pairs["height"]), fv or 53)


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    match = re.fullmatch(r"0\s*:\s*\(([^(),:]+)\)", text)
    text = match[1] if match else text
    return text if len(text) <= 30 else f"{text[:29]}…"
