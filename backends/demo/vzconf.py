"""Configuration files of OpenVZ: `KEY="value"` lines, kept in their order.

The real parser takes everything between the first and the last quote: `DESCRIPTION="say "hi" there"` is well-formed.
"""

from __future__ import annotations

from pathlib import Path

from .tree import Tree, read_text, write_file


class Conf:
    """One configuration file. Changing a key keeps its line; a new key goes to the end, as vzctl writes them."""

    def __init__(self, text: str = "") -> None:
        self.lines = text.splitlines()
        self.values: dict[str, str] = {}
        for line in self.lines:
            key, sign, value = line.partition("=")
            if sign and not line.startswith("#"):
                self.values[key.strip()] = _unquote(value.strip())

    @classmethod
    def read(cls, path: Path) -> Conf | None:
        text = read_text(path)
        return None if text is None else cls(text)

    def get(self, key: str) -> str | None:
        """The value; None where the key is missing or empty."""
        return self.values.get(key) or None

    def set(self, key: str, value: str | None) -> None:
        """Put, replace or (None) drop a key."""
        if key in self.values:
            place = next(number for number, line in enumerate(self.lines) if line.partition("=")[0].strip() == key)
            self.lines[place : place + 1] = [] if value is None else [f'{key}="{value}"']
        elif value is not None:
            self.lines.append(f'{key}="{value}"')
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value

    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    def save(self, path: Path) -> None:
        write_file(path, self.text())


def _unquote(value: str) -> str:
    if value.startswith('"'):
        end = value.rfind('"')
        return value[1:end] if end > 0 else value[1:]
    return value


class Configuration:
    """A container's settings: its own file over the node's vz.conf."""

    def __init__(self, tree: Tree, ctid: int) -> None:
        self.ctid = ctid
        self.own = Conf.read(tree.conf_path(ctid)) or Conf()
        self.node = Conf.read(tree.root / "etc/vz/vz.conf") or Conf()

    def get(self, key: str) -> str | None:
        return self.own.get(key) or self.node.get(key)

    def _directory(self, key: str, default: str) -> str:
        value = self.get(key) or default
        return value.replace("${VEID}", str(self.ctid)).replace("$VEID", str(self.ctid))

    @property
    def private(self) -> str:
        return self._directory("VE_PRIVATE", "/vz/private/$VEID")

    @property
    def root(self) -> str:
        return self._directory("VE_ROOT", "/vz/root/$VEID")
