"""DAPO: GRPO with room upwards, every token alike, and clips that teach (arXiv 2503.14476, eq. 8 to 12).

Its fourth part, a penalty on overlong answers (eq. 13), is the reward ``overlong``. The paper drops the KL term.
"""

from __future__ import annotations

from typing import Any

from affectrl.rl.algorithms import grpo

USES: dict[str, Any] = grpo.USES | {"epsilon_high": 0.28, "loss_type": "token"}
CRITIC = False
DYNAMIC = True

advantages = grpo.advantages
token_loss = grpo.token_loss
