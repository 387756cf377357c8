"""The console command, as `python -m mnist_sweep`."""

from mnist_sweep.cli.app import main

main()
