"""How a script gets to `/bin/sh` on a node, whatever the login shell is, without any of it becoming shell syntax.

The command line is a constant that sh, csh, tcsh and fish read alike: single quotes, in them neither quote nor backslash
nor line feed, nor `!` before anything but a blank (csh looks for its history even in single quotes). Script and arguments
travel on the standard input, encoded as one line, so that no other user of the node sees them in `ps` and the
script's own commands cannot read the rest of it.
"""

from __future__ import annotations

import re
import secrets
import shlex

from .errors import Fault, FaultKind
from .text import decode, decode_lines

#: Reads a script line by line; for the sampler, which goes on reading its input.
INTERACTIVE = "/bin/sh -s"

# First line: a mark that ends the noise of login files. Second line: the script. `read` takes single bytes from a pipe
# (POSIX), so the rest of the input stays for the script.
_READ = 'exec 3<&0; IFS= read -r m; IFS= read -r s; echo "$m"; echo "$m" >&2; '

# With input of its own the script ends when it has read it, or by SIGPIPE.
_WITH_INPUT = _READ + 'printf %b "$s" | /bin/sh /dev/fd/4 4<&0 <&3 3<&-'

# Without, our end of input means: stop. sshd forwards no signal to a root login, and a silent `sleep` survives the loss
# of its connection; so a watcher ends the script's whole process group (setsid: of its own).
_GUARDED = _READ + (
    "e=; command -v setsid >/dev/null 2>&1 && e=setsid; "
    'printf %b "$s" | $e /bin/sh /dev/fd/4 4<&0 </dev/null 3<&- & p=$! ; '
    "{ while read -r x; do :; done; kill -TERM -$p || kill -TERM $p; sleep 2; kill -KILL -$p || kill -KILL $p; } "
    "<&3 >/dev/null 2>&1 & w=$! ; wait $p; r=$?; kill $w 2>/dev/null; exit $r"
)

#: Bytes that login files may print before the script.
NOISE = 64 << 10

_ESCAPED = re.compile(r"[\\\n]")
_NO_SUDO = re.compile(rb"not in the sudoers|is not allowed to|may not run sudo", re.IGNORECASE)
_NO_TTY = re.compile(rb"must have a tty", re.IGNORECASE)


def new_mark() -> str:
    """A word that nothing on the node can know beforehand."""
    return "ctdeck-" + secrets.token_hex(12)


def once(*, with_input: bool) -> str:
    """The process that `feed` talks to."""
    return f"/bin/sh -c '{_WITH_INPUT if with_input else _GUARDED}'"


def feed(mark: str, script: str, args: tuple[str, ...]) -> bytes:
    """What `once` reads first. Raises ValueError for text that no Unix process can take: NUL, lone surrogates."""
    _check(script, *args)
    whole = "set -- " + " ".join(map(shlex.quote, args)) + "\n" + script
    line = _ESCAPED.sub(lambda found: "\\0134" if found.group() == "\\" else "\\0012", whole)
    return f"{mark}\n{line}\n".encode()


def _check(*texts: str) -> None:
    for text in texts:
        if "\0" in text:
            raise ValueError("a script or an argument holds a NUL character")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("a script or an argument is no valid Unicode text") from None


def command(inner: str) -> str:
    """What the login shell is asked to do."""
    return f"exec {inner}"


def sudo_command(inner: str, mark: str, *, prompt: str = "") -> str:
    """`inner` as root; `mark` on its output says that sudo let us.

    Without `prompt`: never asks (`-n`). With: asks with that word on standard error, each time anew (`-k`: a password is
    only read when it is wanted, so it can never become a command), and reads the answer from standard input.
    """
    ask = f"-k -S -p {prompt}" if prompt else "-n"
    body = inner.removeprefix("/bin/sh -c '").removesuffix("'") if inner.startswith("/bin/sh -c") else f"exec {inner}"
    return f"exec sudo {ask} /bin/sh -c 'echo {mark}; {body}'"


def terminal_command(argv: tuple[str, ...], *, sudo: bool) -> str:
    """`argv` as it is, run in place of the login shell. Octal, since each login shell quotes in its own way.

    Raises ValueError as `feed` does.
    """
    _check(*argv)
    words = " ".join(map(shlex.quote, (("sudo", *argv) if sudo else argv)))
    octal = "".join(f"\\0{byte:03o}" for byte in words.encode())
    return f'exec /bin/sh -c \'eval "exec $(printf %b "{octal}")"\''


def sudo_said_no(stderr: bytes) -> bool:
    """Whether sudo refuses this user altogether, whatever the password."""
    return bool(_NO_SUDO.search(stderr) or _NO_TTY.search(stderr))


def sudo_fault(node: str, stderr: bytes) -> Fault:
    """Why sudo did not let us, from what it said."""
    if _NO_TTY.search(stderr):
        return Fault(
            FaultKind.SUDO,
            f"sudo on {node} wants a terminal",
            "Put `Defaults:USER !requiretty` into its sudoers file",
        )
    lines = [line for line in decode_lines(stderr[-2000:], 200) if line.strip()]
    said = f": {lines[-1]}" if lines else ""
    return Fault(FaultKind.SUDO, f"sudo on {node} refuses{said}", "Allow it in the sudoers file, or log in as root")


def shell_fault(node: str, stdout: bytes, stderr: bytes) -> Fault:
    """The login shell ended before our `/bin/sh` ran."""
    said = decode((stderr.strip() or stdout.strip())[-200:], 200)
    return Fault(
        FaultKind.SHELL,
        f"The login shell of {node} ended without running /bin/sh" + (f": {said}" if said else ""),
        "See its login files (.bashrc, .profile) and its shell in /etc/passwd",
    )


def cut_noise(output: bytes, mark: bytes) -> bytes | None:
    """`output` without what was printed before the mark's line; None where the mark is missing."""
    at = output.find(mark + b"\n")
    return None if at < 0 else output[at + len(mark) + 1 :]
