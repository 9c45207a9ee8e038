"""Proof that the whole works: the demonstration, load, faults, the checker and the figures."""
