"""Rate limits by a real nginx and a real HAProxy, seen by real requests."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from runbook_lib.errors import (
    ConfigurationError,
    InconclusiveError,
    ParameterError,
    PlatformError,
    StepFailedError,
    VerificationFailedError,
)
from runbook_lib.levers import limit_probe
from tests.levers.mitigating import HEAD, Project, mitigate, plan, undo
from tests.real.balancers import Balancer

CONFLICT = "limit_req_zone $binary_remote_addr zone=bad:10m rate=;\n"


def snippet(balancer: Balancer) -> Path:
    return balancer.folder / "conf.d" / "runbook-limit.conf"


def configure_nginx(project: Project, balancer: Balancer, more: str = "") -> None:
    main = str(balancer.folder / "nginx.conf")
    words = f'"nginx", "-c", "{main}", "-e", "{balancer.folder}/error.log"'
    project.configure(
        f'[LEVERS.rate_limit]\nby = "nginx"\nfile = "{snippet(balancer)}"\ntest = [{words}, "-t"]\n'
        f'reload = [{words}, "-s", "reload"]\n{more}',
        head=HEAD.format(url=balancer.url),
    )


def configure_haproxy(project: Project, balancer: Balancer, place: str = "", more: str = "") -> None:
    project.configure(
        f'[LEVERS.rate_limit]\nby = "haproxy"\nsocket = "{place or balancer.folder / "admin.sock"}"\n'
        f'map = "{balancer.folder / "limits.map"}"\n{more}',
        head=HEAD.format(url=balancer.url),
    )


def told(balancer: Balancer, command: str) -> str:
    with closing(socket.socket(socket.AF_UNIX)) as connection:
        connection.connect(str(balancer.folder / "admin.sock"))
        connection.sendall(command.encode() + b"\n")
        return connection.recv(10_000).decode()


@pytest.fixture(autouse=True)
def _sbin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin:/sbin")
    monkeypatch.setattr(limit_probe, "SETTLES", 3.0)


def verdicts(project: Project) -> list[str]:
    return [" ".join(event.data["reasons"]) for event in project.journal.events(kind="verified")]


@pytest.mark.real
@pytest.mark.slow
class TestNginx:
    def test_above_the_limit_429_comes_below_it_does_not(self, project: Project, nginx: Balancer) -> None:
        configure_nginx(project, nginx)
        mitigate("rate_limit", "5")
        assert "requests above the limit were turned away, none below" in verdicts(project)[0]
        assert project.in_force[0].what == "rate limit of 5 requests a second"
        assert project.says == ["in effect"]
        undo("rate_limit")
        assert "none was turned away" in verdicts(project)[1]
        assert (snippet(nginx).exists(), project.in_force) == (False, [])

    def test_a_file_that_was_there_is_put_back(self, project: Project, nginx: Balancer) -> None:
        snippet(nginx).write_text("# ours:\n\n  # é $host\n")
        configure_nginx(project, nginx)
        mitigate("rate_limit", "5")
        undo("rate_limit")
        assert snippet(nginx).read_text() == "# ours:\n\n  # é $host\n"

    def test_a_configuration_that_is_broken_already_is_refused(self, project: Project, nginx: Balancer) -> None:
        (nginx.folder / "conf.d" / "broken.conf").write_text("nonsense;\n")
        configure_nginx(project, nginx)
        with pytest.raises(PlatformError, match="nginx refuses its configuration as it is"):
            mitigate("rate_limit", "5")
        assert not snippet(nginx).exists()

    def test_what_nginx_refuses_is_taken_away_again(self, project: Project, nginx: Balancer) -> None:
        """The same directive twice in one block: the file by itself is right, the whole is not."""
        (nginx.folder / "conf.d" / "a.conf").write_text("limit_req_status 430;\n")
        configure_nginx(project, nginx)
        with pytest.raises(StepFailedError, match=r"nginx.* ended with status 1.*all is as before"):
            mitigate("rate_limit", "5")
        assert (snippet(nginx).exists(), project.in_force) == (False, [])

    def test_a_server_that_does_not_take_it_goes_back(self, project: Project, nginx: Balancer) -> None:
        """A reload that reloads nothing: exit status 0, no effect."""
        configure_nginx(project, nginx)
        file = project.root / "runbooks.toml"
        text = file.read_text()
        file.write_text(text[: text.index("reload =")] + 'reload = ["true"]\n')
        with pytest.raises(VerificationFailedError, match="none was turned away"):
            mitigate("rate_limit", "5")
        assert (snippet(nginx).exists(), project.in_force) == (False, [])

    def test_taken_away_by_hand_it_is_noticed(self, project: Project, nginx: Balancer) -> None:
        configure_nginx(project, nginx)
        mitigate("rate_limit", "5")
        snippet(nginx).unlink()
        os.kill(nginx.process.pid, 1)
        assert project.says == ["not in effect: undone by hand, or never come to be"]
        undo("rate_limit")
        assert [event.data.get("by") for event in project.journal.events(kind="lifted")] == ["was undone by hand"]

    def test_a_limit_that_cannot_be_reached_by_asking_is_inconclusive(self, project: Project, nginx: Balancer) -> None:
        configure_nginx(project, nginx)
        with pytest.raises(InconclusiveError, match="not above the limit"):
            mitigate("rate_limit", "90000")
        assert len(project.in_force) == 1

    @pytest.mark.parametrize(("number", "when"), [(8, "after"), (12, "before")])
    def test_killed_and_given_again(self, project: Project, nginx: Balancer, number: int, when: str) -> None:
        configure_nginx(project, nginx)
        project.killed(number, when, "rate_limit", "5")
        mitigate("rate_limit", "5")
        undo("rate_limit")
        assert (snippet(nginx).exists(), project.in_force) == (False, [])

    def test_two_environments_have_a_zone_each(self, project: Project, nginx: Balancer) -> None:
        configure_nginx(project, nginx)
        text = str(plan("rate_limit", "5"))
        assert "zone=runbook_" in text
        assert "write " in text


@pytest.mark.real
@pytest.mark.slow
class TestHaproxy:
    @pytest.mark.parametrize("tcp", [False, True], ids=["unix", "tcp"])
    def test_above_the_limit_429_comes_below_it_does_not(self, project: Project, haproxy: Balancer, tcp: bool) -> None:
        configure_haproxy(project, haproxy, f"127.0.0.1:{haproxy.admin}" if tcp else "")
        mitigate("rate_limit", "5")
        assert "requests above the limit were turned away, none below" in verdicts(project)[0]
        assert project.says == ["in effect"]
        undo("rate_limit")
        assert "none was turned away" in verdicts(project)[1]
        assert project.in_force == []
        assert "limit 5" not in told(haproxy, f"show map {haproxy.folder}/limits.map")

    def test_a_limit_that_was_there_is_put_back(self, project: Project, haproxy: Balancer) -> None:
        told(haproxy, f"add map {haproxy.folder}/limits.map limit 500")
        configure_haproxy(project, haproxy)
        mitigate("rate_limit", "5")
        undo("rate_limit")
        assert "limit 500" in told(haproxy, f"show map {haproxy.folder}/limits.map")

    def test_lost_by_a_restart_it_is_noticed(self, project: Project, haproxy: Balancer) -> None:
        configure_haproxy(project, haproxy)
        mitigate("rate_limit", "5")
        told(haproxy, f"del map {haproxy.folder}/limits.map limit")
        assert project.says == ["not in effect: undone by hand, or never come to be"]
        undo("rate_limit")
        assert [event.data.get("by") for event in project.journal.events(kind="lifted")] == ["was undone by hand"]

    def test_a_rule_that_does_not_read_the_entry_goes_back(self, project: Project, haproxy: Balancer) -> None:
        configure_haproxy(project, haproxy, more='entry = "unread"\n')
        with pytest.raises(VerificationFailedError, match="none was turned away"):
            mitigate("rate_limit", "5")
        assert "unread" not in told(haproxy, f"show map {haproxy.folder}/limits.map")
        assert project.in_force == []

    def test_a_map_that_is_not_there_is_an_error(self, project: Project, haproxy: Balancer) -> None:
        configure_haproxy(project, haproxy)
        file = project.root / "runbooks.toml"
        file.write_text(file.read_text().replace("limits.map", "nolimits.map"))
        with pytest.raises(PlatformError, match="HAProxy has no map"):
            mitigate("rate_limit", "5")

    @pytest.mark.parametrize("word", ["limit; show info", "limit 7\\nshutdown sessions server", "a b", ""])
    def test_a_name_is_one_word_of_its_language(self, project: Project, haproxy: Balancer, word: str) -> None:
        configure_haproxy(project, haproxy, more=f'entry = "{word}"\n')
        with pytest.raises(PlatformError, match="cannot be a word of HAProxy"):
            mitigate("rate_limit", "5")

    def test_a_socket_that_is_not_there_is_an_error(self, project: Project, haproxy: Balancer) -> None:
        configure_haproxy(project, haproxy, "/no/such.sock")
        with pytest.raises(PlatformError, match="does not answer"):
            mitigate("rate_limit", "5")


COMMANDS = """
[LEVERS.rate_limit]
by = "command"
run = ["sh", "-c", 'echo "$1" >> asked', "sh", "{rate}"]
undo = ["sh", "-c", "echo off >> asked"]
"""


def test_a_command_without_effect_is_taken_back(project: Project) -> None:
    project.configure(COMMANDS)
    with pytest.raises(VerificationFailedError, match="none was turned away"):
        mitigate("rate_limit", "5")
    assert (project.root / "asked").read_text().split() == ["5", "off"]
    assert project.in_force == []


@pytest.mark.parametrize("value", ["", "-5", "0", "1e9", "1.5", "5r/s", "٣", "100001", "5; reload", "+5", " 5"])
def test_a_rate_that_is_none_is_refused(project: Project, value: str) -> None:
    project.configure(COMMANDS)
    with pytest.raises(ParameterError, match="is no rate"):
        mitigate("rate_limit", value)
    assert not (project.root / "asked").exists()


def test_without_a_lever_the_key_to_add_is_named(project: Project) -> None:
    project.configure()
    with pytest.raises(ConfigurationError, match="rate_limit has no lever") as caught:
        mitigate("rate_limit", "5")
    assert "[services.shop.environments.production.levers.rate_limit]" in caught.value.next_step


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ('by = "nginx"', 'by = "nginx" needs file'),
        ('by = "haproxy"', 'by = "haproxy" needs socket, map'),
        ('by = "command"\nrun = ["x"]\nundo = ["y"]', "no word with {rate}"),
        ('by = "apache"', "by: must be 'nginx', 'haproxy' or 'command'"),
    ],
)
def test_a_lever_that_lacks_something_is_refused(project: Project, lines: str, why: str) -> None:
    project.configure(f"[LEVERS.rate_limit]\n{lines}\n")
    with pytest.raises(ConfigurationError, match=why):
        mitigate("rate_limit", "5")


def test_a_host_that_the_lever_would_not_reach_is_refused(project: Project) -> None:
    project.configure(
        '[LEVERS.rate_limit]\nby = "haproxy"\nhost = "lb-1"\nsocket = "/run/haproxy.sock"\nmap = "/etc/limits.map"\n'
    )
    with pytest.raises(ConfigurationError, match="HAProxy is reached at its stats socket, HOST:PORT"):
        mitigate("rate_limit", "5")
