"""`python -m approvals.evaluate FILE.jsonl`: recall on risky drafts, and how many ordinary ones are held.

A line is `{"text": …, "categories": […]}`, and where it matters `place` ("draft", the default, or
"question"), `question`, `role`, `supported`, `passages`, `tags`, `language`. Categories are rules'
ids; a line without any is ordinary traffic. A draft is weighed sentence by sentence.
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from gateway import Role

from .errors import PolicyFaults
from .policy import Policy, load_policy
from .risk import Weighing
from .weighing import weigh_question, weigh_sentence

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])(?:\s*\[\d+\])*\s+(?=[\"'(]?[A-ZÄÖÜ<\d])")


class Labelled(BaseModel):
    """One text and what is risky about it."""

    model_config = ConfigDict(extra="ignore")

    text: str
    categories: tuple[str, ...] = ()
    place: Literal["draft", "question"] = "draft"
    question: str = ""
    role: Role = Role.REP
    supported: bool = True
    passages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    language: str = ""


@dataclass
class Tally:
    """How many texts of a category there were, were held at all, and by the category's own rule."""

    texts: int = 0
    held: int = 0
    by_own_rule: int = 0

    @property
    def recall(self) -> float:
        """The share that was held."""
        return self.held / self.texts if self.texts else 0.0


@dataclass
class Evaluation:
    """Figures by category (`ordinary` for lines without one) and by category and language."""

    policy: str
    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    wrong: list[Labelled] = field(default_factory=list)

    @property
    def hold_rate(self) -> float:
        """The share of ordinary texts that was held."""
        return self.tallies["ordinary"].recall


def evaluate(policy: Policy, texts: Iterable[Labelled]) -> Evaluation:
    """Weigh every text; `wrong` are the risky ones that were missed and the ordinary ones that were held."""
    found = Evaluation(policy.version)
    for text in texts:
        weighing = _weigh(policy, text)
        for category in text.categories or ("ordinary",):
            for name in (category, f"{category} ({text.language})" if text.language else ""):
                if name:
                    tally = found.tallies[name]
                    tally.texts += 1
                    tally.held += weighing.risky
                    tally.by_own_rule += category in weighing.rules
        if weighing.risky != bool(text.categories):
            found.wrong.append(text)
    return found


def _weigh(policy: Policy, text: Labelled) -> Weighing:
    if text.place == "question":
        return weigh_question(policy, text.text, roles=(text.role,), tags=text.tags)
    sentences = _SENTENCE_END.split(text.text)
    parts = (
        weigh_sentence(
            policy,
            sentence,
            question=text.question,
            roles=(text.role,),
            supported=text.supported,
            passages=text.passages,
            index=index,
            before=sentences[:index],
        )
        for index, sentence in enumerate(sentences)
    )
    return Weighing().joined(*parts)


def read(lines: Iterable[str]) -> Iterator[Labelled]:
    """Labelled texts of JSON Lines. Raises `ValueError` naming the line that is none."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield Labelled.model_validate_json(line)
            except ValidationError as error:
                raise ValueError(f"line {number}: {error.errors()[0]['msg']}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when it was measured, 2 when the input cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m approvals.evaluate", description=__doc__)
    parser.add_argument("file", type=Path, help="JSON Lines of labelled texts")
    parser.add_argument("--policy", type=Path, help="a policy file in place of the shipped one")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--wrong", action="store_true", help="also print what was missed or held for nothing")
    chosen = parser.parse_args(arguments)
    try:
        with chosen.file.open(encoding="utf-8") as lines:
            found = evaluate(load_policy(chosen.policy), read(lines))
    except (OSError, ValueError, PolicyFaults) as error:
        print(f"{chosen.file}: {error}", file=sys.stderr)
        return 2
    print(_as_json(found) if chosen.json else _as_table(found))
    if chosen.wrong:
        for text in found.wrong:
            print(f"{'missed' if text.categories else 'held'}\t{','.join(text.categories)}\t{text.text}")
    return 0


def _as_json(found: Evaluation) -> str:
    rows = {
        name: {"texts": t.texts, "held": t.held, "by_own_rule": t.by_own_rule, "share": round(t.recall, 4)}
        for name, t in sorted(found.tallies.items())
    }
    return json.dumps({"policy": found.policy, "categories": rows}, indent=2, ensure_ascii=False)


def _as_table(found: Evaluation) -> str:
    rows = [
        f"policy {found.policy}",
        f"{'category':44} {'texts':>6} {'held':>6} {'share':>7} {'own rule':>9}",
    ]
    for name, tally in sorted(found.tallies.items()):
        share = tally.by_own_rule / tally.texts if tally.texts else 0.0
        rows.append(f"{name:44} {tally.texts:6} {tally.held:6} {tally.recall:7.3f} {share:9.3f}")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
