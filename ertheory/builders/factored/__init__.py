"""Each linear map of a target as two masked maps in a row: twice as deep, and hardly more weights."""

from __future__ import annotations

from ertheory._typed import name_wrong_types
from ertheory.builders.factored.chain import embed_factored
from ertheory.builders.factored.factors import Certificate, Factors
from ertheory.builders.factored.files import write_factored
from ertheory.builders.factored.joint import factor_jointly
from ertheory.builders.factored.matching import Unmatched
from ertheory.builders.factored.pairs import MaskPair
from ertheory.builders.factored.planning import FactoredPlan, plan_factored
from ertheory.builders.factored.result import FactoredChain
from ertheory.builders.factored.solve import factor_map
from ertheory.builders.factored.verdict import Verdicts, verdicts

__all__ = [
    "Certificate",
    "FactoredChain",
    "FactoredPlan",
    "Factors",
    "MaskPair",
    "Unmatched",
    "Verdicts",
    "embed_factored",
    "factor_jointly",
    "factor_map",
    "plan_factored",
    "verdicts",
    "write_factored",
]

name_wrong_types(__name__)
