"""The models of this machine, as rows to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from animate.diffusion import digests, models
from animate.errors import BadInput, MissingModel


@dataclass(frozen=True)
class Model:
    """A model that a schedule can name."""

    name: str
    kind: str
    note: str
    """Size, licence, digest, place."""


@dataclass(frozen=True)
class Part:
    """A file of a model, held against its checksum."""

    file: str
    ok: bool
    note: str


def found() -> list[Model]:
    """What is there: the models of the package, of the folder `ANIMATE_MODELS` or `models`, and of the hub's cache."""
    return [Model(model.name, _kind(model), _note(model)) for model in models.find()]


def verified(name: str = "") -> list[Part]:
    """Every model of the package, or the one called `name`, against the checksums it shipped with.

    Raises:
        BadInput: no model of this name has checksums.
    """
    listed = {model.name: model for model in models.find() if (model.path / digests.LIST).is_file()}
    if name and name not in listed:
        raise BadInput(f"no model {name!r} with checksums is here; there are: {', '.join(listed) or 'none'}")
    return [_checked(model) for model in listed.values() if not name or model.name == name]


def _checked(model: models.Found) -> Part:
    try:
        digests.verify(model.path)
    except MissingModel as error:
        return Part(model.name, False, str(error))
    return Part(model.name, True, f"sha256 {model.digest[:16]}, {model.path}")


def _kind(model: models.Found) -> str:
    if model.name.startswith("embedded"):
        return "of the package"
    return "folder" if model.path.is_dir() else "single file"


def _note(model: models.Found) -> str:
    size = f"{model.size / 1e6:,.1f} MB" if model.size < 1e9 else f"{model.size / 1e9:,.1f} GB"
    digest = f"sha256 {model.digest[:12]}" if model.digest else ""
    return ", ".join(part for part in (size, model.licence, digest, _short(model.path)) if part)


def _short(path: Path) -> str:
    """The path from where the user stands, where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
