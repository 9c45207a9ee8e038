"""Pure rules of the document service: no input, no output, no clock of their own."""
