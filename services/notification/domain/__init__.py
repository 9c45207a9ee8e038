"""Pure rules of notification: no input, no output, no clock of their own."""
