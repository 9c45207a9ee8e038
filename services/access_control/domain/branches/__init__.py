"""The branches of the decision (domain rules, 4.7), a module each."""
