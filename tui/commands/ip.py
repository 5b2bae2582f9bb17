"""`ctdeck ip`: the addresses of a container."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from backends.errors import ConfigError
from backends.plans.plan import Misused, Plan
from backends.plans.request import Addresses, address
from backends.yamlfile import nearest

from . import change, look

if TYPE_CHECKING:
    from backends.change import Changer
    from backends.model import Container, Key

_WORDS = ("list", "add", "del", "set")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("word", metavar="|".join(_WORDS), help="`set` replaces all of them")
    parser.add_argument("target", metavar="NODE/ID", help="the container")
    parser.add_argument("addresses", nargs="*", metavar="ADDRESS", help="10.0.0.5, 10.0.0.5/24, 2001:db8::5/64 ...")
    parser.add_argument(
        "--allow-unasked", action="store_true", help="also when a node cannot be asked whether it has the address"
    )


def run(options: argparse.Namespace) -> int:
    word = options.word
    if word not in _WORDS:
        raise ConfigError(f'there is no "ctdeck ip {word}"', nearest(word, _WORDS))
    if word == "list":
        if options.addresses:
            raise ConfigError("ip list takes no addresses", "It prints all that the container has")
        return look.run(options, options.target, _show, _lines)
    if not options.addresses:
        raise Misused(f"ip {word} wants at least one address")
    request = Addresses(word, tuple(map(address, options.addresses)), allow_unasked=options.allow_unasked)

    async def plan(changer: Changer, key: Key) -> Plan:
        return await changer.prepare(key, request)

    others = change.Others.IDLE if word == "del" else change.Others.AWAITED
    return change.run(options, [options.target], plan, others=others)


def _show(container: Container, values: dict[str, Any]) -> dict[str, Any]:
    return {"live": list(values.get("ips.live", ())), "config": list(values.get("ips.config", ()))}


def _lines(found: dict[str, Any]) -> list[str]:
    live = {each.partition("/")[0] for each in found["live"]}
    configured = {each.partition("/")[0]: each for each in found["config"]}
    rows = [("ADDRESS", "LIVE", "CONFIGURED")]
    for each in sorted(live | configured.keys()):
        rows.append(
            (configured.get(each, each), "yes" if each in live else "no", "yes" if each in configured else "no")
        )
    return look.table(rows) if len(rows) > 1 else [f"{found['node']}/{found['id']} has no addresses."]
