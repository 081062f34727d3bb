"""The one table of fields.

Everything that knows a field reads it here: the loader, its error hints, the JSON Schema, the documentation page,
`animate fields`, the importers. A field is described once; to add one is to add a row.

Kinds
    curve    keyframed number: a float64 value for every frame (forms in `curve.py`)
    text     keyframed text that holds its last value; `choices` bounds it where it is not free
    number   one number for the whole run
    integer  one whole number for the whole run
    flag     true or false
    choice   one of `choices`
    string   free text
    file     a path, relative to the schedule
    size     a whole number of pixels
    time     a duration (`240`, `20s`, `32b`)
    prompts  keyframed prompts
    mapping  a mapping with a meaning of its own (`let`, `cues`, `vary` …)
"""

# ruff: noqa: E501  (one row a line: this is read as a table)

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal[
    "curve", "text", "number", "integer", "flag", "choice", "string", "file", "size", "time", "prompts", "mapping"
]
Value = float | int | str | bool

INF = float("inf")


@dataclass(frozen=True, kw_only=True)
class Field:
    """One row of the table."""

    name: str
    kind: Kind
    group: str
    default: Value
    """Value where the schedule is silent; "" means "none given" for texts and files."""
    embedded: Value | None = None
    """Default under `model: embedded`, where the small model wants another one."""
    unit: str = ""
    low: float = -INF
    """Smallest value allowed, inclusive."""
    high: float = INF
    """Largest value allowed, inclusive."""
    whole: bool = False
    """A curve whose values are rounded to whole numbers."""
    odd: bool = False
    """A curve whose values go to the odd number near them."""
    multiple: int = 1
    """A size must be a multiple of it."""
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """Texts that may stand instead of a number."""
    aliases: tuple[str, ...] = ()
    """Other names people type; the `…_schedule` form of a curve or text is always accepted as well."""
    inverted: tuple[str, ...] = ()
    """Names of the opposite sense: their value is 1 − ours (`denoising_strength`)."""
    deforum: Value | None = None
    """Deforum's default where its files are silent; None where it is the same as `default`, or Deforum has no such field."""
    doc: str = ""
    example: str = ""

    def default_for(self, model: str) -> Value:
        """Default under this model; never None."""
        return self.embedded if self.embedded is not None and model == "embedded" else self.default


def in_words(row: Field) -> str:
    """A field's range, as it is said in messages."""
    low, high = (f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in (row.low, row.high))
    if math.isinf(row.low) and math.isinf(row.high):
        return "any"
    if math.isinf(row.high):
        return f"{low} or more"
    if math.isinf(row.low):
        return f"{high} or less"
    return f"{low} to {high}"


ANIMATION_MODES = ("2D", "3D", "None", "Interpolation", "Video Input")
ENGINES = ("film", "film-halving", "rife", "embedded", "flow", "farneback", "blend", "hold")
"""What makes in-betweens; other packages add to them."""
SEED_BEHAVIORS = ("iter", "fixed", "random", "ladder", "alternate", "schedule")


def _curve(name: str, group: str, default: float, doc: str, **more: object) -> Field:
    return Field(name=name, kind="curve", group=group, default=default, doc=doc, **more)  # type: ignore[arg-type]


def _field(name: str, kind: Kind, group: str, default: Value, doc: str, **more: object) -> Field:
    return Field(name=name, kind=kind, group=group, default=default, doc=doc, **more)  # type: ignore[arg-type]


# fmt: off
_ROWS: tuple[Field, ...] = (
    # time
    _field("max_frames", "integer", "time", 96, "How many frames the animation has.", unit="frames", low=1, high=1_000_000, aliases=("length", "frames"), deforum=120, example="240"),
    _field("duration", "time", "time", "", "Length as a time, instead of max_frames.", example="20s"),
    _field("fps", "number", "time", 12, "Frames a second of the video; a fraction such as 24000/1001 stays exact.", unit="frames/s", low=0.01, high=1000, aliases=("output_fps", "frame_rate"), deforum=15, example="24"),
    _field("bpm", "number", "time", 0, "Beats a minute; 0 where the schedule counts no beats. Needed for keys such as 4b and for `beat`; auto counts the beats heard in `audio`.", unit="beats/min", low=0, high=1000, words=("auto",), example="120"),
    _field("cues", "mapping", "time", "", "Named times, usable as keys. {onsets: audio, above: 0.3, gap: 0.2s} under a name makes name1, name2 … of the onsets heard in a sound; `cuts: name` cuts at each.", example="{drop: 32b, outro: 80%}"),
    _field("audio", "mapping", "time", "", "Music that moves the picture: audio_rms, audio_onset, audio_bass, audio_mid, audio_treble, audio_percussive, audio_beat and audio_travel in any expression; the video's soundtrack too, unless another one is given.", example="{file: song.mp3, offset: 12s}"),
    _field("stems", "mapping", "time", "", "Further sounds by name, such as separated tracks: drums_onset, voice_rms … in any expression; auto takes the song of `audio` apart into drums, bass, vocals and other (demucs).", example="{drums: drums.wav, voice: voice.wav}"),
    _field("let", "mapping", "time", "", "Named curves, usable in every other expression.", example='{kick: "pulse(12, 2)"}'),
    _field("cuts", "mapping", "time", "", "Times at which a new shot begins: nothing is carried across, and prompts do not blend across.", example="[48, 8s]"),
    _field("loop", "integer", "time", 0, "Over so many last frames the picture is led back to frame 0, so that the video loops; 0 turns it off.", unit="frames", low=0, high=1_000_000, example="24"),
    # picture size and model
    _field("width", "size", "model", 512, "Width of the picture.", embedded=256, unit="px", low=16, high=16384, multiple=8, aliases=("W",), example="768"),
    _field("height", "size", "model", 512, "Height of the picture.", embedded=256, unit="px", low=16, high=16384, multiple=8, aliases=("H",), example="512"),
    _field("model", "string", "model", "embedded", "The model: embedded, a diffusers folder, a .safetensors or .ckpt file, or a hub id.", aliases=("checkpoint", "model_checkpoint", "sd_model"), example="models/dreamshaper_8.safetensors"),
    _field("device", "choice", "model", "auto", "Where the model runs.", choices=("auto", "cpu", "cuda", "mps"), example="cuda"),
    _field("precision", "choice", "model", "auto", "Arithmetic of the model; auto takes half precision on a GPU.", choices=("auto", "float32", "float16", "bfloat16"), aliases=("dtype",), example="float16"),
    _field("memory", "choice", "model", "auto", "How much graphics memory may be used: low for cards of 4 GB.", choices=("auto", "normal", "low"), example="low"),
    _field("batch_size", "integer", "model", 4, "How many independent frames (a latent walk, or mode None) are painted at once.", embedded=8, low=1, high=256, example="8"),
    _field("vae", "string", "model", "", "Another autoencoder: a folder, a file or a hub id.", example="stabilityai/sd-vae-ft-mse"),
    _field("controlnet", "string", "model", "", "A ControlNet for depth, used with generation: depth2img: a folder or a hub id.", example="lllyasviel/sd-controlnet-depth"),
    _field("loras", "mapping", "model", "", "LoRA files with a weight, which may be a curve.", example="{ink.safetensors: 0.8}"),
    _field("embeddings", "mapping", "model", "", "Textual-inversion files by the token that calls them.", aliases=("textual_inversions",), example="{<mist>: mist.safetensors}"),
    _field("animation_mode", "choice", "model", "2D", "What carries one frame to the next.", choices=ANIMATION_MODES, aliases=("mode",), example="2D"),
    # prompts
    _field("prompts", "prompts", "prompts", "", "What to paint, by frame; ` --neg ` inside a prompt splits off what to avoid, ` --seed 7` gives it a seed of its own, `<lora:ink:0.8>` a LoRA, `{a|b}` and `__name__` a choice drawn by the seed.", aliases=("prompt", "animation_prompts", "prompt_map", "text_prompts"), example='{0: "a calm sea at dawn", 48: "a calm sea at night"}'),
    _field("negative_prompts", "prompts", "prompts", "", "What to avoid, by frame; applies to every prompt.", aliases=("negative_prompt",), example='{0: "text, watermark"}'),
    _field("prompt_tracks", "mapping", "prompts", "", "Further prompts that overlap with these, each `from` a time `to` a time, with fades and a weight; or negative ones, added to what every prompt avoids.", example="{rain: {prompts: heavy rain, from: 24, to: 72, fade_in: 12, fade_out: 12, weight: 1}}"),
    _field("prompt_template", "string", "prompts", "", "Text around every prompt, which stands where it says [prompt].", example="an oil painting of [prompt], soft light"),
    _field("prompt_prepend", "string", "prompts", "", "Text put before every prompt.", aliases=("head_prompt", "pre_text", "animation_prompts_positive", "positive_prompts"), example="oil painting of"),
    _field("prompt_append", "string", "prompts", "", "Text put after every prompt.", aliases=("tail_prompt", "app_text"), example="soft light"),
    _field("prompt_interpolation", "choice", "prompts", "lerp", "How one prompt becomes the next.", choices=("hold", "lerp", "slerp", "composable"), deforum="hold", example="slerp"),
    _field("prompt_fixed_ratio", "number", "prompts", 0.0, "Share of each gap between two prompts in which the first one is held.", low=0, high=1, example="0.5"),
    _field("prompt_weighting", "choice", "prompts", "a1111", "What the weights in (x:1.3) do: a1111 scales the words and brings the mean back, no_norm only scales, compel moves them away from the empty prompt, or towards the prompt without them.", choices=("a1111", "no_norm", "compel"), example="compel"),
    _curve("prompt_travel", "prompts", -1, "Where among the prompt keys each frame stands: 0 at the first, 1.5 half-way from the second to the third; −1 goes by the keys' times.", low=-1, high=100_000, unit="keys", example="{0: 0, 96: 2}"),
    _field("image_keys", "mapping", "prompts", "", "Pictures by time (animation_mode Interpolation): each stands at its time, and between two their latents are mixed and redrawn, the less of them kept the nearer to half-way, where it is `strength`.", example="{0: a.png, 48: b.png}"),
    _field("prompt_ease", "string", "prompts", "linear", "Easing of the way from prompt to prompt.", example="in_out_cubic"),
    # diffusion
    _curve("strength", "diffusion", 0.65, "How much of the previous frame is kept: 1 keeps it untouched, 0 ignores it (denoise = 1 − strength).", embedded=0.42, low=0, high=1, inverted=("denoising_strength", "denoise", "image_seed_strength"), aliases=("init_image_strength",), example="{0: 0.65, 48: 0.45}"),
    _curve("steps", "diffusion", 25, "Steps of the sampler for a whole picture; a redrawn frame runs its share of them.", embedded=10, low=1, high=1000, whole=True, aliases=("num_inference_steps", "inference_steps"), example="20"),
    _curve("cfg_scale", "diffusion", 7.0, "How strictly the prompt is followed (classifier-free guidance); 1 or less turns guidance off.", embedded=3.0, low=0, high=100, aliases=("scale", "guidance_scale"), example="6.5"),
    _curve("guidance_rescale", "diffusion", 0.0, "How far strict guidance is brought back to the contrast of the unguided picture: against colours that burn in over a run.", embedded=0.7, low=0, high=1, deforum=0, example="0.7"),
    _curve("guidance_end", "diffusion", 1.0, "Share of the steps run for a picture that are guided, by the prompt and by `depth_scale`, rounded up to whole steps; the last ones go on without: less grain, and one pass of the network less for each.", embedded=0.7, low=0, high=1, aliases=("guidance_stop",), deforum=1, example="0.7"),
    _field("sampler", "text", "diffusion", "Euler a", "The sampler, by diffusers' or A1111's name.", embedded="DDIM", aliases=("sampler_name", "scheduler"), example="DPM++ 2M Karras"),
    _curve("eta", "diffusion", 0.0, "Noise added at each step by samplers that take one (DDIM).", low=0, high=1, aliases=("ddim_eta", "ddim_eta_schedule"), example="0.3"),
    _curve("clip_skip", "diffusion", 1, "Which layer of the text encoder is read, counted from the last: 1 is the last.", low=1, high=12, whole=True, aliases=("clipskip",), deforum=1, example="2"),
    _field("strength_0_no_init", "flag", "diffusion", True, "At strength 0 the frame is painted from noise alone.", example="true"),
    _field("generation", "choice", "diffusion", "img2img", "What a frame is redrawn from: the frame before alone, or its depth as well, for models that read depth (embedded, SD2-depth, any with a controlnet); at strength 0 depth2img keeps the structure and nothing else.", choices=("img2img", "depth2img"), example="depth2img"),
    _curve("inversion", "diffusion", 0.0, "How far a frame is redrawn from its own noise instead of the seed's: the noise from which the sampler would paint the picture as it is, found by running it backwards. Keeps more of the picture, with samplers that draw no noise on the way (DDIM, Euler, DPM++ 2M); costs about half as much again.", low=0, high=1, example="0.8"),
    _field("source_prompt", "text", "diffusion", "", "What the picture shows before it is redrawn, for inversion.", example="a street in summer"),
    _curve("controlnet_scale", "diffusion", 1.0, "How much the ControlNet's word counts.", low=0, high=2, example="{0: 1, 48: 0.4}"),
    _curve("depth_scale", "diffusion", 1.0, "How strongly depth2img holds a model that reads depth to it: 1 as it was trained; more makes what depth changes so many times as large, by a further pass, for models that can paint without depth too.", embedded=3, low=0, high=40, example="{0: 12, 48: 4}"),
    _field("init_image", "file", "diffusion", "", "Picture that frame 0 starts from.", example="start.png"),
    _curve("init_strength", "diffusion", 0.65, "Strength of the init image at frame 0.", low=0, high=1, example="0.5"),
    # pictures on the way
    _field("init_images", "mapping", "guides", "", "Pictures by frame, or a folder of them, spread evenly, that the animation starts from or is led towards.", example="{0: a.png, 48: b.png}"),
    _field("init_images_mode", "choice", "guides", "guided", "What they do: start begins anew from each at its frame, by init_strength; guided blends each in before its frame and out behind it; deforum is Deforum's formula for guided images. The first begins the animation in each case, if it stands at frame 0.", choices=("start", "guided", "deforum"), example="start"),
    _curve("blend_factor_max", "guides", 0.35, "How much of a picture is blended in at most.", low=-10, high=10, aliases=("blendFactorMax",), example="0.5"),
    _curve("blend_factor_slope", "guides", 0.25, "With deforum: how far the blend swings.", low=-10, high=10, aliases=("blendFactorSlope",), example="0.25"),
    _curve("tweening_frames", "guides", 20, "Over how many frames a picture is blended in, and out.", unit="frames", low=0, high=1_000_000, example="24"),
    _curve("color_correction_factor", "guides", 0.075, "How far the colours lean to a picture's at least, while it is blended in.", low=0, high=1, example="0.2"),
    # masks
    _field("mask", "text", "mask", "", "Where the model paints; elsewhere the picture stays as it is: the film's own frame, or the frame before as it moved. A file or video, alpha, luma 0.6..1, depth 0.7..1 (1 is near), word:the sky, combined by ! & ^ | and brackets; none turns it off.", example="'word:the sky & !luma 0.9..1'"),
    _curve("mask_grow", "mask", 0.0, "How far the mask is grown; below 0 it shrinks.", unit="px", low=-1000, high=1000, aliases=("mask_expand",), example="4"),
    _curve("mask_feather", "mask", 4.0, "How far the mask's edge is softened to both sides.", unit="px", low=0, high=1000, aliases=("mask_overlay_blur", "mask_blur"), example="12"),
    _field("noise_mask", "text", "mask", "", "Where noise is blended in, written as mask is.", example="luma 0..0.5"),
    _field("mask_model", "string", "mask", "CIDAS/clipseg-rd64-refined", "What finds the words of a mask: CLIPSeg, which takes any, or a segmentation model of transformers, which takes the words it was trained on, by folder or hub id.", example="nvidia/segformer-b0-finetuned-ade-512-512"),
    # seeds
    _field("seed", "integer", "seeds", -1, "Seed of the run; −1 draws one and records it.", low=-1, high=2**63 - 1, example="42"),
    _field("seed_behavior", "choice", "seeds", "iter", "How the seed moves from one painted frame to the next; fixed in animation_mode Interpolation, where noise travels as the prompts do.", choices=SEED_BEHAVIORS, example="fixed"),
    _field("seed_iter_N", "integer", "seeds", 1, "With iter: the seed grows by one every so many painted frames.", low=1, high=1_000_000, example="4"),
    _curve("seed_schedule", "seeds", -1, "With seed_behavior schedule: the seed of each frame; a fraction mixes two neighbouring seeds.", low=-1, high=2**62, example="{0: 1, 96: 3}"),
    _curve("subseed", "seeds", -1, "Second seed that the noise is mixed with; −1 draws one from the frame's seed.", low=-1, high=2**62, whole=True, example="7"),
    _curve("subseed_strength", "seeds", 0.0, "How far the noise leans to the second seed.", low=0, high=1, example="0.1"),
    # 2D motion
    _curve("angle", "motion", 0.0, "Rotation, counter-clockwise.", unit="degrees/frame", example="0.5*sin(2*pi*t/48)"),
    _curve("zoom", "motion", 1.0, "Scale of each frame against the one before; above 1 moves in.", unit="factor/frame", low=0.01, high=100, deforum="0: (1.0025+0.002*sin(1.25*3.14*t/30))", example="1.02"),
    _curve("translation_x", "motion", 0.0, "Movement of the picture to the right; in 3D of the camera, so that the picture moves to the left.", unit="px/frame", example="4"),
    _curve("translation_y", "motion", 0.0, "Movement of the picture downwards.", unit="px/frame", example="-2"),
    _curve("transform_center_x", "motion", 0.5, "Centre of rotation and zoom; 0 is the left edge, 1 the right.", unit="widths", example="0.3"),
    _curve("transform_center_y", "motion", 0.5, "Centre of rotation and zoom; 0 is the top, 1 the bottom.", unit="heights", example="0.6"),
    _curve("perspective_flip_theta", "motion", 0.0, "Perspective: turn about the line of sight.", unit="degrees/frame", aliases=("theta",), example="0.2"),
    _curve("perspective_flip_phi", "motion", 0.0, "Perspective: tilt about the horizontal axis.", unit="degrees/frame", aliases=("phi",), example="0.4*sin(t/20)"),
    _curve("perspective_flip_gamma", "motion", 0.0, "Perspective: swing about the vertical axis.", unit="degrees/frame", aliases=("gamma",), example="0.4*cos(t/20)"),
    _curve("perspective_flip_fv", "motion", 53.0, "Perspective: field of view.", unit="degrees", low=1, high=179, aliases=("fv",), example="60"),
    _field("border", "choice", "motion", "replicate", "What fills the picture where a move uncovers its edge.", choices=("replicate", "wrap", "reflect"), example="wrap"),
    _field("sampling_mode", "choice", "motion", "bicubic", "How the warp reads between pixels.", choices=("bicubic", "bilinear", "nearest", "lanczos"), example="lanczos"),
    _field("holes", "choice", "motion", "stretch", "What becomes of places that a move uncovers: stretch fills them as border or padding_mode says, reflect mirrors the picture at its edge, paint lets the model invent them first.", choices=("stretch", "reflect", "paint"), example="paint"),
    _curve("hole_strength", "motion", 0.2, "With holes: paint, how much of the stretched picture is kept there.", low=0, high=1, example="0.1"),
    # 3D
    _curve("translation_z", "3D", 0.0, "Camera movement forwards.", unit="units/frame", deforum=1.75, example="5"),
    _curve("rotation_3d_x", "3D", 0.0, "Camera tilt.", unit="degrees/frame", example="0.2"),
    _curve("rotation_3d_y", "3D", 0.0, "Camera pan.", unit="degrees/frame", example="0.5"),
    _curve("rotation_3d_z", "3D", 0.0, "Camera roll.", unit="degrees/frame", example="0.3"),
    _field("projection", "choice", "3D", "pinhole", "How depth moves the picture: true perspective that knows what it cannot see, or Deforum's formula.", choices=("pinhole", "deforum"), deforum="deforum", example="deforum"),
    _curve("fov", "3D", 70.0, "Field of view of the camera.", unit="degrees", low=0.1, high=179.9, example="{0: 70, 48: 40}"),
    _curve("near", "3D", 200.0, "Distance of the nearest point of the scene; 200 is one unit of depth (projection pinhole).", unit="1/200 units", low=1, aliases=("near_plane",), example="200"),
    _curve("far", "3D", 4000.0, "Distance of the farthest point of the scene (projection pinhole).", unit="1/200 units", low=1, aliases=("far_plane",), deforum=10000, example="4000"),
    _curve("aspect_ratio", "3D", 1.0, "Aspect ratio of the camera.", low=0.01, high=100, example="1"),
    _field("padding_mode", "choice", "3D", "border", "What fills the picture where the camera sees beyond it.", choices=("border", "reflection", "zeros"), example="reflection"),
    _field("depth_algorithm", "string", "3D", "embedded", "Where depth comes from: embedded (a small network of the package), flat, file, or a depth model of transformers by folder or hub id.", choices=("embedded", "flat", "file"), example="depth-anything/Depth-Anything-V2-Small-hf"),
    _field("depth_file", "file", "3D", "", "With depth_algorithm file: a 16-bit PNG, a .npy, a folder of them or a video; brighter is nearer.", example="depth.png"),
    _field("use_depth_warping", "flag", "3D", True, "Use depth at all; otherwise the picture is a flat plane.", example="false"),
    _field("save_depth_maps", "flag", "3D", False, "Keep the depth of each frame beside it as a 16-bit PNG, brighter is nearer.", example="true"),
    _curve("aperture", "3D", 0.0, "How wide the lens is open: what is not in focus is blurred, by discs of so many hundredths of the height; 0 keeps all sharp. The frames carried on stay sharp.", low=0, high=20, example="1.5"),
    _curve("focus", "3D", 0.5, "What the lens is focused on: 0 the farthest point, 1 the nearest.", low=0, high=1, example="{0: 1, 48: 0}"),
    _field("stereo", "choice", "3D", "None", "A second eye: both views side by side, or in one picture for red-cyan glasses.", choices=("None", "side_by_side", "anaglyph"), example="anaglyph"),
    _curve("stereo_ipd", "3D", 5.0, "Distance of the two eyes; 200 is one unit of depth.", unit="1/200 units", low=-1000, high=1000, aliases=("vr_ipd",), example="8"),
    _curve("stereo_angle", "3D", 0.5, "How far each eye turns towards the middle.", unit="degrees", low=-45, high=45, aliases=("vr_eye_angle",), example="0.5"),
    # what happens to the picture between two frames
    _field("color_coherence", "choice", "picture", "LAB", "Keeps the colours of each shot's first frame.", choices=("None", "HSV", "LAB", "RGB", "Image"), embedded="LAB", example="LAB"),
    _field("color_coherence_image", "file", "picture", "", "With color_coherence Image: the picture whose colours are kept.", aliases=("color_coherence_image_path",), example="palette.png"),
    _curve("contrast", "picture", 1.0, "Contrast of the frame before it is redrawn.", unit="factor", low=0, high=10, example="0.98"),
    _curve("brightness", "picture", 1.0, "Brightness of the frame before it is redrawn.", unit="factor", low=0, high=10, example="1.01"),
    _curve("saturation", "picture", 1.0, "Saturation of the frame before it is redrawn.", unit="factor", low=0, high=10, example="1.05"),
    _curve("hue", "picture", 0.0, "Turn of the colour wheel each frame.", unit="degrees/frame", example="2"),
    _field("color_force_grayscale", "flag", "picture", False, "Every frame in shades of grey.", aliases=("greyscale", "grayscale"), example="true"),
    _curve("amount", "picture", 0.03, "Strength of the unsharp mask that keeps repeated warps crisp; much more rings.", low=0, high=10, aliases=("antiblur_amount",), deforum=0.1, example="0.05"),
    _curve("kernel", "picture", 5, "Width of the unsharp mask's blur; odd.", unit="px", low=1, high=101, whole=True, odd=True, aliases=("antiblur_kernel",), example="5"),
    _curve("sigma", "picture", 1.0, "Standard deviation of the unsharp mask's blur.", unit="px", low=0.01, high=50, aliases=("antiblur_sigma",), example="1"),
    _curve("threshold", "picture", 0.0, "Smallest difference that is sharpened.", unit="grey levels of 255", low=0, high=255, aliases=("antiblur_threshold",), example="0"),
    _curve("sharpness_coherence", "picture", 0.0, "How far each redrawn frame is brought to the sharpness of its shot's first frame, so that a long run neither washes out nor grows grainy; 0 leaves it.", low=0, high=1, embedded=1.0, deforum=0, example="0.5"),
    _curve("noise", "picture", 0.04, "Share of fresh noise blended in before redrawing; it gives the model something to draw. Below 0 it is taken away: a little more contrast.", low=-1, high=1, deforum=0.065, example="0.03"),
    _field("noise_type", "choice", "picture", "perlin", "Kind of that noise.", choices=("perlin", "uniform"), example="uniform"),
    _field("perlin_octaves", "integer", "picture", 4, "Perlin noise: layers, each twice as fine.", low=1, high=8, example="4"),
    _field("perlin_persistence", "number", "picture", 0.5, "Perlin noise: weight of each finer layer against the one before.", low=0, high=1, example="0.5"),
    # film
    _field("video", "mapping", "film", "", "Film that is restyled: any file ffmpeg reads, or its part from (frame or time) up to, without, to, every n-th frame, counted at fps. Length, rate and sound are the film's unless the schedule says otherwise; animation_mode becomes Video Input, seed_behavior fixed, color_coherence None, and noise, amount and sharpness_coherence 0.", example="{file: film.mp4, from: 2s, to: 6s}"),
    _field("video_mode", "choice", "film", "carried", "How frames hold together: frames redraws each from its own frame of the film; carried redraws the frame before, moved as the film moves; keyed redraws every diffusion_cadence-th frame, or takes style_frames, and carries them to the frames between from both sides.", choices=("frames", "carried", "keyed"), example="keyed"),
    _field("video_fit", "choice", "film", "crop", "How the film fills the picture: cut at the edges, between black bars, or out of shape.", choices=("crop", "pad", "stretch"), example="pad"),
    _curve("flow_blend", "film", 0.0, "With carried: how much of the frame before is redrawn again where the film's motion can be trusted; the rest, and all that was uncovered, is the film's own frame. Much of it lets the style grow from frame to frame, and burn in.", low=0, high=1, example="0.6"),
    _curve("temporal_blend", "film", -1, "How much of the frame before, moved as the film moves, is kept over the redrawn frame where that motion can be trusted; −1 takes 0.85 with carried and 0 with frames.", low=-1, high=1, example="0.5"),
    _field("noise_warp", "flag", "film", False, "With frames and carried: the noise that frames are drawn from goes along with what moves in the film, so that grain sticks to things; of use with seed_behavior fixed.", example="true"),
    _curve("latent_blend", "film", 0.0, "With frames and carried: how far each frame's latent is drawn, while it is painted, towards that of the frame before, moved as the film moves, where that motion can be trusted.", low=0, high=1, example="0.4"),
    _field("flow_method", "choice", "film", "DIS", "How motion in the film is found; RAFT is a network of torchvision (pip install animate[flow]), whose flow is kept for the next run.", choices=("DIS", "Farneback", "RAFT", "RAFT small"), example="Farneback"),
    _field("style_frames", "mapping", "film", "", "With keyed: frames that were painted by hand, by frame; nothing else is redrawn, none is carried across a cut, and a shot without one stays the film's own.", example="{0: a.png, 48: b.png}"),
    # a film beside an animation
    _field("hybrid_composite", "choice", "hybrid", "None", "With video in mode 2D or 3D: where the film is laid into the animation: before its motion, after it (Normal), or over the redrawn frame.", choices=("None", "Before Motion", "Normal", "After Generation"), aliases=("hybrid",), example="Normal"),
    _curve("hybrid_alpha", "hybrid", 0.5, "How much of the film is laid in.", low=0, high=1, aliases=("hybrid_comp_alpha",), example="{0: 0.6, 48: 0.1}"),
    _field("hybrid_mask", "text", "hybrid", "", "Where the film is laid in, written as mask is; luma, depth and words are of the film, picture.depth of the animation, difference is where both are apart.", example="depth 0.5..1"),
    _field("hybrid_motion", "choice", "hybrid", "None", "Motion of the film that the animation takes up beside its own: its camera's shift, turn and scale (Affine), its perspective as well, or everything that moves in it.", choices=("None", "Affine", "Perspective", "Optical Flow"), example="Affine"),
    _curve("hybrid_flow_factor", "hybrid", 1.0, "How strongly Optical Flow moves the animation.", low=-100, high=100, example="2"),
    _field("hybrid_flow_consistency", "flag", "hybrid", True, "Optical Flow moves only what moves alike there and back.", deforum=False, example="false"),
    _field("hybrid_motion_use_prev_img", "flag", "hybrid", False, "The motion is that from the animation's own last frame to the film's picture, and not from film to film.", example="true"),
    _field("hybrid_use_first_frame_as_init_image", "flag", "hybrid", True, "Frame 0 begins with the film's first picture, by init_strength.", example="false"),
    # cadence
    _field("diffusion_cadence", "integer", "cadence", 1, "Only every so many frames are redrawn; those between are carried by the motion and cross-faded.", low=1, high=1000, aliases=("cadence", "turbo_steps"), deforum=2, example="2"),
    _field("cadence_tween", "choice", "cadence", "warp", "How the frames between two redrawn ones get from the one to the other: warp carries both by the schedule's motion and fades; the engines move what has moved beside that as well.", choices=("warp", "auto", *ENGINES), example="flow"),
    # in-betweens
    _field("frame_interpolation_engine", "choice", "output", "None", "What fills frames in between the painted ones into the video: auto takes FILM or RIFE where their weights are, else the embedded network once it passes its gate, else flow.", choices=("None", "auto", *ENGINES), example="auto"),
    _field("frame_interpolation_x_amount", "integer", "output", 2, "Frames that the video shows for each painted one, and so many times the fps.", low=1, high=100, example="4"),
    _field("frame_interpolation_slow_mo_amount", "integer", "output", 1, "How many times longer the video lasts: in-betweens become slow motion, without sound.", low=1, high=100, example="2"),
    # output
    _field("codec", "choice", "output", "h264", "Encoding of the video.", choices=("h264", "h265", "vp9", "prores", "gif", "png"), example="h265"),
    _field("crf", "integer", "output", 17, "Quality of H.264, H.265 and VP9: smaller is better and larger on disk.", low=0, high=63, example="20"),
    _field("preset", "choice", "output", "medium", "Effort of H.264 and H.265.", choices=("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"), example="slow"),
    _field("soundtrack", "file", "output", "", "Sound put under the video.", aliases=("soundtrack_path",), example="song.wav"),
    _field("soundtrack_offset", "time", "output", "0", "Where in the soundtrack the video begins.", example="12.5s"),
    # batches
    _field("vary", "mapping", "batch", "", "Lists of values that `animate batch` multiplies.", example="{seed: [1, 2, 3]}"),
)
# fmt: on

FIELDS: Mapping[str, Field] = MappingProxyType({row.name: row for row in _ROWS})
"""Every field by its name, in the order of the table."""
