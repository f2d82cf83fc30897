"""One program, two faces: without arguments, or with a link to show, the window; with others the command line."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the face that is asked for; the answer is the exit code.

    The command line never imports Qt, and the window opens without what only the command line needs.
    """
    link = sys.argv[1] if len(sys.argv) == 2 and sys.argv[1].startswith("machina://") else ""
    is_gallery = sys.argv[1:2] == ["--gallery"]
    if len(sys.argv) > 1 and not link and not is_gallery:
        from machina_desktop import cli

        return cli.main(sys.argv[1:])
    try:
        if is_gallery:
            from machina_desktop.views import gallery

            return gallery.run(sys.argv[2:])
        from machina_desktop import app
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in {"PySide6", "qasync", "shiboken6"}:
            raise
        print(
            f"The window cannot start: {error}. Install the desktop extra and Qt's system libraries "
            "(pip install 'machina-desktop[desktop]'), or use the command line: machina --help",
            file=sys.stderr,
        )
        return 2
    return app.run(link)


if __name__ == "__main__":
    sys.exit(main())
