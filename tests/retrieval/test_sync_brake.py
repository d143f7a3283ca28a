"""Too many deletions at once stop, whatever way they come, and go on by a person's word."""

from retrieval.sync import Brake


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def keys(start: int, end: int) -> list[str]:
    return [str(number) for number in range(start, end)]


def test_few_deletions_go_and_a_fifth_of_a_kind_waits() -> None:
    brake = Brake(Clock())
    assert brake.allowed("case", keys(0, 10), 100) == keys(0, 10)
    assert brake.allowed("case", keys(10, 30), 90) == []
    assert brake.held("case") == 20
    assert "20 of 90 rows of “case”" in str(brake.sentence("case"))


def test_three_of_a_small_table_go_without_a_question() -> None:
    assert Brake(Clock()).allowed("team", keys(0, 3), 4) == keys(0, 3)


def test_many_small_deletions_within_the_window_stop_and_after_it_do_not() -> None:
    clock = Clock()
    brake, left = Brake(clock), 100
    for start in range(0, 15, 5):
        assert brake.allowed("case", keys(start, start + 5), left)
        left -= 5
    assert brake.allowed("case", keys(15, 20), left) == []
    brake.lift("case")
    slow = Brake(clock)
    for start in range(0, 60, 5):
        clock.now += 700
        assert slow.allowed("case", keys(start, start + 5), 100 - start)


def test_rows_that_come_and_go_do_not_stop_a_kind_that_keeps_its_size() -> None:
    brake = Brake(Clock())
    for start in range(0, 1_000, 10):
        assert brake.allowed("case", keys(start, start + 10), 100)


def test_once_stopped_further_deletions_wait_too() -> None:
    brake = Brake(Clock())
    brake.allowed("case", keys(0, 50), 100)
    assert brake.allowed("case", ["99"], 100) == []
    assert brake.held("case") == 51


def test_the_question_ends_when_the_rows_are_back() -> None:
    brake = Brake(Clock())
    brake.allowed("case", keys(0, 50), 100, whole=True)
    assert brake.allowed("case", [], 100, whole=True) == []
    assert brake.sentence("case") is None
    assert brake.allowed("case", ["1"], 100) == ["1"]


def test_kept_rows_stay_and_others_go() -> None:
    brake = Brake(Clock())
    brake.allowed("case", keys(0, 50), 100, whole=True)
    assert brake.keep("case") == 50
    assert brake.sentence("case") is None
    assert brake.allowed("case", [*keys(0, 50), "70"], 100, whole=True) == ["70"]


def test_after_a_restart_what_was_kept_is_kept_and_what_was_stopped_is_stopped() -> None:
    brake = Brake(Clock())
    brake.restore("case", 0, 50)
    assert brake.allowed("case", keys(0, 50), 100, whole=True) == []
    assert brake.sentence("case") is None
    stopped = Brake(Clock())
    stopped.restore("note", 9, 0)
    assert stopped.allowed("note", ["1"], 100, whole=True) == []
    assert stopped.held("note") == 1
