"""Many opinions into one: votes, late fusion, agreement."""
