"""Between pictures."""
