"""What a run will take, from shapes alone: memory, seconds, and what to change where it does not fit.

The run's own code is walked through on torch's ``meta`` device, where tensors have shapes and no numbers. A ledger
notes what would be in memory and what would be computed.
"""
