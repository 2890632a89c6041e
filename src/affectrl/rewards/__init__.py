"""Rewards, one file each, callable as TRL calls them.

A module on this shelf defines ``reward(prompts, completions, completion_ids, **columns) -> list[float | None]``, where
each column is a list with one entry a completion: ``labels`` (reference labels, ``()`` when there are none or they are
hidden), ``format`` (name of the answer format), ``choices`` (labels to choose from, or ``None``), ``group`` (which clip
of the batch), ``max_completion_length``, ``truncated``, ``id``, ``clip`` (its features), and the clips' own extras, but
for hidden labels, which extras may tell.
``completions`` hold the whole assistant turn, opening tag included. ``None`` means that the reward does not apply.

Parameters with a default are the reward's settings, which a recipe gives under ``rl.reward_settings``; columns never
reach them. ``GROUP`` says whether it must see all completions of a clip at once, ``JUDGE`` whether it takes a keyword
``judge``. Two functions are optional: ``asks(**settings) -> bool``, whether a judge is needed under these settings, and
``check(choices, **settings)``, which refuses settings that make no sense before a run begins. ``docs/rewards.md`` has
formula, range and known exploit of each.
"""
