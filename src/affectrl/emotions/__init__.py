"""Label sets: which closed words a dataset knows, and which other words mean the same."""

from affectrl.emotions.label_set import LabelSet, label_set, label_sets, normalise

__all__ = ["LabelSet", "label_set", "label_sets", "normalise"]
