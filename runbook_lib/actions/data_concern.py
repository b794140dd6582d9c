"""Is the data wrong, since when, how much of it, and what brings it back: looked at beside, the evidence kept first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runbook_lib.actions.backup_and_restore import BackupAndRestore
from runbook_lib.actions.data import preserving
from runbook_lib.actions.data.backing_up import mark_of, steps_of_taking
from runbook_lib.actions.data.data_causes import GONE, Seen, causes, facts, shown
from runbook_lib.actions.data.moments import unix_time
from runbook_lib.actions.data.switching import Writes
from runbook_lib.actions.procedure import Procedure, begin, target_of
from runbook_lib.backups import rows
from runbook_lib.backups.concerns import findings
from runbook_lib.backups.counting import columns, tables
from runbook_lib.backups.engine import Engine, engine_of
from runbook_lib.backups.place import repository_of
from runbook_lib.backups.record import Backup
from runbook_lib.backups.repository import Repository, find
from runbook_lib.backups.restoring import check_database, refuse, restore_database
from runbook_lib.command import printable
from runbook_lib.diagnosis import EVENT, Cause, event
from runbook_lib.display import Table
from runbook_lib.errors import ConfigurationError, ParameterError, RunbookError
from runbook_lib.run import gate
from runbook_lib.run.plan import Plan, Section, Snapshot, Step

RUNBOOK = "data_concern"
COMPARED = "data compared"
CHECKED = "data checked"
DAY = 86_400.0


@dataclass
class DataConcern(Procedure):
    """The procedure of data_concern.ipynb, a method for each of its sections."""

    repository: Repository
    action: str
    suspects: tuple[str, ...]
    since: float | None
    backup: str
    stop_writes: bool
    incident: str

    expected = "about as long as a backup and its restore take"

    @classmethod
    def open(
        cls,
        action: str = "",
        service: str = "",
        environment: str = "production",
        tables: str = "",
        since: str = "",
        backup: str = "",
        stop_writes: bool = False,
        approve: str = "",
        incident: str = "",
        dry_run: bool = False,
    ) -> DataConcern:
        """Begin, or continue the unfinished run of the same command.

        action: empty recommends only, "recommended" carries the recommendation out. tables: suspects, separated by
        commas. since: when it began, ISO 8601, as far as is known. backup: to compare with, empty: the newest verified
        one. stop_writes: begin maintenance mode first. Raises ParameterError, ConfigurationError, JournalError.
        """
        if action not in ("", "recommended"):
            raise ParameterError(
                f"there is no action {printable(action, 40)!r}", next_step='leave it empty, or "recommended"'
            )
        target = target_of(service, environment)
        if target.environment.database is None:
            raise ConfigurationError(f"{target.label} has no table database", next_step="add it to runbooks.toml")
        names = tuple(dict.fromkeys(name.strip() for name in tables.split(",") if name.strip()))
        parameters: dict[str, Any] = {
            "action": action, "tables": tables, "since": since, "backup": backup, "stop_writes": stop_writes
        }  # fmt: skip
        repository, began = repository_of(target), unix_time(since)
        run = begin(RUNBOOK, target, parameters, same=tuple(parameters), incident=incident, dry_run=dry_run)
        return cls(run, target, approve, repository, action, names, began, backup, stop_writes, incident)

    def gate(self) -> str:
        """Ask only where the application is affected: looking beside needs nobody's leave."""
        approval = self.target.environment.approval
        policy = approval.policy if self.stop_writes else "none"
        terms = gate.Terms(policy, approval.expires, approval.wait, self.word)
        return f"approved by {self.run.approve(terms, self.given)}"

    def findings(self) -> Table:
        """What the checks and the comparison found."""
        now, then = self._checked("now"), self._checked("then")
        body = [(f["name"], f"{f['rows']:,}", _rows(then, f["name"]), f["problem"] or _at(f["onset"])) for f in now]
        for found in self._compared():
            what = f"{found['changed']:,} changed, {found['deleted']:,} deleted, {found['added']:,} added"
            body.append((f"table {found['table']}", what, "", "; ".join(found["samples"][:3])))
        head = ("check or table", "now", "in the backup", "since, or samples")
        return Table(f"What is wrong with the data of {self.target.label}", head, body, self._unseen())

    def recommend(self) -> Table:
        """The likely cause and the way back, written down as `diagnosed`."""
        causes = self._causes()
        onsets = [f["onset"] for f in self._checked("now") if f["onset"] and f["rows"] > f["allowed"]]
        onset = self.since if self.since is not None else min(onsets, default=None)
        incident = str(self._opened.get("incident", ""))
        data = event(self.target.label, causes, incident=incident, unseen=self._unseen(), onset=onset)
        if not self.run.dry_run:
            self.run.record(EVENT, **data)
        for cause in causes[:1]:
            self.run.suggest(cause.command or cause.by_hand)
        body = [
            (c.name, f"{c.score:.2f}", c.title, "; ".join(c.supporting), "; ".join(c.opposing), c.command or c.by_hand)
            for c in causes
        ]
        title = f"Since {_at(onset)}" if causes else "Nothing is found to be wrong with the data"
        return Table(title, ("cause", "score", "what", "for", "against", "next"), body, self._unseen())

    def carry_out(self) -> str:
        """Carry out the recommendation where that was asked for, in the same process, through its own gate."""
        causes = self._causes() if self.action and not self.run.dry_run else []
        if not self.action or not causes or causes[0].next is None:
            return "nothing is carried out" if not self.action else "there is nothing to carry out"
        work = BackupAndRestore.open(**{"service": self.target.service_name, **causes[0].next.parameters})
        print(work.plan(), work.lost(), sep="\n")
        return "\n".join([work.gate(), work.apply(), work.close()])

    # -- the plan --------------------------------------------------------------------------------------------------

    def _read(self) -> Snapshot:
        backup = self._reference()
        if backup is not None:
            refuse(self.target, backup)
        writes = Writes.of(self.target, self.run.journal) if self.stop_writes else Writes(())
        return {
            "backup": backup.id if backup else "",
            "writes": [list(writes.hosts), writes.why],
            "checks": [check.name for check in self.target.environment.data_checks],
        }

    def _build(self, snapshot: Snapshot) -> Plan:
        label, run = self.target.label, self.run
        writes = Writes(*snapshot["writes"])
        stop = tuple(writes.stopped(self.target, run, "writes"))
        taking = steps_of_taking(self.target, self.repository, run.id, run.folder, evidence=True)
        folder = run.folder / "evidence"
        since = self.since if self.since is not None else 0.0
        copy = self._step(
            "evidence.copy",
            "copy log and record aside, with checksums",
            lambda: preserving.preserve(self.target, run.journal, folder, since),
            lambda: preserving.preserved(folder),
        )
        sections = [
            Section("evidence", label, "keep the evidence", (copy, *taking)),
            Section("look", label, "look at the data", (*self._looking(snapshot["backup"]),)),
        ]
        if stop:
            back = tuple(writes.resumed(self.target, run, "writes", "back.open"))
            sections.insert(0, Section("writes", label, "stop writes", stop, back))
        warnings = [] if snapshot["backup"] else ["there is no backup to compare with"]
        warnings += (
            [] if snapshot["checks"] else ["no data_checks are configured: what is wrong is not known by itself"]
        )
        title = f"Look into the data of {label}"
        return Plan(title, tuple(sections), snapshot, tuple(warnings), run.id)

    def _looking(self, backup: str) -> Iterator[Step]:
        yield self._step("look.now", "ask the checks", lambda: self._ask("now", ""), lambda: None)
        if backup:
            name = self._engine.beside(f"concern_{mark_of(self.run.id)}")
            source = find(self.repository, backup)
            yield self._step(
                "look.restore", f"restore {backup} beside", lambda: self._restore(source, name), lambda: None
            )
            yield self._step("look.compare", "compare the tables", lambda: self._compare(source, name), lambda: None)
            yield self._step("look.drop", "drop it again", lambda: self._engine.drop(name) or "", lambda: None)  # type: ignore[func-returns-value]

    def _step(self, name: str, title: str, do: Any, done: Any) -> Step:
        return Step(name, title, do, done, repeatable=True, no_undo="it changes nothing that serves")

    # -- looking ---------------------------------------------------------------------------------------------------

    @property
    def _engine(self) -> Engine:
        return engine_of(self.target)

    def _reference(self) -> Backup | None:
        """What is compared with: the backup that is named, else the newest verified one, else the newest."""
        if self.backup:
            return find(self.repository, self.backup)
        known = [one for one in self.repository.backups() if one.part("database")]
        known = [one for one in known if not one.evidence and not one.recovered]
        return next((one for one in reversed(known) if one.verified), known[-1] if known else None)

    def _ask(self, when: str, name: str) -> str:
        with self._engine.session(name) as ask:
            found = findings(ask, self.target.environment.data_checks)
        self.run.record(CHECKED, when=when, findings=[facts(finding) for finding in found])
        return f"{sum(finding.offends for finding in found)} of {len(found)} find something"

    def _restore(self, backup: Backup, name: str) -> str:
        restore_database(self.repository, self.target, backup.database, name)
        check_database(self._engine, name, backup)
        return ""

    def _compare(self, backup: Backup, name: str) -> str:
        self._ask("then", name)
        found = [self._table(name, table) for table in sorted(backup.database.tables)]
        self.run.record(COMPARED, backup=backup.id, tables=[one for one in found if one is not None])
        return f"{sum(1 for one in found if one and (one['changed'] or one['deleted']))} tables differ"

    def _table(self, restored: str, table: str) -> dict[str, Any] | None:
        with self._engine.session() as ask:
            live = tables(ask)
            if table not in live:
                then = find(self.repository, self._plan_backup).database.tables[table].rows
                return {"table": table, "changed": 0, "deleted": then, "added": 0, "samples": [GONE]}
            if not columns(ask, live[table]).key:
                return None
        try:
            with rows.facing(self._engine, restored, table, writes=False) as pair:
                difference = rows.compare(pair)
                found = rows.samples(pair) if difference.changed else []
                samples = [shown(sample, pair.columns.key) for sample in found]
        except RunbookError as error:
            return {"table": table, "changed": 0, "deleted": 0, "added": 0, "samples": [printable(error.message)]}
        return {**vars(difference), "samples": samples}

    # -- concluding ------------------------------------------------------------------------------------------------

    def _causes(self) -> list[Cause]:
        seen = Seen(self._checked("now"), self._checked("then"), self._compared(), self.suspects, self._plan_backup)
        return causes(seen, self.target.name, self.target.label)

    def _unseen(self) -> list[str]:
        lines = [f"{f['name']}: {f['problem']}" for f in self._checked("now") if f["problem"]]
        if not self.target.environment.data_checks:
            lines.append("no data_checks are configured: what is wrong is not known by itself")
        if not self._plan_backup:
            lines.append("there is no backup to compare with")
        return lines

    @property
    def _plan_backup(self) -> str:
        return str(self.run.plan.snapshot["backup"]) if self.run.plan else ""

    @property
    def _opened(self) -> dict[str, Any]:
        opened = next(self.run.journal.events(self.run.id, "opened"))
        return dict(opened.data["parameters"])

    def _checked(self, when: str) -> list[dict[str, Any]]:
        found = [e.data["findings"] for e in self.run.journal.events(self.run.id, CHECKED) if e.data["when"] == when]
        return list(found[-1]) if found else []

    def _compared(self) -> list[dict[str, Any]]:
        found = [e.data["tables"] for e in self.run.journal.events(self.run.id, COMPARED)]
        return list(found[-1]) if found else []


def _rows(found: list[dict[str, Any]], name: str) -> str:
    return next((f"{f['rows']:,}" for f in found if f["name"] == name and not f["problem"]), "not known")


def _at(onset: float | None) -> str:
    return datetime.fromtimestamp(onset, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if onset else "an unknown time"
