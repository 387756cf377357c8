#!/bin/bash
#SBATCH --job-name=mnist-sweep
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --signal=B:INT@120
#
# Runs a sweep on a Ray cluster of the job's own, one Ray node on each machine of the job:
#
#     sbatch sweeps/cluster/slurm.sh sweeps/deep_mnist.py --seeds 5
#
# Results go to results/ of the folder it is submitted from, which all machines must share. Two minutes before its time
# is over, the job is interrupted: running trials write their checkpoints, and submitting it again goes on from them.
set -euo pipefail
cd "${SLURM_SUBMIT_DIR:-.}"
[ -f .venv/bin/activate ] && source .venv/bin/activate

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
cpus=${SLURM_CPUS_PER_TASK:-1} gpus=${SLURM_GPUS_ON_NODE:-0} port=$((20000 + SLURM_JOB_ID % 10000))
on() { srun --nodes=1 --ntasks=1 --overlap --nodelist="$1" "${@:2}"; }

# Only who knows the job's own token can join or send work, though other users may share the network.
RAY_AUTH_TOKEN=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token
trap 'jobs -p | xargs -r kill 2>/dev/null || true' EXIT

head=$(on "${nodes[0]}" hostname --ip-address | awk '{print $1}')
size=(--num-cpus="$cpus" --num-gpus="$gpus" --disable-usage-stats --block)
on "${nodes[0]}" ray start --head --node-ip-address="$head" --port="$port" --include-dashboard=false "${size[@]}" &
for node in "${nodes[@]:1}"; do
    on "$node" ray start --address="$head:$port" "${size[@]}" &
done

until on "${nodes[0]}" ray health-check --address="$head:$port" 2>/dev/null; do sleep 2; done
on "${nodes[0]}" mnist-sweep run "$@" --address="$head:$port" &
driver=$!
trap 'kill -INT $driver' INT
wait $driver || wait $driver
