"""Faults of a real system under load, from a seed: kills, freezes, outages, wiped topics; then the verdict."""
