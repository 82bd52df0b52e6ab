#!/usr/bin/python3
"""Cuts the power of a server's disk, hundreds of times, and counts what it had acknowledged and lost.

    cargo build --release
    sudo scripts/powercut.py --haul target/release/haul

How it works. A file of a small FUSE file system is the disk: every write and every flush that reaches it is logged, in
order. A loop device makes a block device of it, which carries the file system under test, and `haul serve` serves a
folder there. Six clients UPLOAD, WRITE (new objects and over old ones, into old folders and new ones), DELETE and,
where the server knows it, RMDIR, all at once. Each request is remembered with the length of the log before it was sent
and after its reply had come.

Then the power is cut, at the moments of some replies. A disk keeps what was written before its last flush; of what was
written since, a real one keeps anything. So three disks are rebuilt for each moment: with none, with a random half (of
pieces of 4 KiB) and with all of the writes since the last flush. Each is mounted (which replays its journal; a file
system without one goes through e2fsck), a new server is started on it, and each name is asked for with GET and READ.

What must come back. A request is *sure* if it was acknowledged before the cut and the server is `synced`, or if, with
`buffered`, a sync of the whole file system began after its reply and ended before the cut. A name may have any content
that was ever sent for it, except what was replied to before a sure request for the same name was sent. It may be
missing if it was deleted, by the same rule, or if no request for it is sure. The columns of the table:

    acks      replies at which the power was cut
    cuts      disks that were rebuilt, mounted and asked
    objects   names that were asked for, over all cuts
    lost      names that have an older content than a sure one, or none, or a refusal instead of a sure content
    torn      names that are served with a content that was never sent for them, or with another one's digest
    refused   only with `buffered`: names that answer with an error where nothing sure is missing
    digests   objects that were stored with WRITE, surely, and have no digest now (a note, not a fault)
    left      disks with files in flight that the new server did not remove
    failed    disks that could not be mounted or served, and clients that were cut off

A recording takes twelve seconds, so that the kernel writes some things on its own. Another program syncs a file of its
own each half second, and everything is synced once or twice; with `synced` in the second half only. With `buffered`
journals are committed each second where the file system can be told to. All of that is ordinary, and lets one part of
what was written run ahead of another. The new server has another boot_id than the old one, as after a real cut.

Does it see anything? Run it with `--expect-losses` against a build of commit 4b5c609, the first release. It must find
losses there; the exit code is 0 if each line has some:

    scripts/powercut.py --haul OLD --fs ext2,ext4-nojournal --durability synced --expect-losses
    scripts/powercut.py --haul OLD --fs ext4,xfs --durability buffered --expect-losses

Otherwise the exit code is 1 where something was lost, torn, left or failed. `--seed` repeats the choices of a run, but
the threads and the kernel go their own ways each time; so `--keep FOLDER` keeps the image of each faulty cut as it was
before it was mounted. Needs root, /dev/fuse, loop devices, and of Debian: python3-fusepy xfsprogs btrfs-progs
e2fsprogs. Everything happens in name spaces of its own, with all files in memory (about 1 GiB), so that nothing stays
mounted or running, however it ends.
"""

import argparse
import contextlib
import itertools
import os
import random
import signal
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field

from powercut_disk import FILE_SYSTEMS, KEEPS, PIECE_BYTES, RebuiltDisk, RecordedDisk
from powercut_disk import import_fuse, make_folder, mounted, repair, run, unmount, unmount_lazily, wait_until
from powercut_traffic import CLIENTS, Connection, Refused, Traffic, contents, served

INSIDE = "HAUL_POWERCUT_INSIDE"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
RECORDING_SECONDS = 12
BYSTANDER_SECONDS = 0.5
BYSTANDER_FROM = {"buffered": 0, "synced": 6}
SYNCS_AT = (3, 8)
RESERVED_PREFIX = ".haul-inflight-"
SHOWN_FAULTS_MAX = 8


@dataclass
class Tally:
    acks: int = 0
    cuts: int = 0
    objects: int = 0
    lost: int = 0
    torn: int = 0
    refused: int = 0
    digests: int = 0
    left: int = 0
    failed: int = 0
    faults: list = field(default_factory=list)

    def is_faulty(self):
        return bool(self.lost + self.torn + self.left + self.failed)

    def fault(self, column, text):
        setattr(self, column, getattr(self, column) + 1)
        self.faults.append(f"{column}: {text}")


COLUMNS = ("acks", "cuts", "objects", "lost", "torn", "refused", "digests", "left", "failed")


@dataclass(frozen=True)
class Line:
    """One line of the table: a recording and its cuts."""

    haul: str
    kind: str
    durability: str
    pool: str
    seed: int

    def __str__(self):
        return f"{self.kind} {self.durability} {self.pool} seed {self.seed}"

    def is_buffered(self):
        return self.durability == "buffered"


def record(line, folder, requests_max):
    """Runs the clients on a recorded disk; the disk and what was asked."""
    file_system = FILE_SYSTEMS[line.kind]
    supply = contents(line.haul, folder, requests_max, random.Random(line.seed))
    disk = RecordedDisk(folder, file_system.mebibytes)
    options = file_system.buffered_options if line.is_buffered() else "defaults"
    with disk.file() as file:
        run(*file_system.mkfs, file)
        with mounted(file_system, file, make_folder(folder, "recording"), options) as top:
            root = make_folder(top, "served")
            make_folder(root, "old")
            run("sync", "--file-system", top)
            with served(line.haul, root, line.pool, line.durability) as address:
                traffic = Traffic(disk, address, supply, line.seed, RECORDING_SECONDS)
                with bystander(disk, top, traffic.history, BYSTANDER_FROM[line.durability]):
                    traffic.run()
    return disk, traffic.history


@contextlib.contextmanager
def bystander(disk, top, history, starts_after):
    """Another program that syncs its own file now and then, and two syncs of everything, which make requests sure."""
    done = threading.Event()

    def work():
        due = [each for each in SYNCS_AT if each >= starts_after]
        start = time.monotonic()
        with open(os.path.join(top, "bystander"), "wb", buffering=0) as file:
            while not done.wait(BYSTANDER_SECONDS):
                began = time.monotonic()
                if began - start < starts_after:
                    continue
                file.write(b"line\n")
                os.fsync(file)
                if due and began - start > due[0]:
                    due.pop(0)
                    run("sync", "--file-system", top)
                    history.syncs.append((began, disk.position()))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def cut_all(line, folder, options):
    disk, history = record(line, folder, options.requests)
    tally = Tally()
    for problem in history.problems:
        tally.fault("failed", f"{line}, while recording: {problem}")
    generator = random.Random(f"{line.seed}/cuts")
    replies = history.reply_positions()
    positions = sorted(generator.sample(replies, min(options.acks, len(replies))))
    tally.acks = len(positions)
    rebuilt = RebuiltDisk(disk, folder, generator)
    with next_boot(folder):
        for position, keep in itertools.product(positions, KEEPS):
            image = rebuilt.cut(position, keep)
            where = f"{line}, cut at {position} of {replies[-1]}, keeps {keep}"
            with keeping(options.keep, image, where, tally):
                check_disk(line, where, image, history.expected(position, line.durability), tally)
    return tally


@contextlib.contextmanager
def next_boot(folder):
    """The machine has started anew since the recording, as far as programs can tell."""
    path = os.path.join(folder, "boot_id")
    with open(path, "w") as file:
        file.write(f"{uuid.uuid4()}\n")
    run("mount", "--bind", path, BOOT_ID)
    try:
        yield
    finally:
        unmount(BOOT_ID)


@contextlib.contextmanager
def keeping(folder, image, where, tally):
    """Keeps the image of a faulty cut, where that is wanted."""
    if not folder:
        yield
        return
    copy = os.path.join(folder, where.replace(" ", "-").replace(",", "") + ".img")
    run("cp", "--sparse=always", image, copy)
    faults_before = len(tally.faults)
    yield
    if len(tally.faults) == faults_before:
        os.remove(copy)


def check_disk(line, where, image, all_expected, tally):
    tally.cuts += 1
    file_system = FILE_SYSTEMS[line.kind]
    try:
        repair(file_system, image)
        with mounted(file_system, image, make_folder(os.path.dirname(image), "cut")) as top:
            root = os.path.join(top, "served")
            with served(line.haul, root, line.pool, line.durability) as address:
                for expected in all_expected:
                    with Connection(address) as connection:
                        check_name(line, where, connection, expected, tally)
                check_left(where, root, tally)
    except (OSError, TimeoutError) as error:
        tally.fault("failed", f"{where}: {error}")


def check_name(line, where, connection, expected, tally):
    """Counts at most one fault for a name: what is wrong with GET is wrong with READ as well."""
    tally.objects += 1
    for verb in ("GET", "READ"):
        here = f"{where}: {verb} {expected.name}"
        try:
            data, digest = getattr(connection, verb.lower())(expected.name)
        except Refused as refused:
            if refused.code != "not-found":
                if line.is_buffered() and None in expected.states:
                    tally.refused += 1
                else:
                    tally.fault("lost", f"{here} says {refused}; {describe(expected)}")
                return
            data, digest = None, None
        if data not in expected.states:
            column = "lost" if data is None or expected.sent(data) else "torn"
            tally.fault(column, f"{here} has {liken(data, expected)}; {describe(expected)}")
            return
        if digest and digest not in (request.content.digest for request in expected.sent(data)):
            tally.fault("torn", f"{here} has another digest than its content")
            return
    if not digest and any(request.with_digest for request in expected.sent(data) if request in expected.sure):
        tally.digests += 1


def describe(expected):
    return "possible: " + " or ".join("none" if each is None else f"{len(each)} bytes" for each in expected.states)


def liken(data, expected):
    """What a content is that is not the expected one."""
    if not data:
        return "no object" if data is None else "no bytes"
    if expected.sent(data):
        return f"an older content of {len(data)} bytes"
    pieces = range(0, len(data), PIECE_BYTES)
    sent = [request.content.data for request in expected.begun if request.content]
    alike = (sum(data[at : at + PIECE_BYTES] == each[at : at + PIECE_BYTES] for at in pieces) for each in sent)
    return f"{len(data)} bytes, of which {max(alike, default=0)} pieces of {len(pieces)} are as they were sent"


def check_left(where, root, tally):
    def left():
        return [name for _, _, names in os.walk(root) for name in names if name.startswith(RESERVED_PREFIX)]

    try:
        wait_until(lambda: not left(), "a server sweeps when it starts", seconds=3)
    except TimeoutError:
        tally.fault("left", f"{where}: {left()}")


@contextlib.contextmanager
def work_folder():
    """A folder in memory, which only this name space sees."""
    with tempfile.TemporaryDirectory(prefix="haul-powercut-", ignore_cleanup_errors=True) as folder:
        run("mount", "-t", "tmpfs", "-o", "size=4g", "haul-powercut", folder)
        try:
            yield folder
        finally:
            unmount_lazily(folder)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog="The rest: the head of this file.")
    parser.add_argument("--haul", required=True, type=os.path.abspath, help="the program under test")
    parser.add_argument("--fs", default=",".join(FILE_SYSTEMS), help="which file systems [%(default)s]")
    parser.add_argument("--durability", default="synced,buffered", help="[%(default)s]")
    parser.add_argument("--pools", default=f"threads:{CLIENTS},processes:{CLIENTS},tasks", help="[%(default)s]")
    parser.add_argument("--acks", type=int, default=34, help="replies to cut at, for each line [%(default)s]")
    parser.add_argument("--requests", type=int, default=500, help="requests of all clients together [%(default)s]")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--keep", type=os.path.abspath, metavar="FOLDER", help="keep the images of faulty cuts here")
    parser.add_argument("--expect-losses", action="store_true", help="fail unless each line has losses")
    return parser.parse_args()


def main():
    options = parse_arguments()
    import_fuse()
    if INSIDE not in os.environ:
        # Whatever is mounted or started in these name spaces ends with this program.
        command = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv)
        os.execvpe(command[0], command, {**os.environ, INSIDE: "1"})
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    print(f"seed {options.seed}\n{'file system':<15} {'durability':<10} {'pool':<12}", *(f"{c:>8}" for c in COLUMNS))
    tallies = []
    combinations = itertools.product(*(each.split(",") for each in (options.fs, options.durability, options.pools)))
    for number, (kind, durability, pool) in enumerate(combinations):
        with work_folder() as folder:
            tally = cut_all(Line(options.haul, kind, durability, pool, options.seed + number), folder, options)
        counts = (f"{getattr(tally, column):>8}" for column in COLUMNS)
        print(f"{kind:<15} {durability:<10} {pool:<12}", *counts, flush=True)
        for fault in tally.faults[:SHOWN_FAULTS_MAX]:
            print(f"    {fault}", flush=True)
        tallies.append(tally)
    if options.expect_losses:
        return 0 if all(tally.lost + tally.torn for tally in tallies) else 1
    return 1 if any(tally.is_faulty() for tally in tallies) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
