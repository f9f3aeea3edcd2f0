"""Sources of JumpStart facts: the published wheel and the live public cache."""
