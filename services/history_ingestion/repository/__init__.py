"""All SQL of the service: lines by batch, persons, reads, and what is deleted when its time is over."""
