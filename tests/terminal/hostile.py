"""Output of programs that want something: their own text typed back, the clipboard, a link opened, a window moved."""

from __future__ import annotations

import base64
import re

EVIL = "PWNED"
HEX = EVIL.encode().hex()
CODED = base64.b64encode(EVIL.encode()).decode()

HOSTILE = tuple(
    sequence.replace("EVIL", EVIL).replace("HEX", HEX).replace("CODED", CODED)
    for sequence in (
        # A title that is told would be typed into the shell (CVE-2003-0063 and its many heirs).
        "\x1b]0;EVIL\x07\x1b[21t",
        "\x1b]2;EVIL\n\x07\x1b[21t",
        "\x1b]1;EVIL\x07\x1b[20t",
        "\x1b]l;EVIL\x1b\\\x1b]L;EVIL\x1b\\\x1b[20t\x1b[21t",
        "\x1b[22t\x1b]2;EVIL\x07\x1b[23t\x1b[21t",
        "\x1b[>2t\x1b]2;HEX\x07\x1b[21t",
        "\x1b]2;a\x1b[31mEVIL\x07\x1b[21t",
        # Settings and capabilities: an answer may not repeat the question (CVE-2008-2383, CVE-2022-45872).
        "\x1bP$qEVIL\x1b\\",
        "\x1bP$q\nEVIL\n\x1b\\",
        "\x1bP$qm;EVIL\x1b\\",
        "\x1bP+qHEX\x1b\\",
        "\x1bP+q0aHEX0a\x1b\\",
        "\x1bP+pHEX\x1b\\",
        "\x1bP1$tEVIL\x1b\\",
        "\x1bP0;1|17/HEX\x1b\\\x1b[?26n",
        "\x1bP1!uEVIL\x1b\\\x1b[&u",
        "\x1bP=1sEVIL\x1b\\",
        "\x1bP>|EVIL\x1b\\\x1b[>q",
        # Colours: names are not answered with names.
        "\x1b]10;EVIL\x07\x1b]10;?\x07",
        "\x1b]11;EVIL\x07\x1b]11;?\x07",
        "\x1b]4;1;EVIL\x07\x1b]4;1;?\x07",
        "\x1b]4;EVIL;?\x07",
        "\x1b]4;1;?EVIL\x07",
        "\x1b]5;0;EVIL\x07\x1b]5;0;?\x07",
        "\x1b]12;rgb:EVIL/0/0\x07\x1b]12;?\x07",
        "\x1b]17;?\x07\x1b]19;?\x07\x1b]708;?\x07",
        "\x1b]104;EVIL\x07\x1b]4;0;?\x07",
        # Fonts, files, properties, environment (CVE-2022-45063 answered OSC 50).
        "\x1b]50;EVIL\x07\x1b]50;?\x07",
        "\x1b]50;i$(EVIL)\x07\x1b]50;?\x07",
        "\x1b]46;/tmp/EVIL\x07",
        "\x1b]3;EVIL=1\x07",
        "\x1b]1337;ReportVariable=CODED\x07",
        "\x1b]1337;File=name=CODED:CODED\x07",
        "\x1b]1337;Copy=:CODED\x07",
        "\x1b]1337;RequestUpload=format=EVIL\x07",
        "\x1b]1337;SetUserVar=EVIL=CODED\x07",
        "\x1b]777;notify;EVIL;EVIL\x07",
        "\x1b]99;i=EVIL;EVIL\x1b\\",
        "\x1b]60\x07\x1b]61;EVIL\x07",
        "\x1b]7;file://EVIL/etc\x07",
        "\x1b]6;EVIL\x07\x1b]30;EVIL\x07",
        # Clipboard: set is a question, read is nothing.
        "\x1b]52;c;CODED\x07",
        "\x1b]52;p;CODED\x1b\\\x1b]52;p;?\x07",
        "\x1b]52;;CODED\x07\x1b]52;;?\x07",
        "\x1b]52;c;CODED\x07\x1b]52;c;?\x1b\\",
        "\x1b]52;s0;!EVIL!\x07\x1b]52;s0;?\x07",
        "\x1b]5522;type=read;CODED\x1b\\",
        # Links are text until somebody opens them.
        "\x1b]8;;file:///EVIL\x07click\x1b]8;;\x07",
        "\x1b]8;;javascript:EVIL\x07click\x1b]8;;\x07",
        "\x1b]8;id=EVIL;ssh://-oProxyCommand=EVIL\x07click\x1b]8;;\x07",
        "\x1b]8;;https://example.org/\x1b]2;EVIL\x07\x07",
        # The screen is not read back.
        "EVIL\x1b[H\x1b[1;1;1;1;1;5*y",
        "EVIL\x1b[1;1;1;1;5*y\x1b[63;1;1;1;1;1*y",
        "EVIL\x1b[i\x1b[4i\x1b[5iEVIL\x1b[4i\x1b[?5iEVIL\x1b[?4i",
        "EVIL\x1b#6\x1b[?10n\x1b[?11n",
        "\x1b[5;EVILn",
        "\x1b[?62nEVIL\x1b[?63;7n",
        # Reports within reports, answerbacks, keyboards, mice.
        "\x05EVIL\x05",
        "\x1bZEVIL\x1b[c\x1b[>c\x1b[=c",
        "\x1b[?EVIL$p\x1b[EVIL$p",
        "\x1b[>4;2m\x1b[?4m\x1b[>0q\x1b[?u\x1b[>1uEVIL\x1b[<u",
        "\x1b[1'|\x1b[2'zEVIL\x1b['|",
        "\x1b[1;2'w\x1b[?55n\x1b[?56nEVIL",
        "\x1b_Gi=1,a=q;CODED\x1b\\\x1b_EVIL\x1b\\",
        "\x1b^EVIL\x1b\\\x1bXEVIL\x1b\\\x1bPEVIL\x1b\\",
        "\x1bPtmux;\x1b\x1b]52;c;CODED\x07\x1b\\",
        "\x9d2;EVIL\x9c\x9b21t\x90$qEVIL\x9c",
        "\x1b[x\x1b[1x\x1b[&wEVIL",
        # Macros, keys and answers that would be typed later; files and notes that are not a terminal's business.
        "\x1bP1;0;0!zEVIL\x1b\\\x1b[1*z",
        "\x1bP1;0;1!zHEX\x1b\\\x1b[1*z\x1b[?62n",
        "\x1bP1;1|17/HEX\x1b\\\x1b[17~",
        "\x1bP1v EVIL\x1b\\\x05",
        "\x1b[1;1;1;1$wEVIL\x1b[1$w\x1b[2$w",
        "\x1b[1$u\x1b[2$uEVIL",
        "\x1b[?1$wEVIL\x1b[>1s\x1b[<1t",
        "\x1b]1337;OpenURL=:CODED\x07",
        "\x1b]1337;SetColors=fg=EVIL\x07\x1b]1337;ReportCellSize\x07",
        "\x1b]1337;CopyToClipboard=general\x07EVIL\x1b]1337;EndCopy\x07",
        "\x1b]1337;RunCommand=EVIL\x07\x1b]1337;Custom=id=EVIL:EVIL\x07",
        "\x1b]1337;CurrentDir=/EVIL\x07\x1b]1337;StealFocus\x07\x1b]1337;RequestAttention=yes\x07",
        "\x1b]5113;ac=send;id=EVIL;n=CODED\x1b\\",
        "\x1b]5113;ac=recv;id=EVIL;sz=1\x1b\\",
        "\x1b]5522;type=write;CODED\x1b\\\x1b]5522;type=read;CODED\x1b\\",
        "\x1b]99;i=EVIL:p=?;\x1b\\\x1b]99;i=EVIL:a=report;EVIL\x1b\\",
        "\x1b_Gi=7,a=T,t=f;CODED\x1b\\\x1b_Gi=7,a=q,t=t;CODED\x1b\\",
        "\x1b_Ga=d,d=A\x1b\\\x1b_Gi=EVIL,q=0;CODED\x1b\\",
        '\x1bP0;0;8q"1;1;1;1#0;2;0;0;0~EVIL\x1b\\',
        "\x1bPpEVIL\x1b\\\x1b[?1;1;0S\x1b[?2;1;0S",
        "\x1b]9;EVIL\x07" * 500,
        "\x1b]777;notify;EVIL;EVIL\x1b\\" * 500,
        "\x1b]9;4;1;EVIL\x07\x1b]9;9;EVIL\x07",
        "\x1b]633;E;EVIL;EVIL\x07\x1b]633;P;Cwd=/EVIL\x07",
        "\x1b]133;A;cl=EVIL;aid=EVIL\x07\x1b]133;D;EVIL\x07",
        "\x1b]697;EVIL\x07\x1b]666;EVIL\x07\x1b]701;EVIL\x07\x1b]702;EVIL\x07",
        # Sequences within sequences, cut off, doubled, in eight bits.
        "\x1bPtmux;\x1b\x1bPtmux;\x1b\x1b\x1b\x1b]2;EVIL\x07\x1b\x1b\\\x1b\\\x1b[21t",
        "\x1bP\x1b]2;EVIL\x1b\\\x1b\\\x1b[21t",
        "\x1bP$q\x1b[31mEVIL\x1b\\\x1bP$q\x18EVIL\x1b\\",
        "\x1b]2;EVIL\x18\x1b[21t\x1b]2;\x1aEVIL\x1b[21t",
        "\x1b]0;\x1b]0;EVIL\x07\x07\x1b[21t",
        "\x1b]52;c;\x18CODED\x07",
        "\x1b]52;c;CODED",
        "\x9d52;c;?\x9c\x9d11;?EVIL\x9c",
        "\x90+qHEX\x9c\x9fGi=1,a=q;CODED\x9c\x9eEVIL\x9c\x98EVIL\x9c",
        "\x9b21t\x9b20t\x9b>0q\x9b?u\x9d2;EVIL\x07\x9b21t",
        # Looks, colours, pointers and fonts that are asked back.
        "\x1b[38;2;80;87;78m\x1bP$qm\x1b\\EVIL\x1b[1;1;1;4#|",
        "\x1b[#P\x1b]4;7;EVIL\x07\x1b[#R\x1b[#{EVIL\x1b[#}",
        "\x1b]13;?EVIL\x07\x1b]14;?\x07\x1b]15;?\x07\x1b]16;?\x07\x1b]18;?\x07",
        "\x1b]22;EVIL\x07\x1b]22;?EVIL\x07",
        "\x1b]21;foreground=?;EVIL=?\x1b\\",
        "\x1b]10;?;?;EVIL\x07\x1b]105;EVIL\x07\x1b]5;EVIL;?\x07",
        # The window: moved, hidden, resized, asked about.
        "\x1b[8;1;1t\x1b[3;0;0t\x1b[2t\x1b[6t\x1b[9;1t\x1b[10;1tEVIL",
        "\x1b[11t\x1b[13t\x1b[15t\x1b[19t\x1b]2;EVIL\x07\x1b[>2;3T\x1b[21t",
        "\x1b[22;2t\x1b]2;EVIL\x07\x1b[23;2t\x1b[22t" + "\x1b]2;EVIL\x07\x1b[22t" * 300 + "\x1b[21t",
        # Links that look like others, are endless, or name what runs.
        "\x1b]8;;https://p\u0430ypal.example/\u202eEVIL\x07https://paypal.example\x1b]8;;\x07",
        "\x1b]8;;https://example.org/" + "EVIL" * 5000 + "\x07x\x1b]8;;\x07",
        "\x1b]8;id=" + "EVIL" * 5000 + ";https://example.org\x07x\x1b]8;;\x07",
        "\x1b]8;;data:text/html,<script>EVIL</script>\x07x\x1b]8;;\x07",
        "\x1b]8;;vscode://EVIL\x07x\x1b]8;;\x07\x1b]8;;ms-msdt:/id EVIL\x07x\x1b]8;;\x07",
        "\x1b]8;;machina://machines/EVIL\x07x\x1b]8;;\x07",
        "\u202eEVIL\u202c \u2066EVIL\u2069 \u200fEVIL",
        # Other terminals' worlds.
        "\x1b[?38hEVIL\x1b\x05\x1b\x1a\x1b\x03",
        "\x1b[?2l\x1bZEVIL\x1b/Z\x1b<",
        "\x1b[?1049h\x1b]2;EVIL\x07EVIL\x1b[?1049l\x1b[21t",
        "\x1b[?1000h\x1b[?1003h\x1b[?1006hEVIL\x1b[?1004hEVIL",
        "\x1b[?2004hEVIL\x1b[201~EVIL\x1b[200~",
    )
)
#: Every answer there is: numbers in a fixed frame.
ANSWERS = re.compile(
    rb"""(?: \x1b\[ [?>]? [0-9;]* (?:\$y|[cnRtx]) | \x1b\[0\*\{
    | \x1bP (?: [01]\$r [0-9;:]* (?:[mrst]|[ ]q|"[pq]|[*$]\|)? | !\|00000000 | >\|MachinaDesktop | 0!~0000 ) \x1b\\
    | \x1b\] [0-9;]+ rgb:[0-9a-f]{4}/[0-9a-f]{4}/[0-9a-f]{4} \x1b\\ )*\Z""",
    re.VERBOSE,
)
#: What sets the clipboard, if the person agrees.
SETS_CLIPBOARD = re.compile(rf"\x1b\]52;[^;]*;{CODED}(?:\x07|\x1b\\)")
