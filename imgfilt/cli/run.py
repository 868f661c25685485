"""A filter on files: one path for a single file, for folders, and for every command."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

import click

from imgfilt.batch.errors import WrongUsageError
from imgfilt.batch.results import Result, Tally
from imgfilt.batch.runner import run as run_jobs
from imgfilt.batch.runner import split
from imgfilt.batch.sources import STREAM, Source, expand
from imgfilt.batch.stop import Stop
from imgfilt.batch.targets import Job, Naming, jobs
from imgfilt.batch.work import Filter, Work, failure
from imgfilt.cli import FAILED, INTERRUPTED, prefetch
from imgfilt.cli.messages import Messages
from imgfilt.cli.options import Settings

if TYPE_CHECKING:
    from imgfilt.batch.journal import Journal


def run(settings: Settings, label: str, function: Filter, recipe: Callable[[], str]) -> None:
    """Applies `function` to every input; exits with 1 where any of them failed.

    `label` goes into the names of the results; `recipe` says, when asked, all that decides their pixels, besides the
    common options. Raises `click.UsageError` where the options ask for what cannot be done to any file.
    """
    import imgfilt.api  # while the first picture is being decoded on its thread

    del imgfilt
    try:
        Run(settings, label, function, recipe).all()
    except WrongUsageError as error:
        raise click.UsageError(" ".join(str(error).split())) from error


class Run:
    """One command on its inputs."""

    def __init__(self, settings: Settings, label: str, function: Filter, recipe: Callable[[], str]) -> None:
        from imgfilt.batch.executors import EXECUTORS

        if settings.limits.executor not in EXECUTORS:
            raise WrongUsageError(
                f"unknown executor '{settings.limits.executor}'; there are {', '.join(EXECUTORS)}"
            )
        self.settings, self.recipe = settings, recipe
        self.naming: Naming = settings.naming(label)
        self.work = Work(
            label,
            function,
            settings.keywords,
            alpha=settings.alpha,
            quality=settings.quality,
            format=settings.format,
            bits=settings.bits,
            max_pixels=settings.max_pixels,
            ahead=prefetch.take,
        )
        self.stop = Stop()
        self.tally = Tally(0)
        self.messages = Messages(
            self.tally, json=settings.json, quiet=settings.quiet, each=not settings.is_many
        )
        self._checked = False

    def all(self) -> None:
        """The inputs, then (with --watch) what comes later. Ends the command where something failed."""
        settings = self.settings
        begin = perf_counter()
        selection = settings.selection
        if self.naming.folder:
            selection = selection._replace(avoid=settings.output)
        found = expand(settings.files, selection)
        planned = jobs(found.sources, self.naming)
        self.tally.expected = len(planned) + len(found.problems)
        if not self.tally.expected and not settings.watch:
            click.echo(
                f"imgfilt: there are no pictures in {', '.join(settings.files)}; --glob '*' takes any file",
                err=True,
            )
            return
        journal = self._journal(planned)
        try:
            with self._report():
                with self.messages:
                    for path, problem in found.problems:
                        self._say(failure(path, self.work.label, problem))
                    self._some(planned, journal)
                if settings.watch:
                    self._watch(journal)
        except KeyboardInterrupt:
            self.stop.abandon()
            if not settings.watch:
                self.messages.summary(perf_counter() - begin, "interrupted: ")
                if journal is not None:
                    click.echo("imgfilt: the same command with --resume goes on", err=True)
                click.get_current_context().exit(INTERRUPTED)
        if journal is not None and journal.problem and not settings.quiet:
            click.echo(
                f"note: '{journal.path}' cannot be written ({journal.problem}): --resume may do files again",
                err=True,
            )
        if not settings.dry_run:
            self.messages.summary(perf_counter() - begin)
        if self.tally.failed:
            click.get_current_context().exit(FAILED)

    def _some(self, planned: Sequence[Job], journal: Journal | None) -> None:
        settings = self.settings
        done: Sequence[Job] = ()
        if journal is not None and (settings.resume or settings.skip_existing):
            planned, done = split(planned, journal, skip_existing=settings.skip_existing)
            if not settings.dry_run:
                from imgfilt.batch.journal import remove_leftovers

                remove_leftovers({os.path.dirname(job.target) or "." for job in [*planned, *done]})
        for job in done:
            self._say(Result(job.source.path, job.target, self.work.label, "skipped"))
        if settings.dry_run:
            for job in planned:
                self._say(Result(job.source.path, job.target, self.work.label, "planned"))
            return
        for result in self._results(planned, journal):
            if result.status == "error":
                self._check_options()
            self._say(result)

    def _results(self, planned: Sequence[Job], journal: Journal | None) -> Iterator[Result]:
        if not planned:
            return iter(())
        return run_jobs(
            planned,
            self.work,
            self.settings.limits,
            self.stop,
            journal,
            make_folders=self.naming.folder or self.naming.name is not None,
            fail_fast=self.settings.fail_fast,
            raising=bool(os.environ.get("IMGFILT_DEBUG")),
        )

    @contextlib.contextmanager
    def _report(self) -> Iterator[None]:
        """The contact sheet of what is done in the block, where one is wished for."""
        path = self.settings.report
        if path is None or self.settings.dry_run:
            yield
            return
        from imgfilt.batch import report
        from imgfilt.batch.thumbnail import looking, size_for
        from imgfilt.io.errors import NotWritableError
        from imgfilt.io.output import check_target

        try:
            check_target(path)
        except NotWritableError as error:
            raise WrongUsageError(str(error)) from error
        self.work = self.work._replace(look=looking(size_for(self.tally.expected)))
        try:
            with report.opened(path, command_line(click.get_current_context())) as self.messages.report:
                yield
        except NotWritableError as error:
            raise click.ClickException(str(error)) from error
        finally:
            self.messages.report = None

    def _say(self, result: Result) -> None:
        self.messages.result(result)

    def _journal(self, planned: Sequence[Job]) -> Journal | None:
        """Kept for folders and lists, and where a later run was asked to go on."""
        settings = self.settings
        wanted = settings.is_many or settings.resume or settings.skip_existing or settings.watch
        if not wanted or not all(job.target != STREAM for job in planned):
            return None
        from hashlib import blake2b

        from imgfilt import __version__
        from imgfilt.batch.journal import Journal

        decisive = (self.recipe(), sorted(settings.keywords.items()), settings.alpha, settings.quality,
                    settings.bits, __version__)  # fmt: skip
        digest = blake2b(repr(decisive).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        if self.naming.folder:
            assert settings.output is not None
            root = settings.output
            if not settings.dry_run:
                _make_folder(root)
        else:
            folders = [os.path.dirname(os.path.abspath(job.target)) for job in planned]
            folders += [os.path.abspath(word) for word in settings.files if os.path.isdir(word)]
            root = os.path.commonpath(folders) if folders else "."
        return Journal(root, digest)

    def _watch(self, journal: Journal | None) -> None:
        """What comes into the folders from now on, until Ctrl-C."""
        from imgfilt.batch.watching import new_files

        folders = [word for word in self.settings.files if os.path.isdir(word)]
        if not self.settings.quiet:
            click.echo(f"imgfilt: watching {', '.join(folders)} (Ctrl-C ends)", err=True)
        selection = self.settings.selection._replace(
            avoid=self.settings.output if self.naming.folder else None
        )
        for sources in new_files(folders, selection):
            self._new(sources, journal)

    def _new(self, sources: Sequence[Source], journal: Journal | None) -> None:
        assert journal is not None  # a watched folder has one
        own = () if self.naming.in_place else tuple(s for s in sources if journal.knows(s.path))
        planned, _ = split(jobs([s for s in sources if s not in own], self.naming), journal)
        self.tally.expected += len(planned)
        for result in self._results(planned, journal):
            self._say(result)

    def _check_options(self) -> None:
        """Tells wrong usage from what is wrong with a file: is a small picture of any dtype refused too?

        Asked when the first file has failed, so that nobody waits for it when all is well.
        """
        if self._checked:
            return
        self._checked = True
        import numpy as np

        keywords = {**self.work.keywords, "threads": 1, "alpha": self.work.alpha or "each"}
        refused: Exception | None = None
        for dtype in ("float32", "uint8"):
            try:
                self.work.function(np.zeros((8, 8, 3), dtype), **keywords)
                return
            except (ValueError, TypeError) as error:
                refused = error
            except Exception:  # nothing that options are to blame for
                return
        self.stop.abandon()
        raise WrongUsageError(str(refused)) from refused


def command_line(context: click.Context) -> str:
    """The command as it was written, without its inputs and without where results go.

    >>> context = click.Context(click.Command("gaussian", params=[click.Option(["--sigma"])]), info_name="gaussian")
    >>> context.params["sigma"] = "3"
    >>> context.set_parameter_source("sigma", click.core.ParameterSource.COMMANDLINE)
    >>> command_line(context)
    'gaussian --sigma 3'
    """
    import shlex

    words = context.command_path.split()
    for parameter in context.command.params:
        name, value = str(parameter.name), context.params.get(str(parameter.name))
        given = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if not given or name in ("files", "from_file", "output", "report"):
            continue
        if isinstance(parameter, click.Option):
            words.append(
                parameter.opts[0] if value is not False else (parameter.secondary_opts or parameter.opts)[0]
            )
        if not isinstance(value, bool):
            words += [str(item) for item in value] if isinstance(value, tuple) else [str(value)]
    return shlex.join(words)


def _make_folder(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise WrongUsageError(f"the folder '{path}' cannot be made: {error.strerror or error}") from error
