"""The policy: which texts wait for a person. A YAML file, validated, with examples that a test runs."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from gateway import Role

from .amounts import bare_amount_pattern
from .described import Described
from .errors import PolicyFaults
from .functions import RuleFunction, registered
from .likeness import Likeness
from .patterns import regex_of, source_of
from .timed import Finds, Timed
from .value import Tier, Weighing
from .written import content_of, has_faults, told

AMOUNTS: Final = "amounts"
"""Stands in the place of a field for the pattern of a money rule's numbers without a currency."""

Place = Literal["question", "draft", "source"]
Language = Literal["en", "de"]
Patterns = Mapping[Language, tuple[str, ...]]


class Example(Described):
    """A text that a rule must find, or must not."""

    text: str
    place: Place = "draft"
    roles: tuple[Role, ...] = (Role.REP,)
    question: str = ""
    supported: bool = True
    passages: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    quoted: bool = False
    tags: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


class Examples(Described):
    """Texts for the test of a rule; a plain string is a supported sentence of a draft."""

    positive: tuple[str | Example, ...] = Field(min_length=1)
    negative: tuple[str | Example, ...] = Field(min_length=1)


class _Rule(Described):
    """What every rule has.

    `likeness` is how like the labelled examples of the rule's name a sentence may be at most, 0 to 1.
    `weight` below 1 holds only together with other rules. A rule on `trial` is only reported, unless it asks
    for two officers. Without `in_quotes` it does not look at what a record says word for word.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str = Field(min_length=3)
    tier: Tier = Tier.NORMAL
    weight: float = Field(default=1.0, gt=0, le=1)
    trial: bool = False
    likeness: float | None = Field(default=None, gt=0, lt=1)
    in_quotes: bool = True
    deadline_minutes: int = Field(gt=0, le=7 * 24 * 60)
    sentence: str = Field(min_length=10)
    places: tuple[Place, ...] = ("question", "draft")
    examples: Examples


class PatternRule(_Rule):
    """Words and phrases; `distinct_persons` also counts the persons whom a draft names.

    Without `in_titles` the title of a record that a sentence names breaks it not: what a customer writes into
    a subject is no word of ours.
    """

    kind: Literal["patterns"]
    in_titles: bool = True
    patterns: Patterns
    unless: Patterns = Field(default_factory=dict)
    distinct_persons: int | None = Field(default=None, gt=1)


class MoneyRule(_Rule):
    """Money that is given back or granted, above the limit of the requester's role."""

    kind: Literal["money"]
    limits: Mapping[Role, Decimal]
    share_limits: Mapping[Role, Decimal]
    top_above: Decimal
    gives: Patterns
    promises: Patterns
    wholes: Patterns
    offers: Patterns
    permits: Patterns
    unless: Patterns = Field(default_factory=dict)
    givers: Patterns = Field(default_factory=dict)
    recalls: Patterns = Field(default_factory=dict)
    renews: Patterns = Field(default_factory=dict)
    units: Patterns

    def limit(self, roles: Collection[Role]) -> Decimal:
        """What the best of `roles` may grant; nothing for a role that the policy does not name."""
        return max((self.limits.get(role, Decimal(0)) for role in roles), default=Decimal(0))

    def share_limit(self, roles: Collection[Role]) -> Decimal:
        """The same in percent of a price."""
        return max((self.share_limits.get(role, Decimal(0)) for role in roles), default=Decimal(0))


class UnsupportedRule(_Rule):
    """Claims that no source carries: amounts, numbers, dates and promises."""

    kind: Literal["unsupported"]
    mark: str = Field(min_length=10)
    dates: Patterns
    promises: Patterns


class TagRule(_Rule):
    """Customers and sources that are risky whatever is said."""

    kind: Literal["tags"]
    tags: Mapping[str, Tier] = Field(min_length=1)


class LikenessRule(_Rule):
    """Texts that are like labelled examples, whatever their words."""

    kind: Literal["likeness"]
    likeness: float = Field(gt=0, lt=1)


class FunctionRule(_Rule):
    """A Python function of a registered module, `module:name`, which says where a text meets it."""

    kind: Literal["function"]
    function: str = Field(pattern=r"^[a-zA-Z_][\w.]*:[a-zA-Z_]\w*$")


Check = Literal["wrong_citation", "mangled_token", "filter_flag", "enumeration"]


class CheckRule(_Rule):
    """What other parts have checked: citations, tokens, the filter on questions, and who asks for whom."""

    kind: Literal["checks"]
    checks: Mapping[Check, Tier] = Field(min_length=1)


Rule = Annotated[
    PatternRule | MoneyRule | UnsupportedRule | TagRule | LikenessRule | FunctionRule | CheckRule,
    Field(discriminator="kind"),
]


class LikenessSettings(Described):
    """The weights: a file beside the policy, else one that ships, and its SHA-256.

    On `trial`, what only likeness finds is reported and holds nothing, unless it asks for two officers.
    """

    weights: str = Field(pattern=r"^[\w.-]+$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    trial: bool = False


class SamplingSettings(Described):
    """What chance chooses: the share of answers without risk that a person reads all the same, and of those
    held for one officer the share that a second one reads too, so that their agreement can be measured.
    """

    share: float = Field(default=0.0, ge=0, le=1)
    second: float = Field(default=0.0, ge=0, le=1)


class ReviewSettings(Described):
    """How reviewing goes: leases, the undo window, and what counts as hasty.

    With `second_for_edits`, whoever wrote a text does not release it alone.
    """

    claim_minutes: float = Field(default=10, gt=0)
    undo_seconds: float = Field(default=8, ge=0, le=120)
    quick_seconds: float = Field(default=3, ge=0)
    quick_characters: int = Field(default=400, ge=0)
    second_for_edits: bool = True


class EnumerationSettings(Described):
    """From how many different records in how many minutes one person's questions count as walking through."""

    records: int = Field(default=60, gt=1)
    minutes: float = Field(default=60, gt=0)


class Policy(Described):
    """A version of the rules. Compiled patterns are made at first use and kept: what is `proven` by `re`,
    which is quicker, and the rest by an engine that can be told to stop.

    In `shadow` mode rules run and report, and only what asks for two officers holds. Without `likeness`
    nothing is compared, and words alone weigh.
    """

    version: str = Field(pattern=r"^[!-~]{1,100}$")
    mode: Literal["enforce", "shadow"] = "enforce"
    likeness: LikenessSettings | None = None
    sampling: SamplingSettings = SamplingSettings()
    enumeration: EnumerationSettings = EnumerationSettings()
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    rates: Mapping[str, Decimal]
    review: ReviewSettings = ReviewSettings()
    words: Mapping[str, str] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = Field(min_length=1)
    _weights: Likeness | None = PrivateAttr(default=None)
    _functions: Mapping[str, RuleFunction] = PrivateAttr(default_factory=dict)
    _proven: frozenset[str] = PrivateAttr(default=frozenset())

    @model_validator(mode="after")
    def _holds_together(self) -> "Policy":
        names = [rule.id for rule in self.rules]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the rule {twice[0]} is there twice")
        for rule in self.rules:
            if "source" in rule.places and not isinstance(rule, PatternRule | FunctionRule):
                raise ValueError(f"{rule.id}: a rule of kind {rule.kind} does not read the text of sources")
            for name, phrases in pattern_fields(rule):
                for pattern in phrases:
                    _check_pattern(f"{rule.id}.{name}", pattern, self.words)
        return self

    @property
    def weights(self) -> Likeness | None:
        """The weights of the likeness; None where no rule compares."""
        return self._weights if self.likeness else None

    @property
    def by_words(self) -> "Policy":
        """The same without likeness: what can be weighed where no vectors are."""
        return self.model_copy(update={"likeness": None})

    def with_weights(self, weights: Likeness) -> "Policy":
        """The same with other weights, whatever file it names."""
        copy = self.model_copy()
        copy._weights = weights
        return copy

    @property
    def on_trial(self) -> frozenset[str]:
        """The rules that only report, unless they ask for two officers."""
        return frozenset(rule.id for rule in self.rules if rule.trial or self.mode == "shadow")

    @property
    def enforced_first(self) -> Sequence[Rule]:
        """All rules in their order, those on trial last: what they take is taken from nobody's time."""
        trial = self.on_trial
        return sorted(self.rules, key=lambda rule: rule.id in trial)

    def function(self, rule: FunctionRule) -> RuleFunction:
        """What a function rule calls."""
        return self._functions[rule.function]

    @cached_property
    def compiled(self) -> Mapping[tuple[str, str], Finds | None]:
        """(rule, field) to one pattern of both languages; None where the field is empty."""
        return {place: self._pattern(source) if source else None for place, source in self._phrases().items()}

    @cached_property
    def bare_amounts(self) -> Mapping[str, Finds]:
        """Money rule to the pattern of its numbers without a currency."""
        return {rule: self._pattern(source) for rule, source in self._numbers().items()}

    @property
    def untried(self) -> Mapping[tuple[str, str], str]:
        """(rule, field) to the regular expression of what is not as it ships, and so not tested on texts made
        to keep it busy."""
        numbers = {(rule, AMOUNTS): source for rule, source in self._numbers().items()}
        every = {**self._phrases(), **numbers}
        return {place: one for place, one in every.items() if one and one not in self._proven}

    def _phrases(self) -> Mapping[tuple[str, str], str]:
        return {
            (rule.id, name): source_of(phrases, self.words)
            for rule in self.rules
            for name, phrases in pattern_fields(rule)
        }

    def _numbers(self) -> Mapping[str, str]:
        return {
            rule.id: bare_amount_pattern(
                before=regex_of("{amount_lead}", self.words),
                after=regex_of("{amount_trail}", self.words),
                unit="|".join(regex_of(one, self.words) for texts in rule.units.values() for one in texts),
            )
            for rule in self.rules
            if isinstance(rule, MoneyRule)
        }

    def _pattern(self, source: str) -> Finds:
        return re.compile(source, re.IGNORECASE) if source in self._proven else Timed(source)

    def in_base(self, value: Decimal, currency: str | None) -> Decimal | None:
        """An amount in the policy's own currency; None when the policy has no rate for it."""
        if currency is None or currency == self.currency:
            return value
        rate = self.rates.get(currency)
        return None if rate is None else value * rate

    def deadline_minutes(self, weighing: Weighing) -> int:
        """The shortest deadline of the rules that were hit."""
        found = [rule.deadline_minutes for rule in self.rules if rule.id in weighing.rules]
        return min(found, default=min(rule.deadline_minutes for rule in self.rules))

    def title(self, name: str) -> str:
        """What a page calls a rule, also one that this version no longer has."""
        rule = self.rule(name)
        return rule.title if rule else name.replace("_", " ").capitalize()

    def rule(self, name: str) -> Rule | None:
        """The rule of that name, None when this version has none."""
        return next((rule for rule in self.rules if rule.id == name), None)


_KINDS: Final = tuple(
    get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(Rule)[0])
)


def load_policy(path: Path | None = None, modules: Collection[str] = ()) -> Policy:
    """Read a policy, the shipped one without `path`. Function rules may call what `modules` have.

    A file may say `extends: shipped` and name only what it changes: a version, settings, and under `rules`
    fields of rules by their name. Raises `PolicyFaults` with one line a fault: where, and what is wrong.
    """
    content = content_of(path, _KINDS)
    try:
        policy = Policy.model_validate(content)
    except ValidationError as error:
        raise has_faults(path, told(error.errors(), content)) from error
    policy._proven = _shipped_sources()
    if wrong := list(_no_patterns(policy)):
        raise has_faults(path, wrong)
    if policy.likeness:
        policy._weights = _weights(policy, policy.likeness, path)
    wanted = [rule.function for rule in policy.rules if isinstance(rule, FunctionRule)]
    policy._functions = registered(wanted, modules)
    return policy


@cache
def _shipped_sources() -> frozenset[str]:
    """Every regular expression of the policy that ships; a test tries them on such texts."""
    return frozenset(Policy.model_validate(content_of(None, _KINDS)).untried.values())


def _no_patterns(policy: Policy) -> Iterator[str]:
    """What the engine that stops in time takes for no pattern."""
    try:
        for (rule, name), source in policy.untried.items():
            try:
                Timed(source)
            except ValueError as error:
                yield f"{rule}.{name}: this is not a pattern ({error})"
    except KeyError as error:
        yield f"words: the list {error} is not defined, which amounts are read with"


def _weights(policy: Policy, named: LikenessSettings, path: Path | None) -> Likeness:
    beside = path.parent / named.weights if path else None
    try:
        if beside and beside.exists():
            content = beside.read_bytes()
        else:
            content = (files("approvals.risk") / named.weights).read_bytes()
    except OSError as error:
        raise PolicyFaults(f"The weights {named.weights} cannot be read: {error.strerror}.") from error
    weights = Likeness(content, sha256=named.sha256)
    compared = {rule.id for rule in policy.rules if rule.likeness is not None}
    if unknown := sorted(compared - set(weights.categories)):
        raise PolicyFaults(f"The weights {named.weights} know no examples of {', '.join(unknown)}.")
    return weights


_FIELDS: Final = (
    *("patterns", "unless", "gives", "promises", "wholes", "offers", "permits", "givers", "recalls"),
    *("renews", "units", "dates"),
)


def pattern_fields(rule: Rule) -> list[tuple[str, tuple[str, ...]]]:
    """Each field of phrases, both languages together."""
    fields: list[tuple[str, Patterns]] = [
        (name, getattr(rule, name)) for name in _FIELDS if hasattr(rule, name)
    ]
    return [(name, tuple(one for texts in patterns.values() for one in texts)) for name, patterns in fields]


def _check_pattern(where: str, pattern: str, words: Mapping[str, str]) -> None:
    try:
        compiled = re.compile(regex_of(pattern, words))
    except KeyError as error:
        raise ValueError(f"{where}: the word list {error} in '{pattern}' is not defined") from error
    except re.error as error:
        raise ValueError(f"{where}: '{pattern}' is not a pattern ({error})") from error
    if compiled.match(""):
        raise ValueError(f"{where}: '{pattern}' matches every text")
