"""The machine: atomic file writes, storage, locks, signals, other programs, CPUs, memory and disks.

May import: `errors`, `validation`, `text`. Begin with `atomic_files`, which writes everything durable.
"""
