"""The files of a practice machine over SFTP: its home folder is the root, and nothing outside of it is reached."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import paramiko  # type: ignore[import-untyped]

_LINK_LIMIT = 4096


class _OpenFile(paramiko.SFTPHandle):  # type: ignore[misc]
    """A file that the client has open; paramiko reads and writes through ``readfile`` and ``writefile``."""

    def __init__(self, file: int, flags: int) -> None:
        super().__init__(flags)
        writes = flags & (os.O_WRONLY | os.O_RDWR)
        mode = "rb" if not writes else "r+b" if flags & os.O_RDWR else "wb"
        self._stream = os.fdopen(file, mode, buffering=0 if mode == "wb" else -1)
        if not flags & os.O_WRONLY:
            self.readfile = self._stream
        if writes:
            self.writefile = self._stream

    def stat(self) -> paramiko.SFTPAttributes | int:
        """Size, times and permissions."""
        try:
            return paramiko.SFTPAttributes.from_stat(os.fstat(self._stream.fileno()))
        except OSError as error:
            return _code(error)

    def chattr(self, attr: paramiko.SFTPAttributes) -> int:
        """Permissions and times; files here have one owner only."""
        return _attempt(lambda: _apply(self._stream.fileno(), attr))


class HomeFiles(paramiko.SFTPServerInterface):  # type: ignore[misc]
    """Answers the requests of one SFTP session. Client paths are relative to ``root``, ``..`` ends there.

    A symbolic link is followed only to what lies inside of ``root``. That keeps a file panel tidy; it is no jail,
    since the same login may run any program.
    """

    def __init__(self, server: paramiko.ServerInterface, *, root: Path) -> None:
        super().__init__(server)
        self._root = root.resolve()

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        """Open or create a file."""
        try:
            mode = attr.st_mode & 0o777 if attr.st_mode is not None else 0o600
            # O_NOFOLLOW: where the link leads has been decided by _followed.
            file = os.open(self._followed(path), flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
            return _OpenFile(file, flags)
        except OSError as error:
            return _code(error)

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
        """Every entry, links not followed."""
        try:
            with os.scandir(self._followed(path)) as entries:
                return [
                    paramiko.SFTPAttributes.from_stat(entry.stat(follow_symlinks=False), entry.name)
                    for entry in entries
                ]
        except OSError as error:
            return _code(error)

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        """Of what a link leads to."""
        try:
            return paramiko.SFTPAttributes.from_stat(self._followed(path).stat())
        except OSError as error:
            return _code(error)

    def lstat(self, path: str) -> paramiko.SFTPAttributes | int:
        """Of the link itself."""
        try:
            return paramiko.SFTPAttributes.from_stat(self._entry(path).lstat())
        except OSError as error:
            return _code(error)

    def remove(self, path: str) -> int:
        """Delete a file or link."""
        return _attempt(lambda: self._entry(path).unlink())

    def rename(self, oldpath: str, newpath: str) -> int:
        """Move, refusing a taken name."""

        def move() -> None:
            new = self._entry(newpath)
            if os.path.lexists(new):
                raise FileExistsError
            self._entry(oldpath).rename(new)

        return _attempt(move)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        """Move, replacing what has that name."""
        return _attempt(lambda: self._entry(oldpath).replace(self._entry(newpath)))

    def mkdir(self, path: str, attr: paramiko.SFTPAttributes) -> int:
        """Make a folder."""
        mode = attr.st_mode & 0o777 if attr.st_mode is not None else 0o700
        return _attempt(lambda: self._entry(path).mkdir(mode))

    def rmdir(self, path: str) -> int:
        """Remove an empty folder."""
        return _attempt(lambda: self._entry(path).rmdir())

    def chattr(self, path: str, attr: paramiko.SFTPAttributes) -> int:
        """Permissions, size and times of what a link leads to."""
        return _attempt(lambda: _apply(self._followed(path), attr))

    def readlink(self, path: str) -> str | int:
        """The link's text; an absolute one as the client would write it."""
        try:
            target = str(self._entry(path).readlink())
        except OSError as error:
            return _code(error)
        if not target.startswith("/"):
            return target
        inside = os.path.relpath(target, self._root)
        return f"/{inside}" if not inside.startswith("..") else int(paramiko.SFTP_PERMISSION_DENIED)

    def symlink(self, target_path: str, path: str) -> int:
        """A link; its target must lie inside, existing or not."""

        def link() -> None:
            entry = self._entry(path)
            given = target_path[:_LINK_LIMIT]
            target = self._followed(given) if given.startswith("/") else self._inside(entry.parent / given)
            entry.symlink_to(os.path.relpath(target, entry.parent.resolve()))

        return _attempt(link)

    def _entry(self, path: str) -> Path:
        """The entry itself: links among its parents are followed, it is not."""
        plain = self.canonicalize(path)
        if plain == "/":
            return self._root
        return self._inside(self._root / Path(plain[1:]).parent) / Path(plain).name

    def _followed(self, path: str) -> Path:
        return self._inside(self._root / self.canonicalize(path)[1:])

    def _inside(self, path: Path) -> Path:
        real = Path(os.path.realpath(path))
        if real != self._root and self._root not in real.parents:
            raise PermissionError(13, "outside of the home folder")
        return real


def _apply(file: Path | int, attr: paramiko.SFTPAttributes) -> None:
    if attr.st_size is not None:
        os.truncate(file, attr.st_size)
    if attr.st_mode is not None:
        os.chmod(file, attr.st_mode & 0o777)  # noqa: PTH101 - it may be an open file
    if attr.st_atime is not None and attr.st_mtime is not None:
        os.utime(file, (attr.st_atime, attr.st_mtime))


def _attempt(action: Callable[[], object]) -> int:
    try:
        action()
    except OSError as error:
        return _code(error)
    return int(paramiko.SFTP_OK)


def _code(error: OSError) -> int:
    return int(paramiko.SFTPServer.convert_errno(error.errno or 0))
