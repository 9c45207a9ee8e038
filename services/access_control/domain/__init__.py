"""Pure rules of access control: no input, no output, no clock of their own."""
