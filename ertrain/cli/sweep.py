"""``ertrain sweep``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tqdm import tqdm

from ertheory.cli.arguments import Format, Json
from ertheory.cli.options import Option
from ertrain.cli.arguments import (
    BackendName,
    DataDir,
    Density,
    Only,
    Out,
    RecipeName,
    Scale,
    Seeds,
    Set,
    Sparsity,
    folder_for,
    in_words_of_set,
    read_runs,
    with_data,
)
from ertrain.cli.run import show_results
from ertrain.training.experiments import result_of
from ertrain.training.parallel import jobs_of, sweep

__all__ = ["SweepCommand"]


@dataclass(frozen=True)
class SweepCommand:
    """The runs of a recipe in parallel, small ones many at a time."""

    recipe: RecipeName
    scale: Scale = "quick"
    seeds: Seeds = 3
    data_dir: DataDir = "data"
    out: Out = "runs"
    density: Density = None
    sparsity: Sparsity = None
    only: Only = ()
    set: Set = ()
    workers: Annotated[int, Option("So many processes train, each with one thread.", "N")] = 2
    replicas: Annotated[
        int, Option("At most so many runs of fully connected networks are trained as one batched model.", "N")
    ] = 64
    backend: BackendName = "auto"
    cluster: Annotated[str | None, Option("This Dask scheduler is used instead of processes here.", "ADDRESS")] = None
    format: Format = "table"
    json: Json = False

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
        data_dir = Path(self.data_dir)
        runs = with_data(runs, data_dir, scale=self.scale, words=(*self.only, *self.set), tell=True)
        jobs_of(runs, replicas=self.replicas)
        out = folder_for("--out", self.out)
        before = {run.hash for run in runs if result_of(run, out) is not None}  # no work of this process
        with in_words_of_set(self.set), tqdm(total=len(runs), initial=len(before), unit=" runs") as bar:
            for done in sweep(
                runs,
                out,
                data_dir=data_dir,
                workers=self.workers,
                replicas=self.replicas,
                cluster=self.cluster,
                backend=self.backend,
            ):
                bar.update(sum(result["config_hash"] not in before for result in done))
        inputs = {
            "recipe": self.recipe,
            "scale": self.scale,
            "seeds": sorted({run.seed for run in runs}),
            "data_dir": self.data_dir,
            "out": self.out,
            "only": list(self.only),
            "set": list(self.set),
            "density": sorted({run.density for run in runs}),
            "workers": self.workers,
            "replicas": self.replicas,
            "cluster": self.cluster,
            "backend": self.backend,
        }
        style = "json" if self.json else self.format
        show_results("sweep", inputs, runs, [result_of(run, out) or {} for run in runs], style=style)
        return 0
