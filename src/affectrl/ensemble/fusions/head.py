"""A trained head: logistic regression from all voters' probabilities to the class, on the other folds (stacking)."""

from __future__ import annotations

import numpy as np

from affectrl.ensemble.judged import Known
from affectrl.ensemble.soft import Fused, Soft

ABOUT = "logistic regression from all probabilities to the class (scikit-learn)"
LEARNS = True
SHRINKAGE = 1.0
"""``C`` of scikit-learn: the inverse of the L2 penalty."""
STEPS = 500


def fuse(soft: Soft, known: Known) -> Fused:
    """The head's probabilities, over the labels that the other folds have.

    Raises:
        UsageError: ``vote_reference``.
    """
    from sklearn.linear_model import LogisticRegression

    truth, fold = known.need_truth("head")
    codes = soft.opinions.truth_codes(truth)
    x = np.concatenate([soft.table(m) for m in soft.voters], axis=1)
    value = np.zeros((soft.opinions.n, soft.opinions.k))
    for f in range(int(fold.max()) + 1):
        train, test = (fold != f) & (codes >= 0), np.flatnonzero(fold == f)
        classes = np.unique(codes[train])
        if len(classes) == 1:
            value[np.ix_(test, classes)] = 1.0
        elif len(classes):
            model = LogisticRegression(C=SHRINKAGE, max_iter=STEPS).fit(x[train], codes[train])
            value[np.ix_(test, model.classes_)] = model.predict_proba(x[test])
    return Fused(value)
