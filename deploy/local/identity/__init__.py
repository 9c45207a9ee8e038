"""A local OpenID provider with a fixed cast of test people; no service but a local one believes it."""
