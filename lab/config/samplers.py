"""How a search chooses its trials.

Lists are known before the first run: quasi-random, random, grid. The others are asked of Optuna
for `width` trials at a time, once all before them have ended.
"""

from typing import Annotated, Literal

from pydantic import Field

from lab.config.base import Strict


class QuasiRandom(Strict):
    """A scrambled Sobol sequence: even coverage, the same points for every variant."""

    kind: Literal["quasi-random"] = "quasi-random"


class UniformRandom(Strict):
    """Independent uniform points, the same for every variant."""

    kind: Literal["random"] = "random"


class Grid(Strict):
    """Every combination of the values."""

    kind: Literal["grid"] = "grid"


class _Adaptive(Strict):
    width: int = Field(4, ge=1, le=1000, description="trials asked for at a time")


class Tpe(_Adaptive):
    """Tree-structured Parzen estimator (Bergstra et al. 2011), multivariate."""

    kind: Literal["tpe"] = "tpe"
    startup: int = Field(8, ge=1, description="random trials before the model")


class Gp(_Adaptive):
    """Gaussian process with expected improvement in the logarithm (Ament et al. 2023)."""

    kind: Literal["gp"] = "gp"
    startup: int = Field(8, ge=1, description="random trials before the model")


class CmaEs(_Adaptive):
    """Covariance matrix adaptation (Hansen and Ostermeier 2001); numbers only, two or more."""

    kind: Literal["cma-es"] = "cma-es"
    population: int | None = Field(None, ge=4, description="None means by the number of settings")


class Nsga2(_Adaptive):
    """The elitist genetic algorithm NSGA-II (Deb et al. 2002)."""

    kind: Literal["nsga-ii"] = "nsga-ii"
    population: int = Field(8, ge=2)


Sampler = Annotated[
    QuasiRandom | UniformRandom | Grid | Tpe | Gp | CmaEs | Nsga2, Field(discriminator="kind")
]
Adaptive = Tpe | Gp | CmaEs | Nsga2
