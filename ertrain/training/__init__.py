"""Training of a configuration: one loop for runs and for replicas, in processes, from and to the folder of a run."""

from ertheory._typed import name_wrong_types
from ertrain.training.epoch import EpochSums, accuracies, train_epoch
from ertrain.training.experiments import perform, result_of
from ertrain.training.loop import pretrain, train
from ertrain.training.memory import dense_memory, memory_there, training_memory
from ertrain.training.optimisers import cosine_decay, learning_rate, make_optimiser, set_learning_rate
from ertrain.training.parallel import jobs_of, sweep
from ertrain.training.process_group import ProcessGroup, join_process_group
from ertrain.training.replicas import can_be_replica, common_settings, perform_replicas
from ertrain.training.runs import Run, environment, open_run
from ertrain.training.start import start_model
from ertrain.training.state import TrainingState
from ertrain.training.threads import one_thread

__all__ = [
    "EpochSums",
    "ProcessGroup",
    "Run",
    "TrainingState",
    "accuracies",
    "can_be_replica",
    "common_settings",
    "cosine_decay",
    "dense_memory",
    "environment",
    "jobs_of",
    "join_process_group",
    "learning_rate",
    "make_optimiser",
    "memory_there",
    "one_thread",
    "open_run",
    "perform",
    "perform_replicas",
    "pretrain",
    "result_of",
    "set_learning_rate",
    "start_model",
    "sweep",
    "train",
    "train_epoch",
    "training_memory",
]

name_wrong_types(__name__)
