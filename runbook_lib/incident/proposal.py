"""Notes made while a runbook was used, as a proposed change of it: on a Git branch of its own, ready as a pull request.

The checkout that people work in is not touched: the change is made in a working tree of its own, and only the branch
remains.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git import GitCommandError, InvalidGitRepositoryError, NoSuchPathError, Repo

from runbook_lib.command import mask, printable
from runbook_lib.display import markdown
from runbook_lib.errors import IncidentError
from runbook_lib.incident.story import Story
from runbook_lib.run.lock import actor

DRILLS = Path("docs/drills")
TRIES = 50
PUSH_SECONDS = 60
# How git says that a name was taken: before it pushed, or while it did.
TAKEN = ("[rejected]", "stale info", "cannot lock ref", "failed to update ref", "reference already exists")


@dataclass(frozen=True)
class Remark:
    """A note about a runbook. step: number or heading of a section; empty: about all of it."""

    text: str
    by: str
    step: str = ""


@dataclass(frozen=True)
class Proposal:
    """What was made. pushed: the remote that has it, or why none has it."""

    runbook: str
    branch: str
    commit: str
    title: str
    body: str
    pushed: str

    def __str__(self) -> str:
        return f"branch {self.branch} ({self.commit[:12]}), {self.pushed}\n\n{self.title}\n\n{self.body}"


def remarks(story: Story) -> dict[str, list[Remark]]:
    """The notes of an incident that are about a runbook, by its name, but for those that were proposed already."""
    proposed = {(e.data["runbook"], text) for e in story.of("change proposed") for text in e.data["notes"]}
    found: dict[str, list[Remark]] = {}
    for event in story.of("noted"):
        data = event.data
        if data.get("about") and (data["about"], data["text"]) not in proposed:
            found.setdefault(data["about"], []).append(Remark(data["text"], data["by"], data.get("step", "")))
    return found


def propose(repository: Path, incident: str, runbook: str, notes: Sequence[Remark], remote: str = "") -> Proposal:
    """Make the branch. repository: the checkout with notebooks/; runbook: a notebook's name; remote: name of the
    remote to push to, empty for none. IncidentError when there is no such repository or runbook."""
    repo = _repository(repository)
    place = Path(tempfile.mkdtemp(prefix="runbook-proposal-"))
    tree = place / "tree"
    try:
        # --detach: the branch is made from what is committed, whatever is checked out or half done.
        repo.git.worktree("add", "--detach", str(tree), "HEAD")
        try:
            commit, title, body = _committed(tree, _prefix(repo, repository), incident, runbook, notes)
        finally:
            repo.git.worktree("remove", "--force", str(tree))
        branch, pushed = _kept(repo, f"review/{incident}-{runbook}", commit, remote)
        return Proposal(runbook, branch, commit, title, body, pushed)
    except GitCommandError as error:
        raise IncidentError(
            f"no change of {runbook} could be proposed: {printable(mask(str(error.stderr)).strip(), 200)}",
            next_step=f"look at the repository {repository}",
        ) from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
        repo.close()


def _prefix(repo: Repo, folder: Path) -> Path:
    """Where in its repository a folder is."""
    return folder.resolve().relative_to(Path(str(repo.working_tree_dir)).resolve())


def _committed(tree: Path, prefix: Path, incident: str, runbook: str, notes: Sequence[Remark]) -> tuple[str, str, str]:
    """Change the runbook and its drill's notes in a working tree and commit that; the commit, its title and body."""
    change(tree / prefix / "notebooks", runbook, incident, notes)
    drill = add_to_drill(tree / prefix / DRILLS, runbook, incident, notes)
    title, body = f"{runbook}: what {incident} showed", _body(incident, notes)
    with Repo(tree) as there:
        there.git.add("--", str(prefix / "notebooks" / f"{runbook}.ipynb"), str(drill.relative_to(tree)))
        who = ("-c", f"user.name={printable(actor())}", "-c", "user.email=runbooks@localhost")
        quiet = ("-c", "commit.gpgsign=false", "commit", "--no-verify", "--quiet")
        there.git.execute(["git", *who, *quiet, "-m", title, "-m", body])
        return str(there.git.rev_parse("HEAD")), title, body


def _kept(repo: Repo, name: str, commit: str, remote: str) -> tuple[str, str]:
    """Keep the commit on a branch that nobody has yet, here and there; its name, and where it is. The first free number
    wins, also when two people do it at once."""
    for number in range(1, TRIES):
        branch = name if number == 1 else f"{name}-{number}"
        try:
            # The old value of zeros: only when there is none.
            repo.git.update_ref(f"refs/heads/{branch}", commit, "0" * 40)
        except GitCommandError:
            continue
        pushed = _pushed(repo, branch, remote)
        if pushed is not None:
            return branch, pushed
        repo.git.update_ref("-d", f"refs/heads/{branch}")
    raise IncidentError(f"there are {TRIES} branches {name} already", next_step="merge or delete some of them")


def _pushed(repo: Repo, branch: str, remote: str) -> str | None:
    """Where the branch is, or None when somebody else has one of this name there."""
    if not remote:
        return "not pushed: review.remote is not configured"
    ref = f"refs/heads/{branch}"
    try:
        # An empty lease: only when the remote has none of this name.
        with repo.git.custom_environment(GIT_TERMINAL_PROMPT="0"):
            repo.git.push(
                "--quiet", f"--force-with-lease={ref}:", remote, f"{ref}:{ref}", kill_after_timeout=PUSH_SECONDS
            )
    except GitCommandError as error:
        if any(words in str(error.stderr) for words in TAKEN):
            return None
        return f"not pushed to {remote}: {printable(mask(str(error.stderr)).strip(), 160)}; git push {remote} {branch}"
    return f"pushed to {remote}"


def obstacle(repository: Path, runbook: str) -> str:
    """Why no change of a runbook can be proposed here, or an empty string."""
    try:
        with _repository(repository) as repo:
            repo.git.cat_file("-e", f"HEAD:{_prefix(repo, repository) / 'notebooks' / runbook}.ipynb")
    except IncidentError as error:
        return error.message
    except (GitCommandError, ValueError):
        return f"{printable(runbook, 60)} is no runbook of this repository"
    return ""


def change(notebooks: Path, runbook: str, incident: str, notes: Sequence[Remark]) -> None:
    """Add each note to the Markdown of the section that it is about, as text. IncidentError when there is no such
    runbook."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", runbook) or not (notebooks / f"{runbook}.ipynb").is_file():
        raise IncidentError(
            f"there is no runbook {printable(runbook, 60)!r} in the repository", next_step="`runbook list` names them"
        )
    file = notebooks / f"{runbook}.ipynb"
    written = file.read_text(encoding="utf-8")
    notebook = json.loads(written)
    for note in notes:
        cell = _section(notebook["cells"], note.step)
        cell["source"] = _lines("".join(cell["source"]).rstrip("\n") + f"\n\n{_quoted(incident, note)}")
    end = "\n" if written.endswith("\n") else ""
    file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + end, encoding="utf-8")


def _section(cells: list[dict[str, Any]], step: str) -> dict[str, Any]:
    """The Markdown cell of a section: by its number, its heading or its cell's name; the opening where none fits."""
    texts = [cell for cell in cells if cell["cell_type"] == "markdown"]
    sections = [cell for cell in texts if "".join(cell["source"]).startswith("## ")]
    if step.isdigit() and 1 <= int(step) <= len(sections):
        return sections[int(step) - 1]
    wanted = step.strip().lower()
    for cell in sections:
        heading = "".join(cell["source"]).splitlines()[0].removeprefix("## ").strip().lower()
        if wanted and (wanted in heading or wanted in (cell["id"], cell["id"].removesuffix("-text"))):
            return cell
    return texts[0]


def _quoted(incident: str, note: Remark) -> str:
    return f"> **From {incident}:** {markdown(note.text, 1000)} ({markdown(note.by)})"


def _lines(source: str) -> list[str]:
    return source.splitlines(keepends=True)


def add_to_drill(folder: Path, runbook: str, incident: str, notes: Sequence[Remark]) -> Path:
    """Add what the runbook's drill should show, too; the file."""
    file = folder / f"{runbook}.md"
    folder.mkdir(parents=True, exist_ok=True)
    head = f"# What the drill of {runbook} should show, too\n\n"
    before = file.read_text(encoding="utf-8") if file.exists() else head
    lines = [f"- {markdown(note.text, 1000)} ({incident}{_where(note)})\n" for note in notes]
    file.write_text(before + "".join(lines), encoding="utf-8")
    return file


def _where(note: Remark) -> str:
    return f", step {markdown(note.step)}" if note.step else ""


def _body(incident: str, notes: Sequence[Remark]) -> str:
    said = [f"- {printable(mask(note.text), 1000)} ({printable(note.by)}{_where(note)})" for note in notes]
    return "\n".join(
        [f"Notes made during {incident}:", "", *said, "", "Put them into the runbook's own words, and drill it."]
    )


def _repository(folder: Path) -> Repo:
    try:
        return Repo(folder, search_parent_directories=True)
    except (InvalidGitRepositoryError, NoSuchPathError) as error:
        raise IncidentError(
            f"{folder} is in no Git repository", next_step="a change is proposed where the runbooks are in Git"
        ) from error
