"""What is done in each program beside xterm: lines typed, keys pressed, cells clicked, sizes changed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """A key by its name in X, with what is held: ``ctrl+b``, ``F3``, ``shift+Right``."""

    name: str


@dataclass(frozen=True)
class Click:
    """The left button on a cell, counted from 0."""

    column: int
    line: int


@dataclass(frozen=True)
class Size:
    """The terminal becomes that much wider and higher, in cells."""

    columns: int
    lines: int


@dataclass(frozen=True)
class Step:
    """What is done, and then looked at.

    Attributes:
        name: What the pictures are called.
        deeds: Text that is typed, keys, clicks and sizes.
        quiet_s: How long nothing may come before it is looked at.
    """

    name: str
    deeds: tuple[str | Key | Click | Size, ...]
    quiet_s: float = 0.5


@dataclass(frozen=True)
class Program:
    """A program and the steps taken in it.

    Attributes:
        moves: Whether what it shows changes by itself or by its time, so that two runs differ in numbers.
    """

    name: str
    steps: tuple[Step, ...]
    moves: bool = False


ENTER, ESCAPE = Key("Return"), Key("Escape")
PREFIX = Key("ctrl+b")
VIM = "vim -u NONE -N -i NONE -n -c 'syntax on' -c 'set nu cul mouse=a hls is ls=2 bg=dark' sample.py"

PROGRAMS = (
    Program(
        "shell",
        (
            Step("colours", ("ls --color=always -la; cat palette.txt", ENTER)),
            Step("signs", ("clear; cat signs.txt", ENTER)),
            Step("edited", ("clear", ENTER, "echo one two three four", Key("Home"), Key("Delete"), Key("End"))),
            Step("wrapped", ("x" * 150, Key("ctrl+a"), "yy", Key("ctrl+e"), Key("ctrl+w"), Key("ctrl+c"))),
        ),
    ),
    Program(
        "vim",
        (
            Step("open", (VIM, ENTER)),
            Step("insert", ("3Go", "added = [text for text in 'words'] # and a comment")),
            Step("visual", (ESCAPE, "5GVjjj")),
            Step("block", (ESCAPE, "3G", Key("ctrl+v"), "jjjlllll")),
            Step("search", (ESCAPE, "/return", ENTER)),
            Step("split", (":split", ENTER, ":vsplit", ENTER, Key("ctrl+w"), "w")),
            Step("scrolled", (Key("ctrl+d"), Key("ctrl+e"), Key("ctrl+e"))),
            Step("help", (":help", ENTER)),
            Step("clicked", (Click(10, 18),)),
            Step("narrower", (Size(-12, -4),)),
            Step("left", (Size(12, 4), ESCAPE, ":qa!", ENTER)),
        ),
    ),
    Program(
        "htop",
        (
            Step("open", ("clear; htop -d 600", ENTER), 1.0),
            Step("tree", (Key("F5"), Key("Down"), Key("Down")), 1.0),
            Step("sort", (Key("F6"), Key("Down")), 1.0),
            Step("setup", (ESCAPE, Key("F2"), Key("Right")), 1.5),
            Step("help", (ESCAPE, Key("F1")), 1.5),
            Step("left", (ESCAPE, Key("F10")), 1.5),
        ),
        moves=True,
    ),
    Program(
        "less",
        (
            Step("open", ("clear; less -R -J coloured.log", ENTER)),
            Step("search", ("/error", ENTER)),
            Step("next", ("nnn",)),
            Step("paged", ("  b",)),
            Step("end", ("G",)),
            Step("right", (Key("Right"),)),
            Step("back", ("g", Key("Up"), Key("Up"))),
            Step("help", ("h",)),
            Step("left", ("qq",)),
        ),
    ),
    Program(
        "tmux",
        (
            Step("open", ("clear; tmux -f tmux.conf -L beside$$ new", ENTER), 1.0),
            Step("split", (PREFIX, "%"), 1.0),
            Step("listed", ("ls --color=always -la", ENTER), 1.0),
            Step("again", (PREFIX, '"'), 1.0),
            Step("signs", ("cat signs.txt", ENTER), 1.0),
            Step("resized", (PREFIX, Key("ctrl+Left"), PREFIX, Key("ctrl+Left"), PREFIX, Key("ctrl+Up")), 1.0),
            Step("copy-mode", (PREFIX, "[", Key("Prior"), Key("Up"), Key("space"), Key("Up"), Key("Left")), 1.0),
            Step("window", (ESCAPE, "q", PREFIX, "c"), 1.0),
            Step("window-used", ("less -R coloured.log", ENTER), 1.0),
            Step("smaller", (Size(-10, -3),), 1.0),
            Step("larger", (Size(10, 3), "q"), 1.0),
            Step("choose", (PREFIX, "w"), 1.0),
            Step("left", ("q", PREFIX, ":", "kill-server", ENTER), 1.0),
        ),
    ),
    Program(
        "mc",
        (
            Step("open", ("clear; mc --nosubshell . tree", ENTER), 1.5),
            Step("moved", (Key("Down"), Key("Down"), Key("Insert"), Key("Down")), 1.0),
            Step("menu", (Key("F9"), Key("Down")), 1.0),
            Step("menu-next", (Key("Right"), Key("Right"), Key("Down")), 1.0),
            Step("clicked", (ESCAPE, ESCAPE, Click(60, 5)), 1.5),
            Step("viewer", (Key("Tab"), Key("End"), Key("F3")), 1.5),
            Step("viewer-hex", (Key("F4"),), 1.0),
            Step("copy", (Key("F4"), Key("F3"), Key("F5")), 1.5),
            Step("left", (ESCAPE, ESCAPE, Key("F10")), 1.5),
        ),
    ),
    Program(
        "nano",
        (
            Step("open", ("mkdir at-$$; cp sample.py at-$$; cd at-$$; clear; nano -l -Y python sample.py", ENTER)),
            Step("edited", (Key("Down"), Key("End"), ENTER, "added = 'text'  # words")),
            Step("marked", (Key("alt+a"), Key("Down"), Key("Down"), Key("Right"))),
            Step("search", (Key("ctrl+w"), "return", ENTER)),
            Step("help", (Key("ctrl+g"),)),
            Step("left", (Key("ctrl+x"), Key("ctrl+x"), "n", "cd ..; clear", ENTER)),
        ),
    ),
    Program(
        "apt",
        (
            Step("simulated", ("clear; apt -s install --reinstall bash nano", ENTER), 3.0),
            Step("shown", ("clear; apt list --installed 'vim*' 'tmux*'; apt show nano | head -12", ENTER), 3.0),
            Step("progress", ("clear; ./install", ENTER), 3.0),
            Step("progress-done", (ENTER,), 3.0),
        ),
        moves=True,
    ),
    Program(
        "terraform",
        (
            Step("plan", ("clear; cp -r stack stack-$$; cd stack-$$; clear; terraform plan", ENTER), 4.0),
            Step("asked", ("clear; terraform apply", ENTER), 4.0),
            Step("applied", ("yes", ENTER), 4.0),
            Step("changed", ("clear; terraform apply -auto-approve -var size=large", ENTER), 4.0),
            Step("left", ("cd ..; clear", ENTER)),
        ),
        moves=True,
    ),
)
