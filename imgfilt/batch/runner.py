"""A batch from its jobs to its results."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from imgfilt.batch.budget import Budget, machine_memory, processors
from imgfilt.batch.executors import EXECUTORS
from imgfilt.batch.results import Result
from imgfilt.batch.stop import Stop
from imgfilt.batch.targets import Job
from imgfilt.batch.work import Performer, Work

if TYPE_CHECKING:
    from imgfilt.batch.journal import Journal


class Limits(NamedTuple):
    """What a batch may use. None: a worker and a thread for each processor, half of the machine's memory."""

    jobs: int | None = None
    threads: int | None = None
    memory: int | None = None
    executor: str = "threads"


def run(
    jobs: Sequence[Job],
    work: Work,
    limits: Limits,
    stop: Stop,
    journal: Journal | None = None,
    *,
    make_folders: bool = False,
    fail_fast: bool = False,
    raising: bool = False,
) -> Iterator[Result]:
    """The result of each job, as they come. With `fail_fast` none is begun after the first failure.

    `make_folders`: the folders of the results are made where they are missing. `raising`: errors are raised.
    """
    threads = limits.threads or processors()
    workers = min(limits.jobs or threads, len(jobs))
    memory = limits.memory or machine_memory() // 2
    budget = Budget(threads, memory, workers, len(jobs))
    performer = Performer(
        work,
        budget,
        stop,
        journal,
        make_folders=make_folders,
        alone=len(jobs) == 1,
        fail_fast=fail_fast,
        raising=raising,
    )
    yield from EXECUTORS[limits.executor](performer, jobs, workers)


def split(
    jobs: Sequence[Job], journal: Journal, *, skip_existing: bool = False
) -> tuple[list[Job], list[Job]]:
    """(to be done, done before). With `skip_existing` results that no journal knows count too, if they are
    younger than their inputs."""
    done = [job for job in jobs if journal.is_done(job) or (skip_existing and _is_made(job, journal))]
    skipped = set(done)
    return [job for job in jobs if job not in skipped], done


def _is_made(job: Job, journal: Journal) -> bool:
    if journal.knows(job.target):
        return False
    try:
        made, source = os.stat(job.target), os.stat(job.source.path)
    except OSError:
        return False
    return made.st_size > 0 and made.st_mtime_ns >= source.st_mtime_ns
