"""Runs spread over processes or a cluster, small ones batched into replicas first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from ertheory.numbers import whole_number
from ertheory.processes import ends_with, on_cluster, worker_processes
from ertrain.configuration import Configuration
from ertrain.masks.shapes import layer_shapes
from ertrain.models import build_model
from ertrain.training.backend import Backend
from ertrain.training.experiments import perform
from ertrain.training.process_group import join_process_group
from ertrain.training.replicas import can_be_replica, common_settings, perform_replicas
from ertrain.training.threads import one_thread

__all__ = ["jobs_of", "sweep"]

_MOST_WORKERS = 10_000
_MOST_WEIGHTS = 2**25  # of a batched model, which holds them, their gradients and two moments densely: half a gigabyte
_INPUTS = (1, 28, 28)  # of networks whose weights are counted before any data are read

Job = tuple[Configuration, ...]


def jobs_of(configurations: Sequence[Configuration], *, replicas: int) -> list[Job]:
    """Put runs together that can be trained as one batched model, at most so many at once.

    Of large networks fewer are put together: a batched model has about 34 million weights at most, and gains nothing
    beyond that.

    Examples
    --------
    >>> runs = [Configuration(recipe="x", seed=seed) for seed in range(5)]
    >>> [len(job) for job in jobs_of(runs, replicas=2)]
    [2, 2, 1]
    >>> [len(job) for job in jobs_of([Configuration(recipe="x", width="30", seed=seed) for seed in (0, 1)], replicas=2)]
    [1, 1]
    """
    replicas = whole_number("replicas", replicas, least=1)
    groups: dict[Configuration, list[Configuration]] = {}
    for one in configurations:
        groups.setdefault(common_settings(one) if can_be_replica(one) else one, []).append(one)
    jobs: list[Job] = []
    for group in groups.values():
        most = min(replicas, max(1, _MOST_WEIGHTS // _weights(group[0]))) if len(group) > 1 else 1
        jobs += [tuple(group[start : start + most]) for start in range(0, len(group), most)]
    return jobs


def _weights(configuration: Configuration) -> int:
    with torch.device("meta"):
        model = build_model(configuration.model, inputs=_INPUTS, classes=10, width=configuration.width)
    return sum(layer.weights for layer in layer_shapes(model))


def sweep(
    configurations: Sequence[Configuration],
    out: Path,
    *,
    data_dir: Path,
    workers: int = 1,
    replicas: int = 64,
    cluster: str | None = None,
    backend: Backend = "auto",
) -> Iterator[list[dict[str, Any]]]:
    """Perform runs in parallel, each process with one thread.

    Parameters
    ----------
    configurations
        The runs, in any order.
    out
        Folder for the folders of runs; all workers must see it.
    data_dir
        Where the data are; all workers must see it too.
    workers
        Processes on this machine.
    replicas
        Most runs that are trained as one batched model.
    cluster
        Address of a Dask scheduler, instead of processes here.
    backend
        How layers are stored, as in `perform`; batched models are masked.

    Yields
    ------
    list of dict
        Results, job by job as they are done.

    Raises
    ------
    InvalidInput
        If a number lies outside its domain, or the cluster cannot be reached.
    WorkerLost
        If a process was killed; the same call goes on.
    """
    from joblib import delayed

    workers = whole_number("workers", workers, least=1, most=_MOST_WORKERS)
    jobs = jobs_of(configurations, replicas=replicas)
    with (
        on_cluster(cluster),
        worker_processes(None if cluster else workers, return_as="generator_unordered") as parallel,
    ):
        yield from parallel(delayed(_work)(job, out, data_dir, backend, os.getpid()) for job in jobs)


def _work(job: Job, out: Path, data_dir: Path, backend: Backend, parent: int) -> list[dict[str, Any]]:
    ends_with(parent)
    with one_thread(), join_process_group("cpu") as processes:
        if len(job) == 1:
            return [perform(job[0], out, processes, data_dir=data_dir, backend=backend)]
        return perform_replicas(job, out, processes, data_dir=data_dir)
