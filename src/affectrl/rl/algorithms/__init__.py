"""Reinforcement learning algorithms, one file each: which advantages, which token loss, with which settings.

A module on this shelf defines

- ``USES``: the fields of a recipe's ``rl`` that it reads, of ``epsilon``, ``epsilon_high``, ``beta``,
  ``scale_rewards``, ``loss_type``, ``importance_sampling_level``, with its own defaults. A recipe that sets another one
  is refused.
- ``CRITIC``: whether it needs a value head. Such a module also has ``token_advantages``, as ``ppo.py`` defines it.
- ``DYNAMIC``: whether ``rl.dynamic_sampling`` is on without being asked for.
- ``ONLY``, if not all values of a field make sense: field to the values that do.
- ``advantages(rewards, group, settings) -> Advantages``: (N,) rewards, clip after clip, G a clip.
- ``token_loss(logprobs, old_logprobs, advantages, keep, settings) -> Tensor``: (N, R), to be minimised; the trainer
  adds ``beta`` times the KL term and averages by ``loss_type``.

They are torch-free (``advantages.py``), so that a recipe is checked before torch is loaded.
"""
