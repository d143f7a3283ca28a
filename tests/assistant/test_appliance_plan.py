"""Plans: what comes after what, and which plans are refused."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.appliance.display import PlainReporter
from assistant.appliance.plan import Backoff, Child, Item, Step, in_order, needs_of
from assistant.appliance.ports import free_port
from assistant.appliance.probes import HttpProbe, TcpProbe


def step(name: str, *needs: str, background: bool = False) -> Step:
    return Step(name, name, lambda _: None, needs, background)


@given(st.lists(st.sets(st.integers(0, 11)), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_everything_comes_after_what_it_needs(needs: list[set[int]], random: st.DataObject) -> None:
    items: list[Item] = [step(str(i), *(str(n) for n in need if n < i)) for i, need in enumerate(needs)]
    random.shuffle(items)  # type: ignore[attr-defined]
    names = [item.name for item in in_order(items)]
    closure = needs_of(items)
    assert sorted(names) == sorted(item.name for item in items)
    for item in items:
        assert all(names.index(need) < names.index(item.name) for need in closure[item.name])


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="circle"):
        in_order([step("a", "b"), step("b", "a")])


def test_an_unknown_need_is_refused() -> None:
    with pytest.raises(ValueError, match="a depends on nobody"):
        in_order([step("a", "nobody")])


def test_a_double_name_is_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        in_order([step("a"), step("a")])


def test_readiness_never_waits_for_the_background() -> None:
    with pytest.raises(ValueError, match="runs in the background"):
        in_order([step("model", background=True), step("web", "model")])


@given(st.integers(1, 10_000))
def test_the_wait_grows_and_is_bounded(failures: int) -> None:
    backoff = Backoff()
    assert backoff.first <= backoff.delay(failures) <= backoff.delay(failures + 1) <= backoff.most


async def test_probes_say_what_is_in_the_way_instead_of_raising() -> None:
    port = free_port()
    assert await TcpProbe(port).check() == f"nothing listens on port {port} yet"
    assert "does not answer yet" in str(await HttpProbe(f"http://127.0.0.1:{port}/readyz").check())


def test_a_child_is_called_by_its_title() -> None:
    assert Child("door", ["true"], TcpProbe(1)).label == "door"
    assert Child("door", ["true"], TcpProbe(1), title="The door").label == "The door"


class Pipe(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_left_does_not_stop_the_start() -> None:
    reporter = PlainReporter(Pipe())
    reporter.begin("door", "The door")
    reporter.finish("door")
