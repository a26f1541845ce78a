"""Whether wandb's server is there: asked first, since wandb itself would try for minutes.

Design choices:
- only an `auto` may give way: who asks for a mode by name gets it;
- any answer will do: a refusal too, and a certificate that wandb may know and Python does not.
"""

import ssl
import urllib.error
import urllib.request
from http.client import HTTPException

from lab.config.tracking import WandbConfig
from lab.track.wandb_mode import resolve_mode, server


def reachable(config: WandbConfig) -> WandbConfig:
    """Offline in place of an `auto` that would be online with a server that does not answer."""
    if config.mode != "auto" or resolve_mode(config) != "online" or answers(server()):
        return config
    return config.model_copy(update={"mode": "offline"})


def answers(url: str, *, patience: float = 10.0) -> bool:
    """Whether anyone is there, by the proxies of the environment, within so many seconds."""
    try:
        request = urllib.request.Request(url, method="HEAD")
        urllib.request.urlopen(request, timeout=patience).close()
    except (urllib.error.HTTPError, HTTPException, ValueError):
        return True
    except OSError as error:
        return isinstance(getattr(error, "reason", error), ssl.SSLError)
    return True
