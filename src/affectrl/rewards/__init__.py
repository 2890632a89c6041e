"""Rewards, one file each, callable as TRL calls them.

A module on this shelf defines ``reward(prompts, completions, completion_ids, **columns) -> list[float | None]``, where
each column is a list with one entry a completion: ``labels`` (reference labels), ``format`` (name of the answer
format), and whatever else the clips carry. ``completions`` hold the whole assistant turn, opening tag included.
``None`` means that the reward does not apply. ``GROUP`` says whether it must see all completions of a clip at once.
"""
