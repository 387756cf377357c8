"""Trials: the frozen config with everything needed to run a trial again, its id, and the row of its results.

May import: everything up to `optim`. Begin with `config`, then `row`; `graph_sharing` decides which trials
share a compiled graph.
"""
