"""How ctdeck looks: tones (what a piece of text means), the colours of each, and the signs."""
