"""Every result is written in the same ways."""

import csv
import json
import re
from fractions import Fraction
from io import StringIO

import pytest

from ertheory.bounds import n_required
from ertheory.commands import confidence, width
from ertheory.montecarlo.intervals import Interval
from ertheory.montecarlo.sequential import SequentialTest
from ertheory.results import Result

RESULTS = [
    *width("784-128-10", sparsity=0.9, delta=0.001),
    *confidence("2-2-1", widths=(40, 20, 1), sparsity="0.5"),
    n_required(density="0.5", epsilon="0.01", failure_probability="0.01"),
    SequentialTest(
        limit=Fraction(1, 100), trials=10, failures=1, interval=Interval(0.0, 0.5, 0.95), verdict="undecided"
    ),
]


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: type(result).__name__)
def test_a_result_is_written_as_json_csv_and_tables(result: Result) -> None:
    values = result.to_dict()
    assert json.loads(result.to_json()) == values
    header, *rows = csv.reader(StringIO(result.to_csv()))
    assert header == ["field", "value"]
    read = {name: text if isinstance(values[name], str) else json.loads(text) for name, text in rows}
    assert read == values
    assert len(result.to_markdown().splitlines()) == len(values) + 2
    table = Result.to_latex(result).splitlines()
    assert len(table) == len(values) + 6
    for line in [*table[4:-2], result.to_latex()]:
        bare = re.sub(r"\\[{}&%$#_\\]", "", line)
        assert bare.count("{") == bare.count("}")
    for line in table[4:-2]:
        bare = re.sub(r"\\[{}&%$#_\\]", "", line)
        assert bare.count("&") == 1
        assert not set("%#_") & set(bare)
