"""The pool of threads: work too little to wake one, calls one after another, few processors, busy ones."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from cases import noise

import imgfilt

SMALL = [
    (64, 64),
    (200, 200),
    (256, 256, 3),
]  # too little to wake a thread for, but shared with one that is awake


def test_series_of_small_calls_have_the_bits_of_one_thread():
    for shape in SMALL:
        for dtype in ("uint8", "float32"):
            image = noise(shape, dtype)
            want = imgfilt.unsharp_mask(image, threads=1)
            for threads in (2, 3, 7):
                for _ in range(40):  # after the first few the workers are awake
                    np.testing.assert_array_equal(imgfilt.unsharp_mask(image, threads=threads), want)
                time.sleep(0.001)  # and asleep again


@pytest.mark.parametrize("name", ["median", "canny", "sobel"])
def test_small_calls_of_several_callers_at_once(name):
    image = noise((256, 256), "uint8")
    run = getattr(imgfilt, name)
    want = run(image, threads=1)
    wrong = []

    def call(threads):
        for _ in range(60):
            if not np.array_equal(run(image, threads=threads), want):
                wrong.append(threads)

    callers = [threading.Thread(target=call, args=(threads,)) for threads in (2, 2, 3, 5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


ON_ONE_PROCESSOR = """
import os, sys
import numpy as np
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import imgfilt
image = np.random.default_rng(3).integers(0, 256, (700, 300), np.uint8)
want = imgfilt.gaussian(image, sigma=2.0, threads=1)
assert imgfilt._native.all_threads() == 1
for part in (image, image[:200]):
    for _ in range(50):
        got = imgfilt.gaussian(part, sigma=2.0, threads=4)
    assert (got == imgfilt.gaussian(part, sigma=2.0, threads=1)).all()
    assert (imgfilt.gaussian(part, sigma=2.0) == got).all()
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no choice of processors on this system")
def test_more_threads_than_processors():
    done = subprocess.run(
        [sys.executable, "-P", "-c", ON_ONE_PROCESSOR],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout == "done\n", done.stderr


def test_calls_beside_busy_processes():
    busy = [
        subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"])
        for _ in range(imgfilt._native.all_threads())
    ]
    try:
        image = noise((256, 256), "float32")
        want = imgfilt.gaussian(image, sigma=3.0, threads=1)
        for _ in range(100):
            np.testing.assert_array_equal(imgfilt.gaussian(image, sigma=3.0, threads=2), want)
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_while_workers_are_awake_has_its_own():
    image = noise((256, 256), "uint8")
    want = imgfilt.gaussian(image, sigma=3.0, threads=1)
    for _ in range(3):
        for _ in range(20):
            imgfilt.gaussian(image, sigma=3.0, threads=2)
        child = os.fork()
        if child == 0:  # no pytest in here
            same = all(np.array_equal(imgfilt.gaussian(image, sigma=3.0, threads=2), want) for _ in range(20))
            os._exit(0 if same else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
