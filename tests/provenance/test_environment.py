"""Which variables are kept."""

from lab.provenance.environment import ENVIRONMENT, environment


def test_variables_that_change_results_are_recorded_and_no_others() -> None:
    variables = {
        "OMP_NUM_THREADS": "2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "TORCH_LOGS": "x",
        "LAB_CACHE": "cache",
        "HF_ENDPOINT": "https://me:abc@mirror/x",
        "PYTHONHASHSEED": "caf\udce9",
        "LD_PRELOAD": "x" * 20_000,
        "HOME": "/home/me",
        "PATH": "/usr/bin",
    }
    names = ("HF_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "LAB_API_KEY", "LAB_PASSWORD")
    secrets = dict.fromkeys([*names, "TORCH_HUB_TOKEN", "TORCH_SECRET"], "abc")
    found = environment({**variables, **secrets})
    assert found.keys() == variables.keys() - {"HOME", "PATH"}
    assert "abc" not in str(found)
    assert found["HF_ENDPOINT"] == "https://***@mirror/x"
    assert found["PYTHONHASHSEED"] == "caf?"
    assert len(found["LD_PRELOAD"]) == 10_000
    assert len(set(ENVIRONMENT)) == len(ENVIRONMENT)
