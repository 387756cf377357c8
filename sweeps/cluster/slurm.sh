#!/bin/bash
#SBATCH --job-name=mnist-sweep
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --signal=B:USR1@120
#
# Runs a sweep on a Ray cluster of the job's own, one Ray node on each machine of the job:
#
#     sbatch sweeps/cluster/slurm.sh sweeps/deep_mnist.py --seeds 5
#
# Results go to results/ of the folder it is submitted from, which all machines must share, and what Ray says to
# slurm-JOB-ray-MACHINE.log. Two minutes before its time is over, or by `scancel --batch --signal=USR1 JOB`, running
# trials write their checkpoints and the job ends with 143; submitting it again resumes them. A plain scancel ends
# everything at once, and trials resume from the checkpoints that they had.
set -euo pipefail
cd "${SLURM_SUBMIT_DIR:-.}"
[ -f .venv/bin/activate ] && source .venv/bin/activate

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
cpus=${SLURM_CPUS_PER_TASK:-1} gpus=${SLURM_GPUS_ON_NODE:-0} port=$((20000 + SLURM_JOB_ID % 10000))
# A step of SLURM 22.05 and later gets one CPU unless it asks for more.
step=(srun --nodes=1 --ntasks=1 --cpus-per-task="$cpus" --overlap)

# Only who knows the job's own token can join or send work, though other users may share the network.
RAY_AUTH_TOKEN=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token RAY_raylet_start_wait_time_s=150
export RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S=0 # Ray is ended after its driver, so nothing is left to wait for
driver=
trap '[ -n "$driver" ] || exit 143; kill -TERM "$driver"' USR1
trap '[ -n "$driver" ] || exit 143' TERM # a plain scancel; it reaches every process, the driver and the workers, too
trap 'jobs -p | xargs -r kill 2>/dev/null || true' EXIT

# The head's address as another machine sees it: its own name may stand for its loopback there.
head=$("${step[@]}" --nodelist="${nodes[-1]}" getent ahostsv4 "${nodes[0]}" | awk 'NR == 1 {print $1}')
# Workers take ports that are free, as jobs may share a machine.
start=(--num-cpus="$cpus" --num-gpus="$gpus" --min-worker-port=0 --max-worker-port=0 --disable-usage-stats --block)
log=slurm-$SLURM_JOB_ID-ray
ray_on() { "${step[@]}" --nodelist="$1" --output="$log-$1.log" ray start "${start[@]}" "${@:2}" & }
ray_on "${nodes[0]}" --head --node-ip-address="$head" --port="$port" --include-dashboard=false
head_step=$!
until grep -qs "Ray runtime started" "$log-${nodes[0]}.log"; do # `ray health-check` is content long before
    kill -0 "$head_step" || exit 1
    sleep 2
done
for node in "${nodes[@]:1}"; do
    ray_on "$node" --address="$head:$port"
done
mnist-sweep run "$@" --address="$head:$port" &
driver=$!
wait "$driver" || wait "$driver"
