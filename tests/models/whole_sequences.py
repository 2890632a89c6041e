"""A reference for prefix sharing: each sequence alone, whole, through transformers; and a policy to try it on."""

from __future__ import annotations

import torch

from affectrl.models.features import FeatureExtractor
from affectrl.models.policy import FusedPolicy
from affectrl.models.prefix import Prefix
from affectrl.recipes.schema import Lora, ModelSpec


def text_policy(backbone: str, where: str = "everything") -> FusedPolicy:
    spec = ModelSpec(backbone=backbone, voice=None, face=None, lora=Lora(r=2, alpha=4, where=where))
    with torch.random.fork_rng():
        torch.manual_seed(2)
        policy = FusedPolicy(spec, FeatureExtractor(spec)).eval()
        for parameter in policy.adapter_parameters():
            torch.nn.init.normal_(parameter, std=0.1)  # B starts at 0, and an adapter that does nothing hides mistakes
    return policy


def alone(policy: FusedPolicy, prefix: Prefix, ids, keep, group: int) -> list[torch.Tensor]:
    """Each row's log-probabilities from one pass over one whole, unpadded sequence."""
    out = []
    for n, (row, real) in enumerate(zip(ids, keep, strict=True)):
        embeds = prefix.embeds[n // group][prefix.keep[n // group]]
        whole = torch.cat([embeds, policy.embed_ids(row[real][:-1])])[None]
        logits = policy.lm(inputs_embeds=whole, use_cache=False).logits[0, len(embeds) - 1 :]
        out.append(torch.log_softmax(logits.float(), -1).gather(1, row[real][:, None])[:, 0])
    return out
