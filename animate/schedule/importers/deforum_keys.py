"""Every key that Deforum's settings files hold, and what becomes of it.

One table for all generations: the notebook (2022), five generations of the webui extension (2023–24), its Forge fork
(2025). A key is one of

    a Setting  goes into a field of ours, in the modes and under the switches in which Deforum looks at it
    a Part     belongs to a part of the program that can be on or off; parts that were on and that we do not carry over
               are named once in "what will differ"
    SILENT     has no effect on the frames (names, folders, user interface), or only says what another key already says
    PROMPTS    is read together with the other texts

Where several rows feed one field, the first one counts that is present and looked at: the schedule before the scalar,
the newer name before the older one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

FLAT, DEEP = ("2D",), ("3D",)
MOVED = (*FLAT, *DEEP)
"""The modes that carry one frame to the next."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """How a choice is written in old files."""

    order: tuple[str, ...] = ()
    """Deforum's own list, for files that hold an index into it."""
    means: Mapping[str, str] = field(default_factory=dict)
    """Other words (in lower case) and what they mean to us."""
    fallback: str = ""
    """What Deforum takes for a word it does not know; "" leaves the word as it is."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A key whose value goes into one of our fields."""

    key: str
    field: str
    modes: tuple[str, ...] = ()
    """The modes in which Deforum looks at it; () is all of them."""
    needs: tuple[str, ...] = ()
    """Switches of which one must be on; () is always."""
    words: Words | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of Deforum that we do not carry over."""

    name: str
    """What to call it in "what will differ"."""
    switch: str
    """The key that turns it on."""
    keys: tuple[str, ...] = ()
    """Its other keys, without effect while it is off."""
    off: tuple[str, ...] = ("", "none", "false", "0")
    """Values of the switch, in lower case, that mean off."""
    modes: tuple[str, ...] = MOVED
    shown: tuple[str, ...] = ()
    """Keys whose values are named beside it."""


SAMPLERS = Words(
    order=(
        "Euler a", "Euler", "LMS", "Heun", "DPM2", "DPM2 a", "DPM++ 2S a", "DPM++ 2M", "DPM++ SDE", "DPM fast",
        "DPM adaptive", "LMS Karras", "DPM2 Karras", "DPM2 a Karras", "DPM++ 2S a Karras", "DPM++ 2M Karras",
        "DPM++ SDE Karras", "DDIM", "PLMS",
    ),
    means={
        "klms": "LMS", "lms": "LMS", "euler": "Euler", "euler_ancestral": "Euler a", "euler a": "Euler a",
        "heun": "Heun", "dpm2": "DPM2", "dpm2_ancestral": "DPM2 a", "dpm_fast": "DPM fast",
        "dpm_adaptive": "DPM adaptive", "dpmpp_2s_a": "DPM++ 2S a", "dpmpp_2s_ancestral": "DPM++ 2S a",
        "dpmpp_2m": "DPM++ 2M", "dpmpp_sde": "DPM++ SDE", "dpmpp_2m_sde": "DPM++ 2M SDE", "ddim": "DDIM",
        "plms": "PLMS", "unipc": "UniPC",
    },
)  # fmt: skip
"""A1111's list as it stood when files held an index, and k-diffusion's names as the notebook used them."""

OF_ONE_SCHEDULE = {"euler a", "ddim", "ddpm", "plms", "lcm", "tcd", "restart"}
"""Samplers, in lower case, to which no Karras or exponential schedule is joined."""

_COHERENCE = Words(
    order=("None", "HSV", "LAB", "RGB", "Video Input", "Image"),
    means={
        "false": "None",
        "match frame 0 hsv": "HSV",
        "match frame 0 lab": "LAB",
        "match frame 0 rgb": "RGB",
        "video input": "LAB",  # its reference is a video frame; the space is LAB
    },
    fallback="LAB",
)
_BETWEEN = Words(means={"none": "None", "rife v4.6": "auto", "film": "auto"}, fallback="auto")
"""Which weights are here is not known to a file; `auto` takes the best there are."""
_TWEENS = Words(
    order=("None", "RAFT", "DIS Medium", "DIS Fine", "Farneback"),
    means={"none": "warp", "false": "warp", "farneback": "farneback"}
    | dict.fromkeys(("true", "raft", "dis medium", "dis fine", "dis"), "flow"),
    fallback="warp",
)
_COMPOSITES = Words(
    order=("None", "Before Motion", "Normal", "After Generation"),
    means={"none": "None", "false": "None", "true": "Normal"},
    fallback="Normal",
)
_MOTIONS = Words(
    order=("None", "Optical Flow", "Perspective", "Affine"), means={"none": "None", "false": "None"}, fallback="None"
)
_FLOWS = Words(
    order=("RAFT", "DIS Medium", "DIS Fine", "Farneback"),
    means={"raft": "DIS", "dis medium": "DIS", "dis fine": "DIS", "farneback": "Farneback"},
    fallback="DIS",
)
"""RAFT needs a package that may not be here; what differs says so."""
_MODES = Words(order=("2D", "3D", "Video Input", "Interpolation"))
_SEEDS = Words(order=("iter", "fixed", "random", "ladder", "alternate", "schedule"), fallback="fixed")


def _same(*names: str, modes: tuple[str, ...] = (), needs: tuple[str, ...] = ()) -> list[Setting]:
    """Keys that our fields share by name."""
    return [Setting(key=name, field=name, modes=modes, needs=needs) for name in names]


def _scheduled(*names: str, modes: tuple[str, ...] = (), needs: tuple[str, ...] = ()) -> list[Setting]:
    """Keys that have our fields' names with `_schedule` behind."""
    return [Setting(key=f"{name}_schedule", field=name, modes=modes, needs=needs) for name in names]


FLIP = ("enable_perspective_flip", "flip_2d_perspective")
SUBSEED = ("enable_subseed_scheduling", "seed_enable_extras")
INIT = ("use_init",)
MASKED = ("use_mask", "use_alpha_as_mask", "use_mask_video")
GUIDED = ("use_looper",)
COMPOSITE = ("hybrid_composite", "hybrid_video_composite")
MOTION = ("hybrid_motion", "hybrid_video_motion")

SETTINGS: tuple[Setting, ...] = (
    *_same("max_frames", "fps", "seed_iter_N", "strength_0_no_init", "color_force_grayscale"),
    Setting(key="animation_mode", field="animation_mode", words=_MODES),
    Setting(key="W", field="width"),
    Setting(key="H", field="height"),
    # motion
    *_same("angle", "zoom", "transform_center_x", "transform_center_y", modes=FLAT),
    Setting(key="center_x", field="transform_center_x", modes=FLAT),
    Setting(key="center_y", field="transform_center_y", modes=FLAT),
    *_same("translation_x", "translation_y", modes=MOVED),
    *_same("translation_z", "rotation_3d_x", "rotation_3d_y", "rotation_3d_z", modes=DEEP),
    *[
        Setting(key=f"perspective_flip_{name}", field=f"perspective_flip_{name}", modes=MOVED, needs=FLIP)
        for name in ("theta", "phi", "gamma", "fv")
    ],
    Setting(key="border", field="border", modes=FLAT, words=Words(order=("replicate", "wrap"), fallback="replicate")),
    *_scheduled("fov", "aspect_ratio", modes=DEEP),
    Setting(key="fov", field="fov", modes=DEEP),
    Setting(
        key="padding_mode",
        field="padding_mode",
        modes=DEEP,
        words=Words(order=("border", "reflection", "zeros"), fallback="zeros"),
    ),
    Setting(
        key="sampling_mode",
        field="sampling_mode",
        modes=DEEP,
        words=Words(order=("bicubic", "bilinear", "nearest"), fallback="bicubic"),
    ),
    *_same("use_depth_warping", "save_depth_maps", modes=DEEP),
    *_same("stereo", "stereo_ipd", "stereo_angle", modes=DEEP),  # of Disco, by way of its importer
    # feedback
    Setting(key="image_strength_schedule", field="strength", modes=MOVED, needs=GUIDED),
    *_scheduled("strength", modes=(*MOVED, "Video Input")),
    *_scheduled("noise", "contrast", "amount", "kernel", "sigma", "threshold", modes=MOVED),
    Setting(
        key="noise_type", field="noise_type", modes=MOVED, words=Words(order=("uniform", "perlin"), fallback="uniform")
    ),
    *_same("perlin_octaves", "perlin_persistence", modes=MOVED),
    Setting(key="color_coherence", field="color_coherence", modes=MOVED, words=_COHERENCE),
    Setting(key="color_coherence_image_path", field="color_coherence_image", modes=MOVED),
    *_same("diffusion_cadence", modes=MOVED),
    Setting(key="optical_flow_cadence", field="cadence_tween", modes=MOVED, words=_TWEENS),
    # sampling
    *_scheduled("cfg_scale"),
    Setting(key="cfg_scale", field="cfg_scale"),
    Setting(key="scale", field="cfg_scale"),
    *_scheduled("steps", needs=("enable_steps_scheduling",)),
    Setting(key="steps", field="steps"),
    Setting(
        key="sampler_schedule",
        field="sampler",
        needs=("enable_sampler_scheduling", "enable_schedule_samplers"),
        words=SAMPLERS,
    ),
    Setting(key="sampler", field="sampler", words=SAMPLERS),
    Setting(key="sampler_name", field="sampler", words=SAMPLERS),
    Setting(key="clipskip_schedule", field="clip_skip", needs=("enable_clipskip_scheduling",)),
    Setting(key="ddim_eta_schedule", field="eta", needs=("enable_ddim_eta_scheduling",)),
    Setting(key="ddim_eta", field="eta"),
    # seeds
    *_same("seed"),
    Setting(key="seed_behavior", field="seed_behavior", words=_SEEDS),
    *_same("seed_schedule"),
    *_scheduled("subseed", "subseed_strength", needs=SUBSEED),
    *_same("subseed", "subseed_strength", needs=SUBSEED),
    # pictures on the way, masks, hybrid video; `deforum_pictures` has the rest of them
    Setting(key="blendFactorMax", field="blend_factor_max", modes=MOVED, needs=GUIDED),
    Setting(key="blendFactorSlope", field="blend_factor_slope", modes=MOVED, needs=GUIDED),
    *_scheduled("tweening_frames", modes=MOVED, needs=GUIDED),
    *_same("color_correction_factor", modes=MOVED, needs=GUIDED),
    Setting(key="mask_overlay_blur", field="mask_feather", needs=MASKED),
    *[Setting(key=key, field="hybrid_composite", modes=MOVED, needs=COMPOSITE, words=_COMPOSITES) for key in COMPOSITE],
    *[Setting(key=key, field="hybrid_motion", modes=MOVED, needs=MOTION, words=_MOTIONS) for key in MOTION],
    Setting(key="hybrid_comp_alpha_schedule", field="hybrid_alpha", modes=MOVED, needs=COMPOSITE),
    Setting(key="hybrid_video_comp_alpha_schedule", field="hybrid_alpha", modes=MOVED, needs=COMPOSITE),
    *_scheduled("hybrid_flow_factor", modes=MOVED, needs=MOTION),
    *_same("hybrid_flow_consistency", "hybrid_motion_use_prev_img", modes=MOVED, needs=MOTION),
    *_same("hybrid_use_first_frame_as_init_image", modes=MOVED, needs=(*COMPOSITE, *MOTION)),
    Setting(
        key="hybrid_video_use_first_frame_as_init_image",
        field="hybrid_use_first_frame_as_init_image",
        modes=MOVED,
        needs=(*COMPOSITE, *MOTION),
    ),
    Setting(key="hybrid_flow_method", field="flow_method", modes=MOVED, needs=MOTION, words=_FLOWS),
    # files
    Setting(key="init_image", field="init_image", needs=INIT),
    Setting(key="strength", field="init_strength", needs=INIT),
    Setting(key="soundtrack_path", field="soundtrack", needs=("add_soundtrack",)),
    Setting(key="frame_interpolation_engine", field="frame_interpolation_engine", words=_BETWEEN),
    *_same("frame_interpolation_x_amount", needs=("frame_interpolation_engine",)),
    *_same("frame_interpolation_slow_mo_amount", needs=("frame_interpolation_slow_mo_enabled",)),
)
"""Keys with a field of ours, in the order in which they are looked at."""

SWITCHES: Mapping[str, bool] = dict.fromkeys(
    sorted({switch for setting in SETTINGS for switch in setting.needs}), False
)
"""Keys that turn others on, with what Deforum takes where they are absent."""


_ANY_MODE: tuple[str, ...] = ()

PARTS: tuple[Part, ...] = (
    Part(
        name="redo by optical flow",
        switch="optical_flow_redo_generation",
        keys=("redo_flow_factor_schedule",),
        shown=("optical_flow_redo_generation",),
    ),
    Part(name="extra diffusion passes", switch="diffusion_redo", shown=("diffusion_redo",)),
    Part(
        name="the noise multiplier",
        switch="enable_noise_multiplier_scheduling",
        keys=("noise_multiplier_schedule",),
        shown=("noise_multiplier_schedule",),
    ),
    Part(
        name="ancestral eta",
        switch="enable_ancestral_eta_scheduling",
        keys=("ancestral_eta_schedule",),
        shown=("ancestral_eta_schedule",),
        modes=_ANY_MODE,
    ),
    Part(
        name="changing checkpoints",
        switch="enable_checkpoint_scheduling",
        keys=("checkpoint_schedule",),
        modes=_ANY_MODE,
    ),
    Part(
        name="the noise schedule of the sampler",
        switch="enable_scheduler_scheduling",
        keys=("scheduler_schedule",),
        modes=_ANY_MODE,
    ),
    Part(name="seamless tiling", switch="tiling", modes=_ANY_MODE),
    Part(name="face restoration", switch="restore_faces", modes=_ANY_MODE),
    Part(name="seed resize", switch="seed_resize_from_w", keys=("seed_resize_from_h",), off=("", "0", "-1", "0.0")),
    Part(name="legacy colour match", switch="legacy_colormatch"),
    Part(name="the old camera aspect", switch="aspect_ratio_use_old_formula", modes=DEEP),
    Part(
        name="redrawing blank frames",
        switch="reroll_blank_frames",
        keys=("reroll_patience",),
        off=("", "none", "false", "ignore"),
        modes=_ANY_MODE,
    ),
    Part(
        name="Parseq",
        switch="parseq_manifest",
        keys=("parseq_use_deltas", "parseq_non_schedule_overrides", "fetched_parseq_manifest_summary"),
        modes=_ANY_MODE,
    ),
    Part(
        name="upscaling",
        switch="r_upscale_video",
        keys=("r_upscale_factor", "r_upscale_model", "r_upscale_keep_imgs"),
        shown=("r_upscale_factor",),
        modes=_ANY_MODE,
    ),
    Part(name="the GIF beside the video", switch="make_gif", modes=_ANY_MODE),
    Part(name="the GIF beside the video", switch="make_gifski", modes=_ANY_MODE),
    # the notebook
    Part(name="in-between frames", switch="interpolate_key_frames", keys=("interpolate_x_frames",), modes=_ANY_MODE),
    Part(name="added noise in the init image", switch="add_init_noise", keys=("init_noise",), modes=_ANY_MODE),
    *[
        Part(name="guided sampling", switch=f"{name}_scale", off=("", "0", "0.0", "none"), modes=_ANY_MODE)
        for name in ("aesthetics", "clip", "colormatch", "exposure", "init_mse", "blue", "mean", "var")
    ],
    # the Forge fork
    Part(
        name="camera shake",
        switch="shake_name",
        keys=("shake_intensity", "shake_speed"),
        shown=("shake_name",),
        modes=DEEP,
    ),
    Part(
        name="FreeU",
        switch="freeu_enabled",
        keys=("freeu_b1", "freeu_b2", "freeu_s1", "freeu_s2"),
        modes=_ANY_MODE,
    ),
    Part(
        name="Kohya's high-resolution fix",
        switch="kohya_hrfix_enabled",
        keys=(
            "kohya_hrfix_block_number", "kohya_hrfix_downscale_factor", "kohya_hrfix_start_percent",
            "kohya_hrfix_end_percent", "kohya_hrfix_downscale_first", "kohya_hrfix_downscale_method",
            "kohya_hrfix_upscale_method",
        ),
        modes=_ANY_MODE,
    ),
    Part(
        name="keyframe distribution",
        switch="keyframe_distribution",
        keys=("keyframe_strength_schedule",),
        off=("", "off", "none", "false", "0"),
        shown=("keyframe_distribution",),
    ),
)  # fmt: skip
"""What could have been on and does not come along."""

ALWAYS_ON = ("enable_noise_multiplier_scheduling",)
"""Switches that are on in a file of the webui that does not speak of them."""

PROMPTS = frozenset(
    {
        "prompts", "animation_prompts", "positive_prompts", "negative_prompts", "animation_prompts_positive",
        "animation_prompts_negative", "cond_prompts", "uncond_prompts",
    }
)  # fmt: skip
"""Texts, read by `deforum_prompts`."""

SILENT = frozenset(
    {
        # how far optical flow moves at cadence frames; here all the way
        "cadence_flow_factor_schedule",
        # read by hand
        "use_init", "add_soundtrack", "scheduler", "sd_model_name", "depth_algorithm", "use_zoe_depth",
        # what has no effect on pixels
        "frame_interpolation_slow_mo_enabled", "frame_interpolation_keep_imgs", "frame_interpolation_use_upscaled",
        "near_schedule", "far_schedule", "near_plane", "far_plane", "midas_weight", "pix2pix_img_cfg_scale_schedule",
        "pix2pix_img_cfg_scale", "color_coherence_video_every_N_frames", "distilled_cfg_scale_schedule",
        "histogram_matching", "dynamic_threshold", "static_threshold", "init_latent", "init_sample", "init_c", "C", "f",
        # of the Video Input mode, read by hand
        "video_init_path", "extract_nth_frame", "extract_from_frame", "extract_to_frame", "overwrite_extracted_frames",
        # masks, guided images and hybrid video, read by hand
        "use_alpha_as_mask", "mask_file", "invert_mask", "mask_contrast_adjust", "mask_brightness_adjust",
        "overlay_mask", "fill", "full_res_mask", "full_res_mask_padding", "mask_schedule", "video_mask_path",
        "use_noise_mask", "noise_mask_schedule", "init_images", "image_keyframe_strength_schedule",
        "hybrid_generate_inputframes", "hybrid_generate_human_masks", "hybrid_consistency_blur",
        "hybrid_use_init_image", "hybrid_comp_mask_type", "hybrid_comp_mask_inverse", "hybrid_comp_mask_equalize",
        "hybrid_comp_mask_auto_contrast", "hybrid_comp_save_extra_frames", "hybrid_comp_mask_blend_alpha_schedule",
        "hybrid_comp_mask_contrast_schedule", "hybrid_comp_mask_auto_contrast_cutoff_high_schedule",
        "hybrid_comp_mask_auto_contrast_cutoff_low_schedule", "hybrid_video_generate_inputframes",
        "hybrid_video_use_video_as_mse_image", "hybrid_video_comp_mask_type", "hybrid_video_comp_mask_inverse",
        "hybrid_video_comp_mask_equalize", "hybrid_video_comp_mask_auto_contrast",
        "hybrid_video_comp_save_extra_frames", "hybrid_video_comp_mask_blend_alpha_schedule",
        "hybrid_video_comp_mask_contrast_schedule", "hybrid_video_comp_mask_auto_contrast_cutoff_high_schedule",
        "hybrid_video_comp_mask_auto_contrast_cutoff_low_schedule",
        # resuming
        "resume_from_timestring", "resume_timestring", "resume_run", "override_settings_with_file",
        "custom_settings_file", "override_these_with_webui",
        # names, folders, the interface
        "batch_name", "outdir", "timestring", "show_info_on_ui", "motion_preview_mode", "sd_model_hash",
        "deforum_git_commit_id", "seed_internal", "image_path", "output_path", "filename_format", "save_settings",
        "save_samples", "save_sample", "display_samples", "save_sample_per_step", "show_sample_per_step", "n_batch",
        "n_samples", "make_grid", "grid_rows", "save_grid", "bit_depth_output", "precision", "prompt_weighting",
        "normalize_prompt_weights", "log_weighted_subprompts", "from_img2img_instead_of_link",
        # output
        "skip_video_creation", "skip_video_for_run_all", "delete_imgs", "delete_input_frames", "store_frames_in_ram",
        "render_steps", "path_name_modifier", "max_video_frames", "ffmpeg_mode", "ffmpeg_outdir", "ffmpeg_crf",
        "ffmpeg_preset", "ffmpeg_location", "mp4_path", "use_manual_settings", "fps_limit", "srt_file",
        # guided sampling of the notebook, without effect while its scales are zero
        "exposure_target", "colormatch_image", "colormatch_n_colors", "ignore_sat_weight", "clip_name", "cutn",
        "cut_pow", "init_mse_image", "gradient_wrt", "gradient_add_to", "decode_method", "grad_threshold_type",
        "clamp_grad_threshold", "clamp_start", "clamp_stop", "grad_inject_timing", "cond_uncond_sync", "cond_prompt",
        "uncond_prompt", "mask_sample", "init_sample_raw", "perlin_w", "perlin_h", "midas_weight_schedule",
    }
)  # fmt: skip
"""Keys that change nothing, or that `deforum` reads by name."""

SILENT_PATTERN = re.compile(r"(cn_\d+|controlnet|wan)_\w+")
"""Families of keys that belong to other programs; whether those were on is asked in `OTHERS`."""

OTHERS: Mapping[str, re.Pattern[str]] = {
    "ControlNet": re.compile(r"cn_\d+_enabled|controlnet_enabled"),
}
"""Parts whose switches are numbered."""

KNOWN = (
    frozenset(setting.key for setting in SETTINGS)
    | frozenset(SWITCHES)
    | frozenset(key for part in PARTS for key in (part.switch, *part.keys))
    | PROMPTS
    | SILENT
)
"""Every key of the table."""


def known(key: str) -> bool:
    """Whether some generation of Deforum writes this key."""
    return key in KNOWN or SILENT_PATTERN.fullmatch(key) is not None
