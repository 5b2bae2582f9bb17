"""Where ctdeck keeps its files on this machine: the platform's own places, XDG's variables where they are set."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import platformdirs

_APP = "ctdeck"


def fleet_file() -> Path:
    """The fleet file that is used where none is named: `~/.config/ctdeck/fleet.yaml`."""
    return platformdirs.user_config_path(_APP, appauthor=False) / "fleet.yaml"


def state() -> Path:
    """Folder of what ctdeck remembers between runs: `~/.local/state/ctdeck`. It may not exist yet."""
    return platformdirs.user_state_path(_APP, appauthor=False)


def ssh_config() -> Path:
    """The account's own OpenSSH client configuration. As ssh does, in the home of the account, whatever HOME says."""
    try:
        home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # a user without an entry, as in a container
        home = Path.home()
    return home / ".ssh" / "config"
