"""Sequences of every kind a program sends, each with some text around it."""

from __future__ import annotations

SEQUENCES: tuple[bytes, ...] = tuple(
    sequence.encode()
    for sequence in (
        "plain text",
        "two\r\nlines",
        "wrapped " * 12,
        "中文字 é ж ─ 😀 e\u0301 👩\u200d💻 ❤\ufe0f",
        "\x1b[1;31mred\x1b[0m \x1b[38;5;208morange\x1b[39m \x1b[38;2;1;2;3;48;2;4;5;6mrgb\x1b[m",
        "\x1b[4:3;58:2::255:0:0mcurly\x1b[59;24m \x1b[38:2:10:20:30mcolon\x1b[0m",
        "\x1b[10;5Hhere\x1b[Hhome\x1b[3;3f.",
        "\x1b[2J\x1b[1;1Hx\x1b[K\x1b[1K\x1b[2K",
        "\x1b[5;10r\x1b[10H\n\n\nx\x1bM\x1bM\x1b[r",
        "\x1b[3L\x1b[2M\x1b[4@\x1b[2P\x1b[3X\x1b[2S\x1b[T",
        "\x1b[5b a\x1b[3b",
        "\x1b[3A\x1b[2B\x1b[5C\x1b[2D\x1b[E\x1b[F\x1b[7G\x1b[4d\x1b[3`\x1b[2a\x1b[e",
        "\t\x1b[2I\x1b[Z\x1bH\x1b[g\x1b[3g\x1b[?5W",
        "\x1b7\x1b[4;4H\x1b8\x1b[s\x1b[u",
        "\x1b[?1049halternate\x1b[?1049l\x1b[?47h\x1b[?47l\x1b[?1047h\x1b[?1047l",
        "\x1b[?2004h\x1b[?1006;1002h\x1b[?1004h\x1b[?1h\x1b=\x1b[?25l",
        "\x1b[?2026hframe\x1b[?2026l\x1b[5 q",
        "\x1b[4hinsert\x1b[4l\x1b[?7lno wrap at the edge\x1b[?7h\x1b[?6h\x1b[?6l",
        "\x1b(0lqqk\x1b(B \x0e\x0f \x1b)0\x0eqqq\x0f \x1bN~",
        "\x1b]0;a title\x07\x1b]2;another\x1b\\\x1b]1;icon\x07",
        "\x1b]4;1;rgb:ff/00/00\x07\x1b]10;#123456\x07\x1b]11;?\x07\x1b]104\x07\x1b]110\x07",
        "\x1b]7;file://host/home/user\x07",
        "\x1b]8;id=1;https://example.org/\x07link\x1b]8;;\x07",
        "\x1b]52;c;aGVsbG8=\x07",
        "\x1b]133;A\x07$ \x1b]133;B\x07ls\r\n\x1b]133;C\x07out\r\n\x1b]133;D;1\x07",
        "\x1bP$qm\x1b\\\x1bP+q544e\x1b\\\x1bPq#0;2;0;0;0~~\x1b\\",
        "\x1b_application\x1b\\\x1b^privacy\x1b\\\x1bXstring\x1b\\",
        "\x1b[c\x1b[>c\x1b[=c\x1b[5n\x1b[6n\x1b[?6n\x1b[?2004$p\x1b[4$p\x1b[>q\x1b[18t",
        "\x1b[22;0t\x1b]2;x\x07\x1b[23;0t",
        "\x1b[?69h\x1b[5;20s\x1b[5;5Hbetween the margins it wraps\x1b[2'}\x1b['~\x1b[?69l",
        '\x1b[1"qkept\x1b[0"qgone\x1b[?2K\x1bVheld\x1bW\x1b[K',
        "\x1b[1;1;3;10$z\x1b[65;2;2;3;9$x\x1b[1;1;2;5;1;4;4;1$v\x1b[1;1;2;2${",
        "\x1b[!p\x1b#8\x1bc",
        "\x1b[3\x18x\x1b]2;lost\x18x\x1b[3\x1a\x1b[3\x1b[2Cx\x1b[1\n;2H",
        "\x1bD\x1bE\x1b6\x1b9\x1b>\x1bZ",
        "\x9b31mC1\x9b0m\x9d2;title\x9c\x85next",
        "log line\r\n" * 80,
        "\x1b[32mok\x1b[0m coloured line\r\n" * 80,
        "\x1b[999999999999;1H\x1b[;;;;;;;;m\x1b[38;5m\x1b[?99999h\x1b[1;2;3;4;5;6;7;8;9C",
    )
)
