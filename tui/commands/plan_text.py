"""A plan as people read it in a terminal."""

from __future__ import annotations

import shlex
import shutil
import textwrap
from collections.abc import Iterator

from backends.plans.plan import Danger, Plan, Verdict
from tui.format import cells, fit, safe

_MARK = {Verdict.OK: "ok", Verdict.WARN: "!", Verdict.REFUSE: "refused"}
#: Cells of the words that stand before checks and the like.
_LABEL = 9
_WIDEST = 80
#: Lines of a step that are shown as they are.
_LONG = 12


def lines(plan: Plan) -> list[str]:
    """What, before and after, checks, what stands still, what is lost, the commands, the way back."""
    width = min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns)
    said = [(_MARK[check.verdict], check.text) for check in plan.checks]
    said += [("freezes", plan.freeze)] if plan.freeze else []
    said += [("lost", lost) for lost in plan.lost]
    blocks = (
        [safe(heading(plan)), *_changes(plan)],
        [line for label, text in said for line in _labelled(label, text, width)],
        [*_commands(plan), *_undo(plan, width), *_labelled("wants", wants(plan), width)],
    )
    return "\n\n".join("\n".join(block) for block in blocks if block).split("\n")


def heading(plan: Plan) -> str:
    """`stop of hn07/1042 web-shop · PRODUCTION`."""
    name = f" {plan.name}" if plan.name and plan.name != plan.key.id else ""
    return f"{plan.action} of {plan.target}{name}{' · PRODUCTION' if plan.production else ''}"


def wants(plan: Plan) -> str:
    """What a script has to say for it."""
    typed = plan.production or plan.danger is Danger.DESTRUCTIVE
    said = f"--confirm {plan.target}" if typed else "--yes"
    return f"--arm {said}" if plan.production else said


def _changes(plan: Plan) -> Iterator[str]:
    if not plan.changes:
        return
    rows = [("", "now", "after", ""), *((c.what, c.before, c.after, c.note) for c in plan.changes)]
    rows = [(safe(a), safe(b), safe(c), safe(d)) for a, b, c, d in rows]
    widths = [max(cells(row[place]) for row in rows) for place in range(3)]
    for row in rows:
        yield "  " + "  ".join([*(fit(row[place], widths[place]) for place in range(3)), row[3]]).rstrip()


def _labelled(label: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        safe(text),
        width,
        initial_indent=f"  {label:<{_LABEL}}",
        subsequent_indent=" " * (_LABEL + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _commands(plan: Plan) -> Iterator[str]:
    """Never wrapped: they can be copied. A step that is a program of its own is named only."""
    prompt = f"  {plan.key.node} $ "
    for step in plan.steps:
        script = step.script.strip().splitlines()
        if len(script) > _LONG:
            yield prompt + safe(f"# {step.title}: a script of {len(script)} lines, which --json shows")
            continue
        for place, line in enumerate(script):
            yield (f"{'>':>{len(prompt) - 1}} " if place else prompt) + safe(line)


def _undo(plan: Plan, width: int) -> list[str]:
    if plan.undo_words:
        return [f"  {'undo':<{_LABEL}}{safe(shlex.join(('ctdeck', *plan.undo_words)))}"]
    return _labelled("undo", f"none: {plan.no_undo}" if plan.no_undo else "none", width)
