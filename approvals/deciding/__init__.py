"""A person says yes or no: claims, decisions, moves, timers and the one effect."""
