"""Takes pictures of everything the window can show, in each theme and scale: ``screenshots.py FOLDER``.

The window is the real one, on a virtual display, over a real store in a temporary folder.
"""

from __future__ import annotations

import asyncio
import html
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from machina_desktop.core.config import Paths  # noqa: E402 - found only with the path above
from tests.e2e.scenes import WALKS  # noqa: E402
from tests.fakes.believable_team import settle_in  # noqa: E402
from tests.fakes.display import virtual_display  # noqa: E402

AT_ONCE = 2
LONGEST_S = 120
_SETTLING = threading.Lock()
_LINES = {"dark": "#30363d", "light": "#c4ccd4", "high-contrast": "#ffffff"}


@dataclass(frozen=True, kw_only=True)
class Tour:
    """Some walks in one theme, at one scale, on a display of ``width`` by ``height`` design pixels."""

    theme: str
    percent: int = 100
    walks: tuple[str, ...] = ("team", "shared", "first", "broken")
    width: int = 1440
    height: int = 900
    name: str = ""

    @property
    def folder(self) -> str:
        """The name of the folder its pictures go to."""
        return self.name or f"{self.theme}-{self.percent}"


TOURS = (
    Tour(theme="dark", percent=150),
    Tour(theme="light", percent=150),
    Tour(theme="dark"),
    Tour(theme="light"),
    Tour(theme="high-contrast", walks=("contrast",)),
    Tour(theme="dark", walks=("small",), width=1024, height=640, name="small-100"),
)


def main() -> int:
    """Walk every tour, two at once; answers how many failed."""
    folder = Path(sys.argv[1]).resolve()
    wanted = sys.argv[2:]
    tours = [tour for tour in TOURS if not wanted or tour.folder in wanted]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        failures = sum(pool.map(lambda tour: walk(tour, folder / tour.folder), tours))
    write_contact_sheet(folder)
    print(f"{len(list(folder.rglob('*.png')))} pictures in {folder}")
    return failures


def walk(tour: Tour, pictures: Path) -> int:
    """Take the pictures of one tour; answers how many of its walks failed."""
    # Of an earlier time, when a scene may have been another.
    shutil.rmtree(pictures, ignore_errors=True)
    failures, first = 0, 1
    for name in tour.walks:
        with tempfile.TemporaryDirectory(prefix="machina-pictures-") as home:
            failures += _walk(tour, name, pictures, first, Path(home))
        first += len(WALKS[name])
    return failures


def _walk(tour: Tour, name: str, pictures: Path, first: int, home: Path) -> bool:
    pairs = _furnish(home, name)
    (home / "settings.json").write_text(f'{{"theme": "{tour.theme}", "reduced_motion": true}}')
    scale = tour.percent / 100
    width, height = round(tour.width * scale), round(tour.height * scale)
    with virtual_display(width=width, height=height, line=_LINES[tour.theme], line_width=round(scale)) as environment:
        ended = subprocess.run(
            [sys.executable, "-m", "tests.e2e.picture_walk", name, str(pictures), str(first), *pairs],
            cwd=REPOSITORY,
            env={**environment, "MACHINA_HOME": str(home), "TMPDIR": str(home), "QT_SCALE_FACTOR": str(scale)},
            timeout=LONGEST_S,
            check=False,
        )
    if ended.returncode:
        print(f"{tour.folder}: the walk {name} ended with {ended.returncode}", file=sys.stderr)
        fault = home / "logs" / "fault.log"
        print(fault.read_text() if fault.exists() else "", file=sys.stderr)
    return ended.returncode != 0


def _furnish(home: Path, name: str) -> list[str]:
    """Put into the data folder what the walk needs; answers the ids it may want, as arguments."""
    if name == "broken":
        (home / "machina.db").write_bytes(b"not a database\n" * 512)
    if name in {"first", "broken"}:
        return []
    # Migrations run one at a time in a process.
    with _SETTLING:
        team = asyncio.run(settle_in(Paths(home=home)))
    return [f"{key}={value}" for key, value in team.named().items()]


def write_contact_sheet(folder: Path) -> None:
    """An ``index.html`` with every picture there is in ``folder``, one row per scene."""
    tours = sorted(path.name for path in folder.iterdir() if path.is_dir())
    scenes = sorted({picture.name for tour in tours for picture in (folder / tour).glob("*.png")})
    cells = "".join(
        f"<h2>{html.escape(scene.removesuffix('.png'))}</h2><div>"
        + "".join(
            f'<a href="{tour}/{scene}"><img loading="lazy" src="{tour}/{scene}" alt="{tour}"></a>'
            for tour in tours
            if (folder / tour / scene).exists()
        )
        + "</div>"
        for scene in scenes
    )
    style = (
        "body{font:14px sans-serif;background:#888}div{display:grid;grid-template-columns:repeat(4,1fr);gap:8px}"
        "img{width:100%}h2{font-size:14px}"
    )
    page = f"<!doctype html><meta charset=utf-8><title>Machina Desktop</title><style>{style}</style>{cells}"
    (folder / "index.html").write_text(page)


if __name__ == "__main__":
    raise SystemExit(main())
