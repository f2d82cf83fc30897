"""Whether a window may have see-through parts here; on X11 the display is asked, for Qt does not tell."""

from __future__ import annotations

import ctypes

from PySide6.QtGui import QGuiApplication

_LIBRARY = "libxcb.so.1"
# Both replies carry their one answer behind a header of eight bytes.
_ANSWER_OFFSET = 8


class _Cookie(ctypes.Structure):
    """What xcb gives for a request, to ask for its reply with."""

    _fields_ = (("sequence", ctypes.c_uint),)


def can_blend() -> bool:
    """Whether rounded corners and shadows would show what lies behind them, instead of black.

    True everywhere but on an X server without a compositing manager. Asks the server, which takes well under a
    millisecond on a local display; a manager may come or go, so the answer is not kept.
    """
    if QGuiApplication.platformName() != "xcb":
        return True
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return False
    return _has_manager(library)


def _has_manager(library: ctypes.CDLL) -> bool:
    """Whether somebody owns the selection that compositing managers own (EWMH, ``_NET_WM_CM_Sn``)."""
    _declare(library)
    screen = ctypes.c_int(0)
    connection = library.xcb_connect(None, ctypes.byref(screen))
    try:
        if library.xcb_connection_has_error(connection):
            return False
        name = f"_NET_WM_CM_S{screen.value}".encode()
        atom = _answer(
            library.xcb_intern_atom_reply(connection, library.xcb_intern_atom(connection, 0, len(name), name), None)
        )
        request = library.xcb_get_selection_owner(connection, atom)
        return _answer(library.xcb_get_selection_owner_reply(connection, request, None)) != 0
    finally:
        library.xcb_disconnect(connection)


def _declare(library: ctypes.CDLL) -> None:
    library.xcb_connect.restype = ctypes.c_void_p
    library.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_int)]
    library.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    library.xcb_disconnect.argtypes = [ctypes.c_void_p]
    library.xcb_intern_atom.restype = _Cookie
    library.xcb_intern_atom.argtypes = [ctypes.c_void_p, ctypes.c_uint8, ctypes.c_uint16, ctypes.c_char_p]
    library.xcb_get_selection_owner.restype = _Cookie
    library.xcb_get_selection_owner.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    for name in ("xcb_intern_atom_reply", "xcb_get_selection_owner_reply"):
        reply = getattr(library, name)
        reply.restype = ctypes.c_void_p
        reply.argtypes = [ctypes.c_void_p, _Cookie, ctypes.c_void_p]


def _answer(reply: int | None) -> int:
    """The number in a reply, which is freed; 0 for none."""
    if not reply:
        return 0
    number = ctypes.c_uint32.from_address(reply + _ANSWER_OFFSET).value
    free = ctypes.CDLL(None).free
    free.argtypes = [ctypes.c_void_p]
    free(reply)
    return number
