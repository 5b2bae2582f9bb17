"""A plan in lines, as people read it before they say yes. Pure; every text is taken literally."""

from __future__ import annotations

from collections.abc import Sequence

from backends.errors import CtdeckError
from backends.plans.plan import Change, Check, Plan, Verdict

from .format import cells, fit, safe
from .theme.glyphs import Glyphs
from .theme.tones import Tone
from .widgets.lines import EMPTY, line, wrap
from .widgets.surface import Line, Span, width_of

_LABEL = 8
_GAP = 2


def plan_lines(plan: Plan, width: int, glyphs: Glyphs) -> list[Line]:
    """Before and after, checks, what stands still, what is lost, the commands, the way back. No line is cut."""
    rows = [*_changes(plan.changes, width, glyphs)]
    rows += [*([EMPTY] if rows else []), *check_lines(plan.checks, width, glyphs)]
    if plan.freeze:
        rows += _labelled("freeze", plan.freeze, width, Tone.NORMAL)
    for text in plan.lost:
        rows += _labelled("lost", text, width, Tone.CRIT)
    rows.append(EMPTY)
    prompt = f"{safe(plan.key.node)} $ "
    for command in plan.commands:
        rows += _hanging(prompt, safe(command), width)
    if not plan.commands:
        rows.append(line("nothing is run", Tone.DIM))
    if plan.undo:
        rows += _labelled("undo", f"ctdeck {' '.join(plan.undo_words)}", width, Tone.NORMAL)
    else:
        rows += _labelled("undo", f"there is none: {plan.no_undo or 'it has no inverse'}", width, Tone.WARN)
    return rows


def refused_lines(error: CtdeckError, width: int, glyphs: Glyphs) -> list[Line]:
    """Why there is no plan at all, and what would help."""
    rows = [line(row, Tone.CRIT) for row in wrap(f"{glyphs.bad} {safe(error.message)}", width)]
    return rows + ([line(row, Tone.NORMAL) for row in wrap(safe(error.remedy), width)] if error.remedy else [])


def check_lines(checks: Sequence[Check], width: int, glyphs: Glyphs) -> list[Line]:
    """Those that are fine, side by side; each warning and each refusal on lines of its own."""
    rows: list[Line] = []
    row: list[Span] = []
    for check in checks:
        if check.verdict is not Verdict.OK:
            continue
        text = f"{glyphs.ok} {safe(check.text)}"
        if row and width_of(tuple(row)) + 3 + cells(text) > width:
            rows.append(tuple(row))
            row = []
        if cells(text) > width:
            rows += [line(part, Tone.DIM) for part in wrap(text, width)]
        else:
            row.append(("   " + text if row else text, Tone.DIM))
    rows += [tuple(row)] if row else []
    for verdict, sign, tone in (
        (Verdict.WARN, glyphs.trouble, Tone.WARN),
        (Verdict.REFUSE, f"{glyphs.bad} refused:", Tone.CRIT),
    ):
        for check in checks:
            if check.verdict is verdict:
                rows += [line(part, tone) for part in wrap(f"{sign} {safe(check.text)}", width)]
    return rows


def target_line(plan: Plan | None, error: CtdeckError | None, label: str, why: str, glyphs: Glyphs) -> Line:
    """One of many targets: which, and what its checks say. `why`: a reason of the deck's own against it."""
    if error is not None or why:
        text = safe(error.message) if error is not None else why
        return ((f"{glyphs.bad} ", Tone.CRIT), (label, Tone.NORMAL), (f"  refused: {text}", Tone.CRIT))
    if plan is None:
        return ((f"{glyphs.ellipsis} {label}", Tone.DIM),)
    if plan.refused:
        text = "; ".join(safe(check.text) for check in plan.refused)
        return ((f"{glyphs.bad} ", Tone.CRIT), (label, Tone.NORMAL), (f"  refused: {text}", Tone.CRIT))
    changes = ", ".join(f"{safe(c.what)} {safe(c.before)} {glyphs.arrow} {safe(c.after)}" for c in plan.changes)
    warnings = [safe(check.text) for check in plan.checks if check.verdict is Verdict.WARN]
    if warnings:
        tail: Line = ((f"  {glyphs.trouble} {'; '.join(warnings)}", Tone.WARN),)
        return ((f"{glyphs.trouble} ", Tone.WARN), (label, Tone.NORMAL), (f"  {changes}", Tone.DIM), *tail)
    return ((f"{glyphs.ok} ", Tone.NORMAL), (label, Tone.NORMAL), (f"  {changes}", Tone.DIM))


def _changes(changes: Sequence[Change], width: int, glyphs: Glyphs) -> list[Line]:
    """A table where it fits; one below the other where the values are long."""
    if not changes:
        return []
    columns = [
        max(cells(safe(text)) for text in texts)
        for texts in zip(*((c.what, c.before, c.after) for c in changes), strict=True)
    ]
    name, before, after = columns[0], max(3, columns[1]), max(5, columns[2])
    if name + before + after + 2 * _GAP > width:
        rows: list[Line] = []
        for change in changes:
            rows += _labelled(safe(change.what), "", width, Tone.STRONG)
            rows += _labelled("  now", change.before, width, Tone.DIM)
            rows += _labelled("  after", change.after, width, Tone.STRONG)
            rows += _labelled("", change.note, width, Tone.DIM) if change.note else []
        return rows
    gap = " " * _GAP
    rows = [line(f"{'':{name}}{gap}{'now':{before}}{gap}after", Tone.HEAD)]
    indent = name + before + after + 3 * _GAP
    for change in changes:
        spans: list[Span] = [
            (fit(safe(change.what), name) + gap, Tone.NORMAL),
            (fit(safe(change.before), before) + gap, Tone.DIM),
            (fit(safe(change.after), after), Tone.STRONG),
        ]
        note = safe(change.note)
        if note and indent + cells(note) <= width:
            spans.append((gap + note, Tone.DIM))
        rows.append(tuple(spans))
        if note and indent + cells(note) > width:
            rows += [line("  " + part, Tone.DIM) for part in wrap(note, width - 2)]
    return rows


def _labelled(label: str, text: str, width: int, tone: Tone) -> list[Line]:
    parts = wrap(safe(text), max(8, width - _LABEL))
    head = max(_LABEL, cells(label) + 1)
    return [((fit(label if not place else "", head), Tone.DIM), (part, tone)) for place, part in enumerate(parts)]


def _hanging(prompt: str, text: str, width: int) -> list[Line]:
    """A command behind its node, the rest of a long one below it."""
    indent = min(cells(prompt), width // 3)
    parts = wrap(text, max(8, width - cells(prompt)))
    return [
        ((prompt if not place else " " * indent, Tone.DIM), (part, Tone.ACCENT if not place else Tone.NORMAL))
        for place, part in enumerate(parts)
    ]
