"""What came of it, in figures. The only module that imports ir_measures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from retrieval import System

from .significance import sign_flip
from .trying import Tried

MEASURES: Final = ("nDCG@10", "R@5", "R@10", "R@20", "R@50", "RR")
PERCENTILES: Final = (50, 95, 99)
OVERALL: Final = "overall"


@dataclass(frozen=True)
class Row:
    """One system on the answerable queries of one kind: the means of its measures."""

    kind: str
    system: str
    queries: int
    measures: Mapping[str, float]


@dataclass(frozen=True)
class Against:
    """Ours against the best plain system by one measure: `p` that the difference is chance."""

    measure: str
    best: str
    ours: float
    theirs: float
    p: float
    better: int
    worse: int


@dataclass(frozen=True)
class Abstention:
    """How often ours said that nothing is good enough, and how often that was right."""

    unanswerable: int
    abstained: int
    rightly: int
    answerable: int

    @property
    def precision(self) -> float | None:
        """Of those it abstained from, the share that has no answer."""
        return self.rightly / self.abstained if self.abstained else None

    @property
    def recall(self) -> float | None:
        """Of those without an answer, the share that it abstained from."""
        return self.rightly / self.unanswerable if self.unanswerable else None


@dataclass(frozen=True)
class Figures:
    """Everything that is reported. `latency` is stage → percentile → milliseconds, of ours."""

    rows: tuple[Row, ...]
    against: tuple[Against, ...]
    abstention: Abstention
    latency: Mapping[str, Mapping[int, float]]
    leaked: tuple[tuple[str, str], ...]
    per_query: Mapping[str, Mapping[str, Mapping[str, float]]]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        abstention = self.abstention
        return {
            "rows": [{**vars(row), "measures": dict(row.measures)} for row in self.rows],
            "against": [vars(one) for one in self.against],
            "abstention": {
                **vars(abstention),
                "precision": abstention.precision,
                "recall": abstention.recall,
            },
            "latency_ms": {
                stage: {f"p{percent}": value for percent, value in spread.items()}
                for stage, spread in self.latency.items()
            },
            "leaked": [{"query": query, "record": record} for query, record in self.leaked],
        }


def figures_of(tried: Sequence[Tried], systems: Sequence[System]) -> Figures:
    """Measures by kind and overall, ours against the best, abstention, latency, and what leaked."""
    answerable = [one for one in tried if one.query.relevant]
    scores = {system.value: _scores(answerable, system) for system in systems}
    kinds = list(dict.fromkeys(one.query.kind for one in answerable))
    groups = {kind or "–": [one for one in answerable if one.query.kind == kind] for kind in kinds}
    groups = {**(groups if len(kinds) > 1 else {}), OVERALL: answerable}
    rows = tuple(
        Row(
            kind,
            system,
            len(group),
            {name: _mean(of[one.query.id][name] for one in group) for name in MEASURES},
        )
        for kind, group in groups.items()
        for system, of in scores.items()
    )
    ours = [(one.query.id, one.ranked[System.OURS]) for one in tried] if System.OURS in systems else []
    return Figures(
        rows,
        tuple(_against(scores, name) for name in MEASURES if len(scores) > 1 and ours and answerable),
        _abstention(tried) if ours else Abstention(0, 0, 0, 0),
        _latency([ranked.seconds for _, ranked in ours]),
        tuple((one.query.id, ref) for one in tried if ours for ref in one.leaked),
        scores,
    )


def _scores(tried: Sequence[Tried], system: System) -> dict[str, dict[str, float]]:
    """Query → measure → value, by ir_measures; nothing found is 0."""
    import ir_measures

    names = {ir_measures.parse_measure(name): name for name in MEASURES}
    qrels = [
        ir_measures.Qrel(one.query.id, ref, grade)
        for one in tried
        for ref, grade in one.query.relevant.items()
    ]
    run = [
        ir_measures.ScoredDoc(one.query.id, ref, 1.0 / place)
        for one in tried
        for place, ref in enumerate(one.ranked[system].refs, 1)
    ]
    found: dict[str, dict[str, float]] = {one.query.id: dict.fromkeys(MEASURES, 0.0) for one in tried}
    if run:
        for metric in ir_measures.iter_calc(list(names), qrels, run):
            found[metric.query_id][names[metric.measure]] = float(metric.value)
    return found


def _against(scores: Mapping[str, Mapping[str, Mapping[str, float]]], name: str) -> Against:
    means = {
        system: _mean(one[name] for one in of.values())
        for system, of in scores.items()
        if system != System.OURS
    }
    best = max(means, key=means.__getitem__)
    ours, theirs = scores[System.OURS], scores[best]
    differences = [ours[query][name] - theirs[query][name] for query in ours]
    return Against(
        name,
        best,
        _mean(one[name] for one in ours.values()),
        means[best],
        sign_flip(differences),
        sum(one > 0 for one in differences),
        sum(one < 0 for one in differences),
    )


def _abstention(tried: Sequence[Tried]) -> Abstention:
    abstained = [one for one in tried if one.ranked[System.OURS].weak]
    unanswerable = [one for one in tried if not one.query.answerable]
    return Abstention(
        unanswerable=len(unanswerable),
        abstained=len(abstained),
        rightly=sum(not one.query.answerable for one in abstained),
        answerable=len(tried) - len(unanswerable),
    )


def _latency(seconds: Sequence[Mapping[str, float]]) -> dict[str, dict[int, float]]:
    import numpy

    stages = list(dict.fromkeys(stage for one in seconds for stage in one))
    return {
        stage: {
            percent: round(
                float(numpy.percentile([one.get(stage, 0.0) for one in seconds], percent)) * 1000, 2
            )
            for percent in PERCENTILES
        }
        for stage in stages
    }


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return fmean(found) if found else 0.0
