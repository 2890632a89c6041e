"""Answer formats, one file each: how a model is asked, what it shall write, and whether it did.

A module on this shelf defines ``REASONS`` (whether it asks for reasoning), ``question(labels)``, ``OPENING`` (what the
assistant's turn begins with, already written for it), ``CLOSING`` (where an answer ends), ``target(labels, reasoning)``
(the completion to learn, after the opening) and ``answer_opening(text)``.
"""
