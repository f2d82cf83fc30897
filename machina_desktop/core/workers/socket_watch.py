"""Sockets that many threads use are waited for by one; each wait tells once and is begun anew by who wants more."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
Call = Callable[[], None]


class SocketWatch:
    """Calls once when a socket can be read or written. Any thread may arm it, while it waits as well.

    That holds because both epoll and kqueue take changes in the middle of a wait; where there is neither, no shell has
    a process of its own.
    """

    def __init__(self, on_tick: Call, tick_s: float) -> None:
        """``on_tick`` is called on the watch's thread about every ``tick_s`` seconds."""
        self._on_tick = on_tick
        self._tick_s = tick_s
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._is_over = False
        self._wake, self._alarm = socket.socketpair()
        self._selector.register(self._alarm, READ, {})
        self._thread = threading.Thread(target=self._run, name="ssh-watch", daemon=True)
        self._thread.start()

    def arm(self, waited_for: socket.socket, event: int, call: Call) -> None:
        """Have ``call`` called on the watch's thread, once, when it can be read (or written), or has ended."""
        with self._lock:
            if self._is_over or waited_for.fileno() < 0:
                return
            key = self._selector.get_map().get(waited_for)
            if key is None:
                self._selector.register(waited_for, event, {event: call})
            elif not key.events & event:
                key.data[event] = call
                self._selector.modify(waited_for, key.events | event, key.data)

    def forget(self, waited_for: socket.socket) -> None:
        """Wait for it no more; to be said before it is closed."""
        with self._lock:
            if not self._is_over and waited_for in self._selector.get_map():
                self._selector.unregister(waited_for)

    def stop(self) -> None:
        """End the thread; nobody is called any more. Not from a call of the watch."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
        self._wake.close()
        self._thread.join()
        self._selector.close()
        self._alarm.close()

    def _run(self) -> None:
        tick_at = time.monotonic() + self._tick_s
        while True:
            ready = self._selector.select(max(0.0, tick_at - time.monotonic()))
            for key, events in ready:
                for call in self._fired(key, events):
                    call()
            if self._is_over:
                return
            # Whatever has come by now was heard before, so nobody is taken for silent who is not.
            if time.monotonic() >= tick_at:
                self._on_tick()
                tick_at = time.monotonic() + self._tick_s

    def _fired(self, key: selectors.SelectorKey, events: int) -> list[Call]:
        with self._lock:
            if self._is_over or key.fileobj is self._alarm:
                return []
            now = self._selector.get_map().get(key.fd)
            # Its number may have passed to another socket meanwhile.
            if now is None or now.fileobj is not key.fileobj:
                return []
            left = now.events & ~events
            calls = [now.data.pop(event) for event in (READ, WRITE) if now.events & events & event]
            if left:
                self._selector.modify(now.fileobj, left, now.data)
            else:
                self._selector.unregister(now.fileobj)
            return calls
