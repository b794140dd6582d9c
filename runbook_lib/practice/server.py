"""Detached processes that are known by a lock they hold; and the command that restarts the parts of a shop.

Run by path with the bare interpreter (no site-packages: it starts in 10 ms), it is what a deployment restarts with:

    python -I -S server.py restart FOLDER PORT          stop what serves, serve the code behind FOLDER/current
    python -I -S server.py start FOLDER PORT            the same, unless something serves already
    python -I -S server.py up FOLDER PORT STORE_PORT    start cache and queue, shop and worker, those that do not run
    python -I -S server.py restart-store FOLDER PORT    cache and queue anew, empty
    python -I -S server.py restart-worker FOLDER        the worker anew
    python -I -S server.py provider FOLDER PORT         start the payment provider, unless it runs already
    python -I -S server.py traffic FOLDER PORT...       start the synthetic traffic, unless it runs already
    python -I -S server.py import FOLDER                start an import that hangs, unless it runs already
    python -I -S server.py stranger FOLDER PORT         start another program at the shop's port
    python -I -S server.py attach FOLDER                bring the database back from where it was taken to
    python -I -S server.py stop LOCK                    end the process that holds a lock file
    python -I -S server.py pid LOCK                     print its number; status 1 when nobody holds it

It exits with 0, with 1 and a last line saying why not, or with TAKEN when another program has the port.

A pid file alone lies after a reboot or a kill. Here the process inherits a locked file and writes its pid into it
before it becomes the shop: while the lock is held, that pid is this process and no other.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

LOOPBACK = "127.0.0.1"
TAKEN = 3
STOP_PATIENCE = 2.0
START_PATIENCE = 10.0
TURN_PATIENCE = 30.0
ANSWER_PATIENCE = 1.0
TICK = 0.005
# What an interpreter may need to start; whatever else the caller has in its environment may be secret.
INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class ServerError(Exception):
    """A process could not be started or stopped. code: the exit status that tells the caller which it was."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def holder(lock: Path) -> int | None:
    """The pid of the living process that holds a lock file, or None when nobody does."""
    try:
        probe = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        deadline = time.monotonic() + 1.0
        while not _locked(probe, fcntl.LOCK_SH):
            # Between lock and pid lie the few instructions of a process that is just coming to life.
            written = os.pread(probe, 20, 0).strip()
            if written.isdigit():
                return int(written)
            if time.monotonic() >= deadline:
                raise ServerError(f"{lock} is held by a process that does not give its number")
            time.sleep(TICK)
    finally:
        os.close(probe)
    return None


def stop(lock: Path, patience: float = STOP_PATIENCE) -> bool:
    """End the process that holds a lock: in order, and by force when it takes longer than `patience` seconds.

    True when there was one. ServerError when it cannot be ended.
    """
    pid = holder(lock)
    if pid is None:
        return False
    for signum in (signal.SIGTERM, signal.SIGKILL):
        send(lock, pid, signum)
        if _until(lambda: holder(lock) != pid, patience):
            return True
    raise ServerError(f"process {pid} does not end")


def send(lock: Path, pid: int, signum: int) -> None:
    """Signal the process that holds a lock; nothing happens when it is gone already."""
    if holder(lock) != pid:
        return
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise ServerError(f"process {pid} belongs to another user") from error


def answers(port: int, path: str = "/up", timeout: float = ANSWER_PATIENCE) -> bool:
    """Whether a route of a local server answers 200."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


def pongs(port: int, timeout: float = ANSWER_PATIENCE) -> bool:
    """Whether a cache at a local port answers."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def listens(port: int) -> bool:
    """Whether something takes connections at a local port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=0.5).close()
    except OSError:
        return False
    return True


def free(port: int) -> bool:
    """Whether a server could listen on a local port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


@contextmanager
def turn(lock: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock file for the body; callers of the same file go one after another.

    waiting: called once when another has it. ServerError when that one takes longer than TURN_PATIENCE.
    """
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _locked(handle, fcntl.LOCK_EX):
            waiting()
            if not _until(lambda: _locked(handle, fcntl.LOCK_EX), TURN_PATIENCE):
                raise ServerError(f"another process is at work here and did not end within {TURN_PATIENCE:g} s")
        yield
    finally:
        os.close(handle)


def serve(folder: Path, port: int, *, anew: bool) -> str:
    """Serve the code behind folder/current; a line on what serves. anew: end first what serves now.

    ServerError when the port is another program's or when the shop does not come up.
    """
    with turn(folder / "run" / "turn.lock"):
        return _serve(folder, port, anew=anew)


def bring_up(folder: Path, port: int, store_port: int) -> str:
    """Start cache and queue, shop and worker of an environment, those that do not run or do not answer; a line."""
    with turn(folder / "run" / "turn.lock"):
        _keep(folder, store_port, anew=False)
        line = _serve(folder, port, anew=False)
        _work(folder, anew=False)
        return line


def keep(folder: Path, port: int) -> str:
    """Cache and queue of an environment anew; what they held is gone. A line."""
    with turn(folder / "run" / "turn.lock"):
        return _keep(folder, port, anew=True)


def work(folder: Path) -> str:
    """The worker of an environment anew; a line."""
    with turn(folder / "run" / "turn.lock"):
        return _work(folder, anew=True)


def _serve(folder: Path, port: int, *, anew: bool) -> str:
    run = folder / "run"
    lock = run / "shop.lock"
    if not anew and holder(lock) is not None and answers(port):
        return f"served already at port {port}"
    stop(lock)
    if not free(port):
        raise ServerError(f"port {port} is taken by another program", TAKEN)
    release = (folder / "current").resolve()
    # The folder is for who looks at the list of processes.
    argv = [sys.executable, "-B", "-E", "-s", "-S", str(release / "shop.py"), str(folder)]
    env = {"SHOP_PORT": str(port), "SHOP_STORAGE": str(folder / "shared" / "storage")}
    pid = _launch(lock, argv, cwd=release, env=env, errors=run / "shop.err")
    _await(pid, lambda: answers(port), run / "shop.err")
    return f"{release.name} serves at port {port} with pid {pid}"


def _keep(folder: Path, port: int, *, anew: bool) -> str:
    run = folder / "run"
    lock = run / "store.lock"
    if not anew and holder(lock) is not None and pongs(port):
        return f"kept already at port {port}"
    stop(lock)
    if not free(port):
        raise ServerError(f"port {port} is taken by another program", TAKEN)
    pid = _launch(lock, _script("store.py", str(run), str(port)), cwd=run, env={}, errors=run / "store.err")
    _await(pid, lambda: pongs(port), run / "store.err")
    return f"cache and queue at port {port} with pid {pid}"


def _work(folder: Path, *, anew: bool) -> str:
    run = folder / "run"
    lock = run / "worker.lock"
    pid = holder(lock)
    if not anew and pid is not None and not is_stopped(pid):
        return f"worked already with pid {pid}"
    stop(lock)
    # By way of the link: told to restart, it goes on with the code that is live by then.
    artisan = str(folder / "current" / "artisan")
    argv = [sys.executable, "-B", "-E", "-s", "-S", artisan, "queue:work", f"--name={folder}"]
    pid = _launch(lock, argv, cwd=folder, env={}, errors=run / "worker.err")
    _await(pid, lambda: True, run / "worker.err")
    return f"worker with pid {pid}"


def provide(folder: Path, port: int) -> None:
    """Start the payment provider, unless it runs."""
    with turn(folder / "turn.lock"):
        lock, errors = folder / "provider.lock", folder / "provider.err"
        if holder(lock) is not None and listens(port):
            return
        stop(lock)
        pid = _launch(lock, _script("provider.py", str(folder), str(port)), cwd=folder, env={}, errors=errors)
        _await(pid, lambda: listens(port), errors)


def send_traffic(folder: Path, ports: Sequence[str]) -> None:
    """Start the synthetic traffic to local ports, unless it runs."""
    with turn(folder / "turn.lock"):
        lock, errors = folder / "traffic.lock", folder / "traffic.err"
        if holder(lock) is not None:
            return
        pid = _launch(lock, _script("traffic.py", str(folder / "lease"), *ports), cwd=folder, env={}, errors=errors)
        _await(pid, lambda: True, errors)


def hang_import(folder: Path) -> None:
    """Start an import that holds the database's write lock, unless it runs."""
    lock, errors = folder / "run" / "import.lock", folder / "run" / "import.err"
    if holder(lock) is None:
        database = str(folder / "shared" / "storage" / "shop.db")
        pid = _launch(lock, _script("nightly_import.py", database), cwd=folder, env={}, errors=errors)
        _await(pid, lambda: True, errors)


def intrude(folder: Path, port: int) -> None:
    """Start a program that listens at the shop's port, has nothing of it, and is no part of it; unless it runs."""
    lock, errors = folder / "run" / "stranger.lock", folder / "run" / "stranger.err"
    if holder(lock) is None:
        # What it serves is its working folder, and nothing is in that.
        nothing = folder / "run" / "stranger"
        nothing.mkdir(exist_ok=True)
        argv = [sys.executable, "-I", "-m", "http.server", "--bind", LOOPBACK, str(port)]
        pid = _launch(lock, argv, cwd=nothing, env={}, errors=errors)
        _await(pid, lambda: listens(port), errors)


def attach(folder: Path) -> str:
    """Bring the database of an environment back from where it was taken to; a line on what was brought."""
    away, storage = folder / "detached", folder / "shared" / "storage"
    files = sorted(away.glob("shop.db*"), reverse=True) if away.is_dir() else []
    for file in files:
        # The database itself comes last, when what belongs to it is there.
        os.replace(file, storage / file.name)
    return f"brought back {', '.join(file.name for file in files)}" if files else "it is in its place"


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal; False where the system has no /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] == "T"


def _script(name: str, *words: str) -> list[str]:
    """A script beside this one, with the bare interpreter."""
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve().with_name(name)), *words]


def _launch(lock: Path, argv: Sequence[str], *, cwd: Path, env: dict[str, str], errors: Path) -> int:
    """Start a detached process that holds `lock` as long as it lives; its pid."""
    held = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # A process that looks whether the lock is held has it for an instant itself.
        if not _until(lambda: _locked(held, fcntl.LOCK_EX), 2.0):
            raise ServerError(f"{lock} is held by another process")
        os.ftruncate(held, 0)
        pid = os.fork()
        if pid == 0:
            inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
            _become(held, argv, cwd, {**inherited, **env}, errors)
        return pid
    finally:
        os.close(held)


def _become(held: int, argv: Sequence[str], cwd: Path, env: dict[str, str], errors: Path) -> None:
    """Turn this forked process into a daemon; never returns."""
    try:
        os.setsid()
        os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
        _signals_as_usual()
        output = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        nothing = os.open(os.devnull, os.O_RDWR)
        for source, stream in ((nothing, 0), (nothing, 1), (output, 2)):
            os.dup2(source, stream)
        # Only the lock goes along: a caller's pipe or lock in a daemon would never be closed.
        if held == 3:
            os.set_inheritable(3, True)
        else:
            os.dup2(held, 3)
        os.closerange(4, 65_536)
        os.chdir(cwd)
        os.execve(argv[0], list(argv), env)  # noqa: S606 - an argv, and no shell is wanted
    except OSError as error:
        os.write(2, f"{error}\n".encode())
    finally:
        os._exit(127)


def _signals_as_usual() -> None:
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _await(pid: int, up: Callable[[], bool], errors: Path) -> None:
    """Wait until a child of this process is up; ServerError with its last words when it ends or takes too long."""

    def ended() -> bool:
        return os.waitpid(pid, os.WNOHANG)[0] == pid

    over = False

    def settled() -> bool:
        nonlocal over
        over = ended()
        return over or up()

    came_up = _until(settled, START_PATIENCE)
    if came_up and not over:
        return
    if not over:
        os.kill(pid, signal.SIGKILL)
    said = errors.read_text(errors="replace").strip().splitlines()
    how = "ended at once" if over else f"did not answer within {START_PATIENCE:g} s"
    raise ServerError(f"the process {how}: {said[-1] if said else 'it said nothing'}")


def _locked(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _until(condition: Callable[[], bool], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(TICK)
    return True


# Each with the number of words that it takes; more for the ports of the traffic.
COMMANDS: dict[str, tuple[int, Callable[..., str | None]]] = {
    "restart": (2, lambda folder, port: serve(Path(folder), int(port), anew=True)),
    "start": (2, lambda folder, port: serve(Path(folder), int(port), anew=False)),
    "up": (3, lambda folder, port, store_port: bring_up(Path(folder), int(port), int(store_port))),
    "restart-store": (2, lambda folder, port: keep(Path(folder), int(port))),
    "restart-worker": (1, lambda folder: work(Path(folder))),
    "provider": (2, lambda folder, port: provide(Path(folder), int(port))),
    "traffic": (2, lambda folder, *ports: send_traffic(Path(folder), ports)),
    "import": (1, lambda folder: hang_import(Path(folder))),
    "stranger": (2, lambda folder, port: intrude(Path(folder), int(port))),
    "attach": (1, lambda folder: attach(Path(folder))),
    "stop": (1, lambda lock: "ended" if stop(Path(lock)) else "nobody holds it"),
    "pid": (1, lambda lock: _pid(Path(lock))),
}


def _pid(lock: Path) -> str:
    pid = holder(lock)
    if pid is None:
        raise ServerError("nobody holds it")
    return str(pid)


def main(words: Sequence[str]) -> int:
    """The command; see the module. Exit status."""
    verb, *rest = words or [""]
    count, command = COMMANDS.get(verb, (-1, None))
    try:
        if command is None or (len(rest) != count and not (verb == "traffic" and len(rest) > count)):
            raise ValueError(verb)
        print(command(*rest) or "")
    except ValueError:
        print(f"usage: server.py {'|'.join(COMMANDS)} ...; the beginning of the file says more", file=sys.stderr)
        return 2
    except (ServerError, OSError) as error:
        print(error, file=sys.stderr)
        return error.code if isinstance(error, ServerError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
