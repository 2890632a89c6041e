"""A model without an adapter: the adapter's products added to the language model's own matrices.

The folder is one of transformers (``config.json``, safetensors, tokenizer), with our projections and ``affectrl.json``
beside it, whose backbone is the folder itself.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

from affectrl import paths
from affectrl.errors import ModelError, UsageError
from affectrl.models import checkpoint, weights
from affectrl.models.language import Policy
from affectrl.models.policy import FusedPolicy
from affectrl.models.task import Task
from affectrl.version import __version__


def save_merged(policy: Policy, task: Task, folder: Path) -> None:
    """Write the merged model, all or nothing; the policy stays as it is.

    Raises:
        ModelError: ``merge_impossible``: the adapter acts on completions alone, the language model is held in 4 bits,
            or the family is another than the fused one.
        UsageError: ``output_unwritable``: ``folder`` is the policy's own backbone.
    """
    check_mergeable(policy)
    if Path(policy.spec.backbone).expanduser().resolve() == folder.resolve():
        raise UsageError("holds the backbone itself.", code="output_unwritable", path=folder, hint="Choose another.")
    whole = copy.deepcopy(policy.lm).merge_and_unload()
    spec = policy.spec.model_copy(update={"backbone": "."})
    card = {
        "format_version": checkpoint.MERGED_VERSION,
        "affectrl": __version__,
        "model": spec.model_dump(mode="json"),
        "task": checkpoint.task_card(task),
        "merged_into": checkpoint.base_name(policy.spec.backbone),
    }
    with paths.atomic(folder) as scratch:
        scratch.mkdir()
        with weights.quiet():
            whole.save_pretrained(scratch)
            policy.tokenizer.save_pretrained(scratch)
        checkpoint.write_fusion(policy, scratch)
        (scratch / checkpoint.CARD).write_text(json.dumps(card, indent=1))


def check_mergeable(policy: Policy) -> None:
    """Refuse where a merged model would be another one.

    Raises:
        ModelError: ``merge_impossible``.
    """
    lora = policy.spec.lora
    if lora.where == "completion":
        raise _impossible(
            "model.lora.where is 'completion': the adapter acts on generated positions alone, and merged it would act "
            "on the clip's as well"
        )
    if lora.quantize:
        raise _impossible("model.lora.quantize holds the language model in 4 bits, to which nothing can be added")
    if not isinstance(policy, FusedPolicy):
        raise _impossible(f"the family {policy.spec.family!r} has parts that the merged folder would lack")


def _impossible(why: str) -> ModelError:
    return ModelError(f"cannot be merged: {why}.", code="merge_impossible", hint="Share the adapter as it is.")
