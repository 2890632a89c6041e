"""Answer formats, one file each: how a model is asked, what it shall write, and whether it did.

A module on this shelf defines

- ``REASONS``: whether it asks for reasoning before the labels;
- ``question(labels)``: the user's question, short, since it is paid for with every clip;
- ``OPENING``: what the assistant's turn begins with, already written for it; ``CLOSING``: what ends an answer;
- ``target(labels, reasoning)``: the completion to learn, after the opening; it invents no cue;
- ``answer_opening(text)``: an output cut or completed up to where its labels begin, so that
  ``answer_opening(text) + label + CLOSING`` answers ``label``;
- ``well_formed(text)``: whether a whole output, opening included, is in the format; where the format itself is a closed
  choice, it takes the choice as a second argument, ``choices``.

Every target is well-formed and is read back by :func:`affectrl.answers.parser.parse`. A table stands in
``docs/answers.md``.
"""
