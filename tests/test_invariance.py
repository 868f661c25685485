"""The same bits for any number of threads, any instruction set, any place of the output, any caller."""

import os
import pickle
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import isa_digest
import numpy as np
import oracle
import pytest
from cases import KERNELS, noise

import imgfilt
from imgfilt import _native

FILTERS = sorted(imgfilt.filters())
THREADS = (2, 5)


@pytest.mark.parametrize("dtype", oracle.DTYPES)
@pytest.mark.parametrize("name", FILTERS)
def test_filters_do_not_depend_on_threads(name, dtype):
    for shape in [(1301, 83), (601, 101, 3), (5, 40), (90, 31, 4)]:  # the first two are worth several threads
        image = noise(shape, dtype)
        one = isa_digest.run_filter(name, image, threads=1)
        for threads in THREADS:
            many = isa_digest.run_filter(name, image, threads=threads)
            np.testing.assert_array_equal(many, one, err_msg=f"{threads} threads, {shape}")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("backend", list(imgfilt.backends()))
def test_correlate_does_not_depend_on_threads(backend, kernel):
    weights, anchor = KERNELS[kernel]
    for dtype in oracle.DTYPES:
        image = noise((301 if weights.size > 25 else 901, 47, 3), dtype)  # work enough for several threads
        how = {"anchor": anchor, "border": "wrap", "backend": backend}
        try:
            one = imgfilt.correlate(image, weights, threads=1, **how)
        except ValueError:
            continue  # what a backend may refuse is held in test_convolution
        for threads in THREADS:
            np.testing.assert_array_equal(imgfilt.correlate(image, weights, threads=threads, **how), one)


def test_integral_does_not_depend_on_threads_or_instruction_set():
    for dtype in oracle.DTYPES:
        image = noise((70, 81, 3), dtype)
        got = imgfilt.integral(image)
        assert got.shape == (71, 82, 3)
        want = oracle.integral(image)
        np.testing.assert_allclose(got.astype(float), want.astype(float), rtol=1e-12, atol=1e-9)
        if dtype[0] != "f":
            np.testing.assert_array_equal(got.astype(np.int64), want)


# --- instruction sets ---


def digests_of(isa, folder):
    target = folder / f"{isa}.pickle"
    env = {**os.environ, "IMGFILT_ISA": isa}
    script = Path(isa_digest.__file__)
    done = subprocess.run(
        [sys.executable, str(script), str(target)], env=env, cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return pickle.loads(target.read_bytes())


def test_instruction_sets_agree(tmp_path):
    isas = list(_native.isas())
    assert _native.isa() in isas
    lowest, *others = isas
    base = digests_of(lowest, tmp_path)
    assert base.pop("isa") == lowest
    assert len(base) > 500
    for isa in others:
        results = digests_of(isa, tmp_path)
        assert results.pop("isa") == isa
        assert results.keys() == base.keys()
        for case, (exact, scale, want) in base.items():
            got = results[case][2]
            if exact:
                np.testing.assert_array_equal(got, want, err_msg=f"{isa}: {case}")
            elif want.dtype.kind in "iu":
                assert np.abs(got.astype(int) - want.astype(int)).max() <= 1, f"{isa}: {case}"
            else:
                unit = 1e-13 if want.dtype == np.float64 else 1e-6
                assert np.abs(got - want).max() <= 2 * unit * scale, f"{isa}: {case}"


def test_unknown_instruction_set_is_refused(tmp_path):
    env = {**os.environ, "IMGFILT_ISA": "v9"}
    code = "from imgfilt import _native; print(_native.isa())"
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "v9" in done.stderr
    assert all(isa in done.stderr for isa in _native.isas())


# --- where the output goes ---

OUT_FILTERS = ["gaussian", "box", "sobel", "unsharp_mask", "median", "canny", "bilateral", "identity"]


@pytest.mark.parametrize("name", OUT_FILTERS)
def test_out_is_written_and_returned(name):
    image = noise((33, 47), "uint8")
    want = isa_digest.run_filter(name, image)
    whole = np.full((70, 100), 7, dtype=np.uint8)
    for out in (
        np.empty_like(want),
        whole[1:67:2, 3:97:2],
        whole[40:7:-1, 50:3:-1],
        np.empty((47, 33), np.uint8).T,
    ):
        before = whole.copy()
        assert isa_digest.run_filter(name, image, out=out) is out
        np.testing.assert_array_equal(out, want)
        if np.shares_memory(out, whole):
            out[...] = 7
            before[...] = 7
            np.testing.assert_array_equal(whole, before)  # nothing beside the view was touched


@pytest.mark.parametrize("name", OUT_FILTERS)
@pytest.mark.parametrize("threads", [1, 3])
def test_out_may_overlap_the_input(name, threads):
    source = noise((60, 40), "uint8", seed=4)

    def overlap(take_in, take_out):
        buffer = source.copy()
        image, out = take_in(buffer), take_out(buffer)
        want = isa_digest.run_filter(name, image.copy(), threads=threads)
        assert isa_digest.run_filter(name, image, out=out, threads=threads) is out
        np.testing.assert_array_equal(out, want)

    overlap(lambda b: b, lambda b: b)
    overlap(lambda b: b[1:], lambda b: b[:-1])
    overlap(lambda b: b[:-1], lambda b: b[1:])
    overlap(lambda b: b[:, :-3], lambda b: b[:, 3:])
    overlap(lambda b: b, lambda b: b[::-1])
    overlap(lambda b: b[:30], lambda b: b[30:])


@pytest.mark.parametrize("backend", list(imgfilt.backends()))
def test_correlate_in_place(backend):
    weights = np.full((5, 5), 1.0)
    if backend == "low_rank":
        rng = np.random.default_rng(0)
        weights = rng.normal(size=(7, 2)) @ rng.normal(size=(2, 7))
    if backend == "multirate":
        weights = np.outer(*2 * [np.exp(-((np.arange(-40, 41) / 10.0) ** 2) / 2) / 25.0])
    for dtype in oracle.DTYPES[: 1 if backend == "multirate" else 3]:
        image = noise((50, 31, 3), dtype)
        want = imgfilt.correlate(image.copy(), weights, backend=backend)
        assert imgfilt.correlate(image, weights, out=image, backend=backend) is image
        np.testing.assert_array_equal(image, want)


def test_a_wrong_out_is_refused():
    image = noise((8, 9), "uint8")
    for out in (np.empty((8, 8), np.uint8), np.empty((8, 9), np.float32), np.empty((8, 9, 1), np.uint8)):
        with pytest.raises((ValueError, TypeError), match="out"):
            imgfilt.box(image, size=3, out=out)
    frozen = np.empty((8, 9), np.uint8)
    frozen.flags.writeable = False
    with pytest.raises((ValueError, TypeError), match=r"out|read-only|writ"):
        imgfilt.box(image, size=3, out=frozen)


# --- who calls ---


def test_threads_may_call_at_the_same_time():
    images = [noise((120, 90 + i, 3), "uint8", seed=i) for i in range(6)]
    names = ["sobel", "gaussian", "median", "box", "unsharp_mask", "emboss"]
    want = [isa_digest.run_filter(n, i, threads=1) for n, i in zip(names, images, strict=True)]
    wrong: list[str] = []

    def work(k):
        for _ in range(15):
            for threads in (1, 2, 3):
                got = isa_digest.run_filter(names[k], images[k], threads=threads)
                if not np.array_equal(got, want[k]):
                    wrong.append(names[k])

    workers = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_can_filter():
    image = noise((300, 200, 3), "uint8")
    want = imgfilt.gaussian(image, sigma=2.0, threads=3)  # the pool exists before the fork
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # "multi-threaded, use of fork() may lead to deadlocks"
        child = os.fork()
    if child == 0:
        status = 1
        try:
            got = [imgfilt.gaussian(image, sigma=2.0, threads=t) for t in (3, 1, 4)]
            status = 0 if all(np.array_equal(g, want) for g in got) else 2
        finally:
            os._exit(status)
    finished = threading.Event()
    killer = threading.Thread(target=lambda: finished.wait(30) or os.kill(child, 9))
    killer.start()
    _, status = os.waitpid(child, 0)
    finished.set()
    killer.join()
    assert os.waitstatus_to_exitcode(status) == 0, "the child hung or was wrong"
    np.testing.assert_array_equal(imgfilt.gaussian(image, sigma=2.0, threads=3), want)
