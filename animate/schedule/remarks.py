"""Remarks: what a schedule says that does nothing, which is seldom meant."""

from __future__ import annotations

import re
from collections.abc import Mapping

from animate.schedule.fields import FIELDS
from animate.schedule.film import Show
from animate.schedule.prompt_text import NO_SEED
from animate.schedule.schedule import Schedule, Setting
from animate.schedule.taken import Taken

RESTYLING: Mapping[str, tuple[str, ...]] = {
    "init_image": (),
    "init_images": (),
    "style_frames": ("keyed",),
    "diffusion_cadence": ("keyed",),
    "flow_blend": ("carried",),
    "temporal_blend": ("carried", "frames"),
    "noise_warp": ("carried", "frames"),
    "latent_blend": ("carried", "frames"),
}
"""By field, the values of `video_mode` with which a restyled film looks at it; with any other it does nothing."""


_DEFORUM = re.compile(r"\s*\{?\s*[\"']?0[\"']?\s*:(?!\d)")
"""How Deforum's notation of keys begins, which means nothing in a prompt of ours."""


def remark(taken: Taken, settings: Mapping[str, Setting], schedule: Schedule, show: Show) -> None:
    """Add them to the notes, and to the problems what cannot be meant."""
    _on_settings(taken, settings)
    _on_keys_in_prompts(taken)
    _on_prompts(taken, schedule)
    _on_film(taken, settings, show)
    if settings["animation_mode"] == "Video Input":
        _on_restyling(taken, settings)


def _on_settings(taken: Taken, settings: Mapping[str, Setting]) -> None:
    """Combinations that do nothing, which is seldom meant."""

    def note(name: str, what: str, hint: str = "") -> None:
        written = taken.written[name]
        taken.notes.append(written.source.problem(written.key, written.spelled, what, hint))

    if not {"prompts", "prompt_tracks"} & taken.written.keys():
        taken.notes.append(taken.source.problem(None, "prompts", "none are given; the model paints what it likes"))
    if "seed_schedule" in taken.written and settings["seed_behavior"] != "schedule":
        note("seed_schedule", "has no effect", "seed_behavior: schedule")
    if "seed_iter_N" in taken.written and settings["seed_behavior"] != "iter":
        note("seed_iter_N", "has no effect", "seed_behavior: iter")
    if "image_keys" in taken.written and settings["animation_mode"] != "Interpolation":
        note("image_keys", "has no effect", "animation_mode: Interpolation")
    if settings["color_coherence"] == "Image" and not settings["color_coherence_image"]:
        written = taken.written["color_coherence"]
        taken.problems.append(
            written.source.problem(
                written.value, written.spelled, "Image needs a picture", "color_coherence_image: palette.png"
            )
        )
    if int(settings["loop"]) >= int(settings["max_frames"]) and "loop" in taken.written:
        note("loop", "is as long as the whole animation")


def _on_keys_in_prompts(taken: Taken) -> None:
    for name in ("prompts", "negative_prompts"):
        written = taken.written.get(name)
        if written is None or written.source.lenient or not isinstance(written.value.value, str):
            continue
        if _DEFORUM.match(written.value.value):
            node, field, report = taken.report(name)
            report.note(node, field, "is painted as it stands, its numbers too", "keys are a mapping: {0: …, 12: …}")


def _on_prompts(taken: Taken, schedule: Schedule) -> None:
    """Parts of prompts that stand where they do nothing."""
    seeded = schedule.settings["seed_behavior"] == "schedule"
    elsewhere = [("negative_prompts", schedule.negative_prompts)]
    elsewhere += [("prompt_tracks", layer.track) for layer in schedule.layers]
    for name, track in [("prompts", schedule.prompts), *elsewhere]:
        keys = track.keys if track else ()
        report = taken.report(name)[2] if name in taken.written else None
        for key in keys if report else ():
            assert report is not None
            field = taken.written[name].spelled
            if key.seed != NO_SEED and (name != "prompts" or seeded):
                hint = "seed_schedule says the seeds" if name == "prompts" else "in a prompt of `prompts`"
                report.note(key.node, field, "--seed has no effect here", hint)
            if key.negative.loras or (name == "negative_prompts" and key.positive.loras):
                report.note(key.node, field, "a LoRA has no effect where it is to be avoided")


def _on_film(taken: Taken, settings: Mapping[str, Setting], show: Show) -> None:
    """A film that is not shown, or too short, and a mode that lacks one."""
    filmed = settings["animation_mode"] == "Video Input"
    if filmed and "video" not in taken.written and "animation_mode" in taken.written:
        node, field, report = taken.report("animation_mode")
        tell = report.note if report.source.lenient else report.refuse
        tell(node, field, "Video Input needs a film", f"video: {FIELDS['video'].example}")
    looked_at = settings["hybrid_composite"] != "None" or settings["hybrid_motion"] != "None"
    looked_at = looked_at or bool({"mask", "noise_mask"} & taken.written.keys())
    for name in ("hybrid_composite", "hybrid_motion"):
        if name in taken.written and settings[name] != "None" and (filmed or "video" not in taken.written):
            node, field, report = taken.report(name)
            hint = "animation_mode: 2D or 3D" if filmed else f"video: {FIELDS['video'].example}"
            report.note(node, field, "has no effect", hint)
    if not filmed and "video" in taken.written and not looked_at:
        node, field, report = taken.report("video")
        report.note(node, field, "has no effect", "animation_mode: Video Input, hybrid_motion or hybrid_composite")
    if show.frames and int(settings["max_frames"]) > show.frames:
        node, field, report = taken.report("duration" if "duration" in taken.written else "max_frames")
        report.refuse(node, field, f"{settings['max_frames']} frames are more than the film has", f"{show.frames}")


def _on_restyling(taken: Taken, settings: Mapping[str, Setting]) -> None:
    """Fields that a restyled film does not look at."""
    mode = str(settings["video_mode"])
    for name, modes in RESTYLING.items():
        if name not in taken.written or settings.get(name) == FIELDS[name].default:
            continue
        node, field, report = taken.report(name)
        if mode not in modes:
            hint = f"video_mode: {' or '.join(modes)}" if modes else "each frame begins with the film's own"
            report.note(node, field, "has no effect", hint)
        elif name == "diffusion_cadence" and "style_frames" in taken.written:
            report.note(node, field, "has no effect", "the frames of style_frames are the keys")
