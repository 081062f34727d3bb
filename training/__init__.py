"""Everything that made the embedded models: the world they learned from, and their trainers. See ``README.md``."""
