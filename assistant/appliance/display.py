"""What a person sees while the appliance starts, runs and stops."""

import time
from collections.abc import Sequence
from gettext import gettext as _
from typing import Protocol, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed

_PLAIN_FIRST_S = 15.0
_PLAIN_LONGEST_S = 120.0


class Reporter(Protocol):
    """Takes the events of a start. `name` is an item's name; several items may be under way at once."""

    def begin(self, name: str, title: str) -> None: ...
    def progress(self, name: str, what: str, fraction: float | None) -> None: ...
    def finish(self, name: str) -> None: ...
    def fail(self, name: str, sentence: str, lines: Sequence[str] = ()) -> None: ...
    def note(self, sentence: str) -> None: ...
    def tick(self) -> None: ...
    def close(self) -> None: ...


class PlainReporter:
    """Milestones as lines: for pipes, journals and log files.

    What takes long says now and then that it goes on, ever more rarely: 15 seconds, then 30, then 60.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = time.monotonic()
        self._running: dict[str, _Running] = {}
        self._gone = False

    def begin(self, name: str, title: str) -> None:
        self._running[name] = _Running(title)
        self._line(f"{title} …")

    def progress(self, name: str, what: str, fraction: float | None) -> None:
        if running := self._running.get(name):
            running.what, running.fraction = what, fraction

    def finish(self, name: str) -> None:
        running = self._running.pop(name, None)
        if running is not None:
            self._line(_("{title}: done ({seconds})").format(title=running.title, seconds=running.elapsed()))

    def fail(self, name: str, sentence: str, lines: Sequence[str] = ()) -> None:
        self._running.pop(name, None)
        self._line(sentence)
        for line in lines:
            self._line(f"    {line}")

    def note(self, sentence: str) -> None:
        self._line(sentence)

    def tick(self) -> None:
        for running in self._running.values():
            if time.monotonic() - running.said_at >= running.quiet_s:
                self._say(running)

    def close(self) -> None:
        self._running.clear()

    def _say(self, running: "_Running") -> None:
        running.said_at = time.monotonic()
        running.quiet_s = min(2 * running.quiet_s, _PLAIN_LONGEST_S)
        self._line(f"{running.title}: {running.now()}")

    def _line(self, text: str) -> None:
        if self._gone:
            return
        try:
            print(f"[{time.monotonic() - self._began:6.1f} s] {text}", file=self._stream, flush=True)
        except (OSError, ValueError):
            self._gone = True  # the reader of a pipe left: no reason to stop, STATE/log/up.log has every line


class RichReporter:
    """Spinners, bars and times on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tasks: dict[str, tuple[TaskID, _Running]] = {}
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            Elapsed(),
            TextColumn("[dim]{task.fields[what]}"),
            console=console,
            transient=True,
        )
        self._progress.start()

    def begin(self, name: str, title: str) -> None:
        task = self._progress.add_task(escape(title), total=None, what="")
        self._tasks[name] = (task, _Running(title))

    def progress(self, name: str, what: str, fraction: float | None) -> None:
        if name in self._tasks:
            task, _running = self._tasks[name]
            total = None if fraction is None else 1.0
            self._progress.update(task, total=total, completed=fraction or 0.0, what=escape(what))

    def finish(self, name: str) -> None:
        running = self._end(name)
        if running is not None:
            self._console.print(
                f"[green]✓[/] {escape(running.title)} [dim]({running.elapsed()})[/]", highlight=False
            )

    def fail(self, name: str, sentence: str, lines: Sequence[str] = ()) -> None:
        self._end(name)
        self._console.print(f"[red]✗[/] {escape(sentence)}", highlight=False)
        for line in lines:
            self._console.print(f"  [dim]│ {escape(line)}[/]", highlight=False)

    def note(self, sentence: str) -> None:
        self._console.print(escape(sentence), highlight=False)

    def tick(self) -> None:
        pass  # rich redraws by itself

    def close(self) -> None:
        self._progress.stop()

    def _end(self, name: str) -> "_Running | None":
        task, running = self._tasks.pop(name, (None, None))
        if task is not None:
            self._progress.remove_task(task)
        return running


class BothReporters:
    """Passes every event to two reporters: the terminal and the log."""

    def __init__(self, first: Reporter, second: Reporter) -> None:
        self._both = (first, second)

    def begin(self, name: str, title: str) -> None:
        for one in self._both:
            one.begin(name, title)

    def progress(self, name: str, what: str, fraction: float | None) -> None:
        for one in self._both:
            one.progress(name, what, fraction)

    def finish(self, name: str) -> None:
        for one in self._both:
            one.finish(name)

    def fail(self, name: str, sentence: str, lines: Sequence[str] = ()) -> None:
        for one in self._both:
            one.fail(name, sentence, lines)

    def note(self, sentence: str) -> None:
        for one in self._both:
            one.note(sentence)

    def tick(self) -> None:
        for one in self._both:
            one.tick()

    def close(self) -> None:
        for one in self._both:
            one.close()


def reporter_for(stream: TextIO) -> Reporter:
    """Return a live display where `stream` is a terminal that can show one, else plain lines."""
    console = Console(file=stream)
    if console.is_terminal and not console.is_dumb_terminal:
        return RichReporter(console)
    return PlainReporter(stream)


class _Running:
    def __init__(self, title: str) -> None:
        self.title = title
        self.what = ""
        self.fraction: float | None = None
        self.quiet_s = _PLAIN_FIRST_S
        self.began = self.said_at = time.monotonic()

    def elapsed(self) -> str:
        seconds = time.monotonic() - self.began
        return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"

    def now(self) -> str:
        share = f"{self.fraction:.0%}" if self.fraction is not None else ""
        return ", ".join(part for part in (self.what, share, self.elapsed()) if part)
