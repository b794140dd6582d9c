"""Queued jobs that the release which goes live cannot run: counted by class before the switch, and set aside around it
where that was decided, until a release is live again that can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

from runbook_lib.config import Target
from runbook_lib.connectors import connector_to
from runbook_lib.display import Table
from runbook_lib.errors import RunbookError
from runbook_lib.laravel.classes import Classes, in_git, in_image
from runbook_lib.laravel.queues import Aside, Job, Store, cannot_run_in, lacking
from runbook_lib.laravel.stores import store_of
from runbook_lib.platforms.base import Platform, Release
from runbook_lib.run.plan import Section, Step
from runbook_lib.run.run import Run

HEAD = ("environment", "class", "jobs")
WHAT = "queued jobs set aside under"
# More are not read before the switch: the count is for people.
MOST = 100_000


@dataclass(frozen=True)
class WaitingJobs:
    """The queued jobs of one environment, before `release` goes live there."""

    target: Target
    platform: Platform
    release: Release

    @property
    def configured(self) -> bool:
        return self.target.environment.queues is not None and self.target.environment.laravel is not None

    @cached_property
    def store(self) -> Store:
        return store_of(self.target)

    def counted(self) -> dict[str, int]:
        """The classes that queued jobs name and that the release lacks, with the number of those jobs, now.
        PlatformError, ConfigurationError, CommandError when it cannot be told."""
        jobs = list(islice(self.store.jobs(), MOST))
        return lacking(jobs, self.classes(jobs))

    def lacked_of(self, aside: Aside) -> list[str]:
        """The classes of jobs that are kept which the release lacks."""
        classes = self.of_names(set(aside.counts))
        return [name for name in aside.counts if classes.lacks(name)]

    def classes(self, jobs: list[Job]) -> Classes:
        """The classes of the release, as far as these jobs name them."""
        return self.of_names({name for job in jobs for name in job.classes})

    def of_names(self, names: set[str]) -> Classes:
        """From the Git repository, or from inside the image, where only these are looked for."""
        environment = self.target.environment
        inside = environment.laravel.folder if environment.laravel else ""
        if environment.git is not None:
            repository = str(self.target.resolve(environment.git.repository or environment.git.path))
            return Classes(in_git(connector_to("local", self.target.state), repository, self.release.id, inside))
        return Classes(
            in_image(lambda command: next(iter(self.platform.read(self.release, command).values())), inside, names)
        )


@dataclass(frozen=True)
class SettingAside:
    """Jobs set aside around a switch. section: name of the section; run: that does it."""

    jobs: WaitingJobs
    section: str
    run: Run

    def around(self, section: Section) -> Section:
        """The section with the jobs set aside right before it, again after it (what came meanwhile), and put back when
        what served before is put back."""
        first = self._step("jobs", "set aside the queued jobs that the release cannot run", self._set_aside)
        again = self._step("jobs.again", "set aside those that came meanwhile", self._set_aside)
        back = self._step("back.jobs", "put back the jobs that were set aside", self._put_back)
        steps = (first, *section.steps, again)
        return replace(section, steps=steps, back=(*section.back, replace(back, undoes=first.id)))

    @property
    def mark(self) -> str:
        return f"{self.run.id}.{self.section}"

    def _step(self, name: str, title: str, do: Any) -> Step:
        return Step(f"{self.section}.{name}", title, do, lambda: None, shows=(f"mark {self.mark}",), repeatable=True)

    def _set_aside(self) -> str:
        put_in_force(self.run, self.jobs.target, Aside(self.mark, {}, ""))
        jobs = list(self.jobs.store.jobs())
        chosen = cannot_run_in(self.jobs.classes(jobs))
        aside = self.jobs.store.set_aside(self.mark, chosen)
        if not aside.count:
            lift(self.run, self.jobs.target, self.mark)
            return "there are none"
        put_in_force(self.run, self.jobs.target, aside)
        return f"{aside.count} set aside: {in_words(aside.counts)}"

    def _put_back(self) -> str:
        returned = self.jobs.store.put_back(self.jobs.store.aside(self.mark))
        lift(self.run, self.jobs.target, self.mark)
        return f"{returned} put back"


def put_in_force(run: Run, target: Target, aside: Aside) -> None:
    """Write down what is set aside; before any job is, so that none is kept that nobody knows of."""
    undo = f"runbook jobs put-back {aside.mark}"
    run.record(
        "put in force", what=f"{WHAT} {aside.mark}", environment=target.label, undo=undo, about={"aside": asdict(aside)}
    )


def lift(run: Run, target: Target, mark: str) -> None:
    run.record("lifted", what=f"{WHAT} {mark}", environment=target.label)


def in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def looked_at(waiting: list[WaitingJobs], run: Run, decision: str) -> Table:
    """Count the jobs of each environment that the release cannot run, write it down and show it."""
    rows: list[tuple[str, str, str]] = []
    notes: list[str] = []
    for jobs in waiting:
        label = jobs.target.label
        if not jobs.configured:
            notes.append(f"{label}: no table queues is configured: queued jobs are not looked at")
            continue
        try:
            found, problem = jobs.counted(), ""
        except RunbookError as error:
            found, problem = {}, error.message
        run.record("jobs counted", environment=label, release=str(jobs.release), counts=found, problem=problem,
                   decision=decision)  # fmt: skip
        rows += [(label, name, str(count)) for name, count in found.items()]
        notes.append(f"{label}: {_note(found, problem, decision)}")
    return Table("Queued jobs that the release cannot run", HEAD, rows, notes)


def _note(found: Mapping[str, int], problem: str, decision: str) -> str:
    if problem:
        return f"they cannot be read: {problem}"
    if not found:
        return "there are none"
    if decision == "aside":
        return "they are set aside around the switch, and kept until they are put back"
    return "they are left, and will fail once the release runs them; -p jobs aside sets them aside instead"
