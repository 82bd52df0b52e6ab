"""The disks of powercut.py: one that remembers what was written to it, and those that a power cut leaves."""

import contextlib
import ctypes
import mmap
import multiprocessing
import os
import stat
import struct
import subprocess
import time
from dataclasses import dataclass

PIECE_BYTES = 4096
KEEPS = ("none", "half", "all")
WAIT_SECONDS = 20
CLONE_NEWNS = 0x20000


@dataclass(frozen=True)
class FileSystem:
    kernel_name: str
    mkfs: tuple
    mebibytes: int
    journaled: bool = True
    buffered_options: str = "defaults"


FILE_SYSTEMS = {
    "ext4": FileSystem("ext4", ("mkfs.ext4", "-qF", "-E", "nodiscard"), 96, buffered_options="commit=1"),
    "xfs": FileSystem("xfs", ("mkfs.xfs", "-qfK"), 304),
    "btrfs": FileSystem("btrfs", ("mkfs.btrfs", "-qfK"), 160, buffered_options="commit=1"),
    "ext4-nojournal": FileSystem(
        "ext4", ("mkfs.ext4", "-qF", "-O", "^has_journal", "-E", "nodiscard"), 96, journaled=False
    ),
    "ext2": FileSystem("ext2", ("mkfs.ext2", "-qF", "-E", "nodiscard"), 96, journaled=False),
}


class RecordedDisk:
    """A disk, and the log of what was written to it and when it was flushed."""

    ENTRY = struct.Struct("<cxxxIQ")  # kind, length, offset; then the bytes that were written
    WRITE, FLUSH = b"w", b"f"

    def __init__(self, folder, mebibytes):
        self.size = mebibytes << 20
        self.content = os.path.join(folder, "disk")
        self.log = os.path.join(folder, "log")
        self.mountpoint = make_folder(folder, "fuse")
        self.entries_logged = mmap.mmap(-1, 8)  # shared with the process that serves the file
        open(self.log, "wb").close()
        make_image(self.content, self.size)

    def position(self):
        """How many writes and flushes the log has."""
        return int.from_bytes(self.entries_logged, "little")

    @contextlib.contextmanager
    def file(self):
        """The file that is the disk. What is written to it is logged."""
        process = multiprocessing.get_context("fork").Process(target=self._serve, daemon=True)
        process.start()
        file = os.path.join(self.mountpoint, "disk")
        try:
            wait_until(lambda: os.path.exists(file), "the FUSE file does not appear")
            yield file
        finally:
            unmount_lazily(self.mountpoint)
            process.kill()
            process.join()
            os.remove(self.content)

    def _serve(self):
        os.setsid()  # Ctrl-C is for the parent, which then unmounts
        fuse = import_fuse()
        fuse.FUSE(self._operations(fuse), self.mountpoint, foreground=True, nothreads=True, big_writes=True)

    def _operations(self, fuse):
        content, log = os.open(self.content, os.O_RDWR), open(self.log, "ab", buffering=0)

        def append(kind, offset=0, data=b""):
            log.write(self.ENTRY.pack(kind, len(data), offset) + data)
            self.entries_logged[:] = (self.position() + 1).to_bytes(8, "little")

        class Operations(fuse.Operations):
            def init(_, path):
                # Without the file system that will be mounted from this disk: a killed process unmounts what only
                # its name space has, and would wait for itself.
                leave_mounts()

            def getattr(_, path, handle=None):
                if path == "/":
                    return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
                if path != "/disk":
                    raise fuse.FuseOSError(2)
                return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": self.size}

            def read(_, path, length, offset, handle):
                return os.pread(content, length, offset)

            def write(_, path, data, offset, handle):
                append(self.WRITE, offset, data)
                return os.pwrite(content, data, offset)

            def fsync(_, path, only_data, handle):
                append(self.FLUSH)

        return Operations()

    def entries(self):
        """The log: (kind, offset on the disk, bytes)."""
        with open(self.log, "rb") as log:
            while head := log.read(self.ENTRY.size):
                kind, length, offset = self.ENTRY.unpack(head)
                yield kind, offset, log.read(length)


class RebuiltDisk:
    """Images of a recorded disk as of a power cut. Cuts come in the order of their positions."""

    def __init__(self, recorded, folder, generator):
        self.log = list(recorded.entries())
        self.flushed = 0  # so many entries are in the base image
        self.base = os.path.join(folder, "base")
        self.image = os.path.join(folder, "image")
        self.generator = generator
        make_image(self.base, recorded.size)

    def cut(self, position, keep):
        flushes = [at for at in range(self.flushed, position) if self.log[at][0] == RecordedDisk.FLUSH]
        if flushes:
            self._write(self.base, self.log[self.flushed : flushes[-1]], "all")
            self.flushed = flushes[-1] + 1
        run("cp", "--sparse=always", self.base, self.image)
        self._write(self.image, self.log[self.flushed : position], keep)
        return self.image

    def _write(self, path, entries, keep):
        if keep == "none":
            return
        with open(path, "r+b") as image:
            for _, offset, data in entries:
                for at in range(0, len(data), PIECE_BYTES):
                    if keep == "all" or self.generator.random() < 0.5:
                        image.seek(offset + at)
                        image.write(data[at : at + PIECE_BYTES])


def import_fuse():
    try:
        import fusepy  # as Debian calls it
    except ImportError:
        import fuse as fusepy
    return fusepy


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def leave_mounts():
    """Gives this process a name space of mounts of its own, as os.unshare does from Python 3.12 on."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def repair(file_system, file):
    """What is done at a boot, before a file system without journal is mounted."""
    if file_system.journaled:
        return
    for _ in range(2):  # what is left after the first run may be gone after the second
        done = subprocess.run(("e2fsck", "-fy", file), capture_output=True, text=True)
        if done.returncode < 4:
            break
    else:
        raise OSError(f"e2fsck gives up with {done.returncode}: {' / '.join(done.stdout.splitlines()[-3:])}")


@contextlib.contextmanager
def mounted(file_system, file, folder, options="defaults"):
    """Mounts through a loop device, which goes with the mount."""
    run("mount", "-t", file_system.kernel_name, "-o", f"loop,{options}", file, folder)
    try:
        yield folder
    finally:
        unmount(folder)
        if file_system.kernel_name == "btrfs":  # or it would be taken for the same disk as the next one
            subprocess.run(("btrfs", "device", "scan", "--forget"), capture_output=True)


def unmount(folder):
    wait_until(lambda: subprocess.run(("umount", folder), capture_output=True).returncode == 0, f"{folder} stays busy")


def unmount_lazily(folder):
    """Also when it is in use, or was not mounted at all."""
    subprocess.run(("umount", "--lazy", folder), capture_output=True)


def make_folder(parent, name):
    path = os.path.join(parent, name)
    os.makedirs(path, exist_ok=True)
    return path


def make_image(path, size):
    open(path, "wb").close()
    os.truncate(path, size)


def wait_until(holds, otherwise, seconds=WAIT_SECONDS):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(0.02)
