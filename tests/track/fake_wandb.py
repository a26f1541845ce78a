"""A wandb whose calls are counted, and fail at will."""

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any


class FakeWandb(ModuleType):
    """The names of wandb that the lab uses; counts calls, and at one of them does `then`."""

    def __init__(self, at: str, then: Callable[[], None]) -> None:
        super().__init__("wandb")
        self.calls: list[str] = []
        self.rows: list[Any] = []

        def name(call: str, result: Any = None) -> Callable[..., Any]:
            def called(*arguments: Any, **_: Any) -> Any:
                self.calls.append(call)
                if call == "log":
                    self.rows.append(arguments[0])
                if call == at:
                    then()
                return result

            return called

        class Summary(dict[str, Any]):
            def __setitem__(self, key: str, value: Any) -> None:
                name("summary")()

            update = staticmethod(name("summary"))  # type: ignore[assignment]

        run = SimpleNamespace(
            define_metric=name("define_metric"),
            log=name("log"),
            log_artifact=name("log_artifact"),
            finish=name("finish"),
            summary=Summary(),
        )
        self.Settings = type("Settings", (), {"model_fields": {}, "__init__": name("Settings")})
        self.setup = name("setup")
        self.init = name("init", run)
        self.Table = name("Table")
        self.Image = name("Image")
        files = SimpleNamespace(add_dir=name("add_dir"), add_file=name("add_file"))
        self.Artifact = name("Artifact", files)
        self.teardown = name("teardown")


def fail() -> None:
    raise OSError("no space left on device")
