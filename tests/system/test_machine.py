"""What a machine has, and what fits on it."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from mnist_sweep.errors import LedgerError, ResourceError
from mnist_sweep.system import commands, machine
from tests.conftest import Refused


@pytest.mark.parametrize(
    ("size", "trial", "fits"),
    [
        ((8, 0), (1, 0), 8),
        ((8, 0), (3, 0), 2),
        ((8, 2), (1, 0.5), 4),
        ((8, 2), (1, 0.6), 2),
        ((3, 2), (1, 0.5), 3),
        ((8, 4), (1, 2), 2),
        ((8, 0), (1, 0.5), 0),
        ((1, 4), (2, 1), 0),
    ],
)
def test_as_many_trials_run_as_fit(size: tuple[int, int], trial: tuple[int, float], fits: int) -> None:
    assert machine.capacity(*size, *trial) == fits


def test_room_is_that_of_all_machines_or_refused(refused: Refused) -> None:
    assert machine.total_capacity([(8, 0), (3, 0)], cpus_per_trial=2, gpus_per_trial=0) == 5
    with refused(ResourceError, "must fit one machine", "the largest has 8 CPUs and 0 GPUs"):
        machine.total_capacity([(8, 0), (3, 0)], cpus_per_trial=9, gpus_per_trial=0)
    with refused(ResourceError, "must fit one machine"):
        machine.total_capacity([], cpus_per_trial=1, gpus_per_trial=0)


def test_a_container_has_what_its_limit_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 90 kB\nMemAvailable: 60 kB\n")
    monkeypatch.setattr(machine, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    assert machine.free_memory() == 60 << 10
    (tmp_path / "memory.current").write_text("1024\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 0\nactive_file 300\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.free_memory() == 60 << 10
    (tmp_path / "memory.max").write_text("3072\n")
    assert machine.free_memory() == 2048
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 0\ntotal_inactive_file 200\n")
    assert machine.free_memory() == 2248


@pytest.mark.parametrize(
    ("membership", "files", "fits"),
    [
        ("0::/\n", {"cpu.max": "max 100000"}, 8),
        ("0::/\n", {"cpu.max": "250000 100000"}, 2),
        ("0::/\n", {"cpu.max": "50000 100000"}, 1),
        ("0::/job/step\n", {"cpu.max": "max 100000", "job/cpu.max": "300000 100000", "job/step/cpu.max": "max 1"}, 3),
        ("0::/elsewhere\n", {"cpu.max": "400000 100000"}, 4),
        ("3:cpu,cpuacct:/docker/x\n0::/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ("3:cpu,cpuacct:/docker/x\n", {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2),
        ("3:memory:/\n", {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ("", {}, 8),
    ],
)
def test_usable_cpus_are_those_bound_to_or_in_the_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, membership: str, files: dict[str, str], fits: int
) -> None:
    (tmp_path / "membership").write_text(membership)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    monkeypatch.setattr(machine, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert machine.num_cpus() == fits


def test_a_system_that_does_not_say_has_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MEMINFO", "STATUS"):
        monkeypatch.setattr(machine, name, tmp_path / "missing")
    assert machine.free_memory() is None
    assert machine.shared_memory() == 0


def test_a_process_holds_at_its_peak_what_it_shares_and_more() -> None:
    assert 0 <= machine.shared_memory() < machine.peak_memory()


def test_a_folder_that_is_not_there_yet_has_the_space_of_the_one_above(tmp_path: Path, refused: Refused) -> None:
    assert machine.free_disk(tmp_path / "not" / "yet") > 0
    (tmp_path / "file").touch()
    with refused(LedgerError, "cannot be made", "--results"):
        machine.free_disk(tmp_path / "file" / "below")


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="needs Linux's statistics of the scheduler")
def test_a_process_is_active_while_it_runs_and_not_while_it_sleeps() -> None:
    with subprocess.Popen(["/bin/sh", "-c", "read -r _; while :; do :; done"], stdin=subprocess.PIPE) as process:
        assert process.stdin
        pid = process.pid
        found: list[int | None] = []
        while len(found) < 2 or found[-1] != found[-2]:  # until it waits for a line
            time.sleep(0.1)
            found.append(machine.active_nanoseconds(pid))
        process.stdin.write(b"\n")
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while machine.active_nanoseconds(pid) == found[-1]:
            assert time.monotonic() < deadline
        process.kill()
    assert machine.active_nanoseconds(pid) is None


@pytest.mark.parametrize(
    ("visible", "cards"),
    [
        (None, ["0", "1"]),
        ("3,GPU-5a", ["3", "GPU-5a"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("0, 1,-1,2", ["0", "1"]),
    ],
)
def test_gpus_are_those_that_are_visible_or_all(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, cards: list[str]
) -> None:
    monkeypatch.setattr(commands, "output", lambda *_: "GPU 0: A100\nGPU 1: A100\n")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert machine.gpus() == cards


def test_workers_get_a_gpu_each_or_share_it() -> None:
    cards = ["4", "6"]
    assert [machine.gpu_of(worker, cards, 1) for worker in range(3)] == ["4", "6", None]
    assert [machine.gpu_of(worker, cards, 0.5) for worker in range(5)] == ["4", "4", "6", "6", None]
