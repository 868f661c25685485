"""`imgfilt tune`: what is fitted to a machine is that machine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

from imgfilt import cost, tuned, tuning
from imgfilt.cli import main
from imgfilt.cost import Constants
from imgfilt.problem import Problem


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    cost.assume(None)
    yield
    monkeypatch.undo()
    cost.assume(None)


def machine(factors: dict[str, float]) -> Constants:
    """A machine whose groups take so many times as long as built in."""
    given = asdict(Constants())
    changed = {name: given[name] * factors[g] for g, names in tuning.GROUPS.items() for name in names}
    return replace(Constants(), **changed)


def timed(constants: Constants) -> list[tuning.Measured]:
    return [tuning.Measured(probe, tuning.predicted(probe, constants)) for probe in tuning.probes()]


@pytest.mark.parametrize("factors", [(1, 1, 1, 1, 1), (0.4, 3, 0.2, 5, 2), (8, 0.5, 9, 11, 0.1)])
def test_a_machine_is_found_again(factors: tuple[float, ...]) -> None:
    want = machine(dict(zip(tuning.GROUPS, factors, strict=True)))
    measured = timed(want)
    got = tuning.fit(measured, Constants())
    assert_allclose(list(asdict(got).values()), list(asdict(want).values()), rtol=1e-9)
    assert tuning.misprediction(measured, got) == pytest.approx(1.0)
    if set(factors) != {1}:
        assert tuning.misprediction(measured, Constants()) > 1.5
    assert cost.constants() == Constants()  # fitting changes no plan


def test_noise_is_averaged() -> None:
    measured = timed(Constants())
    noisy = [replace(m, seconds=m.seconds * (1.2 if i % 2 else 1 / 1.2)) for i, m in enumerate(measured)]
    got = tuning.fit(noisy, Constants())
    for a, b in zip(asdict(got).values(), asdict(Constants()).values(), strict=True):
        assert abs(math.log(a / b)) < math.log(1.5)


def test_every_group_is_probed_and_times_are_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "_HEIGHT", 64)
    monkeypatch.setattr(tuning, "_WIDTH", 96)
    probes = tuning.probes()
    assert {probe.group for probe in probes} == set(tuning.GROUPS)
    monkeypatch.setattr(tuning, "probes", lambda: [p for p in probes if p.backend != "multirate"])
    assert all(0 < m.seconds < 60 for m in tuning.measure_probes())


def test_nonsense_is_refused() -> None:
    measured = [replace(m, seconds=m.seconds * 1e4) for m in timed(Constants())]
    with pytest.raises(ValueError, match="vector steps seem to take more than 64 times"):
        tuning.fit(measured, Constants())


@pytest.fixture
def twice_as_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(problem: Problem, backends: Sequence[str], threads: int) -> dict[str, float]:
        assert threads == 1
        slow = machine(dict.fromkeys(tuning.GROUPS, 2.0) | {"dense sums": 1.0})
        return {name: tuning.predicted(tuning.Probe("", name, problem), slow) for name in backends}

    monkeypatch.setattr(tuning, "measure", measure)


@pytest.mark.usefixtures("twice_as_slow")
def test_the_command_writes_what_it_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "--dry-run"]) == 0
    told = capsys.readouterr()
    assert "ns_per_step                      0.25 -> 0.5" in told.out
    assert "-> 1.00 on average" in told.out
    assert "nothing is written" in told.out
    assert "18/18" in told.err
    assert not Path(tuned.tuned_path()).exists()
    assert main(["tune"]) == 0
    assert f"written to {tuned.tuned_path()}" in capsys.readouterr().out
    cost.assume(None)
    assert cost.constants().ns_per_step == pytest.approx(0.5)
    assert main(["tune"]) == 0
    assert "0.5 -> 0.5" in capsys.readouterr().out
    assert main(["tune", "--reset"]) == 0
    assert "is removed" in capsys.readouterr().out
    assert main(["tune", "--reset"]) == 0
    assert "nothing to reset" in capsys.readouterr().out


@pytest.mark.usefixtures("twice_as_slow")
def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["tune", "--reset", "--dry-run"]) == 2
    assert "--dry-run and --reset" in capsys.readouterr().err
    (tmp_path / "config").write_text("a file where the folder should be")
    with pytest.warns(tuned.TuningWarning, match="cannot be read"):
        assert main(["tune"]) == 1
    assert f"cannot write '{tuned.tuned_path()}'" in capsys.readouterr().err
