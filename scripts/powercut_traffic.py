"""The server of powercut.py, its clients, and what they remember of each request."""

import base64
import contextlib
import itertools
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import quote

CLIENTS = 6
REPLY_SECONDS = 60
NEVER = float("inf")


@contextlib.contextmanager
def served(haul, root, pool, durability, writable=True):
    """Runs a server and yields its address."""
    command = (haul, "serve", root, "--listen", "127.0.0.1:0", "--pool", pool, "--durability", durability)
    command += (f"--writable={str(writable).lower()}", "--grace", "0", "--log-level", "warn")
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, text=True
        )
        try:
            first = server.stdout.readline()
            if not first.startswith("listening on haul://"):
                server.wait(REPLY_SECONDS)
                log.seek(0)
                raise OSError(f"no server: {log.read().decode()}")
            host, _, port = first.removeprefix("listening on haul://").strip().rpartition(":")
            yield host, int(port)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()


class Refused(Exception):
    """A reply that says no. `code` is that of the reply, or `cut` where the connection ended in its middle."""

    def __init__(self, code, sentence):
        super().__init__(f"{code}: {sentence}")
        self.code = code


class Connection:
    def __init__(self, address):
        self.socket = socket.create_connection(address, REPLY_SECONDS)
        self.received = self.socket.makefile("rb", buffering=1 << 16)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.received.close()
        self.socket.close()

    def ask(self, line, body=b""):
        try:
            self.socket.sendall(line.encode() + b"\r\n" + body)
            reply = self.received.readline()
            if self.received.readline() != b"\r\n":
                raise Refused("cut", "the connection ended in the middle of a reply")
        except OSError as error:
            raise Refused("cut", str(error)) from error
        reply = json.loads(reply)
        if reply["status"] != "OK":
            raise Refused(reply.get("code", ""), reply["data"])
        return reply

    def upload(self, name, content):
        self.ask(f"UPLOAD {name} {base64.b64encode(content.data).decode()}")

    def write(self, name, content):
        self.ask(f"WRITE {quote(name)} {len(content.data)}", content.data + content.digest.encode() + b"\r\n")

    def get(self, name):
        return base64.b64decode(self.ask(f"GET {name}")["data_file"]), None

    def read(self, name):
        reply = self.ask(f"READ {quote(name)}")
        data = self.received.read(reply["length"])
        if len(data) != reply["length"]:
            raise Refused("cut", "the connection ended in the middle of the content")
        return data, reply.get("digest")


@dataclass(frozen=True)
class Content:
    data: bytes
    digest: str


def contents(haul, folder, count, generator):
    """Contents that differ, with their digests. Python has no BLAKE3, so a server of the same build is asked."""
    folder = os.path.join(folder, "contents")
    os.mkdir(folder)
    sizes = (lambda: generator.randint(16, 4000), lambda: generator.randint(16, 100_000), lambda: 300_001)
    data = [generator.randbytes(generator.choices(sizes, (5, 4, 1))[0]()) for _ in range(count)]
    for number, each in enumerate(data):
        with open(os.path.join(folder, str(number)), "wb") as file:
            file.write(each)
    with served(haul, folder, "tasks", "buffered", writable=False) as address, Connection(address) as connection:
        digests = [connection.ask(f"STAT {number} digest")["digest"] for number in range(count)]
    shutil.rmtree(folder)
    return [Content(*each) for each in zip(data, digests)]


@dataclass(eq=False)
class Request:
    name: str
    content: Content | None  # None deletes
    with_digest: bool
    sent_at: float
    sent_position: int
    replied_at: float = NEVER
    replied_position: float = NEVER


@dataclass
class Expected:
    """What a name may have after a cut."""

    name: str
    begun: list  # requests that were sent before the cut
    sure: list  # those of them whose effect must have survived, or been overtaken

    def __post_init__(self):
        overtaken_before = max((request.sent_at for request in self.sure), default=-NEVER)
        self.latest = [request for request in self.begun if request.replied_at >= overtaken_before]
        self.states = {request.content and request.content.data for request in self.latest}
        if not self.sure:
            self.states.add(None)

    def sent(self, data):
        """The requests that brought this content."""
        return [request for request in self.begun if request.content and request.content.data == data]


@dataclass
class History:
    requests: list = field(default_factory=list)
    syncs: list = field(default_factory=list)  # (began at, position at its end)
    problems: list = field(default_factory=list)

    def is_sure(self, request, position, durability):
        if durability == "synced":
            return request.replied_position <= position
        return any(request.replied_at < began and end <= position for began, end in self.syncs)

    def expected(self, position, durability):
        by_name = {}
        for request in self.requests:
            if request.sent_position <= position:
                by_name.setdefault(request.name, []).append(request)
        for name, begun in sorted(by_name.items()):
            yield Expected(name, begun, [each for each in begun if self.is_sure(each, position, durability)])

    def reply_positions(self):
        return sorted({each.replied_position for each in self.requests if each.replied_position < NEVER})


class Traffic:
    """Clients at work. Each request is entered before it is sent and completed when its reply has come."""

    def __init__(self, disk, address, supply, seed, seconds):
        self.disk, self.address, self.supply, self.seed = disk, address, iter(supply), seed
        self.pause_seconds = seconds * CLIENTS / len(supply)
        self.history, self.lock = History(), threading.Lock()
        self.names_drawn = itertools.count()

    def run(self):
        threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _client(self, number):
        generator = random.Random(f"{self.seed}/{number}")
        try:
            with Connection(self.address) as connection:
                removes_folders = "RMDIR" in connection.ask("HELLO")["verbs"]
                while content := self._next_content():
                    self._one(connection, generator, number, content, removes_folders)
                    time.sleep(generator.uniform(0, 2) * self.pause_seconds)
        except Exception as error:
            self.history.problems.append(f"client {number}: {error!r}")

    def _next_content(self):
        with self.lock:
            return next(self.supply, None)

    def _one(self, connection, generator, number, content, removes_folders):
        name = self._name(generator, number)
        what = generator.choices(("upload", "write", "delete", "folder"), (45, 35, 18, 2))[0]
        if what == "delete":
            self._send(Request(name, None, False, *self._now()), lambda: connection.ask(f"DELETE {name}"))
        elif what != "folder":
            send = getattr(connection, what)
            self._send(Request(name, content, what == "write", *self._now()), lambda: send(name, content))
        elif removes_folders and "/" in name:
            with contextlib.suppress(Refused):
                connection.ask(f"RMDIR {quote(name.rpartition('/')[0])}")

    def _name(self, generator, number):
        """Some names are of all clients, some of one; some folders are new, and several clients make them at once."""
        with self.lock:
            new = next(self.names_drawn) // 8
        names = (
            f"top{generator.randrange(8)}",
            f"old/shared{generator.randrange(8)}",
            f"own{number}/{generator.randrange(6)}",
            f"new{new}/deep/{generator.randrange(3)}",
        )
        return generator.choices(names, (3, 3, 3, 4))[0]

    def _now(self):
        return time.monotonic(), self.disk.position()

    def _send(self, request, send):
        self.history.requests.append(request)
        try:
            send()
        except Refused as refused:
            # It may or may not have happened, unless the code says that it did not.
            if refused.code in ("not-found", "busy", "exists"):
                self.history.requests.remove(request)
            elif refused.code == "cut":
                raise
            return
        request.replied_position = self.disk.position()
        request.replied_at = time.monotonic()
