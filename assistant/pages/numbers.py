"""Numbers as a person reads them at a glance."""


def compact_seconds(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min`, `2 h`, `4 d`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
