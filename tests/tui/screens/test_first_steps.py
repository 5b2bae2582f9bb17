"""First steps: hosts, this machine, the demo; by keys only."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from backends.inventory import Inventory
from tests.tui.screens.stage import frame, until
from tui.app import Deck, Options
from tui.commands.demo import healthy
from tui.screens.first_steps import FirstSteps

HOSTS = ["hn01", "hn02", "hn07.eu", "mail", "github.com"]


class Opened:
    """First steps on top of an empty deck, and what they gave."""

    def __init__(self, hosts: list[str], machine: str, path: Path, size: tuple[int, int] = (80, 24)) -> None:
        self.app = Deck(Inventory(None, ()), Options(ascii=False))
        self.app._load = lambda: None  # type: ignore[method-assign]
        self.screen: FirstSteps
        self.given: list[object] = []
        self.hosts, self.machine, self.path, self.size = hosts, machine, path, size

    async def __aenter__(self) -> tuple[Opened, Pilot[None]]:
        self._running = self.app.run_test(size=self.size)
        pilot = await self._running.__aenter__()
        self.app.call_later(self._push)
        await until(pilot, lambda: isinstance(self.app.screen, FirstSteps) and "no fleet yet" in frame(pilot))
        return self, pilot

    def _push(self) -> None:
        self.screen = FirstSteps(self.hosts, self.machine, self.path)
        self.app.push_screen(self.screen, self.given.append)

    async def __aexit__(self, *error: object) -> None:
        await self._running.__aexit__(*error)  # type: ignore[arg-type]


async def test_rows_of_nodes_are_marked_and_others_are_not(tmp_path: Path) -> None:
    async with Opened(HOSTS, "lxc found", tmp_path / "fleet.yaml") as (_, pilot):
        text = frame(pilot)
        assert "▸[x] hn01" in text
        assert "[x] hn07.eu" in text
        assert "[ ] mail" in text
        assert "[ ] github.com" in text
        assert "[ ] this machine (lxc found)" in text


async def test_enter_writes_what_is_marked_and_hands_it_over(tmp_path: Path) -> None:
    path = tmp_path / "config" / "fleet.yaml"
    async with Opened(HOSTS, "lxc found", path) as (opened, pilot):
        await pilot.press("space", "down", "down", "space", "enter")
        await until(pilot, lambda: opened.given)
        (inventory,) = opened.given
        assert isinstance(inventory, Inventory)
        assert [(node.name, node.transport) for node in inventory.nodes] == [
            ("hn02", "ssh"),
            ("hn07.eu", "ssh"),
            ("here", "local"),
        ]
        assert path.stat().st_mode & 0o777 == 0o600


async def test_all_or_none_and_nothing_marked(tmp_path: Path) -> None:
    async with Opened(HOSTS, "", tmp_path / "fleet.yaml") as (opened, pilot):
        await pilot.press("a")
        await until(pilot, lambda: "marked (5)" in frame(pilot))
        await pilot.press("a", "enter")
        await until(pilot, lambda: "Nothing is marked" in frame(pilot))
        assert not opened.given
        assert not (tmp_path / "fleet.yaml").exists()


async def test_a_file_that_is_there_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text("mine\n")
    async with Opened(HOSTS, "", path) as (opened, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: "move it away first" in frame(pilot))
        assert path.read_text() == "mine\n"
        assert not opened.given


async def test_without_hosts_it_says_so_and_offers_the_demo(tmp_path: Path) -> None:
    async with Opened([], "", tmp_path / "fleet.yaml") as (opened, pilot):
        assert "names no host" in frame(pilot)
        assert "d demo" in frame(pilot)
        await pilot.press("space", "j", "k", "l", "h", "a", "escape")
        assert opened.app.screen is opened.screen
        await pilot.press("d")
        await until(pilot, lambda: opened.given == [healthy])


async def test_this_machine_alone(tmp_path: Path) -> None:
    async with Opened([], "openvz found", tmp_path / "fleet.yaml") as (opened, pilot):
        assert "▸[x] this machine (openvz found)" in frame(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: opened.given)


async def test_q_leaves(tmp_path: Path) -> None:
    async with Opened(HOSTS, "", tmp_path / "fleet.yaml") as (opened, pilot):
        await pilot.press("q")
        await until(pilot, lambda: opened.given == [None])


async def test_the_cursor_reaches_everything_and_stays_inside(tmp_path: Path) -> None:
    hosts = [f"hn{number:02}" for number in range(17)]
    async with Opened(hosts, "lxc found", tmp_path / "fleet.yaml") as (opened, pilot):
        seen = set()
        for _ in range(20):
            seen.add(opened.screen.at)
            await pilot.press("l")
        assert seen == set(range(18))
        await pilot.press(*"k" * 9)
        assert 0 <= opened.screen.at < opened.screen.columns
        await pilot.press(*"j" * 9)
        assert opened.screen.at == 17


async def test_hundreds_of_hosts_scroll_with_the_cursor(tmp_path: Path) -> None:
    hosts = [f"hn{number:03}" for number in range(400)]
    async with Opened(hosts, "", tmp_path / "fleet.yaml") as (_, pilot):
        await pilot.press(*"j" * 25)
        await until(pilot, lambda: "▸[x] hn150" in frame(pilot))
