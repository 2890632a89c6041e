"""Small heads on frozen features, cross-validated without a speaker on both sides: what any larger model must beat.

The protocol is that of MER2025's track 1 (https://github.com/zeroQiaoba/MERTools, MER2025_Track1; arXiv 2504.19423):
one row a clip and feature, a head, five folds, the mean of the folds' probabilities for a test set, and each run with
other seeds. Where we depart from it, ``docs/baselines.md`` says so.
"""
