"""Learning curves: the lines of metrics that they are drawn from."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.reports.curves import _metrics  # noqa: E402


def test_lines_that_are_not_whole_are_left_out(tmp_path):
    lines = (
        '{"epoch": 1, "accuracy_validation": 0.5, "loss": 2}',
        '{"epoch": 2}',
        '{"accuracy_validation": 0.5}',
        '{"epoch": null, "accuracy_validation": 0.5}',
        '{"epoch": 3, "accuracy_validation": null}',
        '{"epoch": "4", "accuracy_validation": 0.5}',
        "[]",
        "5",
        '{"epoch": 5, "accuracy_valid',
        "[" * 100_000,
        '{"epoch": 6, "accuracy_validation": 0}',
    )
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert [line["epoch"] for line in _metrics({"folder": str(tmp_path)})] == [1, 6]
    (tmp_path / "metrics.jsonl").write_bytes(b"\xff\xfe")
    assert _metrics({"folder": str(tmp_path)}) == []
    assert _metrics({"folder": str(tmp_path / "none")}) == []
