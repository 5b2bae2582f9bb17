"""From a container or a node to the screen that looks into it: one place for the deck, its menu and the pages."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from textual.screen import Screen

from backends.backend import Capability
from backends.errors import CtdeckError
from backends.model import Key, NodeState, State

from .describe import place

if TYPE_CHECKING:
    from .app import Deck

#: Actions of the table that this module does for one container.
LOOKS = ("beancounters", "raw", "logs", "shell", "node-info")

Order = Callable[[], Sequence[Key]]


class Speaks(Protocol):
    """The screen that something is looked at from: what went wrong is said there."""

    app: Deck

    def say_error(self, text: str, remedy: str = "") -> None: ...

    def run_worker(
        self, work: Coroutine[None, None, None], *, group: str, exclusive: bool, description: str
    ) -> object: ...


def look(
    screen: Speaks, action: str, key: Key, order: Order = tuple, then: Callable[[Any], None] | None = None
) -> None:
    """Do `action` (details, history, or one of LOOKS) for a container, from `screen`.

    What cannot be done is said there. `order`: the containers as the list shows them.
    `then` gets the screen's result: for details and history the container that was looked at last.
    """
    if action == "shell":
        screen.run_worker(_shell(screen, key), group="shell", exclusive=True, description="shell")
        return
    app = screen.app
    if key not in app.store.containers and action != "node-info":
        screen.say_error(f"{key.node}/{key.id} is no longer there")
        return
    if action == "beancounters" and (why := _lacks(app, key, Capability.BEANCOUNTERS)):
        screen.say_error(why)
        return
    app.push_screen(_made(action, key, order), then)


def look_at_node(screen: Speaks, node: str) -> None:
    """What a node says of itself."""
    from .screens.node_info import NodeInfo

    screen.app.push_screen(NodeInfo(node))


def _made(action: str, key: Key, order: Order) -> Screen[Any]:
    """Imported when needed: the first paint does not wait for them."""
    match action:
        case "details" | "history":
            from .screens.details import Details

            return Details(key, order, hour=action == "history")
        case "beancounters":
            from .screens.beancounters import Beancounters

            return Beancounters(key)
        case "raw":
            from .screens.raw import Raw

            return Raw(key)
        case "logs":
            from .screens.logs import Logs

            return Logs(key)
        case "node-info":
            from .screens.node_info import NodeInfo

            return NodeInfo(key.node)
    raise ValueError(f"{action!r} does not look into a container")


def _lacks(app: Deck, key: Key, capability: Capability) -> str:
    """Why the container's backend cannot do it; empty where it can."""
    if app.fleet is None:
        return "The fleet is not connected yet"
    backend = app.fleet.backend(key.backend)
    if capability in backend.capabilities:
        return ""
    return backend.absent.get(capability, f"{backend.label} has no {capability.value}")


def shell_refused(app: Deck, key: Key) -> str:
    """Why there is no shell in a container now, in a sentence; empty where there can be one."""
    container = app.store.containers.get(key)
    if container is None:
        return f"{key.node}/{key.id} is no longer there"
    where = place(container)
    node = app.store.nodes[key.node]
    if app.read_only or node.read_only:
        return f"No shell in {where}: it is opened read-only, and a shell can change anything"
    if why := _lacks(app, key, Capability.SHELL):
        return f"No shell in {where}: {why}"
    if node.state not in (NodeState.UP, NodeState.STALE):
        return f"No shell in {where}: {node.error or f'{node.name} is {node.state.value}'}"
    if container.state is not State.RUNNING:
        return f"No shell in {where}: it is {container.state.value}"
    return ""


async def _shell(screen: Speaks, key: Key) -> None:
    """Ask where it is due, go in, come back, say what there is to say."""
    from .screens.prompt import Question
    from .terminal import visit

    app = screen.app
    if refused := shell_refused(app, key):
        screen.say_error(refused)
        return
    container = app.store.containers[key]
    where = place(container)
    if app.store.nodes[key.node].production:
        lines = [f"{where} is on {key.node}, which is PRODUCTION.", "What is typed in there changes it at once."]
        if not await app.push_screen_wait(Question("shell on production?", lines, yes="go in", danger=True)):
            return
    assert app.fleet is not None
    try:
        ended = await visit(app, app.fleet, container)
    except CtdeckError as error:
        screen.say_error(error.message, error.remedy)
        return
    if ended.error:
        screen.say_error(f"The shell in {where} has ended: {ended.error}")
    elif ended.left:
        screen.say_error(f"The shell in {where} was left: it goes on until the node notices")
