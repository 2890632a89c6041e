"""Classifiers on frozen features, one file each.

A module here has ``build(seed, **settings)``, which gives an object with ``fit(blocks, y)`` and ``predict_proba(blocks)
-> (N, classes)``, where ``blocks`` is a list of ``(N, D)`` arrays, one a feature, and ``y`` holds class numbers, all of
``0 .. classes - 1`` at least once; ``FIXED``, its settings; and ``CHOICES``, from which the random mode draws.
"""
