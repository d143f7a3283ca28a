"""Which model server answers: LiteLLM's router chooses, and learns here which ones failed."""

import logging
import os
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import NotFound, PartUnavailable, TooLarge

from .settings import BreakerSettings, DeploymentSettings

_LITELLM_LOGGERS: Final = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")
_UNAVAILABLE: Final = (
    "No model server is available now. Passages and facts are still there; try again in a moment."
)


@dataclass(frozen=True)
class Choice:
    """A deployment that was chosen, and the name it is known by here."""

    name: str
    settings: DeploymentSettings


class ModelRouter:
    """Weights, context length and cooldown over the deployments of each model name.

    LiteLLM is used for the choice alone: no request goes through it, and it sees no text.
    """

    def __init__(self, deployments: Sequence[DeploymentSettings], breaker: BreakerSettings) -> None:
        self._by_name = {deployment.name: deployment for deployment in deployments}
        self._breaker = breaker
        self._failures: dict[str, int] = {}
        self._sizes = {
            model: sorted({each.context_tokens for each in deployments if each.model == model})
            for model in {each.model for each in deployments}
        }
        self._router = _litellm_router(self._groups()) if deployments else None

    @property
    def models(self) -> list[str]:
        """Names that callers may ask for."""
        return sorted(self._sizes)

    def choose(self, model: str, tokens: int, *, without: Collection[str] = ()) -> Choice:
        """A deployment whose window holds `tokens`, none of `without`.

        Raises `NotFound` for an unknown model, `TooLarge`, `PartUnavailable` when all are resting.
        """
        if self._router is None:
            raise PartUnavailable("model", "This appliance runs without a language model.", absent=True)
        sizes = self._sizes.get(model)
        if sizes is None:
            raise NotFound("There is no model of that name here.")
        size = next((size for size in sizes if size >= tokens), None)
        if size is None:
            raise TooLarge(f"The text does not fit the model's window of {sizes[-1]} tokens.")
        name = self._pick(_group(model, size))
        if name in without:
            name = self._pick_other(model, size, without)
        return Choice(name, self._by_name[name])

    def versions(self, model: str) -> list[str]:
        """What the deployments of a model serve: each version once."""
        return sorted({each.version for each in self._by_name.values() if each.model == model})

    def others_than(self, model: str, version: str) -> frozenset[str]:
        """The deployments of a model that serve another version. Raises `NotFound` when all of them do."""
        members = [each for each in self._by_name.values() if each.model == model]
        if all(each.version != version for each in members):
            raise NotFound("This version of the model is not served here any more.")
        return frozenset(each.name for each in members if each.version != version)

    def version_of(self, name: str) -> str:
        """What a deployment serves."""
        return self._by_name[name].version

    def failed(self, name: str) -> None:
        """A deployment failed: after some failures in a row it rests, whatever its weight."""
        self._failures[name] = self._failures.get(name, 0) + 1
        if self._router is None or self._failures[name] < self._breaker.failures:
            return
        for size in self._sizes[self._by_name[name].model]:
            self._router.cooldown_cache.add_deployment_to_cooldown(
                model_id=_member(name, size),
                original_exception=ConnectionError("the model server failed"),
                exception_status=503,
                cooldown_time=self._breaker.seconds,
            )

    def succeeded(self, name: str) -> None:
        """A deployment began to answer."""
        self._failures.pop(name, None)

    def _pick(self, group: str) -> str:
        assert self._router is not None  # noqa: S101 - choose has looked
        try:
            chosen: Any = self._router.get_available_deployment(group)
        except ValueError as error:  # RouterRateLimitError: all of them are resting
            raise PartUnavailable("model", _UNAVAILABLE) from error
        return str(chosen["model_info"]["deployment"])

    def _pick_other(self, model: str, size: int, without: Collection[str]) -> str:
        """LiteLLM's choice knows no exceptions for one request, so the second try is weighed here."""
        assert self._router is not None  # noqa: S101 - choose has looked
        members = {_member(each.name, size): each for each in self._members(model, size)}
        resting = self._router.cooldown_cache.get_active_cooldowns(list(members), parent_otel_span=None)
        for name, _ in resting:
            members.pop(name, None)
        others = [each for each in members.values() if each.name not in without]
        if not others:
            raise PartUnavailable("model", _UNAVAILABLE)
        return random.choices(others, [each.weight for each in others])[0].name  # noqa: S311 - no secret

    def _members(self, model: str, size: int) -> list[DeploymentSettings]:
        return [
            each for each in self._by_name.values() if each.model == model and each.context_tokens >= size
        ]

    def _groups(self) -> list[dict[str, Any]]:
        """A group for each window size: the deployments that hold at least so much."""
        return [
            {
                "model_name": _group(model, size),
                "litellm_params": {
                    "model": f"openai/{each.served_name or each.model}",
                    "api_base": each.url,
                    "api_key": "not used: the door makes the call",
                    "weight": each.weight,
                },
                "model_info": {"id": _member(each.name, size), "deployment": each.name},
            }
            for model, sizes in self._sizes.items()
            for size in sizes
            for each in self._members(model, size)
        ]


def estimate_tokens(characters: int) -> int:
    """A cautious guess of a text's tokens, before any model has seen it."""
    return characters // 3 + 16


def _litellm_router(groups: list[dict[str, Any]]) -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else importing it asks the internet
    os.environ["LITELLM_MODE"] = "PRODUCTION"  # else importing it reads .env
    from litellm import Router

    for name in _LITELLM_LOGGERS:  # they bring handlers of their own, and would say everything twice
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.WARNING)
    return Router(model_list=groups, num_retries=0, routing_strategy="simple-shuffle")


def _group(model: str, size: int) -> str:
    return f"{model}@{size}"


def _member(name: str, size: int) -> str:
    return f"{name}@{size}"
