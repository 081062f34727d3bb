"""Folders are read in one order, whoever reads them."""

from pathlib import Path

from animate.order import by_number


def test_numbers_count_and_not_their_zeros() -> None:
    names = ["a-2.png", "10.png", "a10.png", "b.png", "9.png", "a9.png", "007.png", "a9b2.png", "a9b.png"]
    found = [path.name for path in sorted(map(Path, names), key=by_number)]
    assert found == ["a9.png", "a9b.png", "a9b2.png", "a10.png", "a-2.png", "b.png", "007.png", "9.png", "10.png"]


def test_digits_that_are_no_numbers_are_letters() -> None:
    names = ["10².png", "9².png", "9³.png"]
    assert [path.name for path in sorted(map(Path, names), key=by_number)] == ["9².png", "9³.png", "10².png"]
