"""Folders that transformers made, adopted: the same ids, the same numbers, the same text."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from lab.errors import PackageError
from lab.package.huggingface.adopt import adopt_folder
from lab.package.huggingface.export import export_package
from lab.package.read import load_package
from tests.huggingface import load_their_tokenizer, load_theirs, logits_of_theirs
from tests.model.configs import random_ids

END = "<|endoftext|>"
BEGIN = "<|begin_of_text|>"
TEXT = ["The cat sat on the mat, and that was that.\n", "naïve — 日本, 12345 times"] * 3
SPLIT = r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+"
GPT2 = {"n_layer": 2, "n_head": 3, "n_embd": 30, "n_positions": 17}
LLAMA = {
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 3,
    "hidden_size": 60,
    "intermediate_size": 37,
    "max_position_embeddings": 17,
}


def _trained(pre_tokenizer: Any, special: list[str]) -> tokenizers.Tokenizer:
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer, backend.decoder = pre_tokenizer, decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=283, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(TEXT, trainer)
    return backend


def _gpt2_tokenizer() -> tuple[tokenizers.Tokenizer, dict[str, Any]]:
    backend = _trained(pre_tokenizers.ByteLevel(add_prefix_space=False), [END])
    backend.post_processor = processors.ByteLevel(trim_offsets=False)
    return backend, {"bos_token": END, "eos_token": END, "unk_token": END}


def _llama_tokenizer() -> tuple[tokenizers.Tokenizer, dict[str, Any]]:
    """As Llama 3 has it."""
    cut = pre_tokenizers.Split(tokenizers.Regex(SPLIT), "isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend = _trained(pre_tokenizers.Sequence([cut, level]), [BEGIN, END])
    single = f"{BEGIN} $A"
    template = processors.TemplateProcessing(
        single=single, pair=f"{single} {BEGIN}:1 $B:1", special_tokens=[(BEGIN, 0)]
    )
    backend.post_processor = processors.Sequence([processors.ByteLevel(), template])
    return backend, {"bos_token": BEGIN, "eos_token": END}


def _saved(folder: Path, kind: str, *, dtype: torch.dtype = torch.float32, **config: Any) -> Path:
    """What `save_pretrained` of transformers writes."""
    import transformers

    backend, special = _gpt2_tokenizer() if kind == "gpt2" else _llama_tokenizer()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **special)
    tokenizer.save_pretrained(folder)
    shape = {**(GPT2 if kind == "gpt2" else LLAMA), "vocab_size": len(tokenizer), **config}
    ids = {name: backend.token_to_id(END) for name in ("eos_token_id", "pad_token_id")}
    settings_ = transformers.AutoConfig.for_model(kind, bos_token_id=0, **{**ids, **shape})
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(settings_)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    model.to(dtype).save_pretrained(folder)
    return folder


FOLDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("gpt2", {}),
    "gpt2-untied-relu": (
        "gpt2",
        {"tie_word_embeddings": False, "activation_function": "relu", "n_inner": 41},
    ),
    "gpt2-gelu": ("gpt2", {"activation_function": "gelu", "layer_norm_epsilon": 1e-3}),
    "llama": ("llama", {}),
    "llama-biases": (
        "llama",
        {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True},
    ),
    "llama-attention-bias": (
        "llama",
        {"attention_bias": True, "num_key_value_heads": 1, "hidden_act": "gelu"},
    ),
    "llama-stretched": (
        "llama",
        {
            "num_key_value_heads": 6,
            "rope_parameters": {"rope_type": "linear", "factor": 2.5, "rope_theta": 500.0},
        },
    ),
    "llama-padded-vocabulary": ("llama", {"vocab_size": 301, "hidden_act": "gelu_pytorch_tanh"}),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_ours_computes_and_writes_what_theirs_does(name, tmp_path):
    kind, config = FOLDERS[name]
    folder = _saved(tmp_path / "theirs", kind, **config)
    manifest = adopt_folder(folder, to=tmp_path / "package")
    assert manifest.status == "adopted"
    package = load_package(tmp_path / "package")
    ids = random_ids(2, 13, vocab=package.tokenizer.vocab_size)
    theirs = load_theirs(folder)
    with torch.no_grad():
        expected = logits_of_theirs(theirs, ids)
        assert (package.model(ids) - expected).abs().max() < 1e-5 * expected.abs().max()
    tokenizer = load_their_tokenizer(folder)
    asked = tokenizer("The cat", return_tensors="pt")
    new = theirs.generate(**asked, do_sample=False, max_new_tokens=6)
    text = tokenizer.decode(new[0, asked["input_ids"].shape[1] :], skip_special_tokens=True)
    ours = package.generate("The cat", temperature=0, max_new_tokens=6)
    assert ours.replace("\ufffd", "") == text.replace("\ufffd", "")
    with torch.no_grad():
        exact = logits_of_theirs(load_theirs(folder, dtype=torch.float64), ids)
        assert (package.model.double()(ids) - exact).abs().max() < 1e-9


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("theirs")
    return {kind: _saved(folder / kind, kind) for kind in ("gpt2", "llama")}


@pytest.fixture
def own(theirs: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of one's own, to change."""
    return lambda kind: Path(shutil.copytree(theirs[kind], tmp_path / "theirs"))


@pytest.fixture(scope="module")
def both(theirs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    folder = tmp_path_factory.mktemp("adopted")
    found = []
    for kind, path in theirs.items():
        adopt_folder(path, to=folder / kind)
        found.append((load_package(folder / kind).tokenizer, load_their_tokenizer(path)))
    return found


@settings(deadline=None, max_examples=150, database=None)
@given(text=st.text() | st.sampled_from([*TEXT, f"a {END} b", "it's 1234567   x\n\n", BEGIN]))
def test_the_same_ids_and_the_same_text(both, text):
    for ours, theirs in both:
        ids = theirs.encode(text, add_special_tokens=False, split_special_tokens=True)
        assert ours.encode(text) == ids
        assert ours.decode(ids) == theirs.decode(ids) == text
        assert ours.encode_prompt(text) == theirs.encode(text, split_special_tokens=True)


def test_the_tokens_that_begin_and_end_a_text_are_theirs(both):
    (gpt2, _), (llama, _) = both
    assert (gpt2.bos_id, gpt2.token(gpt2.eos_id)) == (None, END)
    assert (llama.token(llama.bos_id), llama.token(llama.eos_id)) == (BEGIN, END)


@pytest.mark.parametrize(
    ("ids", "end"),
    [([5, 1], END), ([5, 9999], 5), (5, 5), ([], None), (None, None), (9999, None)],
)
def test_of_several_ends_the_one_that_the_tokenizer_names(ids, end, own, tmp_path):
    folder = own("llama")
    _change(folder / "generation_config.json", eos_token_id=ids)
    adopt_folder(folder, to=tmp_path / "package")
    tokenizer = load_package(tmp_path / "package").tokenizer
    expected = {END: 1}.get(end, end)
    assert tokenizer.eos_id == expected


@pytest.mark.parametrize("said", [True, False])
def test_the_tokenizer_alone_says_whether_a_token_stands_first(said, own, tmp_path):
    """Not its settings, which `AutoTokenizer` passes over as well."""
    folder = own("llama")
    _change(folder / "tokenizer_config.json", add_bos_token=said)
    backend = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    backend.post_processor = processors.ByteLevel()
    backend.save(str(folder / "tokenizer.json"))
    adopt_folder(folder, to=tmp_path / "package")
    tokenizer = load_package(tmp_path / "package").tokenizer
    assert tokenizer.bos_id is None
    assert tokenizer.encode_prompt("a b") == load_their_tokenizer(folder).encode("a b")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_halves_become_float32_exactly(dtype, tmp_path):
    folder = _saved(tmp_path / "theirs", "gpt2", dtype=dtype)
    adopt_folder(folder, to=tmp_path / "package")
    theirs = load_file(folder / "model.safetensors")["transformer.h.1.mlp.c_fc.weight"]
    ours = load_package(tmp_path / "package").model.blocks[1].mlp.up_proj.weight
    assert theirs.dtype == dtype
    assert ours.equal(theirs.float().T)


def test_shards_and_the_names_of_the_first_gpt2(own, tmp_path):
    """No prefix, masks among the parameters, two files."""
    folder = own("gpt2")
    adopt_folder(folder, to=tmp_path / "whole")
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    named = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    named["h.0.attn.bias"] = torch.ones(1, 1, 17, 17)
    half = len(named) // 2
    shards = {"a.safetensors": [*named][:half], "b.safetensors": [*named][half:]}
    for file, names in shards.items():
        save_file({name: named[name] for name in names}, folder / file)
    where = {name: file for file, names in shards.items() for name in names}
    index = {"metadata": {}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    adopt_folder(folder, to=tmp_path / "sharded")
    whole, sharded = (load_package(tmp_path / name).model for name in ("whole", "sharded"))
    for name, parameter in whole.named_parameters():
        assert parameter.equal(dict(sharded.named_parameters())[name]), name


ROUND = {
    "gpt2": {"norm": {"kind": "layernorm", "eps": 1e-4}, "bias": True, "dropout": 0.25},
    "llama": {
        "norm": {"kind": "rmsnorm", "eps": 1e-4},
        "position": {"kind": "rope", "theta": 500.0},
        "mlp": {"kind": "swiglu", "d_ff": 41},
        "attention": {"kind": "multi-query", "bias": True},
        "tie_embeddings": False,
    },
}


@pytest.mark.parametrize("tokenizer", ["letters", "char", "bpe"])
@pytest.mark.parametrize("kind", ROUND)
def test_there_and_back_again(kind, tokenizer, make_package, tmp_path):
    package = make_package(tmp_path / "package", tokenizer=tokenizer, **ROUND[kind])
    export_package(package, to=tmp_path / "exported")
    adopt_folder(tmp_path / "exported", to=tmp_path / "back")
    before, after = load_package(package), load_package(tmp_path / "back")
    changed = {"mlp.d_ff": before.config.model.d_ff}
    assert after.config.model == before.config.model.replaced(changed)
    for name, parameter in before.model.named_parameters():
        assert parameter.equal(dict(after.model.named_parameters())[name]), name
    assert before.tokenizer.encode_prompt("The cat") == after.tokenizer.encode_prompt("The cat")
    assert before.tokenizer.eos_id == after.tokenizer.eos_id
    export_package(tmp_path / "back", to=tmp_path / "again")
    files = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")
    for name in files:
        first, second = ((tmp_path / where / name).read_bytes() for where in ("exported", "again"))
        assert first == second, name


def test_an_adopted_package_claims_no_training(own, tmp_path):
    folder = own("gpt2")
    adopt_folder(folder, to=tmp_path / "package")
    package = load_package(tmp_path / "package")
    manifest = package.manifest
    assert (manifest.seed, manifest.data.corpus_digest, manifest.data.digest) == (None, None, None)
    assert manifest.metrics == {}
    assert package.config.origin.architecture == "gpt2"
    assert adopt_folder(folder, to=tmp_path / "package") == manifest  # the same again is no error


def _change(path: Path, **values: Any) -> None:
    raw = json.loads(path.read_text()) | values
    path.write_text(json.dumps(raw))


REFUSED = {
    "gpt2": {
        "scale_attn_by_inverse_layer_idx": True,
        "scale_attn_weights": False,
        "add_cross_attention": True,
        "activation_function": "quick_gelu",
        "model_type": "mamba",
        "n_head": 7,
        "vocab_size": 200,
    },
    "llama": {
        "hidden_act": "relu",
        "head_dim": 12,
        "rope_parameters": {"rope_type": "llama3", "factor": 8.0},
        "num_key_value_heads": 4,
        "rms_norm_eps": -1.0,
    },
}
CASES = [(kind, name) for kind, names in REFUSED.items() for name in names]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_setting_in_the_way_is_named(kind, name, own, tmp_path):
    folder = own(kind)
    _change(folder / "config.json", **{name: REFUSED[kind][name]})
    ours = {
        "n_head": "n_heads",
        "rope_parameters": "rope_type",
        "num_key_value_heads": "n_kv_heads",
        "rms_norm_eps": "norm",
    }
    _refuses(folder, tmp_path, ours.get(name, name))


def _refuses(folder: Path, tmp_path: Path, expected: str) -> None:
    with pytest.raises(PackageError) as refused:
        adopt_folder(folder, to=tmp_path / "package")
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(name, own, tmp_path):
    folder = own("llama")
    (folder / name).unlink()
    _refuses(folder, tmp_path, name)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_damaged_file_is_named(name, own, tmp_path):
    folder = own("llama")
    (folder / name).write_text("{damaged")
    _refuses(folder, tmp_path, name)


def test_a_pickle_is_never_loaded(own, tmp_path):
    folder = own("gpt2")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    _refuses(folder, tmp_path, "pickle")


WEIGHTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "missing": (lambda t: t.pop("model.norm.weight"), "model.norm.weight is missing"),
    "unknown": (
        lambda t: t.update({"model.extra": torch.ones(1)}),
        "'model.extra' is no parameter",
    ),
    "another shape": (
        lambda t: t.update({"model.norm.weight": torch.ones(59)}),
        "model.norm.weight has shape [59], not [60]",
    ),
    "quantised": (
        lambda t: t.update({"model.norm.weight": torch.ones(60, dtype=torch.int8)}),
        "holds int8",
    ),
}


@pytest.mark.parametrize("fault", WEIGHTS)
def test_weights_that_do_not_fit_are_named(fault, own, tmp_path):
    folder = own("llama")
    change, expected = WEIGHTS[fault]
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    _refuses(folder, tmp_path, expected)


def test_a_head_that_is_not_tied_to_what_it_should_be(own, tmp_path):
    folder = own("llama")
    _change(folder / "config.json", tie_word_embeddings=True)
    _refuses(folder, tmp_path, "tie_word_embeddings")


def _sentencepiece_like(backend: tokenizers.Tokenizer) -> None:
    backend.normalizer = normalizers.Prepend("▁")


def _spaced(backend: tokenizers.Tokenizer) -> None:
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)


def _whitespace(backend: tokenizers.Tokenizer) -> None:
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )


def _closed(backend: tokenizers.Tokenizer) -> None:
    backend.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}", special_tokens=[(BEGIN, 0), (END, 1)]
    )


TOKENIZERS = {
    "normalised": (_sentencepiece_like, "normalises"),
    "a prefix space": (_spaced, "lose text"),
    "white space thrown away": (_whitespace, "lose text"),
    "a token after every text": (_closed, f"{BEGIN} {END} around every text"),
}


@pytest.mark.parametrize("fault", TOKENIZERS)
def test_a_tokenizer_that_would_change_a_text_is_refused(fault, own, tmp_path):
    folder = own("llama")
    change, expected = TOKENIZERS[fault]
    backend = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    change(backend)
    backend.save(str(folder / "tokenizer.json"))
    _refuses(folder, tmp_path, expected)


@pytest.mark.parametrize(
    ("kind", "change", "sentence"),
    [
        ("gpt2", {"vocab_size": 300_000_000}, "vocab_size and the model's width are"),
        ("gpt2", {"n_embd": 3_000_000_000}, "d_model: input should be less than"),
        ("gpt2", {"n_embd": 120_000}, "vocab_size and the model's width are"),
        ("gpt2", {"activation_function": ["gelu"]}, "activation_function=.* one word or number"),
        ("gpt2", {"resid_pdrop": [0.1]}, "resid_pdrop=.* one word or number"),
        ("llama", {"hidden_act": {}}, "hidden_act=.* one word or number"),
        ("llama", {"max_position_embeddings": 10**11}, "max_seq_len"),
    ],
)
def test_a_hostile_config_is_refused_at_once(own, tmp_path, kind, change, sentence):
    folder = own(kind)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(PackageError, match=sentence):
        adopt_folder(folder, to=tmp_path / "package")
    assert not (tmp_path / "package").exists()


def test_weights_that_are_no_numbers_are_refused(own, tmp_path):
    folder = own("gpt2")
    tensors = load_file(folder / "model.safetensors")
    name = next(name for name in tensors if name.endswith("ln_f.weight"))
    tensors[name][0] = float("nan")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(PackageError, match="holds NaN or infinity"):
        adopt_folder(folder, to=tmp_path / "package")
