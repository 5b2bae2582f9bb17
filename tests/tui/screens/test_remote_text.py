"""Raw configuration and logs: read with a deadline, shown as plain lines, honest where there is nothing."""

from __future__ import annotations

import asyncio

from backends.transport import Completed
from tests.tui.screens.stage import LXC, WEB, fleet, frame, lost, stage, until
from tui.look import look
from tui.screens.raw import Raw


async def test_raw_config_is_shown_as_it_is() -> None:
    made = fleet()
    made.answer = Completed(0, b'/etc/vz/conf/1042.conf\n# comment\nHOSTNAME="\x1b[31mred [b]x[/b]"\nODD="\xff"\n', b"")
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "raw", WEB)
        await until(pilot, lambda: "HOSTNAME" in frame(pilot))
        lines = frame(pilot).splitlines()
        assert lines[1] == "/etc/vz/conf/1042.conf  3 lines"
        assert lines[3:6] == ["# comment", 'HOSTNAME="\\x1b[31mred [b]x[/b]"', 'ODD="\ufffd"']
        assert made.ran[0][1] == ("1042",)
        assert "1042" not in made.ran[0][0]


async def test_it_is_read_again_on_a_key() -> None:
    made = fleet()
    made.answer = Completed(0, b"/etc/vz/conf/1042.conf\nA=1\n", b"")
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "raw", WEB)
        await until(pilot, lambda: "A=1" in frame(pilot))
        made.answer = Completed(0, b"/etc/vz/conf/1042.conf\nA=2\n", b"")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "A=2" in frame(pilot))


async def test_reading_says_so_and_can_be_left() -> None:
    made = fleet()
    made.hold = asyncio.Event()
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "raw", WEB)
        await until(pilot, lambda: "reading" in frame(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.deck_screen)


async def test_a_node_that_is_gone_is_said_in_its_sentence() -> None:
    made = fleet()
    made.answer = lost("hn07: the connection broke")
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "logs", WEB)
        await until(pilot, lambda: "hn07: the connection broke" in frame(pilot))


async def test_no_logs_and_why() -> None:
    made = fleet()
    made.answer = Completed(3, b"", b"LXC has written no log of it (/var/log/lxc/mail.log)\n")
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "logs", LXC)
        await until(pilot, lambda: "LXC has written no log of it (/var/log/lxc/mail.log)" in frame(pilot))


async def test_unknown_and_failed_are_not_taken_for_empty() -> None:
    made = fleet()
    made.answer = Completed(None, b"", b"")
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "raw", WEB)
        await until(pilot, lambda: "could not be read: the connection broke" in frame(pilot))
        made.answer = Completed(1, b"", b"cat: Permission \x1b[1mdenied\n")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "could not be read: cat: Permission \\x1b[1mdenied" in frame(pilot))


async def test_logs_open_at_the_newest_line() -> None:
    made = fleet()
    lines = b"".join(b"2026-11-22 vzctl : CT 1042 : line %d\n" % index for index in range(200))
    made.answer = Completed(0, b"/var/log/vzctl.log\n" + lines, b"")
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "logs", WEB)
        await until(pilot, lambda: "line 199" in frame(pilot))
        assert "200/200" in frame(pilot)
        await pilot.press("g")
        await until(pilot, lambda: "line 0" in frame(pilot))
        await pilot.press("pagedown")
        await until(pilot, lambda: "line 30" in frame(pilot))


async def test_cut_text_says_so_and_long_lines_scroll() -> None:
    made = fleet()
    made.answer = Completed(0, b"/etc/x.conf\n" + b"a" * 100 + b"END\n", b"", truncated=True)
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "raw", WEB)
        await until(pilot, lambda: "only the first 1.0M" in frame(pilot))
        assert "END" not in frame(pilot)
        await pilot.press("right", "right", "right")
        await until(pilot, lambda: "END" in frame(pilot))
        await pilot.press("left", "left", "left")
        await until(pilot, lambda: "END" not in frame(pilot))


async def test_the_keys_of_details_lead_here_and_back() -> None:
    made = fleet()
    made.answer = Completed(0, b"/etc/vz/conf/1042.conf\nA=1\n", b"")
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "details", WEB)
        await until(pilot, lambda: "peak" in frame(pilot))
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Raw) and "A=1" in frame(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "peak" in frame(pilot))
