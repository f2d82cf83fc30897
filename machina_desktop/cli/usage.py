"""What ``--help`` says: made from the registry, the requests' docstrings and their fields."""

from __future__ import annotations

from machina_desktop.cli.commands import Command, area_names, area_summary, commands
from machina_desktop.cli.options import WITH_ACCOUNT_FIELDS, Kind, Option, account_options, options_of
from machina_desktop.core.providers.registry import available_types

_VALUES = {
    Kind.TEXT: "TEXT",
    Kind.TEXT_FILE: "FILE",
    Kind.SECRET_FILE: "FILE",
    Kind.NUMBER: "NUMBER",
    Kind.MOMENT: "TIME",
    Kind.FLAG: "",
    Kind.ENTRY: "NAME=VALUE",
    Kind.SECRET_ENTRY: "NAME=FILE",
}


def of_program() -> str:
    """The areas and what the environment means."""
    rows = [(area, area_summary(area)) for area in area_names()]
    return "\n".join(
        (
            "machina                      open the window",
            "machina --gallery [THEME]    open the gallery of widgets",
            "machina AREA VERB [--option value …] [--json]",
            "",
            "Areas:",
            *_columns(rows),
            "",
            "machina AREA --help and machina AREA VERB --help say more; machina --version tells the version.",
            "References take a name or an id. MACHINA_HOME names the data folder; MACHINA_VAULT=key-file opens the",
            "vault with its key file, for computers nobody sits at.",
        )
    )


def of_area(area: str) -> str:
    """The commands of one area."""
    rows = [(each.verb, each.description.partition("\n")[0]) for each in commands() if each.area == area]
    return "\n".join((f"machina {area} VERB: {area_summary(area)}", "", *_columns(rows)))


def of_command(command: Command) -> str:
    """What one command does, and its options."""
    options = options_of(command)
    subject = next((option for option in options if option.field == command.subject), None)
    typed = f" {subject.name.removeprefix('--').upper()}" if subject else ""
    lines = [f"{command.words}{typed} [--option value …]", "", command.description, "", "Options:"]
    lines += _columns([_row(option) for option in sorted(options, key=lambda option: not option.is_required)])
    if command.request in WITH_ACCOUNT_FIELDS:
        when = "Of an account at" if command.subject else "With --type"
        for kind in available_types():
            if rows := [_row(option) for option in account_options(kind)]:
                lines += ["", f"{when} {kind.value}:", *_columns(rows)]
    return "\n".join(lines)


def _row(option: Option) -> tuple[str, str]:
    value = option.noun.upper() if option.kind is Kind.REFERENCE else _VALUES.get(option.kind, "VALUE")
    said = [
        "Needed." if option.is_required else "",
        option.about,
        "A name or an id." if option.noun else "",
        f"One of {', '.join(option.choices)}." if option.choices else "",
        "A file; - asks at the terminal or reads standard input." if option.kind is Kind.SECRET_FILE else "",
        "May be given several times." if option.is_repeatable else "",
        _default(option),
    ]
    return f"{option.name} {value}".strip(), " ".join(part for part in said if part)


def _default(option: Option) -> str:
    if option.kind is Kind.FLAG:
        return f"On by default; --no-{option.name.removeprefix('--')} turns it off." if option.default == "True" else ""
    return f"Default: {option.default}." if option.default else ""


def _columns(rows: list[tuple[str, str]]) -> list[str]:
    width = max(len(left) for left, _ in rows)
    return [f"  {left:<{width}}  {right}".rstrip() for left, right in rows]
