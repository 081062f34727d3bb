"""The user's cache is one place, whoever keeps something there."""

from pathlib import Path

import pytest

from animate import cache


def test_one_place_by_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for system, place in (("linux", ".cache"), ("darwin", "Library/Caches"), ("win32", "AppData/Local")):
        monkeypatch.setattr("sys.platform", system)
        assert cache.folder("flow") == tmp_path / place / "animate" / "flow"
    assert cache.folder() == cache.folder("flow").parent


def test_what_the_user_set_counts_on_his_system_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache.folder("sounds") == tmp_path / "xdg" / "animate" / "sounds"
    monkeypatch.setattr("sys.platform", "win32")
    assert cache.folder("sounds") == tmp_path / "local" / "animate" / "sounds"
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache.folder("sounds") == Path.home() / ".cache" / "animate" / "sounds"
