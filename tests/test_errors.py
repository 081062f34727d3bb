"""What is said of a mistake."""

from animate.errors import near


def test_the_nearest_name() -> None:
    assert near("Zooom", ["angle", "zoom"]) == "did you mean zoom?"
    assert near("zooom", ["Zoom"]) == "did you mean Zoom?"
    assert near("x", ["zoom"]) == ""
    assert near("x", ["zoom"], "one of many") == "one of many"
    assert near("zooom", ()) == ""
    assert near("outbounc", ["in_out_bounce"], cutoff=0.9) == ""
