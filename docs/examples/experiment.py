"""What docs/examples/experiment.patch adds: a table over the band, of which this is two rows."""

from experiments.bandwidth import TABLE

first, *_, last = TABLE.cases()
narrow, wide = TABLE.row(*first), TABLE.row(*last)
assert narrow["eco"] > wide["eco"]
