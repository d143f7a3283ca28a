"""What the pages of numbers show, taken from the running appliance for the caller of one request."""

import uuid
from collections.abc import Mapping

from approvals import Period, Policy, Reply, ReviewReport, readable_queues, report_reviews, withdraw_reply
from assistant.live_pages import LivePages
from assistant.pages import RulesView

from .learning import Rulebook, answer, read_rules


class LiveReports(LivePages):
    """`ReportData` on the appliance; a FastAPI dependency."""

    async def queue_titles(self) -> Mapping[str, str]:
        """The queues whose numbers the caller may see."""
        return await readable_queues(self._session, self._caller)

    def rule_title(self, rule: str) -> str:
        """As the policy in force calls it."""
        policy: Policy = self._state.policy
        return policy.title(rule)

    async def report(self, days: int, queue: str | None) -> ReviewReport:
        """The numbers of the last days."""
        return await report_reviews(self._session, self._caller, Period.last(days), queue)

    async def rules(self, days: int) -> RulesView:
        """What the decisions of the last days say about each rule."""
        return await read_rules(self._session, self._caller, self._rulebook, days)

    async def reply(self, suggestion: str, days: int, reply: Reply) -> None:
        """Accept a suggestion or put it aside."""
        await answer(self._session, self._caller, self._state.policy, suggestion, days, reply)

    async def withdraw(self, reply: uuid.UUID) -> None:
        """Take back what was said to a suggestion."""
        await withdraw_reply(self._session, self._caller, reply)

    @property
    def _rulebook(self) -> Rulebook:
        return Rulebook(self._state.policy, self._settings.policy_file if self._settings else None)
