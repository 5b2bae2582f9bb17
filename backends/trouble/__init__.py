"""What is wrong now, where, since when, and who did it: the judgement that the deck, `ctdeck trouble` and the events share."""

from .reason import CALM, THRESHOLDS, Reason, Severity, Verdict
from .triage import Triage

__all__ = ["CALM", "THRESHOLDS", "Reason", "Severity", "Triage", "Verdict"]
