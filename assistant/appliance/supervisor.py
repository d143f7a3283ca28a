"""`cloister up`: starts a plan, keeps its children running, and leaves nothing behind.

Exit codes are listed in `errors`.
"""

import asyncio
import inspect
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from gettext import gettext as _
from typing import TextIO

from .disk import disk_full, is_disk_full, require_room, shortage
from .display import BothReporters, PlainReporter, Reporter, reporter_for
from .errors import KILLED_BY_SECOND_SIGNAL, ApplianceError, ChildFailed, StepFailed
from .keeper import Keeper
from .plan import Child, Item, Step, StepCancelled, in_order, needs_of
from .processes import ProcessRef, end, is_running, marked, read_pid_file, session_of, writing_to
from .state import StateFolder

MARK = "CLOISTER_STATE_FOLDER"
"""Set for every child to the state folder, so that what it leaves behind is found by its environment too."""

_STEP_TIMEOUT_S = 5.0
_LOG_LIMIT = 50_000_000
_LOW_DISK = 200_000_000


class Supervisor:
    """Runs one plan in one state folder.

    Independent items start side by side. "Ready" is when everything that is not in the background is ready
    or done; then `on_ready` gives the lines to show. The background goes on, with its progress shown.
    """

    def __init__(
        self,
        state: StateFolder,
        items: Sequence[Item],
        reporter: Reporter,
        *,
        on_ready: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._state = state
        self._items = in_order(items)
        self._needs = needs_of(items)
        self._reporter = reporter
        self._on_ready = on_ready
        self._keepers: dict[str, Keeper] = {}
        self._stopping = asyncio.Event()
        self._threads: list[StepThread] = []
        self._killed = False
        self._began = time.monotonic()

    async def run(self) -> int:
        """Start everything, serve until a signal, stop everything; return the exit code.

        The state folder's lock must be held. What fails is reported; the exit code says what kind it was.
        """
        code = 0
        with self._signals(), _environment(MARK, str(self._state.path)):
            await self._end_leftovers()
            ticking = asyncio.create_task(self._tick())
            try:
                if not self._stopping.is_set():
                    await self._start_and_serve()
            except ApplianceError as error:  # reported where it happened
                code = error.exit_code
            finally:
                self._stopping.set()
                await self._stop()
                ticking.cancel()
                self._reporter.note(_("Stopped."))
                self._reporter.close()
        return KILLED_BY_SECOND_SIGNAL if self._killed else code

    def stop(self) -> None:
        """Ask for a clean stop; a second time, kill every child at once."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._reporter.note(_("Stopping … (Ctrl-C again kills what is left)"))
            return
        self._killed = True
        for keeper in self._keepers.values():
            keeper.kill()

    async def _start_and_serve(self) -> None:
        started: dict[str, asyncio.Task[None]] = {}
        for item in self._items:
            needs = [started[name] for name in item.depends_on]
            started[item.name] = asyncio.create_task(self._start(item, needs), name=item.name)
        required = [started[item.name] for item in self._items if not item.background]
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await _all_or_first_error(required, stopping)
            if not self._stopping.is_set():
                self._say_ready()
                await stopping
        finally:
            stopping.cancel()
            await _cancel(started.values())

    async def _start(self, item: Item, needs: Sequence[asyncio.Task[None]]) -> None:
        """Bring one item to ready or done, once everything it needs is. Background failures end here."""
        try:
            await asyncio.gather(*map(asyncio.shield, needs))
        except (ApplianceError, _LeftOut) as error:
            raise _LeftOut(item.name) from error
        self._reporter.begin(item.name, item.label)
        try:
            await (self._do(item) if isinstance(item, Step) else self._keep(item))
        except ApplianceError as error:
            lines = error.lines if isinstance(error, ChildFailed) else ()
            self._reporter.fail(item.name, str(error), lines)
            if item.background:
                self._reporter.note(self._left_out_by(item))
            raise
        self._reporter.finish(item.name)

    async def _keep(self, child: Child) -> None:
        keeper = Keeper(child, self._state, self._reporter)
        self._keepers[child.name] = keeper
        await keeper.become_ready()

    async def _do(self, step: Step) -> None:
        try:
            if step.is_done is None or not await asyncio.to_thread(step.is_done):
                require_room(self._state.path, step.room, step.title)
            await self._run_step(step)
        except ApplianceError:
            raise
        except Exception as error:  # a step is foreign code: its failure is told, not a traceback
            if is_disk_full(error):
                raise disk_full(self._state.path) from error
            sentence = str(error) or type(error).__name__
            raise StepFailed(_("{title} failed: {why}").format(title=step.title, why=sentence)) from error

    async def _run_step(self, step: Step) -> None:
        """Run a step; a plain function gets a thread that does not hold up the end of the process."""
        report = self._on_progress(step)
        if inspect.iscoroutinefunction(step.run):
            await step.run(report)
            return
        outcome = StepThread(lambda: step.run(report), step.name)
        self._threads.append(outcome)
        await outcome.result

    def _on_progress(self, step: Step) -> Callable[[str, float | None], None]:
        loop = asyncio.get_running_loop()

        def report(what: str, fraction: float | None = None) -> None:
            if self._stopping.is_set():
                raise StepCancelled
            loop.call_soon_threadsafe(self._reporter.progress, step.name, what, fraction)

        return report

    def _left_out_by(self, item: Item) -> str:
        left_out = [other.label for other in self._items if item.name in self._needs[other.name]]
        if not left_out:
            return _("Everything else goes on.")
        return _("Everything else goes on; without it there is no: {parts}.").format(
            parts=", ".join(left_out)
        )

    def _say_ready(self) -> None:
        seconds = time.monotonic() - self._began
        self._reporter.note(_("Ready after {seconds:.0f} s.").format(seconds=seconds))
        for line in self._on_ready():
            self._reporter.note(line)

    async def _stop(self) -> None:
        """End steps, then children in reverse order: each when everything that depends on it has ended."""
        await asyncio.to_thread(self._end_steps)
        ended = {name: asyncio.Event() for name in self._keepers}

        async def stop_one(name: str, keeper: Keeper) -> None:
            for other, event in ended.items():
                if name in self._needs[other]:
                    await event.wait()
            try:
                await keeper.stop(at_once=self._killed)
            finally:
                ended[name].set()

        await asyncio.gather(*(stop_one(name, keeper) for name, keeper in self._keepers.items()))
        await asyncio.to_thread(self._end_lost)

    def _end_steps(self) -> None:
        """End the processes that steps have started, and see their threads off."""
        kept = frozenset(pid for keeper in self._keepers.values() if (pid := keeper.pid) is not None)
        self._end_marked(kept)
        until = time.monotonic() + _STEP_TIMEOUT_S
        for thread in self._threads:
            thread.join(until - time.monotonic())

    def _end_marked(self, except_sessions: frozenset[int]) -> list[ProcessRef]:
        ours = marked(MARK, str(self._state.path))
        lost = [ref for ref in ours if session_of(ref) not in except_sessions]
        return end(lost, signal.SIGTERM, _STEP_TIMEOUT_S)

    def _end_lost(self) -> list[ProcessRef]:
        """End whatever is left once no child should be there."""
        ended = self._end_marked(frozenset())
        return ended + end(writing_to(self._state.log), signal.SIGTERM, _STEP_TIMEOUT_S)

    async def _end_leftovers(self) -> None:
        """End what a killed supervisor has left: known by pid and start time, mark and log."""
        files = list(self._state.run.glob("*.pid"))
        records = [record for path in files if (record := read_pid_file(path)) is not None]
        if any(is_running(record.process) for record in records):
            self._reporter.note(_("Ending what an earlier start has left …"))
        ended = await asyncio.gather(
            *(asyncio.to_thread(end, [r.process], r.stop_signal, r.stop_timeout) for r in records),
        )
        found = sum(map(len, ended)) + len(await asyncio.to_thread(self._end_lost))
        for path in files:
            path.unlink()
        if found:
            self._reporter.note(_("Ended {n} processes that an earlier start had left.").format(n=found))

    async def _tick(self) -> None:
        warned = False
        while True:
            await asyncio.sleep(1)
            self._reporter.tick()
            short = shortage(self._state.path, 2 * _LOW_DISK if warned else _LOW_DISK)
            if short and not warned:
                self._reporter.note(short)
            warned = short is not None
            for keeper in self._keepers.values():
                keeper.trim_log(_LOG_LIMIT)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        wanted = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asks to outlive the terminal
            wanted.append(signal.SIGHUP)
        for sign in wanted:
            loop.add_signal_handler(sign, self.stop)
        try:
            yield
        finally:
            for sign in wanted:
                loop.remove_signal_handler(sign)


def supervise(
    state: StateFolder,
    items: Sequence[Item],
    *,
    on_ready: Callable[[], Sequence[str]] = tuple,
    stream: TextIO | None = None,
) -> int:
    """Run a plan in a folder whose lock is held, until it is stopped; return the exit code.

    Shows progress on `stream` (default: standard output) and writes every line to STATE/log/up.log too.
    """
    os.umask(0o077)  # for the children too: whatever they write is theirs alone
    with state.log_file("up").open("a", encoding="utf-8") as log:
        reporter = BothReporters(reporter_for(stream or sys.stdout), PlainReporter(log))

        async def main() -> int:
            return await Supervisor(state, items, reporter, on_ready=on_ready).run()

        return asyncio.run(main())


class _LeftOut(Exception):
    """What this item needs failed; that was reported where it happened."""


async def _all_or_first_error(tasks: Sequence[asyncio.Task[None]], stopping: asyncio.Task[bool]) -> None:
    """Wait until all tasks are done, one fails (raise its error) or a stop is asked for."""
    waiting: set[asyncio.Task[None]] = set(tasks)
    while waiting and not stopping.done():
        done, _rest = await asyncio.wait({*waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task in done:
                waiting.discard(task)
                error = None if task.cancelled() else task.exception()  # a stop cancels steps
                if error is not None and not isinstance(error, _LeftOut):
                    raise error


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    pending = list(tasks)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


class StepThread:
    """A plain function in a daemon thread; `result` is settled when it ends, and cancelled with its step."""

    def __init__(self, work: Callable[[], object], name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self.result: asyncio.Future[None] = self._loop.create_future()
        self._work = work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def join(self, timeout: float) -> None:
        self._thread.join(max(0.0, timeout))

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._work()
        except BaseException as raised:  # noqa: BLE001 handed over to the loop, nothing is lost
            error = raised
        with suppress(RuntimeError):  # the loop is closed: the appliance has ended without waiting
            self._loop.call_soon_threadsafe(self._settle, error)

    def _settle(self, error: BaseException | None) -> None:
        if self.result.done():
            return
        if error is None:
            self.result.set_result(None)
        elif isinstance(error, StepCancelled):
            self.result.cancel()
        else:
            self.result.set_exception(error)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
