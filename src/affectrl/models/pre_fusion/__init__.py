"""Several streams to one message before the language model, beside the streams' own positions; one way a file.

A module on this shelf defines ``build(dims, width, *, tokens, dropout, scale, **settings)``, which gives a module that
turns features by stream, a list of ``(T, D)`` or ``None`` each, one a clip, into a list of embeddings ``(tokens, H)``,
or ``(1, H)`` for a clip that has none of the streams.
"""
