"""Pure rules of the audit log: no input, no output, no clock of their own."""
