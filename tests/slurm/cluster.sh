#!/usr/bin/env bash
# A SLURM cluster of one machine for the tests: loopback only, invented GPUs, no systemd, no cgroups. Needs root.
#   cluster.sh start | stop
# Everything but the configuration lives in $CLUSTER (default /tmp/ns-slurm). `stop` ends the daemons that `start` began.
set -euo pipefail
cluster=${CLUSTER:-/tmp/ns-slurm}
# The executor drops SLURM_CONF on the way to a job's inner srun, so the compiled-in path is the only one that holds.
etc=/etc/slurm
node=$(hostname -s)
gpus=4
memory=1000000

install() {
    command -v slurmctld slurmd munged srun >/dev/null && return
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
}

configure() {
    mkdir -p "$cluster"/{state,spool,log,munge,dev} "$etc"
    if [ -e "$etc/slurm.conf" ] && ! grep -q "^ClusterName=ns-tests$" "$etc/slurm.conf"; then
        echo "$etc/slurm.conf belongs to another cluster; it is left alone" >&2
        exit 3
    fi
    # A GPU needs a device file to be counted and to show in CUDA_VISIBLE_DEVICES: a second /dev/null does.
    for ((i = 0; i < gpus; i++)); do [ -e "$cluster/dev/gpu$i" ] || mknod "$cluster/dev/gpu$i" c 1 3; done
    echo "Name=gpu Type=a100 File=$cluster/dev/gpu[0-$((gpus - 1))]" >"$etc/gres.conf"
    printf 'CgroupPlugin=cgroup/v1\n' >"$etc/cgroup.conf"
    cat >"$etc/slurm.conf" <<-CONF
	ClusterName=ns-tests
	SlurmctldHost=$node(127.0.0.1)
	SlurmctldPort=26817
	SlurmdPort=26818
	CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
	# A job put back into the queue waits for its credentials to expire, two minutes by default.
	AuthInfo=socket=$cluster/munge/socket,cred_expire=5
	SlurmUser=root
	SlurmdUser=root
	StateSaveLocation=$cluster/state
	SlurmdSpoolDir=$cluster/spool
	SlurmctldPidFile=$cluster/slurmctld.pid
	SlurmdPidFile=$cluster/slurmd.pid
	SlurmctldLogFile=$cluster/log/slurmctld.log
	SlurmdLogFile=$cluster/log/slurmd.log
	# Containers have no cgroups to give away.
	ProctrackType=proctrack/linuxproc
	TaskPlugin=task/none
	MpiDefault=none
	# Memory is watched by polling: a job over its limit is killed as it would be by cgroups.
	JobAcctGatherType=jobacct_gather/linux
	JobAcctGatherFrequency=task=1
	JobAcctGatherParams=OverMemoryKill
	SelectType=select/cons_tres
	SelectTypeParameters=CR_Core_Memory
	GresTypes=gpu
	SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0,batch_sched_delay=0
	# Finished jobs stay in squeue, which is asked for their state; and they are written to a file as proof.
	MinJobAge=7200
	AccountingStorageType=accounting_storage/none
	JobCompType=jobcomp/filetxt
	JobCompLoc=$cluster/log/jobs.txt
	KillWait=8
	ReturnToService=2
	SlurmdParameters=config_overrides
	NodeName=$node NodeAddr=127.0.0.1 CPUs=64 RealMemory=$memory Gres=gpu:a100:$gpus State=UNKNOWN
	PartitionName=cpu Nodes=$node Default=YES MaxTime=1-0 DefMemPerCPU=300
	PartitionName=gpu Nodes=$node MaxTime=1-0 DefMemPerCPU=300
	CONF
}

start() {
    install
    configure
    chmod 0755 "$cluster" "$cluster/munge"
    if [ ! -s "$cluster/munge/key" ]; then
        (umask 077 && head -c 1024 /dev/urandom >"$cluster/munge/key")
    fi
    munged --key-file="$cluster/munge/key" --socket="$cluster/munge/socket" --pid-file="$cluster/munge/pid" \
        --log-file="$cluster/munge/log" --seed-file="$cluster/munge/seed" --num-threads=2
    slurmctld
    slurmd -N "$node"
    for ((i = 0; i < 100; i++)); do
        [ "$(sinfo -h -p cpu -o %t 2>/dev/null)" = idle ] && return
        sleep 0.1
    done
    tail -n 20 "$cluster"/log/*.log >&2
    exit 1
}

stop() {
    scancel --user root --quiet 2>/dev/null || true
    for ((i = 0; i < 50; i++)); do [ -z "$(squeue -h -t R,CG 2>/dev/null)" ] && break || sleep 0.2; done
    for pid in slurmd.pid slurmctld.pid munge/pid; do
        [ -s "$cluster/$pid" ] || continue
        number=$(cat "$cluster/$pid")
        kill "$number" 2>/dev/null || true
        for ((i = 0; i < 50; i++)); do kill -0 "$number" 2>/dev/null && sleep 0.1 || break; done
    done
    rm -rf "$cluster" "$etc/slurm.conf" "$etc/gres.conf" "$etc/cgroup.conf"
}

"${1:?start or stop}"
