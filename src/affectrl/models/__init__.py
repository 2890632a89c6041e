from affectrl.models.torchvision_fit import fit

fit()  # every way to transformers goes through here
