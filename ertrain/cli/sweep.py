"""``ertrain sweep``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tqdm import tqdm

from ertheory.cli.arguments import read_integer
from ertheory.cli.options import option
from ertheory.errors import InvalidInput
from ertrain.cli.arguments import DataDir, Density, Only, Out, RecipeName, Scale, Seeds, Set, Sparsity, read_runs
from ertrain.cli.run import show_results
from ertrain.training.experiments import result_of
from ertrain.training.parallel import jobs_of, sweep

__all__ = ["SweepCommand"]


@dataclass(frozen=True)
class SweepCommand:
    """The runs of a recipe in parallel, small ones many at a time."""

    recipe: RecipeName
    scale: Scale = "quick"
    seeds: Seeds = "3"
    data_dir: DataDir = "data"
    out: Out = "runs"
    density: Density = None
    sparsity: Sparsity = None
    only: Only = ()
    set: Set = ()
    workers: Annotated[str, option(metavar="N", help="Processes, each with one thread.")] = "2"
    replicas: Annotated[
        str, option(metavar="N", help="Most runs of fully connected networks to train as one batched model.")
    ] = "64"
    cluster: Annotated[
        str | None, option(metavar="ADDRESS", help="Dask scheduler to use instead of processes here.")
    ] = None
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Train them."""
        runs = read_runs(
            self.recipe,
            self.scale,
            self.seeds,
            only=self.only,
            overrides=self.set,
            density=self.density,
            sparsity=self.sparsity,
        )
        workers, replicas = read_integer("--workers", self.workers), read_integer("--replicas", self.replicas)
        out, data_dir = Path(self.out), Path(self.data_dir)
        try:
            jobs_of(runs, replicas=replicas)
            with tqdm(total=len(runs), unit=" runs") as bar:
                for done in sweep(
                    runs, out, data_dir=data_dir, workers=workers, replicas=replicas, cluster=self.cluster
                ):
                    bar.update(len(done))
        except InvalidInput as error:
            raise InvalidInput(f"--{error.argument.replace('_', '-')}", error.allowed, error.value) from None
        inputs = {
            "recipe": self.recipe,
            "scale": self.scale,
            "seeds": sorted({run.seed for run in runs}),
            "data_dir": self.data_dir,
            "out": self.out,
            "only": list(self.only),
            "set": list(self.set),
            "density": sorted({run.density for run in runs}),
            "workers": workers,
            "replicas": replicas,
            "cluster": self.cluster,
        }
        show_results("sweep", inputs, runs, [result_of(run, out) or {} for run in runs], as_json=self.json)
        return 0
