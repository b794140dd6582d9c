"""Where the executed notebook is kept: the output path, the run's folder, or else a place of its own."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from papermill.engines import NotebookExecutionManager
from papermill.iorw import LocalHandler, papermill_io

from runbook_lib.config import STATE_FOLDER, project_root
from runbook_lib.errors import ParameterError
from runbook_lib.notebook.outputs import CellOutputs
from runbook_lib.notebook.source import is_executed, is_runbook, notebook_metadata

NOT_RUN = "skipped"


class KeptNotebook(NotebookExecutionManager):  # type: ignore[misc]
    """Papermill's record of an execution, written so that a kill at any instant leaves a whole notebook.

    record: the file in the run's folder, or, while there is no run and no output path, one of its own.
    """

    def __init__(self, nb: nbformat.NotebookNode, outputs: CellOutputs, output_path: str | None, **options: Any):
        super().__init__(nb, output_path=output_path, **options)
        self.record: Path | None = None
        self._outputs = outputs
        self._target = _local(output_path) if output_path else None
        self._provisional = False
        self._saving = threading.RLock()
        self._warned: set[object] = set()

    def begin(self, stem: str) -> None:
        """Before the first cell. stem: the file name of the notebook without its suffix."""
        self.stem = stem
        if self._wants_a_place():
            self.record, self._provisional = place_of_its_own(stem), True
        self.notebook_start()

    def move_to(self, folder: Path) -> None:
        """From now on a run is open whose record is in this folder: keep the notebook there."""
        before, self.record = self.record, _free(folder.absolute(), self.stem)
        provisional, self._provisional = self._provisional, False
        self.save()
        if provisional and before:
            before.unlink(missing_ok=True)

    def save(self, **_nb: Any) -> None:
        """Write the notebook to every place where it is kept. A place that fails is named once on the error
        stream and stops nothing: the run's journal is the record that must hold, and has its own guard."""
        # Autosave saves too: what was read first must not be written last.
        with self._saving:
            with self._outputs.lock:
                self._outputs.settle()
                self._outputs.changed = False
                text = nbformat.writes(self.nb)  # type: ignore[no-untyped-call]
            for place in (self._target or self.output_path, self.record):
                if place:
                    self._write(text, place)
        self.last_save_time = self.now()

    def notebook_complete(self, **nb: Any) -> None:
        """As papermill's, but a cell that never ran does not read "completed"."""
        for cell in self.nb.cells:
            if cell.metadata.papermill["status"] == self.PENDING:
                cell.metadata.papermill["status"] = NOT_RUN
        super().notebook_complete(**nb)

    def _wants_a_place(self) -> bool:
        return not self.output_path and self.nb.metadata.papermill.get("output_path") is None

    def _write(self, text: str, place: Path | str) -> None:
        try:
            if isinstance(place, Path):
                write(place, text)
            else:
                papermill_io.write(text, place)
        except Exception as error:  # noqa: BLE001, RUF100 - remote stores raise errors of their own
            if place not in self._warned:
                self._warned.add(place)
                with suppress(OSError, ValueError, AttributeError):
                    print(f"the executed notebook cannot be saved at {place}: {error}", file=sys.__stderr__)


class Autosave:
    """Saves while a cell runs, every so many seconds, when something was added. seconds 0: never."""

    def __init__(self, kept: KeptNotebook, outputs: CellOutputs, seconds: float) -> None:
        self._kept, self._outputs, self._seconds = kept, outputs, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._save, name="autosave", daemon=True)

    def __enter__(self) -> None:
        if self._seconds > 0:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _save(self) -> None:
        while not self._stop.wait(self._seconds):
            if self._outputs.changed:
                self._kept.save()


def check_output(source: str, output: str) -> None:
    """Refuse an output path that would lose a notebook somebody wrote, or leads nowhere. ParameterError.

    Both as papermill takes them; an output in a store elsewhere is left to papermill.
    """
    written, read = _local(output), _local(source)
    if written is None:
        return
    if not written.exists():
        if not written.parent.is_dir():
            raise ParameterError(
                f"the output folder {os.path.dirname(output)} does not exist",
                next_step="make it, or leave the output path out: the notebook is then kept with the run's record",
            )
        return
    if read is not None and read.exists() and read.samefile(written):
        raise ParameterError(
            f"the output {output} is the runbook {source} itself, which would be overwritten",
            next_step="name another file, or leave the output path out",
        )
    metadata = notebook_metadata(str(written))
    if is_runbook(metadata) and not is_executed(metadata):
        raise ParameterError(
            f"the output {output} is another runbook, which would be overwritten",
            next_step="name another file, or leave the output path out",
        )


def place_of_its_own(stem: str) -> Path:
    """A new file for an executed notebook that belongs to no run and was given no output path."""
    folder = project_root() / STATE_FOLDER / "runs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        # Started where nothing may be written, as from cron in /; the run itself may be recorded elsewhere.
        folder = Path(tempfile.mkdtemp(prefix="runbook-"))
    return _free(folder, f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{stem}")


def write(path: Path, text: str) -> None:
    """Replace the file's content as one act: who reads, or comes after a kill, finds the old or the new."""
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        # A device or a FIFO is written to, not replaced by a file.
        path.write_text(text, encoding="utf-8")
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _local(output_path: str) -> Path | None:
    """The file that papermill means by this path; None for a store elsewhere (s3://, https://)."""
    handler = papermill_io.get_handler(output_path)
    if not isinstance(handler, LocalHandler):
        return None
    # Papermill reads a relative path from where it was started, also when the cells run in --cwd.
    return Path(handler._cwd or os.getcwd(), output_path)


def _free(folder: Path, stem: str) -> Path:
    candidate, number = folder / f"{stem}.ipynb", 2
    while candidate.exists():
        candidate, number = folder / f"{stem}.{number}.ipynb", number + 1
    return candidate
