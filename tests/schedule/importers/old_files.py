"""Settings files as users have them, with numbers of our own: what is odd in them is real, the rest is made up."""

import json
from pathlib import Path
from typing import Any

CN = {
    f"cn_{unit}_{name}": value
    for unit in range(1, 6)
    for name, value in {
        "overwrite_frames": True, "vid_path": "", "mask_vid_path": "", "enabled": False, "low_vram": False,
        "pixel_perfect": True, "module": "none", "model": "None", "weight": "0:(1)", "guidance_start": "0:(0.0)",
        "guidance_end": "0:(1.0)", "processor_res": 64, "threshold_a": 64, "threshold_b": 64,
        "resize_mode": "Inner Fit (Scale to Fit)", "control_mode": "Balanced", "loopback_mode": False,
    }.items()
}  # fmt: skip

WEBUI: dict[str, Any] = {
    "W": 512, "H": 512, "show_info_on_ui": True, "tiling": False, "restore_faces": False, "seed_resize_from_w": 0,
    "seed_resize_from_h": 0, "seed": 77, "sampler": "Euler a", "steps": 25, "batch_name": "Deforum_{timestring}",
    "seed_behavior": "iter", "seed_iter_N": 1, "use_init": False, "strength": 0.8, "strength_0_no_init": True,
    "init_image": "None", "use_mask": False, "use_alpha_as_mask": False, "mask_file": "https://x.example/M1.jpg",
    "invert_mask": False, "mask_contrast_adjust": 1.0, "mask_brightness_adjust": 1.0, "overlay_mask": True,
    "mask_overlay_blur": 4, "fill": 1, "full_res_mask": True, "full_res_mask_padding": 4,
    "reroll_blank_frames": "ignore", "reroll_patience": 10.0, "prompts": {"0": "a harbour"}, "positive_prompts": "",
    "negative_prompts": "", "animation_mode": "2D", "max_frames": 60, "border": "replicate", "angle": "0: (0)",
    "zoom": "0: (1.0025+0.002*sin(1.25*3.14*t/30))", "translation_x": "0: (0)", "translation_y": "0: (0)",
    "translation_z": "0: (1.75)", "transform_center_x": "0: (0.5)", "transform_center_y": "0: (0.5)",
    "rotation_3d_x": "0: (0)", "rotation_3d_y": "0: (0)", "rotation_3d_z": "0: (0)",
    "enable_perspective_flip": False, "perspective_flip_theta": "0: (0)", "perspective_flip_phi": "0: (0)",
    "perspective_flip_gamma": "0: (0)", "perspective_flip_fv": "0: (53)", "noise_schedule": "0: (0.065)",
    "strength_schedule": "0: (0.65)", "contrast_schedule": "0: (1.0)", "cfg_scale_schedule": "0: (7)",
    "enable_steps_scheduling": False, "steps_schedule": "0: (25)", "fov_schedule": "0: (70)",
    "aspect_ratio_schedule": "0: (1)", "aspect_ratio_use_old_formula": False, "near_schedule": "0: (200)",
    "far_schedule": "0: (10000)", "seed_schedule": '0:(s), 1:(-1), "max_f-2":(-1), "max_f-1":(s)',
    "pix2pix_img_cfg_scale_schedule": "0:(1.5)", "enable_subseed_scheduling": False, "subseed_schedule": "0: (1)",
    "subseed_strength_schedule": "0: (0)", "enable_sampler_scheduling": False,
    "sampler_schedule": '0: ("Euler a")', "use_noise_mask": False, "mask_schedule": '0: ("{video_mask}")',
    "noise_mask_schedule": '0: ("{video_mask}")', "enable_checkpoint_scheduling": False,
    "checkpoint_schedule": '0: ("model1.ckpt"), 100: ("model2.safetensors")', "enable_clipskip_scheduling": False,
    "clipskip_schedule": "0: (2)", "enable_noise_multiplier_scheduling": True,
    "noise_multiplier_schedule": "0: (1.05)", "resume_from_timestring": False, "resume_timestring": "20230129210106",
    "enable_ddim_eta_scheduling": False, "ddim_eta_schedule": "0: (0)", "enable_ancestral_eta_scheduling": False,
    "ancestral_eta_schedule": "0: (1)", "amount_schedule": "0: (0.1)", "kernel_schedule": "0: (5)",
    "sigma_schedule": "0: (1)", "threshold_schedule": "0: (0)", "color_coherence": "LAB",
    "color_coherence_image_path": "", "color_coherence_video_every_N_frames": 1, "color_force_grayscale": False,
    "legacy_colormatch": False, "diffusion_cadence": 1, "optical_flow_cadence": "None",
    "cadence_flow_factor_schedule": "0: (1)", "optical_flow_redo_generation": "None",
    "redo_flow_factor_schedule": "0: (1)", "diffusion_redo": "0", "noise_type": "perlin", "perlin_octaves": 4,
    "perlin_persistence": 0.5, "use_depth_warping": True, "depth_algorithm": "Midas-3-Hybrid", "midas_weight": 0.2,
    "padding_mode": "border", "sampling_mode": "bicubic", "save_depth_maps": False,
    "video_init_path": "https://x.example/V1.mp4", "extract_nth_frame": 1, "extract_from_frame": 0,
    "extract_to_frame": -1, "overwrite_extracted_frames": False, "use_mask_video": False,
    "video_mask_path": "https://x.example/VM1.mp4", "hybrid_comp_alpha_schedule": "0:(0.5)",
    "hybrid_comp_mask_blend_alpha_schedule": "0:(0.5)", "hybrid_comp_mask_contrast_schedule": "0:(1)",
    "hybrid_comp_mask_auto_contrast_cutoff_high_schedule": "0:(100)",
    "hybrid_comp_mask_auto_contrast_cutoff_low_schedule": "0:(0)", "hybrid_flow_factor_schedule": "0:(1)",
    "hybrid_generate_inputframes": False, "hybrid_generate_human_masks": "None",
    "hybrid_use_first_frame_as_init_image": True, "hybrid_motion": "None", "hybrid_motion_use_prev_img": False,
    "hybrid_flow_consistency": False, "hybrid_consistency_blur": 2, "hybrid_flow_method": "RAFT",
    "hybrid_composite": "None", "hybrid_use_init_image": False, "hybrid_comp_mask_type": "None",
    "hybrid_comp_mask_inverse": False, "hybrid_comp_mask_equalize": "None", "hybrid_comp_mask_auto_contrast": False,
    "hybrid_comp_save_extra_frames": False, "parseq_manifest": "", "parseq_use_deltas": True,
    "parseq_non_schedule_overrides": True, "use_looper": False, "init_images": "{}",
    "image_strength_schedule": "0:(0.75)", "blendFactorMax": "0:(0.35)", "blendFactorSlope": "0:(0.25)",
    "tweening_frames_schedule": "0:(20)", "color_correction_factor": "0:(0.075)", **CN, "skip_video_creation": False,
    "fps": 15, "make_gif": False, "delete_imgs": False, "delete_input_frames": False, "add_soundtrack": "None",
    "soundtrack_path": "https://x.example/A1.mp3", "r_upscale_video": False, "r_upscale_factor": "x2",
    "r_upscale_model": "realesr-animevideov3", "r_upscale_keep_imgs": True, "store_frames_in_ram": False,
    "frame_interpolation_engine": "None", "frame_interpolation_x_amount": 2,
    "frame_interpolation_slow_mo_enabled": False, "frame_interpolation_slow_mo_amount": 2,
    "frame_interpolation_keep_imgs": False, "frame_interpolation_use_upscaled": False,
    "motion_preview_mode": False, "sd_model_name": "", "sd_model_hash": "", "deforum_git_commit_id": "",
}  # fmt: skip
"""Every key that a run of the webui extension saves, at its default but for size, seed and length."""


def save(folder: Path, settings: dict[str, Any], name: str = "old_settings.txt") -> Path:
    """The settings as a file."""
    path = folder / name
    path.write_text(json.dumps(settings, indent=4), encoding="utf-8")
    return path


PORTRAIT: dict[str, Any] = {
    **{key: value for key, value in WEBUI.items() if key not in ("positive_prompts", "negative_prompts")},
    "animation_mode": "3D", "max_frames": 300, "W": 512, "H": 768, "seed": -1, "sampler": "DPM++ 2M Karras",
    "use_init": False, "init_image": "\"C:\\Users\\me\\Pictures\\face 01.png\"",
    "translation_z": "0: (0.5), 90:(2.25), 180: (-1.5), 300: (4), 420:(9)",
    "translation_x": "0:(0), 150:(12.5), 299:(0)",
    "rotation_3d_y": "0:  (0),\n120: (0.35),240:(-0.35)", "rotation_3d_x": "0: (0)",
    "noise_schedule": "0: (-0.05*(cos(3.141*t/20)**100)+0.05)", "strength_schedule": "0:(0.62), 40:(0.55)",
    "fov_schedule": "0: (120)", "diffusion_cadence": "3", "use_depth_warping": True,
    "prompts": json.dumps({"0": "portrait of a woman, (mist:1.2)", "160": "portrait of a statue --neg bronze"}),
    "animation_prompts_positive": "oil on canvas,", "animation_prompts_negative": "text, frame",
}  # fmt: skip
"""A 3D portrait saved from the interface: keys at and past the end, a noise pulse, an unused Windows path."""

STUDIO_Z = "0: (0.4*sin(t/9)), 30:(2),45: (0.1*t-3), 70: (0).3, 70:(0.75), 100:(1)"
STUDIO_STRENGTH = "\n0:(0.7), 24: (0.35),\n 25:(0.7), 60 : (0.7), 58: (0.2)"

STUDIO: dict[str, Any] = {
    **WEBUI, "animation_mode": "3D", "max_frames": 120, "zoom": "0: (0)", "translation_z": STUDIO_Z,
    "strength_schedule": STUDIO_STRENGTH, "use_depth_warping": False, "border": "wrap", "sampler": "DPM++ SDE",
    "scheduler": "Karras", "enable_subseed_scheduling": True,
    "subseed_strength_schedule": "0:(0.1), 50: (0.6), 119:(0.1)", "subseed_schedule": "0:(5)",
    **{f"studio_panel_{number}": number for number in range(110)},
}  # fmt: skip
"""A studio preset of 363 keys: an expression between numbers, `(0).3`, doubles out of order, zoom 0 in 3D."""

EARLY: dict[str, Any] = {
    "W": 512, "H": 448, "seed": "1234", "sampler": 0, "steps": 40, "scale": 9, "n_batch": 1,
    "seed_enable_extras": False,
    "batch_name": "old", "seed_behavior": "schedule", "seed_schedule": "0: (t%4294967293)", "use_init": True,
    "init_image": "", "strength": 0.5, "strength_0_no_init": True, "animation_mode": "2D", "max_frames": 48.0,
    "border": "wrap", "angle": "0:(0.5)", "zoom": "0: (1.01)", "translation_x": "0:(-3)", "translation_y": "0:(0)",
    "flip_2d_perspective": False, "perspective_flip_phi": "0:(t%15)", "noise_schedule": "0: (0.03)",
    "strength_schedule": "0: (0.58)", "contrast_schedule": "0: (1.0)", "cfg_scale_schedule": "0: (6.5)",
    "color_coherence": "Match Frame 0 LAB", "diffusion_cadence": "1", "near_plane": 200, "far_plane": 10000, "fov": 40,
    "fov_schedule": "0: (55)", "save_depth_maps": False, "restore_faces": False, "prompts": [],
    "animation_prompts": {
        "0": "fruit, (cherry:`where(cos(6.28*t/10)>0, 1.8*cos(6.28*t/10), 0.001)`)"
             " --neg (cherry:`where(cos(6.28*t/10)<0, -1.8*cos(6.28*t/10), 0.001)`)",
    },
}  # fmt: skip
"""An early 2D file: numbers for names, scalars beside schedules, two complementary weights on both sides of --neg."""
