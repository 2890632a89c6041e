"""crowd-kit's Dawid-Skene with its steps as products with one sparse matrix of votes.

Its own steps join and group data frames, a vote a row, in every round of EM. The loop, the beginning from the majority
and the end by the bound stay crowd-kit's, and so do the numbers but for rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from crowdkit.aggregation.classification.dawid_skene import _EPS, DawidSkene
from scipy.sparse import csr_array


class SparseDawidSkene(DawidSkene):
    """See the module's text. Arguments as crowd-kit's; without golden labels and errors from elsewhere."""

    def fit(self, data: pd.DataFrame, true_labels: Any = None, initial_error: Any = None) -> SparseDawidSkene:
        """As crowd-kit's, of rows ``task``, ``worker``, ``label``, all integers."""
        assert true_labels is None
        assert initial_error is None
        tasks, row = np.unique(data["task"].to_numpy(), return_inverse=True)
        pairs: Any = pd.MultiIndex.from_frame(data[["worker", "label"]])
        self._column, self._seen = pairs.factorize()
        self._tasks = pd.Index(tasks, name="task")
        self._votes = csr_array((np.ones(len(data)), (row, self._column)), shape=(len(tasks), len(self._seen)))
        self._worker = pd.factorize(self._seen.get_level_values(0))[0]
        self._many = np.bincount(row)
        super().fit(data)
        return self

    def _m_step(self, data: Any, probas: Any, initial_error: Any = None, initial_error_strategy: Any = None) -> Any:
        said = np.maximum(self._votes.T @ probas.loc[self._tasks].to_numpy(), _EPS)
        total = np.zeros((self._worker.max() + 1, said.shape[1]))
        np.add.at(total, self._worker, said)
        return pd.DataFrame(said / total[self._worker], index=self._seen, columns=probas.columns)

    def _e_step(self, data: Any, priors: Any, errors: Any) -> Any:
        logs = np.log2(priors.clip(lower=_EPS).to_numpy()) + self._votes @ np.log2(errors.to_numpy())
        likely = np.exp2(logs - logs.max(1, keepdims=True))
        return pd.DataFrame(likely / likely.sum(1, keepdims=True), index=self._tasks, columns=errors.columns)

    def _evidence_lower_bound(self, data: Any, probas: Any, priors: Any, errors: Any) -> float:
        prior = np.log(priors.clip(lower=_EPS).to_numpy())
        joint = self._votes @ np.log(errors.to_numpy()) + self._many[:, None] * prior
        likely = probas.to_numpy()
        kept = np.maximum(likely, _EPS)
        return float((likely * joint).sum() - (np.log(kept) * kept).sum())
