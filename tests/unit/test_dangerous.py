"""Which command lines are asked about in production."""

from __future__ import annotations

import pytest

from machina_desktop.core.domain.dangerous import dangerous_part
from machina_desktop.core.terminal_settings import TERMINAL_GUARDED

PATTERNS = TERMINAL_GUARDED.default


@pytest.mark.parametrize(
    "line",
    [
        "rm -rf /",
        "rm -f -r /srv",
        "rm --recursive /srv",
        "sudo -u root rm -fr /srv",
        "cd /srv && /bin/rm -r data",
        "LANG=C nohup mkfs.ext4 /dev/sda1",
        "dd if=/dev/zero of=/dev/sda bs=1M",
        "reboot",
        "sudo systemctl reboot",
        "echo bye; shutdown -h now",
        "terraform -chdir=prod destroy -auto-approve",
        'psql -c "DROP DATABASE shop"',
        "DROP TABLE users;",
        "kubectl -n shop delete pod web",
        "if true; then poweroff; fi",
    ],
)
def test_dangerous_lines_are_known(line: str) -> None:
    assert dangerous_part(line, PATTERNS)


@pytest.mark.parametrize(
    "line",
    [
        "rm -f foo-bar.txt",
        "rm notes",
        "ls -r /",
        "grep reboot /var/log/syslog",
        "echo shutdown",
        "dd if=/dev/sda of=backup.img",
        "terraform plan",
        "systemctl restart nginx",
        "cat mkfs.md",
        "",
        "sudo",
    ],
)
def test_usual_lines_are_not(line: str) -> None:
    assert dangerous_part(line, PATTERNS) == ""


def test_the_part_that_is_meant_is_told() -> None:
    assert dangerous_part("uptime; sudo reboot now", PATTERNS) == "sudo reboot now"


def test_an_empty_list_knows_nothing() -> None:
    assert dangerous_part("rm -rf /", "") == dangerous_part("rm -rf /", " , ,") == ""
