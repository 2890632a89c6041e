"""Checkpoints as other projects publish them, one layout a file: what their tensors are called, and what we call them.

A module on this shelf defines ``plan(found: Published, asked: Asked) -> Plan`` (``sharing/published.py``), and nothing
that touches a file. ``sharing/convert.py`` does the rest.
"""
