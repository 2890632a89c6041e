"""Ablations of the seed papers at nano scale, beside what the papers print: ``tables/NAME.yaml``, one a table.

A table names variants of a packaged recipe and the orderings that its paper claims. Every variant is trained with
several seeds, and each claim is judged on the same clips and seeds. The scale is not the papers': small models and
synthetic clips, so figures are never compared across the two, only orderings.
"""
