"""The console command, as `python -m mnist_sweep`."""

from mnist_sweep.cli import main

main()
