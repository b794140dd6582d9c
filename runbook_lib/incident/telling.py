"""Who is told what, over which channels, in one phase of one incident."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from runbook_lib.config import Loaded, Phase, SecretReference, Target
from runbook_lib.errors import ConfigurationError, RunbookError
from runbook_lib.incident import pages
from runbook_lib.incident.apprise_channel import AppriseChannel
from runbook_lib.incident.channels import Channel, ChannelError, Patience
from runbook_lib.incident.components import State, changes, state_of
from runbook_lib.incident.delivery import Outcome, Post, one_at_a_time
from runbook_lib.incident.messages import Message, Words, message
from runbook_lib.incident.record import Incident
from runbook_lib.run.journal import Journal

READERS = "status page"
TIMEOUT = 10.0


@dataclass(frozen=True)
class Errand:
    """One message for one channel. make: opens the channel; ConfigurationError where its secret cannot be had."""

    message: Message
    channel: str
    make: Callable[[], Channel]

    def run(self, post: Post, *, again: bool = False) -> Outcome:
        """Deliver it. JournalError; what is wrong with the channel is in the outcome."""
        return post.deliver(self.message, _Late(self.channel, self.make), again=again)


@dataclass(frozen=True)
class _Late:
    """A channel that is opened when it is used: one that cannot be opened is a channel that failed."""

    name: str
    make: Callable[[], Channel]

    def send(self, message: Message, reference: str) -> str:
        try:
            channel = self.make()
        except ConfigurationError as error:
            raise ChannelError(error.message) from error
        return channel.send(message, reference)


@dataclass(frozen=True)
class Telling:
    """Tells people about one incident. loaded: the file with the audiences; target: the incident's environment."""

    loaded: Loaded
    target: Target
    journal: Journal
    incident: Incident

    def audiences(self, phase: Phase) -> list[str]:
        """Those who are told in this phase, by name."""
        table = self.target.communication
        return [name for name, about in table.audiences.items() if phase in about.phases] if table else []

    def messages(self, phase: Phase, words: Words, now: float | None = None) -> dict[str, Message]:
        """What each audience is told, and what the status page says, in the words for its audience. now: Unix time.
        ConfigurationError for a template that cannot be used."""
        table, root = self.target.communication, self.loaded.root
        found = {n: message(self.incident, table, n, phase, words, root, now) for n in self.audiences(phase)}
        if phase != "review" and pages.is_shown(self.loaded, self.target):
            public = self.loaded.configuration.status_page.audience
            said = message(self.incident, table, public, phase, words, root, now)
            found[READERS] = replace(said, audience=READERS)
        return found

    def errands(self, messages: Mapping[str, Message]) -> list[Errand]:
        """One for each message and channel; the status pages last."""
        return [*self._to_people(messages), *self._to_pages(messages)]

    def post(self, run: str = "") -> Post:
        """What delivers for a run, or for none."""
        table = self.target.communication
        patience = Patience(table.tries, table.longest_wait) if table else Patience()
        every = float(table.update_every.get(self.incident.severity, 0)) if table else 0.0
        return Post(self.journal, run, every, patience)

    def deliver_all(self, phase: Phase, words: Words, run: str = "") -> list[Outcome]:
        """Send all of a phase outside of a plan: for updates that runs drive. JournalError, LockHeldError;
        ConfigurationError for a template; everything else is in the outcomes."""
        with one_at_a_time(self.journal, self.target.label):
            post = self.post(run)
            return [errand.run(post) for errand in self.errands(self.messages(phase, words))]

    def state(self) -> State:
        """The component's state, as the record gives it now."""
        return state_of(changes(self.journal.events()), self.target.label)

    def show_state(self) -> list[str]:
        """Give the component on pages elsewhere the state that the record has; what did not work, a line each."""
        state, failed = self.state(), []
        for name, make in pages.elsewhere(self.loaded, self.target, state):
            try:
                make().show(state)
            except RunbookError as error:
                failed.append(f"{name}: {error.message}")
        return failed

    def _to_people(self, messages: Mapping[str, Message]) -> Iterator[Errand]:
        table = self.target.communication
        for name, about in table.audiences.items() if table else ():
            for reference in about.channels if name in messages else ():
                yield Errand(messages[name], channel_name(reference), self._apprise(reference))

    def _apprise(self, reference: SecretReference) -> Callable[[], Channel]:
        table = self.target.communication
        seconds = table.timeout if table else TIMEOUT
        return lambda: AppriseChannel(channel_name(reference), reference.resolve(self.loaded.root), seconds)

    def _to_pages(self, messages: Mapping[str, Message]) -> Iterator[Errand]:
        said = messages.get(READERS)
        if said is not None:
            for name, make in pages.channels(self.loaded, self.target, self.state()):
                yield Errand(said, name, make)


def channel_name(reference: SecretReference) -> str:
    """How a channel is called: by where its secret is."""
    return reference.env or (reference.file.name if reference.file else "")
