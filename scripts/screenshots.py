"""Takes pictures of every stage of the main job in the real window: ``screenshots.py FOLDER``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from tests.fakes import sshd  # noqa: E402 - found only with the path above
from tests.fakes.display import virtual_display  # noqa: E402


def main() -> int:
    """Play both flows, dark and light; answers how many failed."""
    folder = Path(sys.argv[1]).resolve()
    failed = 0
    for theme in ("dark", "light"):
        with (
            tempfile.TemporaryDirectory(prefix="machina-pictures-") as scratch,
            sshd.running(Path(scratch) / "sshd") as server,
        ):
            key = sshd.KeyPair()
            server.authorize(key)
            private = key.write(Path(scratch) / "key")
            address = ("127.0.0.1", str(server.port), server.user, server.fingerprint, str(private))
            failed += _play("sandbox", theme, folder, Path(scratch))
            failed += _play("baremetal", theme, folder, Path(scratch), *address)
    print(f"{len(list(folder.rglob('*.png')))} pictures in {folder}")
    return failed


def _play(scenario: str, theme: str, folder: Path, scratch: Path, *arguments: str) -> bool:
    home = scratch / f"home-{scenario}"
    home.mkdir()
    (home / "settings.json").write_text(f'{{"theme": "{theme}"}}')
    command = [sys.executable, "-m", "tests.e2e.window_driver", scenario, str(folder / f"{scenario}-{theme}")]
    with virtual_display() as environment:
        ended = subprocess.run(
            [*command, *arguments],
            cwd=REPOSITORY,
            env={**environment, "MACHINA_HOME": str(home), "TMPDIR": str(scratch)},
            check=False,
        )
    return ended.returncode != 0


if __name__ == "__main__":
    raise SystemExit(main())
