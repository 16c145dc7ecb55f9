"""What the runs in a folder say together: means with intervals, and the claims of the paper beside them."""

from ertheory._typed import name_wrong_types
from ertrain.reports.claims import Comparison, compare, paper_accuracy
from ertrain.reports.curves import curve_columns, write_curves
from ertrain.reports.notebook import plot_curves, report_frame
from ertrain.reports.plots import draw_report, report_columns
from ertrain.reports.report import Row, rows_of
from ertrain.reports.results import Result, read_results
from ertrain.reports.statistics import Mean, PairedDifference, mean_of, paired_difference

__all__ = [
    "Comparison",
    "Mean",
    "PairedDifference",
    "Result",
    "Row",
    "compare",
    "curve_columns",
    "draw_report",
    "mean_of",
    "paired_difference",
    "paper_accuracy",
    "plot_curves",
    "read_results",
    "report_columns",
    "report_frame",
    "rows_of",
    "write_curves",
]

name_wrong_types(__name__)
