"""Numbers that are certainly right: exact rationals, enclosures, decided comparisons, binomial tails, directed sums."""
