"""The text of the sampler: a probe in sh, then one awk program put together from the head and the backends' fragments."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from ..backend import Backend

_COMMENT = re.compile(r"^\s*#.*\n|^\s+|\s+$", re.MULTILINE)

_MAIN = """
function answer(kind, seq,   out) {
    out = ""
    if (kind == "s") out = @SLOW@
    else if (kind == "f") out = @FAST@
    RS = "\\n"
    out = "#B " NONCE " " seq " " kind " " length(out) "\\n" out "#E " seq " " length(out) "\\n"
    printf "%s", out; fflush()
}
BEGIN {
    NONCE = ENVIRON["CTDECK_NONCE"]; ROOT = ENVIRON["CTDECK_ROOT"]; TIMEOUT = ENVIRON["CTDECK_TIMEOUT"]
    @BEGIN@
    answer("s", 0)
}
{ answer($1, $2) }
"""


@cache
def _resource(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")


def fragment(package: str) -> str:
    """`sampler.awk` of a backend's package."""
    return _resource(package, "sampler.awk")


def probe_text(nonce: str, backends: Iterable[Backend]) -> str:
    """What a new channel is sent first. The answer stands between `#P NONCE` and `#p NONCE`."""
    probes = "\n".join(backend.probe.strip() for backend in backends)
    text = _resource(__package__, "probe.sh").replace("@PROBES@", probes).replace("@NONCE@", nonce)
    return _COMMENT.sub("", text) + "\n"


def awk_text(nonce: str, backends: Iterable[Backend]) -> str:
    """What follows once the probe has told which backends are there. From then on the channel takes requests."""
    chosen = list(backends)
    names = [backend.name for backend in chosen]
    main = _MAIN.replace("@SLOW@", " ".join(['"@node\\n" node_slow() node_fast()', *_sections(names, "slow", "fast")]))
    main = main.replace("@FAST@", " ".join(['"@node\\n" node_fast()', *_sections(names, "fast")]))
    main = main.replace("@BEGIN@", "; ".join(f"{name}_begin()" for name in names))
    program = "\n".join([_resource(__package__, "head.awk"), *(backend.sampler for backend in chosen), main])
    program = _COMMENT.sub("", program)
    if "'" in program:
        raise ValueError("a sampler fragment holds a single quote, which would end the shell's own")
    start = "CTDECK_NONCE=@NONCE@; export CTDECK_NONCE; exec $ctdeck_awk $ctdeck_awk_options '\n"
    return start.replace("@NONCE@", nonce) + program + "'\n"


def _sections(names: list[str], *parts: str) -> list[str]:
    # awk evaluates a concatenation from left to right: the slow part sets what the fast part reads
    return [f'"@{name}\\n" ' + " ".join(f"{name}_{part}()" for part in parts) for name in names]
