"""The rules of the history: its window, what a plausible line is, which version counts. No I/O, no clock."""
