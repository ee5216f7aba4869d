"""What counts as a number in a text file."""


def number_or_none(text: str) -> float | None:
    """Return the number that ``text`` writes in the usual way, or None.

    Python's ``float`` also takes "1_000" and digits of every script: in a data file those are
    slips of another program, so they are text here. "nan" and "inf" are numbers (not finite).
    """
    if not text.isascii() or "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None
