"""`lab tokenizer train|encode|decode|info`: tokenizers by themselves, without a model.

A TOKENIZER is a tokenizer.json, a folder that holds one, such as a package, or the word gpt2.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

app: typer.Typer = typer.Typer(
    help="Train tokenizers, use them, and see what they are.", no_args_is_help=True
)
Named = Annotated[
    str,
    typer.Argument(metavar="TOKENIZER", help="A tokenizer.json, a folder that holds one, or gpt2."),
]
Files = Annotated[
    list[str] | None,
    typer.Option("--file", metavar="FILE", help="A file, a folder or a pattern; repeatable."),
]
Field = Annotated[str, typer.Option(help="Of each line of a .jsonl file.")]


@app.command()
def train(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", help="Files, folders or patterns, as the corpus of kind file has."
        ),
    ],
    to: Annotated[Path, typer.Option(metavar="FILE", help="A file that is not there yet.")],
    kind: Annotated[str, typer.Option(help="bpe, char or byte.")] = "bpe",
    vocab_size: Annotated[
        int | None, typer.Option(help="Tokens of a bpe, all counted.", show_default="512")
    ] = None,
    specials: Annotated[
        bool, typer.Option("--specials", help="Of a char or byte: add BOS, EOS and PAD.")
    ] = False,
    field: Field = "text",
) -> None:
    """Learn a tokenizer from texts and write it."""
    from lab.commands.tokenizer import train_asked

    print(  # noqa: T201
        train_asked(files, to=to, kind=kind, vocab_size=vocab_size, specials=specials, field=field)
    )


@app.command()
def encode(
    tokenizer: Named,
    text: Annotated[
        str | None, typer.Argument(help="A text; - or nothing is standard input.")
    ] = None,
    file: Files = None,
    field: Field = "text",
) -> None:
    """Print the ids of a text; of files, a line a document."""
    from lab.commands.tokenizer import encode_asked

    asked = encode_asked(tokenizer, text=text, files=file or [], field=field, stdin=sys.stdin)
    for line in asked:
        print(line)  # noqa: T201


@app.command()
def decode(
    tokenizer: Named,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID...", help="Token ids; - or nothing is standard input."),
    ] = None,
) -> None:
    """Print the text of ids, and nothing else, not even the end of a line."""
    from lab.commands.tokenizer import decode_asked

    decode_asked(tokenizer, words=ids or [], stdin=sys.stdin, to=sys.stdout)


@app.command()
def info(tokenizer: Named, file: Files = None, field: Field = "text") -> None:
    """Print what a tokenizer is, and how well it fits the texts of files."""
    from rich.console import Console

    from lab.commands.tokenizer import info_asked

    Console(highlight=False, emoji=False).print(
        info_asked(tokenizer, files=file or [], field=field)
    )


if __name__ == "__main__":
    from lab.entry import entry

    entry("tokenizer")
