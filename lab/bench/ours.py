"""Our side: the parts of a run as the lab puts them together, over a text that is made up."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lab.config.data import DataConfig
from lab.config.model import ModelConfig
from lab.config.tokenizers import CharTokenizer
from lab.config.train import TrainConfig
from lab.data.batches import TextBatches
from lab.data.store import Origin, SplitStats, TokenizedData, open_prepared, seal
from lab.data.tokenizer import train_tokenizer
from lab.model.gpt import GPT, build_model
from lab.parts import Source, eval_tokens
from lab.track.null import NullTracker
from lab.train.clock import Clock
from lab.train.member import Member
from lab.train.optimizer import build_optimizer
from lab.train.state import TrainState
from lab.train.update import Alone

ENDLESS = 10**9  # steps: none of them is the last, or has an evaluation
SIZES = {"train": 200_000, "val": 32_768}  # tokens
CORPUS = DataConfig.parse({"corpus": {"kind": "python-docs"}})  # how windows are drawn; unread


def text_data(folder: Path, *, vocab_size: int, seed: int = 0) -> TokenizedData:
    """Splits of random characters, tokenized a character a token, in a new folder."""
    rng = np.random.default_rng(seed)
    letters = [chr(ord("!") + n) for n in range(vocab_size)]
    tokenizer = train_tokenizer(CharTokenizer(fallback="refuse"), ["".join(letters)])
    assert tokenizer.vocab_size == vocab_size
    folder.mkdir(parents=True)
    stats = {}
    for name, size in SIZES.items():
        rng.integers(vocab_size, size=size).astype("<u2").tofile(folder / f"{name}.bin")
        stats[name] = SplitStats(documents=1, bytes=size, chars=size, tokens=size)
    origin = Origin("made up", "", None, dict.fromkeys(SIZES), False, None)
    seal(folder, tokenizer=tokenizer, stats=stats, dtype=np.dtype("<u2"), origin=origin)
    return open_prepared(folder)


def token_ids(data: TokenizedData, split: str = "train") -> npt.NDArray[np.uint16]:
    """A split in memory, for those who cut their windows themselves."""
    return np.array(data.split(split), dtype=np.uint16)


@dataclass(frozen=True)
class Run:
    """A run under way."""

    model: GPT
    member: Member
    update: Alone

    def step(self) -> None:
        """One turn of the training loop, with the row that is due after some of them."""
        self.update.step(self.member.state.step + 1)
        self.member.judge()
        self.member.save(goal=ENDLESS, stopping=False)


def run(
    config: ModelConfig,
    data: TokenizedData,
    *,
    batch_size: int,
    device: torch.device,
    precision: str = "fp32",
    compiled: bool = False,
    micro_batch_size: int | None = None,
    seed: int = 0,
) -> Run:
    """As `lab.run` makes one, but for tracker, checkpoints and package."""
    train = TrainConfig.parse(
        {
            "steps": ENDLESS,
            "batch_size": batch_size,
            "micro_batch_size": micro_batch_size,
            "schedule": {"kind": "constant"},
            "precision": precision,
            "eval_every": ENDLESS,
        }
    )
    model = build_model(config, data.tokenizer.vocab_size, seed=seed).to(device)
    state = TrainState(model, build_optimizer(model, train.optimizer))
    batches = source(data, device, length=config.max_seq_len, batch_size=batch_size, seed=seed)
    tokens = batch_size * config.max_seq_len
    member = Member(state, batches, train, seed, tokens, NullTracker(), Clock())
    model.train()
    return Run(model, member, Alone(state, batches, train, seed=seed, compiled=compiled))


def source(
    data: TokenizedData,
    device: torch.device,
    *,
    length: int,
    batch_size: int,
    seed: int = 0,
    limit: int | None = None,
) -> Source:
    """Batches as a run gets them; evaluation reads `limit` tokens."""
    feed = TextBatches(data, CORPUS, seq_len=length, batch_size=batch_size, seed=seed, limit=limit)
    nothing: Callable[[], object] = lambda: None  # noqa: E731
    return Source(feed, length, nothing, eval_tokens(device))
