"""How what stands in somebody's file is shown: short, in one line, no two names alike."""


def shown(name: str, *, length: int = 60) -> str:
    """Quoted, in ASCII: what only looks like another name shows."""
    text = ascii(name)
    return text if len(text) <= length else f"{text[: length - 4]}...{text[-1]}"


def one_line(text: str, *, length: int = 2000) -> str:
    """A sentence that quotes a file: what would move the cursor or colour the terminal shows."""
    text = text[:length] + ("..." if len(text) > length else "")
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
