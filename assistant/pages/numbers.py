"""Numbers as a person reads them at a glance."""


def compact_seconds(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min`, `2 h`, `4 d`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def exact_seconds(seconds: float) -> str:
    """`3 ms`, `0.42 s`, `12.3 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    for size, unit, less, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(int(seconds), size)
            return f"{whole} {unit} {rest // less} {smaller}"
    raise AssertionError
