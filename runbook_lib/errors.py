"""What can go wrong, as one tree; every message names the next step.

RunbookError
├── ConfigurationError          runbooks.toml cannot be used
├── ParameterError              a notebook's parameter is unknown or ill-typed
├── ReleaseError
│   ├── UnknownReleaseError     no release of that name
│   └── ReleaseRefusedError     known, but not to be put live (live already, marked bad, not proven)
├── PlatformError               the platform cannot be read or changed
│   ├── DirtyCheckoutError      uncommitted work would be lost
│   └── ImageMissingError       the image is neither here nor to be had
├── CommandError                a command could not be run, timed out or ended non-zero
├── JournalError                the record cannot be read or written
│   └── JournalCorruptError     the record was changed
├── LockError
│   ├── LockHeldError           somebody else is at work
│   └── LockLostError           somebody else took over
├── GateError                   no valid approval for this plan
│   └── ApprovalPendingError    nobody has answered yet; the run goes on when somebody has
├── PlanDriftError              the world is not the one that was planned for
├── StepError
│   ├── StepFailedError         a step did not do what it was to do
│   └── UnsettledStepError      nothing tells whether an interrupted step took effect
├── VerificationError
│   ├── VerificationFailedError the verdict is FAIL
│   └── InconclusiveError       the verdict is INCONCLUSIVE
├── BackupError                 a backup cannot be had, or is not what its record says
├── IncidentError               no such incident, or not one that can be changed
├── DeliveryError               a message did not come through on every channel
├── DrillError                  a drill cannot be run, or did not show what it was to show
├── PublishingError             the site cannot be built from what there is
└── PracticeError               the practice environment cannot be started or stopped

KeyboardInterrupt
├── RunInterrupted              a signal ended the run in order
└── RunStopped                  a person stopped the run between two steps
"""

from __future__ import annotations


class RunbookError(Exception):
    """The root of the tree.

    message: what is wrong, naming the thing. next_step: what the reader can do about it, one sentence.
    """

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}\nNext: {self.next_step}" if self.next_step else self.message

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the message, whose reader wants to know what to do, not where in here it was said."""
        return str(self).splitlines()


class ConfigurationError(RunbookError):
    """runbooks.toml cannot be used: not found, not TOML, unknown key, wrong type, contradiction."""


class ParameterError(RunbookError):
    """A notebook's parameter is unknown or ill-typed."""


class ReleaseError(RunbookError):
    """Something is wrong with the release that was asked for."""


class UnknownReleaseError(ReleaseError):
    """There is no release of that name."""


class ReleaseRefusedError(ReleaseError):
    """The release exists but is not to be put live."""


class PlatformError(RunbookError):
    """The platform (Git checkout, container engine) cannot be read or changed."""


class DirtyCheckoutError(PlatformError):
    """The application's folder holds work that a checkout would lose."""


class ImageMissingError(PlatformError):
    """The image of a release is neither present nor pullable."""


class CommandError(RunbookError):
    """A command could not be run, took too long or ended non-zero."""


class JournalError(RunbookError):
    """The journal cannot be read or written. Nothing is done without it."""


class JournalCorruptError(JournalError):
    """The journal is not what was written: an event was changed, removed or added."""


class LockError(RunbookError):
    """The lock of an environment or a run could not be had or kept."""


class LockHeldError(LockError):
    """A live process holds the lock; the message names it."""


class LockLostError(LockError):
    """The lock was taken over while this process was not heard of."""


class GateError(RunbookError):
    """There is no valid approval for this plan."""


class ApprovalPendingError(GateError):
    """Nobody has answered the gate yet. The run stays open; the same command continues it."""


class PlanDriftError(RunbookError):
    """What was read now is not what the plan was made from."""


class StepError(RunbookError):
    """A step of a plan."""


class StepFailedError(StepError):
    """A step did not do what it was to do."""


class UnsettledStepError(StepError):
    """A step was interrupted and nothing tells whether it took effect."""


class VerificationError(RunbookError):
    """What is live could not be shown to be healthy."""


class VerificationFailedError(VerificationError):
    """The verdict is FAIL."""


class InconclusiveError(VerificationError):
    """The verdict is INCONCLUSIVE: nothing or too little was seen."""


class BackupError(RunbookError):
    """A backup is not there, cannot be read, or does not hold what its record says."""


class IncidentError(RunbookError):
    """There is no such incident, or it is not one that can be changed."""


class DeliveryError(RunbookError):
    """A message did not come through on every channel; the others got it."""


class DrillError(RunbookError):
    """A drill cannot be run, or it did not show what it was to show."""


class PublishingError(RunbookError):
    """The site cannot be built: a runbook without owner, an undocumented parameter, a broken link."""


class PracticeError(RunbookError):
    """The practice environment cannot be started, stopped or broken."""


class RunInterrupted(KeyboardInterrupt):
    """A signal asked the run to end. signum: its number; the process exits with 128 + signum.

    Not an Exception: code that catches those must not swallow it.
    """

    def __init__(self, signum: int, name: str) -> None:
        self.message = f"interrupted by {name}"
        self.next_step = "run the same command again: it continues this run"
        self.signum = signum
        super().__init__(f"{self.message}\nNext: {self.next_step}")


class RunStopped(KeyboardInterrupt):
    """A person stopped the run between two steps; it can be continued or undone. No Exception, for the same reason."""

    def __init__(self, message: str) -> None:
        self.message = message
        self.next_step = "run the notebook from its first cell to go on, or call undo() to put back what served before"
        super().__init__(f"{self.message}\nNext: {self.next_step}")

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()
