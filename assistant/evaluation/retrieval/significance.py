"""Whether a difference between two systems, query by query, may be chance."""

from collections.abc import Sequence
from typing import Final

_ROUNDS: Final = 20_000
_EXACT: Final = 14  # so many differences have few enough signs to try them all
_AT_ONCE: Final = 2_000


def sign_flip(differences: Sequence[float], seed: int = 1) -> float:
    """Fisher's paired randomisation test, two-sided: the probability of a mean difference at least as large
    if the two systems could change places in any query.

    With up to 14 queries that differ all signs are tried; with more, 20,000 random ones (Smucker, Allan &
    Carterette 2007), where the smallest p is 0.00005.
    """
    import numpy

    values = numpy.array([one for one in differences if one], dtype=float)
    if not len(values):
        return 1.0
    seen = abs(values.sum()) - 1e-12
    if len(values) <= _EXACT:
        numbers = numpy.arange(2 ** len(values))[:, None]
        signs = 1 - 2 * ((numbers >> numpy.arange(len(values))) & 1)
        return float(numpy.mean(numpy.abs(signs @ values) >= seen))
    draw = numpy.random.default_rng(seed)
    extreme = 0
    for _ in range(0, _ROUNDS, _AT_ONCE):
        signs = 1 - 2 * draw.integers(0, 2, (_AT_ONCE, len(values)))
        extreme += int(numpy.sum(numpy.abs(signs @ values) >= seen))
    return (extreme + 1) / (_ROUNDS + 1)
