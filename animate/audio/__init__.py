"""Music: what a file sounds like, as numbers that a schedule can use. One librosa call a number, kept by digest."""
