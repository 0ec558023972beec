"""How a refusal names what it found: short, quoted, safe in a log line, a page or a terminal."""

from decimal import Decimal


def shorten(text: str, most: int = 40) -> str:
    """Text from outside as one quoted word: cut after `most` characters, what cannot be printed escaped.

    >>> print(shorten("prod"), shorten('a"b'), shorten("x" * 50, 3))
    "prod" "a\\"b" "xxx..." (50 characters)
    """
    kept = "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in text[:most])
    kept = kept.replace('"', '\\"')
    return f'"{kept}"' if len(text) <= most else f'"{kept}..." ({len(text)} characters)'


def found(value: object) -> str:
    """What was found, in a few words that name its kind; a quoted word is a text.

    >>> found("prod"), found(Decimal("1.50")), found(True), found([1, 2])
    ('"prod"', 'the number 1.50', 'true (a boolean)', 'an array of 2')
    """
    if isinstance(value, str):
        return shorten(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"{'true' if value else 'false'} (a boolean)"
    if isinstance(value, int) and value.bit_length() > 10_000:  # str() of it may raise
        return "a number of over 3000 digits"
    if isinstance(value, int | float | Decimal):
        text = str(value)
        return "the number " + (text if len(text) <= 45 else f"{text[:40]}... ({len(text)} characters)")
    if isinstance(value, list | tuple):
        return f"an array of {len(value)}"
    return f"an object of {len(value)} keys" if isinstance(value, dict) else f"a {type(value).__name__}"
