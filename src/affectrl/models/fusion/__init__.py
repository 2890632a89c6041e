"""From a stream's features to positions of the language model, one way a file.

A module on this shelf defines ``build(dim, width, *, tokens, components, dropout, scale, **settings)``, which gives a
module that turns a list of features ``(T, D)``, one a clip or ``None`` where the clip lacks the stream, into a list of
embeddings ``(tokens, H)``, or ``(1, H)`` for an absent one. What it ``fit``s, it takes from training features before
training. ``components`` are of fusions that reduce features first; the others take no notice of it.
"""
