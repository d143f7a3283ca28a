"""One child and its lives: started, awaited, started again when it ends, stopped when asked."""

import asyncio
import os
import signal
import subprocess
import time
from gettext import gettext as _

from .disk import shortage
from .display import Reporter
from .errors import ApplianceError, ChildFailed, DiskLow
from .launch import spawn
from .plan import Child
from .processes import PidRecord, end, process_ref, session_members, write_pid_file
from .state import StateFolder, rotate, tail

_POLL_S = 0.1
_KILL_TIMEOUT_S = 5.0
_FULL = 48_000_000  # three segments of the log that PostgreSQL writes ahead


class Keeper:
    """Keeps one child running until `stop`."""

    def __init__(self, child: Child, state: StateFolder, reporter: Reporter) -> None:
        self._child = child
        self._state = state
        self._reporter = reporter
        self._log = state.log_file(child.name)
        self._pid_file = state.run / f"{child.name}.pid"
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._was_ready = False
        self._stopping = asyncio.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The child's pid while it runs."""
        return self._process.pid if self._process is not None else None

    async def become_ready(self) -> None:
        """Start the child and return when it is ready for the first time. Raises ChildFailed.

        From then on it is started again whenever it ends; a background child even when this has failed.
        """
        self._task = asyncio.create_task(self._keep(), name=f"keep {self._child.name}")
        await asyncio.shield(self._ready)

    async def stop(self, *, at_once: bool = False) -> None:
        """End the child with its own stop signal, or kill it when that takes longer than it may."""
        self._stopping.set()
        if self._task is None:
            return
        if at_once:
            self.kill()
        elif self._process is not None and self._process.poll() is None:
            self._process.send_signal(self._child.stop_signal)
        await asyncio.wait({self._task}, timeout=self._child.stop_timeout)
        self.kill()
        await self._task
        if not self._ready.done():
            self._ready.cancel()

    def kill(self) -> None:
        """Kill the child now."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    def trim_log(self, limit: int) -> None:
        """Put the log aside when it has grown beyond `limit` bytes."""
        rotate(self._log, limit)

    async def _keep(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            self._was_ready = False
            try:
                why = await self._live()
            except (ApplianceError, OSError) as error:
                why = str(error)
            if self._stopping.is_set():
                return
            if self._was_ready and time.monotonic() - began >= self._child.restart.steady_after:
                failures = 0
            failures += 1
            if not self._ready.done() and not self._child.background and failures >= self._attempts(why):
                self._ready.set_exception(self._failure(why))
                return
            self._tell(why, failures)
            await self._pause(self._child.restart.delay(failures))

    def _attempts(self, why: str) -> int:
        """One that hangs is not tried again: that would only double the wait."""
        return 1 if why == self._too_slow() else self._child.restart.attempts

    def _tell(self, why: str, failures: int) -> None:
        if failures % self._child.restart.attempts == 0:
            failure = self._failure(why)
            if self._ready.done():
                self._reporter.fail(self._child.name, str(failure), failure.lines)
            else:
                self._ready.set_exception(failure)
        elif self._ready.done():
            sentence = _("{title} {why}; it is started again.").format(title=self._child.label, why=why)
            self._reporter.note(sentence)

    def _failure(self, why: str) -> ChildFailed:
        if self._ready.done():
            sentence = _("{title} keeps failing: it {why}. See {log}; its last lines:")
        else:
            sentence = _("{title} does not become ready: it {why}. See {log}; its last lines:")
        sentence = sentence.format(title=self._child.label, why=why, log=self._log)
        full = shortage(self._state.path, _FULL)
        failure = ChildFailed(f"{full} {sentence}" if full else sentence, tail(self._log))
        if full:
            failure.exit_code = DiskLow.exit_code
        return failure

    async def _live(self) -> str:
        """Start the child, see it ready, wait for its end; return how it ended."""
        child = self._child
        if child.before_start is not None:
            await asyncio.to_thread(child.before_start)
        argv = child.argv() if callable(child.argv) else child.argv
        env = child.env() if callable(child.env) else child.env
        if self._stopping.is_set():
            return ""
        self._log = self._state.log_file(child.name)
        process = self._process = spawn(
            argv,
            log=self._log,
            env={**os.environ, **env},
            account=child.account,
            death_signal=child.stop_signal,
        )
        try:
            ref = process_ref(process.pid)
            if ref is not None:
                write_pid_file(self._pid_file, PidRecord(ref, child.stop_signal, child.stop_timeout))
            return await self._watch(process)
        finally:
            self._process = None
            self._pid_file.unlink(missing_ok=True)

    async def _watch(self, process: subprocess.Popen[bytes]) -> str:
        exited = asyncio.create_task(_exit_code(process))
        try:
            answering = asyncio.create_task(self._answers())
            await asyncio.wait(
                {exited, answering}, timeout=self._child.ready_timeout, return_when="FIRST_COMPLETED"
            )
            timed_out = not exited.done() and not answering.done()
            answering.cancel()
            if timed_out and not self._stopping.is_set():
                await self._end(process, exited)
                return self._too_slow()
            if exited.done():
                return _how_it_ended(await exited)
            self._note_ready()
            listening = asyncio.create_task(self._note_silence())
            try:
                return _how_it_ended(await exited)
            finally:
                listening.cancel()
        finally:
            await self._end(process, exited)
            await asyncio.to_thread(_kill_session, process.pid)

    async def _answers(self) -> None:
        while (await self._child.ready.check()) is not None:  # noqa: ASYNC110 another process sets no event
            await asyncio.sleep(_POLL_S)

    def _note_ready(self) -> None:
        self._was_ready = True
        if not self._ready.done():
            self._ready.set_result(None)
        else:
            self._reporter.note(_("{title} is ready again.").format(title=self._child.label))

    async def _note_silence(self) -> None:
        """Say once of each time that the child, which was ready, has not been so for a while."""
        since: float | None = None
        told = False
        while True:
            await asyncio.sleep(self._child.silent_after / 4)
            why = await self._child.ready.check()
            if why is None:
                if told:
                    self._reporter.note(_("{title} answers again.").format(title=self._child.label))
                since, told = None, False
                continue
            since = since or time.monotonic()
            if not told and time.monotonic() - since >= self._child.silent_after:
                sentence = _("{title} runs, but is not ready any more: {why}. See {log}.")
                self._reporter.note(sentence.format(title=self._child.label, why=why, log=self._log))
                told = True

    async def _end(self, process: subprocess.Popen[bytes], exited: asyncio.Task[int]) -> None:
        if not exited.done():
            process.send_signal(self._child.stop_signal)
            await asyncio.wait({exited}, timeout=self._child.stop_timeout)
        if not exited.done():
            process.kill()
        await exited

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _too_slow(self) -> str:
        return _("did not answer within {seconds:.0f} s").format(seconds=self._child.ready_timeout)


async def _exit_code(process: subprocess.Popen[bytes]) -> int:
    while (code := process.poll()) is None:  # noqa: ASYNC110 another process sets no event
        await asyncio.sleep(_POLL_S)
    return code


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return _("ended with exit code {code}").format(code=code)
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return _("was ended by {signal}").format(signal=name)


def _kill_session(leader: int) -> None:
    """End what the ended child has left in its session, such as the worker processes of a server."""
    end(session_members(leader), signal.SIGKILL, _KILL_TIMEOUT_S)
