#!/usr/bin/env bash
# A SLURM cluster of two nodes on one machine for the tests: loopback only, invented GPUs, no systemd, no cgroups.
# Needs root.
#   cluster.sh start | stop
# Everything but the configuration lives in $CLUSTER (default /tmp/ns-slurm). `stop` ends the daemons that `start` began.
set -euo pipefail
cluster=${CLUSTER:-/tmp/ns-slurm}
# The executor drops SLURM_CONF on the way to a job's inner srun, so the compiled-in path is the only one that holds.
etc=/etc/slurm
machine=$(hostname -s)
nodes="ns1 ns2"
gpus=2
memory=1000000

install() {
    command -v slurmctld slurmd munged srun >/dev/null && return
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
}

configure() {
    mkdir -p "$cluster"/{state,log,munge,dev} "$etc"
    if [ -e "$etc/slurm.conf" ] && ! grep -q "^ClusterName=ns-tests$" "$etc/slurm.conf"; then
        echo "$etc/slurm.conf belongs to another cluster; it is left alone" >&2
        exit 3
    fi
    # A GPU needs a device file to be counted and to show in CUDA_VISIBLE_DEVICES: a second /dev/null does.
    for node in $nodes; do
        for ((i = 0; i < gpus; i++)); do
            [ -e "$cluster/dev/$node-gpu$i" ] || mknod "$cluster/dev/$node-gpu$i" c 1 3
        done
        echo "NodeName=$node Name=gpu Type=a100 File=$cluster/dev/$node-gpu[0-$((gpus - 1))]"
    done >"$etc/gres.conf"
    printf 'CgroupPlugin=cgroup/v1\n' >"$etc/cgroup.conf"
    cat >"$etc/slurm.conf" <<-CONF
	ClusterName=ns-tests
	SlurmctldHost=$machine(127.0.0.1)
	SlurmctldPort=26817
	CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
	# A job put back into the queue waits for its credentials to expire, two minutes by default.
	AuthInfo=socket=$cluster/munge/socket,cred_expire=5
	SlurmUser=root
	SlurmdUser=root
	StateSaveLocation=$cluster/state
	SlurmdSpoolDir=$cluster/spool-%n
	SlurmctldPidFile=$cluster/slurmctld.pid
	SlurmdPidFile=$cluster/%n.pid
	SlurmctldLogFile=$cluster/log/slurmctld.log
	SlurmdLogFile=$cluster/log/%n.log
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
	PartitionName=cpu Nodes=ALL Default=YES MaxTime=1-0 DefMemPerCPU=300
	PartitionName=gpu Nodes=ALL MaxTime=1-0 DefMemPerCPU=300
	CONF
    local port=26818
    for node in $nodes; do
        echo "NodeName=$node NodeHostname=$machine NodeAddr=127.0.0.1 Port=$port CPUs=32 RealMemory=$memory" \
            "Gres=gpu:a100:$gpus State=UNKNOWN"
        port=$((port + 1))
    done >>"$etc/slurm.conf"
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
    for node in $nodes; do slurmd -N "$node"; done
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
    for pid in ns1.pid ns2.pid slurmctld.pid munge/pid; do
        [ -s "$cluster/$pid" ] || continue
        number=$(cat "$cluster/$pid")
        kill "$number" 2>/dev/null || true
        for ((i = 0; i < 50; i++)); do kill -0 "$number" 2>/dev/null && sleep 0.1 || break; done
    done
    rm -rf "$cluster" "$etc/slurm.conf" "$etc/gres.conf" "$etc/cgroup.conf"
}

"${1:?start or stop}"
