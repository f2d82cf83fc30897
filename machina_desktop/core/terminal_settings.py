"""What can be set of terminals: their look, their bell, how much they keep, what they ask about."""

from __future__ import annotations

from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.setting import AnySetting, Section, Setting

LONGEST_LIST = 4_000


def check_patterns(key: str, patterns: str) -> None:
    """A list of patterns is one line of printable characters.

    Raises:
        InvalidInput: it is something else.
    """
    if len(patterns) > LONGEST_LIST or not patterns.isprintable():
        raise InvalidInput(f"The list is one line of up to {LONGEST_LIST} printable characters.", field=key)


TERMINAL_SCHEME = Setting(
    key="terminal_scheme",
    default="window",
    title="Colours",
    help="The colours of terminals: those of the window's theme, or always the same.",
    section=Section.TERMINAL,
    choices=("window", "dark", "light", "high-contrast"),
    choice_titles=("As the window", "Dark", "Light", "High contrast"),
)
TERMINAL_FONT = Setting(
    key="terminal_font",
    default="",
    title="Font",
    help="A font of one width that is installed on this computer. What it lacks is taken from other fonts.",
    section=Section.TERMINAL,
    empty="JetBrains Mono",
)
TERMINAL_SIZE = Setting(
    key="terminal_size",
    default=13,
    title="Font size",
    help="Ctrl with plus, minus and 0 changes it for one terminal only.",
    section=Section.TERMINAL,
    minimum=8,
    maximum=32,
    unit="pixels",
)
TERMINAL_CURSOR = Setting(
    key="terminal_cursor",
    default="block",
    title="Cursor",
    help="Its shape, where a program asks for none.",
    section=Section.TERMINAL,
    choices=("block", "underline", "bar"),
    choice_titles=("Block", "Underline", "Bar"),
)
TERMINAL_BLINK = Setting(
    key="terminal_blink",
    default=True,
    title="Blinking cursor",
    help="It stands still while motion is reduced.",
    section=Section.TERMINAL,
)
TERMINAL_SCROLLBACK = Setting(
    key="terminal_scrollback",
    default=100_000,
    title="Scrollback",
    help="How many lines a new terminal keeps of what has scrolled away.",
    section=Section.TERMINAL,
    minimum=1_000,
    maximum=1_000_000,
    unit="lines",
)
TERMINAL_BELL = Setting(
    key="terminal_bell",
    default="flash",
    title="Bell",
    help="What happens when a program rings. The tab of a hidden terminal is marked in any case.",
    section=Section.TERMINAL,
    choices=("off", "flash", "sound"),
    choice_titles=("Nothing", "Flash", "Flash and sound"),
)
TERMINAL_RESTORE = Setting(
    key="terminal_restore",
    default=True,
    title="Restore at the start",
    help="Tabs, panes and windows of terminals come back. A shell is opened anew when its tab is first shown.",
    section=Section.TERMINAL,
)
TERMINAL_GUARD = Setting(
    key="terminal_guard",
    default=True,
    title="Ask in production",
    help="Ask before a dangerous command line is run on a machine in production, as far as the line is known.",
    section=Section.TERMINAL,
)
TERMINAL_GUARDED = Setting(
    key="terminal_guarded",
    default=(
        "rm -*r*, rm --recursive, mkfs*, wipefs, dd of=/dev/*, shred, shutdown, reboot, poweroff, halt, init 0, "
        "init 6, systemctl reboot, systemctl poweroff, systemctl halt, terraform destroy, tofu destroy, "
        "kubectl delete, docker system prune, * drop database, * drop table, * truncate table, dropdb, userdel, "
        "iptables -f, chmod -*r* /, chown -*r* /"
    ),
    title="Dangerous commands",
    help="Words of a command, patterns separated by commas; * stands for anything in a word, and as the first for "
    "any command.",
    section=Section.TERMINAL,
    empty="none",
    only_with=("terminal_guard", True),
    check=check_patterns,
)
RECORDING_DAYS = Setting(
    key="recording_days",
    default=90,
    title="Keep recordings",
    help="Days after which recordings of terminals are deleted. 0: never.",
    section=Section.TERMINAL,
    minimum=0,
    maximum=3650,
    unit="days",
    zero="for ever",
)
RECORDING_MEGABYTES = Setting(
    key="recording_megabytes",
    default=2048,
    title="Room for recordings",
    help="When all recordings together take more, the oldest are deleted. 0: as much as there is.",
    section=Section.TERMINAL,
    minimum=0,
    maximum=1_000_000,
    unit="MB",
    zero="no limit",
)

TERMINAL_SETTINGS: tuple[AnySetting, ...] = (
    TERMINAL_SCHEME,
    TERMINAL_FONT,
    TERMINAL_SIZE,
    TERMINAL_CURSOR,
    TERMINAL_BLINK,
    TERMINAL_SCROLLBACK,
    TERMINAL_BELL,
    TERMINAL_RESTORE,
    TERMINAL_GUARD,
    TERMINAL_GUARDED,
    RECORDING_DAYS,
    RECORDING_MEGABYTES,
)
