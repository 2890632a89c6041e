"""From a recipe's ``model`` section to what reads clips and the policy that answers."""

from __future__ import annotations

import torch

from affectrl.models.features import FeatureExtractor
from affectrl.models.language import Policy
from affectrl.models.native_features import NativeExtractor
from affectrl.models.native_policy import NativePolicy
from affectrl.models.policy import FusedPolicy
from affectrl.recipes.schema import ModelSpec, NativeSpec

Extractor = FeatureExtractor | NativeExtractor


def extractor_of(spec: ModelSpec | NativeSpec, *, dtype: torch.dtype = torch.float32) -> Extractor:
    """What reads clips for a model; ``dtype`` is that of a native model's weights."""
    return NativeExtractor(spec, dtype=dtype) if isinstance(spec, NativeSpec) else FeatureExtractor(spec)


def policy_of(extractor: Extractor, *, dtype: torch.dtype = torch.float32) -> Policy:
    """The policy of the extractor's spec, untrained.

    Raises:
        ModelError: Its weights cannot be found or loaded.
        RecipeError: A setting of it leads nowhere.
    """
    if isinstance(extractor, NativeExtractor):
        return NativePolicy(extractor.spec, extractor)
    return FusedPolicy(extractor.spec, extractor, dtype=dtype)
