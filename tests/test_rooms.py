"""The house: which room may import which, and what of the world outside."""

import ast
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "animate"

ROOMS: dict[str, tuple[set[str], set[str]]] = {
    # room: (our rooms, third parties)
    "errors": (set(), set()),
    "cache": (set(), set()),
    "order": (set(), set()),
    "schedule": ({"errors", "order"}, {"numpy", "numexpr", "yaml"}),
    "picture": ({"errors"}, {"numpy", "torch", "cv2", "numba"}),
    "motion": ({"errors", "picture"}, {"numpy", "torch", "cv2", "torchvision"}),
    "depth": ({"errors", "order", "picture"}, {"numpy", "torch", "cv2", "transformers", "safetensors"}),
    "segment": ({"errors", "picture"}, {"torch", "transformers"}),
    "interp": ({"cache", "errors", "picture", "motion"}, {"numpy", "torch", "cv2", "safetensors"}),
    "diffusion": (
        {"cache", "errors", "picture"},
        {"numpy", "torch", "diffusers", "safetensors", "transformers", "accelerate", "huggingface_hub"},
    ),
    "video": ({"errors", "picture"}, {"numpy", "cv2", "imageio_ffmpeg"}),
    "audio": ({"cache", "errors", "schedule", "video"}, {"numpy", "librosa"}),
    "render": (
        {
            "cache",
            "errors",
            "order",
            "schedule",
            "picture",
            "motion",
            "depth",
            "segment",
            "interp",
            "diffusion",
            "video",
            "audio",
        },
        {"numpy", "torch", "tqdm", "cv2", "yaml"},
    ),
    "cli": ({"errors", "schedule", "render"}, {"tqdm", "matplotlib", "numpy"}),
}


def imports(path: Path) -> set[str]:
    """Names of the modules that a file imports, at any depth of its code."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which room is entered"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" for alias in node.names} if module == "animate" else {module}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_only_what_the_table_allows(room: str) -> None:
    ours, others = ROOMS[room]
    place = HOUSE / room
    for path in sorted(place.rglob("*.py")) if place.is_dir() else [HOUSE / f"{room}.py"]:
        for name in imports(path):
            top, _, rest = name.partition(".")
            if top == "animate":
                target = rest.partition(".")[0]
                if target in ROOMS:
                    assert target == room or target in ours, f"{path.name} imports {name}"
            else:
                assert top in sys.stdlib_module_names or top in others, f"{path.name} imports {name}"


def test_every_room_is_in_the_table() -> None:
    rooms = {path.name for path in HOUSE.iterdir() if (path / "__init__.py").exists()}
    assert rooms <= set(ROOMS), rooms - set(ROOMS)


def test_render_is_a_function_also_when_its_room_is_open() -> None:
    import animate
    from animate.render import run

    assert run.__name__ == "animate.render.run"
    assert callable(animate.render)
    assert callable(animate.plan)
