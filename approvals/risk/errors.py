"""Errors of a policy."""


class PolicyFaults(Exception):
    """The policy file cannot be used: one line a fault, where it is and what is wrong."""
