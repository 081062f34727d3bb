"""Deforum settings files: JSON (often named `.txt`) of the webui extension, its forks and the notebook before it.

The table of keys is `deforum_keys`; this file walks it. What Deforum repairs or ignores becomes a note with key and
place, and the result is a schedule in our own names that moves the picture in the same way. Curves stay the strings
they are: the language reads Deforum's strings wherever they stand.

Facts about Deforum (defaults, order of looking, what is on when) were read in deforum-art/sd-webui-deforum at 32242685
(2024-03) and deforum/stable-diffusion at 393f1181 (the notebook), and checked by running them; no code was taken.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from animate.errors import Problem, ScheduleError
from animate.schedule.fields import FIELDS, Value
from animate.schedule.importers import deforum_prompts
from animate.schedule.importers.deforum_keys import (
    ALWAYS_ON,
    FLIP,
    MOVED,
    OTHERS,
    PARTS,
    SETTINGS,
    Part,
    Setting,
    Words,
    known,
)
from animate.schedule.source import Imported, Node, Source, Table

ORIGIN = "Deforum settings"

_DEFAULTS: Mapping[str, Value] = MappingProxyType({"init_strength": 0.8, "subseed": 1})
"""Defaults of the webui that the table of fields does not hold, because ours mean something else."""
_NOTEBOOK: Mapping[str, Value] = MappingProxyType(
    {
        "max_frames": 1000,
        "zoom": "0: (1.04)",
        "translation_x": "0: (10*sin(2*3.14*t/10))",
        "translation_z": 10,
        "perspective_flip_phi": "0: (t%15)",
        "noise": 0.02,
        "fov": 40,
        "diffusion_cadence": 1,
        "sampler": "LMS",
        "steps": 50,
        "noise_type": "uniform",  # it added Gaussian noise
        "amount": 0,  # and did not sharpen
    }
)
"""Defaults of the notebook, where they differ from the webui's."""
_NOTEBOOK_KEYS = {"prompt_weighting", "filename_format", "C", "f", "n_batch", "log_weighted_subprompts", "cond_prompts"}
_WEBUI_KEYS = {"restore_faces", "tiling", "seed_enable_extras", "skip_video_creation", "skip_video_for_run_all",
               "show_info_on_ui", "fov_schedule", "cfg_scale_schedule", "perlin_octaves", "noise_type", "fps",
               "deforum_git_commit_id"}  # fmt: skip

_NATIVE_ONLY = {"duration", "bpm", "cues", "let", "cuts", "loop", "model", "loras", "vary", "codec", "width", "height"}
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_NONE = {"", "none", "null"}
_FALSE = {"", "0", "0.0", "false", "none", "no", "off"}


def recognise(source: Source) -> bool:
    """Whether the file holds Deforum's settings: a JSON object with keys that only Deforum writes.

    Our own schedules may be JSON too, and share most names; one name of ours alone settles it.
    """
    if not isinstance(source.root.value, Table):
        return False
    names = set(source.root.value.names())
    if names & _NATIVE_ONLY:
        return False
    foreign = {name for name in names if known(name) and name not in _OURS}
    if not source.text.lstrip("\ufeff \t\r\n").startswith("{"):  # YAML, or a mapping from Python
        return len(foreign) >= 3
    return bool(foreign) or source.file.endswith(".txt")


_OURS = {word for row in FIELDS.values() for word in (row.name, *row.aliases, *row.inverted)} - {"W", "H"}


def read(source: Source) -> Imported:
    """The file in our names.

    Raises:
        ScheduleError: the file cannot mean anything to us, such as a mode that makes no frames from frames.
    """
    settings = _Settings(source)
    notes = [*settings.notes_on_keys()]
    pairs: dict[str, Node] = {}
    for setting, node in settings.looked_at():
        pairs[setting.field] = settings.converted(setting, node, notes)
    for name in _fields_of(settings.mode):
        if name not in pairs:
            pairs[name] = Node.of(settings.default(name))
    _sized(pairs, settings, notes)
    _files(pairs, settings, notes)
    _scheduler(pairs, settings)
    if settings.mode in MOVED and settings.is_on(FLIP):
        _shrunk(pairs, settings)
    if settings.mode != "3D":
        pairs["sampling_mode"] = Node.of("bilinear")  # what Deforum's 2D warp always does
    pairs["animation_mode"] = Node.of(settings.mode, at=settings.get("animation_mode"))
    frames = _whole(pairs["max_frames"])
    pairs["prompts"] = deforum_prompts.read(source, settings.values, frames, settings.mode, notes)
    pairs["prompt_interpolation"] = Node.of("composable" if settings.mode == "Interpolation" else "hold")
    ordered = [(Node.of(name), pairs[name]) for name in FIELDS if name in pairs]
    if "let" in pairs:
        ordered.sort(key=lambda pair: pair[0].value != "let")
    root = Node(Table(tuple(ordered)), source.root.line, source.root.column)
    return Imported(
        source=source.with_root(root, lenient=True),
        notes=tuple(notes),
        differs=" ".join(_differences(settings, pairs)),
        origin=ORIGIN,
    )


@dataclass(frozen=True)
class _Settings:
    """The file's keys, and what is on in it."""

    source: Source

    @cached_property
    def values(self) -> Mapping[str, Node]:
        """Each key's last value."""
        table = self.source.root.value
        assert isinstance(table, Table)
        return {key.text: value for key, value in table.pairs}

    @cached_property
    def notebook(self) -> bool:
        return bool(self.values.keys() & _NOTEBOOK_KEYS) and not self.values.keys() & _WEBUI_KEYS

    @cached_property
    def mode(self) -> str:
        """One of our animation modes. Raises ScheduleError for a mode that is none."""
        node = self.get("animation_mode")
        if node is None:
            return "2D"
        setting = next(setting for setting in SETTINGS if setting.key == "animation_mode")
        word = _word(node, setting.words or Words())
        for mode in FIELDS["animation_mode"].choices:
            if mode.lower() == word.lower():
                return mode
        hint = "one of " + ", ".join(FIELDS["animation_mode"].choices)
        raise ScheduleError([self.problem("animation_mode", f"the mode {word!r} is not known", hint)])

    def get(self, key: str) -> Node | None:
        """The value of a key; None where it is absent, null, or an empty text."""
        node = self.values.get(key)
        if node is None or node.value is None or (isinstance(node.value, str) and not node.value.strip()):
            return None
        return node

    def word(self, key: str) -> str:
        """The value of a key as a word in lower case; "" where it is absent."""
        node = self.get(key)
        return "" if node is None else str(node.plain()).strip().lower()

    def is_on(self, switches: tuple[str, ...]) -> bool:
        return not switches or any(self.word(switch) not in _FALSE for switch in switches)

    def default(self, name: str) -> Value:
        """What Deforum of this file's generation takes for a field that the file does not speak of."""
        if self.notebook and name in _NOTEBOOK:
            return _NOTEBOOK[name]
        field = FIELDS[name]
        return _DEFAULTS.get(name, field.default if field.deforum is None else field.deforum)

    def looked_at(self) -> Iterator[tuple[Setting, Node]]:
        """The settings that take effect: in the table's order, the first of each field that is present and active."""
        done: set[str] = set()
        for setting in SETTINGS:
            if setting.field in done or setting.field == "animation_mode":
                continue
            if setting.modes and self.mode not in setting.modes:
                continue
            node = self.get(setting.key)
            if node is not None and self.is_on(setting.needs):
                done.add(setting.field)
                yield setting, node

    def parts_on(self) -> Iterator[Part]:
        for part in PARTS:
            if part.modes and self.mode not in part.modes:
                continue
            word = self.word(part.switch)
            if not word and part.switch in ALWAYS_ON and any(self.get(key) for key in part.keys):
                word = "true"
            if word not in part.off:
                yield part

    def converted(self, setting: Setting, node: Node, notes: list[Problem]) -> Node:
        """The value of a setting in the form that its field wants."""
        field = FIELDS[setting.field]
        if field.kind == "text":
            return _spoken(node, setting.words or Words())
        if field.kind == "curve":
            return _curve(node)
        if field.kind == "flag":
            return Node.of(str(node.plain()).strip().lower() not in _FALSE, at=node)
        if field.kind in ("integer", "size", "number"):
            return self._number(setting, node, notes)
        if setting.words is not None:
            return self._choice(setting, node, notes)
        return Node.of(_unquoted(str(node.plain())), at=node)

    def _number(self, setting: Setting, node: Node, notes: list[Problem]) -> Node:
        text = _unquoted(str(node.plain()))
        if not _NUMBER.fullmatch(text):
            default = self.default(setting.field)
            notes.append(
                self.problem(setting.key, f"{text!r} is not a number", f"{default} is used, Deforum's default")
            )
            return Node.of(default, at=node)
        value = float(text)
        whole = FIELDS[setting.field].kind in ("integer", "size") or value.is_integer()
        if whole and value.is_integer() and re.fullmatch(r"[-+]?\d+", text):
            return Node.of(int(text), at=node)  # exact beyond 2**53: seeds are
        return Node.of(int(value) if whole else value, at=node)

    def _choice(self, setting: Setting, node: Node, notes: list[Problem]) -> Node:
        words = setting.words or Words()
        word, allowed = _word(node, words), FIELDS[setting.field].choices
        for choice in allowed:
            if choice.lower() == word.lower():
                return Node.of(choice, at=node)
        fallback = words.fallback or str(self.default(setting.field))
        notes.append(self.problem(setting.key, f"{word!r} is not known", f"Deforum takes it for {fallback}"))
        return Node.of(fallback, at=node)

    def problem(self, key: str, what: str, hint: str = "") -> Problem:
        return self.source.problem(self.values.get(key), key, what, hint)

    def notes_on_keys(self) -> Iterator[Problem]:
        """One note for all keys that stand twice, one for all that nobody knows."""
        table = self.source.root.value
        assert isinstance(table, Table)
        names = table.names()
        unknown = [name for name in self.values if not known(name)]
        if len(names) > len(self.values):
            doubled = sorted(name for name in self.values if names.count(name) > 1)
            yield self.problem(doubled[0], f"written more than once: {listed(doubled)}", "the last one counts")
        if unknown:
            what = f"{listed(unknown)}: {'not a key' if len(unknown) == 1 else 'not keys'} of Deforum's"
            yield Problem(what=what, hint="ignored", file=self.source.file)


def _fields_of(mode: str) -> dict[str, None]:
    """Fields that Deforum always looks at in this mode, so that their absence means its default."""
    return {
        setting.field: None
        for setting in SETTINGS
        if not setting.needs and (not setting.modes or mode in setting.modes)
        if setting.field not in ("seed_schedule", "color_coherence_image", "eta", "animation_mode")
    }


def _curve(node: Node) -> Node:
    """A number, or a schedule string as it stands."""
    if isinstance(node.value, bool):
        return Node.of(int(node.value), at=node)
    if isinstance(node.value, str):
        text = node.value.strip()
        if _NUMBER.fullmatch(text):
            return Node.of(float(text), at=node)
        return node
    return node


def _spoken(node: Node, words: Words) -> Node:
    """A text field: one word, or a schedule of words with each of them understood."""
    if not isinstance(node.value, str) or not re.match(r"\s*[\"']?[^:,()]+[\"']?\s*:", node.value):
        return Node.of(_word(node, words), at=node)
    pairs = []
    for piece in re.split(r",(?![^(]*\))", node.value):
        key, colon, text = piece.partition(":")
        if colon:
            said = re.sub(r"[\"'()]", "", text).strip()
            pairs.append((Node.of(_key(key), at=node), Node.of(_word(Node.of(said), words), at=node)))
    last = {key.value: (key, value) for key, value in pairs}
    return Node(Table(tuple(last.values())), node.line, node.column)


def _key(text: str) -> int | str:
    text = re.sub(r"[\"'()]", "", text).strip()
    return int(text) if text.isdigit() else text


def _word(node: Node, words: Words) -> str:
    """A choice as one of its words: an index into Deforum's list, an old name, or the word itself."""
    value = node.plain()
    text = _unquoted(str(value))
    if isinstance(value, bool):
        return words.means.get(str(value).lower(), "None" if not value else text)
    if words.order and re.fullmatch(r"\d+(\.0)?", text) and int(float(text)) < len(words.order):
        text = words.order[int(float(text))]
    return words.means.get(text.lower(), text)


def _unquoted(text: str) -> str:
    text = text.strip()
    while len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text


def _whole(node: Node) -> int:
    return int(node.value) if isinstance(node.value, int | float) else 0


def _sized(pairs: dict[str, Node], settings: _Settings, notes: list[Problem]) -> None:
    """Width and height floored as Deforum floors them: the model could not draw other sizes."""
    step = 64 if settings.notebook else 8
    for name, key in (("width", "W"), ("height", "H")):
        node = pairs.setdefault(name, Node.of(512))
        size = _whole(node)
        floored = max(size - size % step, step)
        if floored != size:
            notes.append(settings.problem(key, f"{size} is not a multiple of {step}", f"{floored}, as Deforum has it"))
        pairs[name] = Node.of(floored, at=node)


def _files(pairs: dict[str, Node], settings: _Settings, notes: list[Problem]) -> None:
    """Paths that are used stay; words for "none", and addresses on the network, go."""
    if settings.word("add_soundtrack") not in ("file", "true"):
        pairs.pop("soundtrack", None)
    if str(pairs.get("color_coherence", Node("")).value) != "Image":
        pairs.pop("color_coherence_image", None)
    for name in ("init_image", "soundtrack", "color_coherence_image"):
        node = pairs.get(name)
        if node is None:
            continue
        path = _unquoted(str(node.value))
        if path.lower() in _NONE:
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


def _scheduler(pairs: dict[str, Node], settings: _Settings) -> None:
    """Files of 2024 and later keep the noise schedule apart from the sampler's name."""
    sampler, schedule = pairs.get("sampler"), settings.word("scheduler")
    if sampler is None or not isinstance(sampler.value, str) or schedule not in ("karras", "exponential"):
        return
    if schedule not in sampler.value.lower():
        pairs["sampler"] = Node.of(f"{sampler.value} {schedule.title()}", at=sampler)


def shrink(width: float, height: float, fv: float) -> float:
    """Scale of Deforum's perspective flip at zero angles.

    Its projection keeps a 1 at [3, 3], so that even the zero flip scales by h/(h + 1), h = d / (2 sin(fv/2)), d the
    diagonal; ours has no such factor.

    >>> round(shrink(512, 512, 53), 6)
    0.998769
    """
    reach = math.hypot(width, height) / (2 * math.sin(math.radians(fv) / 2))
    return reach / (reach + 1)


def _constant(node: Node) -> float | None:
    """The number of a curve that is one number, `1.5` or `"0: (1.5)"`."""
    if node.is_number:
        return float(node.value)  # type: ignore[arg-type]
    match = re.fullmatch(r"\s*\"?0\"?\s*:\s*\(?\s*(-?\d*\.?\d+)\s*\)?\s*", str(node.value))
    return float(match[1]) if match else None


def _shrunk(pairs: dict[str, Node], settings: _Settings) -> None:
    """Put the shrink of Deforum's perspective flip into the zoom; in 3D there is no zoom to put it in."""
    if settings.mode != "2D":
        return
    zoom, fv = pairs["zoom"], pairs.setdefault("perspective_flip_fv", Node.of(53))
    width, height, angle = _whole(pairs["width"]), _whole(pairs["height"]), _constant(fv)
    let: dict[str, Node] = {}
    factor = f"{shrink(width, height, angle):.9f}" if angle else ""
    if not factor:
        let["deforum_fv"] = fv
        let["deforum_reach"] = Node.of("sqrt(W*W + H*H) / (2*sin(deforum_fv*pi/360))", at=fv)
        factor = "deforum_reach / (deforum_reach + 1)"
        pairs["perspective_flip_fv"] = Node.of("deforum_fv", at=fv)
    constant = _constant(zoom)
    if constant is not None and not let:
        pairs["zoom"] = Node.of(constant * float(factor), at=zoom)
        return
    let["deforum_zoom"] = zoom
    pairs["zoom"] = Node.of(f"deforum_zoom * {factor}", at=zoom)
    pairs["let"] = Node(Table(tuple((Node.of(name), node) for name, node in let.items())), zoom.line, zoom.column)


def _differences(settings: _Settings, pairs: Mapping[str, Node]) -> Iterator[str]:
    """The sentences of "what will differ for this file"."""
    if settings.mode == "3D":
        depth = _unquoted(settings.word("depth_algorithm")) or "midas"
        flat = settings.values.get("use_depth_warping")
        using = "" if flat is not None and flat.value is False else f" and depth (by {depth} there)"
        yield f"The file moves a camera in 3D{using}."
    elif settings.mode not in MOVED:
        yield f"The file is made for the mode {settings.mode}."
    names: dict[str, None] = {}
    for part in settings.parts_on():
        shown = ", ".join(_shortened(str(node.plain())) for key in part.shown if (node := settings.get(key)))
        names[f"{part.name} ({shown})" if shown else part.name] = None
    for name, pattern in OTHERS.items():
        if any(pattern.fullmatch(key) and settings.is_on((key,)) for key in settings.values):
            names[name] = None
    if settings.word("color_coherence") == "video input":
        names["colours taken from a video"] = None
    if settings.word("add_soundtrack") == "init video":
        names["the sound of the input video"] = None
    if names:
        yield f"On in this file and not carried over: {listed(list(names))}."
    if settings.mode == "2D" and settings.is_on(FLIP):
        factor = shrink(_whole(pairs["width"]), _whole(pairs["height"]), _constant(pairs["perspective_flip_fv"]) or 53)
        moving = [name for name in ("translation_x", "translation_y") if _constant(pairs[name]) != 0]
        yield f"The scale by {factor:.5f} that its perspective flip has even at zero angles is part of zoom here."
        if moving:
            yield f"{listed(moving)}, which Deforum drops while the flip is on, takes effect."
    cadence, frames = _whole(pairs.get("diffusion_cadence", Node(1))), _whole(pairs["max_frames"])
    if cadence > 1 and frames > cadence:
        missing = frames - cadence * ((frames - 1) // cadence)
        yield f"All {frames} frames are made; with its cadence of {cadence} Deforum leaves out the last {missing}."
    model = settings.get("sd_model_name")
    if model is not None and str(model.value).lower() not in _NONE:
        yield f"It was made with the model {model.value}; `--set model=…` chooses one here."


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    match = re.fullmatch(r"0\s*:\s*\(([^(),:]+)\)", text)
    text = match[1] if match else text
    return text if len(text) <= 30 else f"{text[:29]}…"


def listed(names: list[str], most: int = 12) -> str:
    """`a, b and c`; a long list is cut off with its count."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
