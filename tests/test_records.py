"""Records behave as frozen dataclasses do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from imgfilt.records import record, replace


@record
class Ours:
    """A record."""

    first: int
    second: str = "x"
    rest: Mapping[str, int] = field(default_factory=dict)
    note: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.first < 0:
            raise ValueError("below 0")

    @property
    def double(self) -> int:
        return self.first * 2


@dataclass(frozen=True)
class Theirs:
    """The same as a dataclass."""

    first: int
    second: str = "x"
    rest: Mapping[str, int] = field(default_factory=dict)
    note: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.first < 0:
            raise ValueError("below 0")


@record
class Empty:
    """Nothing."""


@record(eq=False)
class Alone:
    """Equal to itself."""

    value: int


@record
class Hashable:
    """Fields that can be hashed."""

    first: int
    second: tuple[int, ...] = ()


@pytest.mark.parametrize(
    ("values", "given"),
    [
        ((1,), {}),
        ((1, "y"), {}),
        ((1,), {"second": "y"}),
        ((), {"first": 1, "note": "n"}),
        ((1, "y", {"a": 1}, "n"), {}),
        ((), {}),
        ((1,), {"first": 2}),
        ((1,), {"third": 2}),
        ((1, 2, 3, 4, 5), {}),
        ((-1,), {}),
    ],
)
def test_as_a_dataclass(values: tuple[Any, ...], given: dict[str, Any]) -> None:
    try:
        theirs = Theirs(*values, **given)
    except (TypeError, ValueError) as error:
        with pytest.raises(type(error)):
            Ours(*values, **given)
        return
    ours = Ours(*values, **given)
    assert vars(ours) == vars(theirs)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert ours == Ours(*values, **given)
    assert Ours.__match_args__ == Theirs.__match_args__


def test_what_was_wrong_is_said() -> None:
    with pytest.raises(TypeError, match=r"Ours\(\) takes first, second, rest, note, got 1 values, third"):
        Ours(1, third=2)  # type: ignore[call-arg]


def test_defaults_are_made_anew() -> None:
    assert Ours(1).rest is not Ours(1).rest
    assert Ours.second == "x"
    assert not hasattr(Ours, "note")


def test_equality_and_hash() -> None:
    assert Ours(1, note="a") == Ours(1, note="b")
    assert Ours(1) != Ours(2)
    assert Ours(1) != Theirs(1)
    assert Hashable(1) == Hashable(1, ())
    assert len({Hashable(1), Hashable(1, ()), Hashable(2), Hashable(1, (1,))}) == 3
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())
    assert Empty() != Hashable(1)
    one = Alone(1)
    assert one == one
    assert one != Alone(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Ours(1, rest={}))


def test_it_cannot_be_changed() -> None:
    ours = Ours(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="first"):
        ours.first = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del ours.first
    assert ours.first == 1


def test_replace() -> None:
    ours = Ours(1, "y", {"a": 1}, "n")
    assert vars(replace(ours, first=2)) == {**vars(ours), "first": 2}
    with pytest.raises(ValueError, match="below 0"):
        replace(ours, first=-1)
    with pytest.raises(TypeError, match="third"):
        replace(ours, third=1)


def test_functions_of_dataclasses_take_it() -> None:
    ours = Ours(1, "y", {"a": 1}, "n")
    assert dataclasses.replace(ours, first=2) == replace(ours, first=2)
    assert dataclasses.asdict(ours) == {"first": 1, "second": "y", "rest": {"a": 1}, "note": "n"}
    assert [f.name for f in dataclasses.fields(ours)] == list(Ours.__match_args__)
    with pytest.raises(TypeError, match="third"):
        dataclasses.replace(ours, third=2)


def test_copies_and_pickles() -> None:
    ours = Ours(1, rest={"a": 1}, note="n")
    for other in (copy.copy(ours), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert vars(other) == vars(ours)
        assert other == ours
    assert copy.deepcopy(ours).rest is not ours.rest


def test_patterns_and_properties() -> None:
    match Ours(3, "y"):
        case Ours(first, second):
            assert (first, second) == (3, "y")
    assert Ours(3).double == 6
