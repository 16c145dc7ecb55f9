"""Theory beside training: teachers, students, the widths they need, the floors of their errors, and tickets."""

from ertheory._typed import name_wrong_types
from ertrain.students.batched import Budget, Errors, Students, errors_of, student_masks, train_students
from ertrain.students.cells import Cell, Trained, train_cells
from ertrain.students.examples import Examples, named_teacher
from ertrain.students.floor_plots import draw_floors
from ertrain.students.floors import FloorStudy, study_floors
from ertrain.students.ratio_choice import RatioPrediction, choose_ratio, predict_ratio
from ertrain.students.sparsity_fits import FORMS, Comparison, compare_forms
from ertrain.students.sparsity_plots import draw_ratio_errors, draw_sparsity
from ertrain.students.teacher import TOLERANCE, Tolerance, draw_teacher, evaluate
from ertrain.students.tickets import PopupTickets, edge_popup_tickets

__all__ = [
    "FORMS",
    "TOLERANCE",
    "Budget",
    "Cell",
    "Comparison",
    "Errors",
    "Examples",
    "FloorStudy",
    "PopupTickets",
    "RatioPrediction",
    "Students",
    "Tolerance",
    "Trained",
    "choose_ratio",
    "compare_forms",
    "draw_floors",
    "draw_ratio_errors",
    "draw_sparsity",
    "draw_teacher",
    "edge_popup_tickets",
    "errors_of",
    "evaluate",
    "named_teacher",
    "predict_ratio",
    "student_masks",
    "study_floors",
    "train_cells",
    "train_students",
]

name_wrong_types(__name__)
