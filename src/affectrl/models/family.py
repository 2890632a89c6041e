"""From a recipe's ``model`` section to what reads clips and the policy that answers."""

from __future__ import annotations

import torch

from affectrl.errors import ModelError
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


def policy_of(spec: ModelSpec | NativeSpec, extractor: Extractor, *, dtype: torch.dtype = torch.float32) -> Policy:
    """An untrained policy; a native one trains the model that its extractor holds, in the type that it has there.

    Raises:
        ModelError: Its weights cannot be found or loaded, or the extractor is of the other family.
        RecipeError: A setting of it leads nowhere.
    """
    if isinstance(spec, NativeSpec) and isinstance(extractor, NativeExtractor):
        return NativePolicy(spec, extractor)
    if isinstance(spec, ModelSpec) and isinstance(extractor, FeatureExtractor):
        return FusedPolicy(spec, extractor, dtype=dtype)
    raise ModelError(f"is of the {spec.family} family, and what reads its clips is not.", path=spec.backbone)
