"""What the pages of numbers show, taken from the running appliance for the caller of one request."""

from collections.abc import Mapping

from approvals import Period, Policy, ReviewReport, readable_queues, report_reviews
from assistant.live_pages import LivePages


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
