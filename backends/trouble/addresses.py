"""Which running containers have which address: two that have the same one, on whatever nodes, are in each other's way."""

from __future__ import annotations

from ..model import Key

#: Networks that every machine has for itself: lxcbr0, virbr0 and docker0 as their packages set them up, and link-local.
_OWN = ("10.0.3.", "192.168.122.", "172.17.", "169.254.", "127.", "fe80:", "::1")


class Addresses:
    """An index, kept up by whoever sees a container change."""

    def __init__(self) -> None:
        self._owners: dict[str, Key | set[Key]] = {}  # a set only where there are several
        self.contested = 0  # so many addresses have several owners

    def move(self, key: Key, before: tuple[str, ...], after: tuple[str, ...]) -> set[Key]:
        """A container's addresses changed. Returns the others whose clashes changed by that."""
        touched: set[Key] = set()
        old, new = {bare(address) for address in before}, {bare(address) for address in after}
        for address in old - new:
            owners = self._owners.get(address)
            if isinstance(owners, set):
                owners.discard(key)
                touched |= owners
                if len(owners) == 1:
                    self._owners[address] = owners.pop()
                    self.contested -= 1
            elif owners == key:
                del self._owners[address]
        for address in new - old:
            if address.startswith(_OWN):
                continue
            owners = self._owners.setdefault(address, key)
            if isinstance(owners, set):
                touched |= owners
                owners.add(key)
            elif owners != key:
                touched.add(owners)
                self._owners[address] = {owners, key}
                self.contested += 1
        return touched

    def clashes(self, key: Key, addresses: tuple[str, ...]) -> list[tuple[str, list[Key]]]:
        """Each address that others have too, with these."""
        found = []
        for address in map(bare, addresses):
            owners = self._owners.get(address)
            if isinstance(owners, set):
                found.append((address, sorted(owners - {key})))
        return found


def bare(address: str) -> str:
    """Without its prefix."""
    return address.partition("/")[0]
