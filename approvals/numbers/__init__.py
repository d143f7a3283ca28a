"""How reviewing goes: what was held, what became of it, and what that suggests."""
