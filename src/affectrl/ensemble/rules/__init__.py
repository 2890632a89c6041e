"""Vote rules: each file has ``ABOUT``, ``LEARNS`` (whether it needs a reference) and ``vote(opinions, known)``."""
