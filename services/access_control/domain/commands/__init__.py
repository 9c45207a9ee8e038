"""What each command needs and changes, by what it is about; `domain/rights.py` decides on them all in one order."""
