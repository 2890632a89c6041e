"""affectrl-nano, the model that comes with the package: how it is made; it lies in ``model/`` and ``expression/``."""
