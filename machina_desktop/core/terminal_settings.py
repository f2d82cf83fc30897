"""What can be set of terminals: their look, their bell, how much they keep."""

from __future__ import annotations

from machina_desktop.core.setting import AnySetting, Section, Setting

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
    RECORDING_DAYS,
    RECORDING_MEGABYTES,
)
