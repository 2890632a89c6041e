"""Chat models that take media themselves, an architecture a file, named as transformers' ``model_type`` names it.

A file holds only what differs:

- ``CLASS``: the model's class in transformers.
- ``TAKES``: of ``image``, ``video``, ``audio``, what it reads.
- ``META``: outputs of its processor, beside pixels and spectra, that its positions are computed from.
- ``PAIRS``: whether a video and its own sound track are put into one placeholder, aligned in time.
- ``positions(model, ids, kinds, meta, paired=...)``: the model's own position ids ``(A, L)`` of token ids ``(1, L)``,
  of which ``kinds`` says what each stands for (0 text, 1 image, 2 video, 3 audio). Without it a model counts 0, 1, ...
- ``deep(config)``: how many early layers are given visual features of their own; without it none.
- ``options(frames_per_second)``: further keyword arguments of the processor for videos.
"""
