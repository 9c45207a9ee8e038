"""Carnet in containers: one image, whose first argument says which role it plays."""
