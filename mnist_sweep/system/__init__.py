"""The machine: files that are whole at any moment, storage, locks, signals, CPUs, memory and disks.

May import: `errors`, `validation`, `text`. Begin with `files`, through which everything durable is written.
"""
