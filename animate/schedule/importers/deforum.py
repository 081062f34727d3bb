"""Deforum settings files: JSON (often named `.txt`) of the webui extension, its forks and the notebook before it.

The table of keys is `deforum_keys`; this file walks it. What Deforum repairs or ignores becomes a note with key and
place, and the result is a schedule in our own names that moves the picture in the same way. Curves stay the strings
they are: the language reads Deforum's strings wherever they stand.

Facts about Deforum (defaults, order of looking, what is on when) were read in deforum-art/sd-webui-deforum at 32242685
(2024-03) and deforum/stable-diffusion at 393f1181 (the notebook), and checked by running them; no code was taken.
"""

from __future__ import annotations

import json
import re

from animate.errors import Problem
from animate.schedule.fields import FIELDS
from animate.schedule.importers import deforum_differences, deforum_flip, deforum_pictures, deforum_prompts, parseq
from animate.schedule.importers.deforum_keys import FLIP, MOVED, OF_ONE_SCHEDULE, SETTINGS, known
from animate.schedule.importers.deforum_pictures import HYBRID
from animate.schedule.importers.deforum_settings import NONE, Settings, constant, unquoted, whole
from animate.schedule.source import Imported, Source
from animate.schedule.tree import Node, Table

ORIGIN = "Deforum settings"

_SEEDS = '0:(s),1:(-1),"max_f-2":(-1),"max_f-1":(s)'
"""Deforum's schedule of seeds, where a file asks for one and has none; a saved file has it too."""
_OURS = {word for row in FIELDS.values() for word in (row.name, *row.aliases, *row.inverted)} - {"W", "H"}
_OURS_ALONE = {"duration", "bpm", "cues", "let", "cuts", "loop", "model", "loras", "vary", "codec", "width", "height"}


def recognise(source: Source) -> bool:
    """Whether the file holds Deforum's settings: a JSON object with keys that only Deforum writes.

    Our own schedules may be JSON too, and share most names; one name of ours alone settles it, unless three or more are
    Deforum's alone. In YAML, and in a mapping from Python, a few such keys are more likely a slip of somebody who comes
    from there.
    """
    if not isinstance(source.root.value, Table):
        return False
    names = set(source.root.value.names())
    theirs = {name for name in names if known(name)}
    foreign = theirs - _OURS
    in_json = source.in_json
    if 4 * len(theirs) < len(names) or (names & _OURS_ALONE and not (in_json and len(foreign) >= 3)):
        return False
    if in_json:
        return bool(foreign) or (bool(theirs) and source.file.endswith(".txt"))
    return len({name for name in foreign if name.removesuffix("_schedule") not in _OURS}) >= 3


def read(source: Source) -> Imported:
    """The file in our names.

    Raises:
        ScheduleError: the file cannot mean anything to us, such as a mode that makes no frames from frames.
    """
    settings = Settings(source)
    notes = [*settings.notes_on_keys()]
    pairs: dict[str, Node] = {}
    for setting, node in settings.looked_at():
        pairs[setting.field] = settings.converted(setting, node, notes)
    for name in _fields_of(settings.mode):
        if name not in pairs:
            pairs[name] = Node.of(settings.default(name))
    managed, left = _managed(settings, notes)
    pairs |= managed
    _sized(pairs, settings, notes)
    _files(pairs, settings, notes)
    if settings.mode == "Video Input" or (settings.mode in MOVED and settings.is_on(HYBRID)):
        _film(pairs, settings, notes, whole(managed["max_frames"]) if "max_frames" in managed else 0)
    deforum_pictures.put(pairs, settings, notes)
    _scheduler(pairs, settings, notes)
    if str(pairs["seed_behavior"].value) == "schedule":
        pairs["seed_schedule"] = _seeds(pairs.get("seed_schedule", Node.of(_SEEDS)), whole(pairs["max_frames"]))
    else:
        pairs.pop("seed_schedule", None)
    if str(pairs["seed_behavior"].value) != "iter":
        pairs.pop("seed_iter_N", None)
    let = _truncated(pairs)
    if settings.mode == "2D" and settings.is_on(FLIP):  # 3D has no zoom to put it into
        let |= deforum_flip.put_into_zoom(pairs)
    if settings.mode == "3D":
        pairs["projection"] = Node.of("deforum")
    else:
        pairs["sampling_mode"] = Node.of("bilinear")  # what Deforum's 2D warp always does
    pairs["sharpness_coherence"] = Node.of(0)  # Deforum has none; the embedded painter has it by default
    pairs["animation_mode"] = Node.of(settings.mode, at=settings.get("animation_mode"))
    if "prompts" not in managed:
        frames = whole(pairs["max_frames"])
        filmed = "video" in pairs
        pairs["prompts"] = deforum_prompts.read(source, settings.values, frames, settings.mode, notes, filmed)
        pairs["prompt_interpolation"] = Node.of("composable" if settings.mode == "Interpolation" else "hold")
    if let:
        pairs["let"] = Node(Table(tuple((Node.of(name), node) for name, node in let.items())))
    ordered = tuple((Node.of(name), pairs[name]) for name in FIELDS if name in pairs)
    root = Node(Table(ordered), source.root.line, source.root.column)
    return Imported(
        source=source.with_root(root, lenient=True),
        notes=tuple(notes),
        differs=" ".join(deforum_differences.sentences(settings, pairs, managed_in_parseq=bool(managed), left=left)),
        origin=ORIGIN,
    )


def _fields_of(mode: str) -> dict[str, None]:
    """Fields that Deforum always looks at in this mode, so that their absence means its default."""
    return {
        setting.field: None
        for setting in SETTINGS
        if not setting.needs and (not setting.modes or mode in setting.modes)
        if setting.field not in ("seed_schedule", "color_coherence_image", "eta", "animation_mode")
    }


def _managed(settings: Settings, notes: list[Problem]) -> tuple[dict[str, Node], list[str]]:
    """Fields that a Parseq document inside the file takes over, and what it manages that we do not have."""
    node = settings.get("parseq_manifest")
    try:
        document = json.loads(str(node.plain())) if node is not None else None
    except ValueError:  # an address
        return {}, []
    if not isinstance(document, dict):
        return {}, []
    deltas = settings.word("parseq_use_deltas") != "false"
    managed, left = parseq.fields(settings.source, document, notes, deltas)
    kept = _fields_of(settings.mode) | {"prompts": None, "prompt_interpolation": None}
    if settings.word("parseq_non_schedule_overrides") == "false":
        kept = {name: None for name in kept if name not in ("max_frames", "fps", "diffusion_cadence")}
    if settings.is_on(FLIP):
        kept |= {f"perspective_flip_{name}": None for name in ("theta", "phi", "gamma", "fv")}
    if managed.get("seed_behavior"):
        kept |= {"seed_schedule": None}
    return {name: value for name, value in managed.items() if name in kept}, left


def _truncated(pairs: dict[str, Node]) -> dict[str, Node]:
    """Curves of whole numbers, which Deforum cuts and we round; returns the curves that had to be named."""
    let = {}
    for name in ("steps", "clip_skip", "seed_schedule", "subseed"):
        node = pairs.get(name)
        if node is not None and isinstance(node.value, str) and constant(node) is None:
            let[f"deforum_{name}"] = node
            pairs[name] = Node.of(f"floor(deforum_{name})", at=node)
    return let


def _sized(pairs: dict[str, Node], settings: Settings, notes: list[Problem]) -> None:
    """Width and height floored as Deforum floors them: the model could not draw other sizes."""
    step = 64 if settings.notebook else 8
    for name, key in (("width", "W"), ("height", "H")):
        node = pairs.setdefault(name, Node.of(512))
        size = whole(node)
        floored = max(size - size % step, step)
        if floored != size:
            notes.append(settings.problem(key, f"{size} is not a multiple of {step}", f"{floored}, as Deforum has it"))
        pairs[name] = Node.of(floored, at=node)


def _files(pairs: dict[str, Node], settings: Settings, notes: list[Problem]) -> None:
    """Paths that are used stay; words for "none", and addresses on the network, go."""
    if settings.word("add_soundtrack") not in ("file", "true"):
        pairs.pop("soundtrack", None)
    if str(pairs.get("color_coherence", Node("")).value) != "Image":
        pairs.pop("color_coherence_image", None)
    for name in ("init_image", "soundtrack", "color_coherence_image"):
        node = pairs.get(name)
        if node is None:
            continue
        path = unquoted(str(node.value))
        if path.lower() in NONE:
            del pairs[name]
        elif re.match(r"\w+://", path):
            notes.append(
                settings.source.problem(node, name, f"{path} is on the network", "download it and name the file")
            )
            del pairs[name]
        else:
            pairs[name] = Node.of(path, at=node)
    if "init_image" not in pairs:
        pairs.pop("init_strength", None)
    if "color_coherence_image" not in pairs and str(pairs.get("color_coherence", Node("")).value) == "Image":
        notes.append(settings.problem("color_coherence", "Image without a picture", "LAB is used"))
        pairs["color_coherence"] = Node.of("LAB", at=pairs["color_coherence"])


def _film(pairs: dict[str, Node], settings: Settings, notes: list[Problem], frames: int) -> None:
    """The film, of which every n-th frame is redrawn, or looked at; Deforum unpacked it to files first.

    All of it counts, whatever max_frames says, but for a Parseq document that says `frames` (0 without one).
    """
    node = settings.get("video_init_path")
    path = unquoted(str(node.plain())) if node is not None else ""
    if path.lower() in NONE or re.match(r"\w+://", path):
        hint = "download it and name the file" if path else "video: {file: film.mp4}"
        notes.append(settings.problem("video_init_path", f"{path or 'no film'} is not a file", hint))
        return
    parts = {"file": Node.of(path, at=node)}
    for key, name, silent in (("extract_from_frame", "from", 0), ("extract_nth_frame", "every", 1)):
        number = settings.get(key)
        if number is not None and constant(number) not in (None, silent):
            parts[name] = Node.of(max(silent, whole(number)), at=number)
    last = settings.get("extract_to_frame")
    if last is not None and (constant(last) or -1) > 0:
        parts["to"] = Node.of(whole(last), at=last)
    if frames:
        end = whole(parts.get("from", Node(0))) + whole(parts.get("every", Node(1))) * frames
        parts["to"] = Node.of(min(end, whole(parts["to"])) if "to" in parts else end)
    pairs["video"] = Node(Table(tuple((Node.of(name), part) for name, part in parts.items())))
    if settings.mode == "Video Input":
        pairs["video_mode"] = Node.of("frames")


def _seeds(node: Node, frames: int) -> Node:
    """A schedule of seeds; where it is Deforum's own, without the keys that coincide in short animations."""
    if re.sub(r"\s", "", str(node.value)) != _SEEDS:
        return node
    keys = {0: "s", 1: -1, frames - 3: -1, frames - 2: "s"}  # of two equal ones the last counts
    return Node.of({key: value for key, value in sorted(keys.items()) if 0 <= key < frames}, at=node)


def _scheduler(pairs: dict[str, Node], settings: Settings, notes: list[Problem]) -> None:
    """Files of 2024 and later keep the noise schedule apart from the sampler's name."""
    sampler, schedule = pairs.get("sampler"), settings.word("scheduler")
    if sampler is None or not isinstance(sampler.value, str) or schedule not in ("karras", "exponential"):
        return
    if schedule in sampler.value.lower():
        return
    if sampler.value.lower() in OF_ONE_SCHEDULE:
        what, hint = f"{sampler.value} has no other schedule than its own", f"{schedule} is left out"
        notes.append(settings.problem("scheduler", what, hint))
    else:
        pairs["sampler"] = Node.of(f"{sampler.value} {schedule.title()}", at=sampler)
