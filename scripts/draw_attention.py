"""Draw what every head of a packaged model looks at, as a grid of maps, a row a layer.

    python scripts/draw_attention.py artifacts/train/<run> --prompt "The return value" --to maps.png

Without a prompt, the model writes its own: the run's sample prompt and its likeliest continuation.
`--layer` and `--head`, counted from 1 and given as often as wanted, choose maps. The picture is a
PNG or an SVG.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lab.errors import ConfigError, LabError

MOST_TOKENS, OWN_TOKENS = 256, 24
FORMATS = (".png", ".svg")


def draw(
    package: Annotated[Path, typer.Argument(help="A package: a folder below artifacts/.")],
    prompt: Annotated[str | None, typer.Option(help="By default the model's own words.")] = None,
    to: Annotated[Path, typer.Option(help="The picture's file.")] = Path("attention.png"),
    layer: Annotated[list[int] | None, typer.Option(help="Only this layer, from 1.")] = None,
    head: Annotated[list[int] | None, typer.Option(help="Only this head, from 1.")] = None,
) -> None:
    """Draw what every head of a packaged model looks at."""
    if to.suffix.lower() not in FORMATS:
        raise ConfigError(f"--to {to}: must end in {' or '.join(FORMATS)}")
    import torch

    from lab.files import write_bytes
    from lab.package.read import load_package
    from lab.report.figures.attention import attention_maps
    from lab.report.figures.style import png, svg

    loaded = load_package(package)
    model, tokenizer, config = loaded.model, loaded.tokenizer, loaded.config.model
    layers = _chosen("--layer", layer, config.n_layers)
    heads = _chosen("--head", head, config.n_heads)
    ids = _own_words(loaded) if prompt is None else tokenizer.encode_prompt(prompt)
    most = min(MOST_TOKENS, config.max_seq_len)
    if not 2 <= len(ids) <= most:
        raise ConfigError(
            f"--prompt: from 2 to {most} tokens can be drawn of this model, not {len(ids)}"
        )
    with torch.inference_mode():
        inside = model.inspect(torch.tensor([ids]))
    weights = [layer_weights[0].numpy() for layer_weights in inside.attention]
    figure = attention_maps(weights, _texts(tokenizer, ids), layers=layers, heads=heads)
    picture = png(figure) if to.suffix.lower() == ".png" else svg(figure, name="attention").encode()
    write_bytes(to, picture)
    print(to)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when drawn, 2 after a sentence about what was wrong."""
    app = typer.Typer(add_completion=False)
    app.command()(draw)
    try:
        app(list(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
    except LabError as error:
        return _refused(str(error))
    except OSError as error:
        return _refused(f"{error.filename}: {error.strerror}")
    except Exception as error:
        if hasattr(error, "format_message"):
            return _refused(error.format_message())
        raise
    return 0


def _chosen(option: str, wanted: Sequence[int] | None, there_are: int) -> list[int]:
    for number in wanted or ():
        if not 1 <= number <= there_are:
            raise ConfigError(f"{option} {number}: this model has 1 to {there_are}")
    return sorted({number - 1 for number in wanted}) if wanted else list(range(there_are))


def _own_words(package) -> list[int]:
    tracking = getattr(package.config, "tracking", None)  # one that was adopted has none
    prompt = tracking.samples.prompt if tracking else "The "
    text = prompt + package.generate(prompt, max_new_tokens=OWN_TOKENS, temperature=0)
    return package.tokenizer.encode_prompt(text)[
        : min(OWN_TOKENS, package.config.model.max_seq_len)
    ]


def _texts(tokenizer, ids: Sequence[int]) -> list[str]:
    """A special token has no text, and part of a character no letter."""
    found = [tokenizer.decode([token]) for token in ids]
    return [text.replace("\ufffd", "·") or "∅" for text in found]


def _refused(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
