"""Ways of late fusion: each file has ``ABOUT``, ``LEARNS`` and ``fuse(soft, known)``."""
