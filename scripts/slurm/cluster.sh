#!/usr/bin/env bash
# A real Slurm of one node, on loopback, for trials and tests; Debian's packages, as root or by sudo.
#
#   export SLURM_CONF=$(scripts/slurm/cluster.sh start [FOLDER])   installs, starts, awaits a node
#   scripts/slurm/cluster.sh status         nodes and jobs
#   scripts/slurm/cluster.sh restart-node   slurmd anew; jobs go on
#   scripts/slurm/cluster.sh stop           the daemons and what they run
#
# Everything lies in FOLDER (a new one below /tmp by default); the other words find it by SLURM_CONF.
# There is no authentication, so its daemons listen on loopback alone: they bind to what their host's
# name stands for, and are given a name of their own for that.
set -euo pipefail

CPUS=4            # on offer, however many the machine has
PATIENCE=60       # seconds for a daemon to come or go
NODE=localhost    # no name server is needed to find it

say() { echo "$*" >&2; }
fail() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
as_daemon() {
    local named=(unshare --uts sh -c 'hostname localhost && exec "$@"' -)
    as_root unshare --uts true 2>/dev/null || named=() # then the host's own name must be loopback's
    as_root "${named[@]}" env SLURM_CONF="$SLURM_CONF" "$@" >&2
}

folder() {
    [ -n "${SLURM_CONF:-}" ] || fail "SLURM_CONF is not set; export what 'start' printed"
    dirname "$SLURM_CONF"
}

await() { # await WHAT COMMAND...
    local what=$1 end=$((SECONDS + PATIENCE))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "$what: not within $PATIENCE s; see the logs in $(folder)"
        sleep 0.2
    done
}

alive() { # alive DAEMON: by the number it left
    local pid
    pid=$(as_root cat "$(folder)/$1.pid" 2>/dev/null) && as_root kill -0 "$pid" 2>/dev/null
}
gone() { ! alive "$1"; }
idle() { sinfo --noheader --format=%t | grep -qxE 'idle|mix|alloc'; }

end() { # end DAEMON
    if alive "$1"; then
        as_root kill "$(as_root cat "$(folder)/$1.pid")"
        await "the end of $1" gone "$1"
    fi
}

install() {
    if command -v slurmctld && command -v slurmd && command -v sbatch; then return; fi >/dev/null
    command -v apt-get >/dev/null || fail "there is no Slurm, nor apt-get to install it with"
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update -qq >&2
    as_root apt-get install -qq -y --no-install-recommends slurmctld slurmd slurm-client >&2
}

two_free_ports() {
    python3 -c 'import socket
a, b = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
print(a.getsockname()[1], b.getsockname()[1])'
}

configure() { # configure FOLDER
    local ports megabytes
    read -r -a ports < <(two_free_ports)
    megabytes=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
    mkdir -p "$1/state" "$1/spool"
    cat >"$1/slurm.conf" <<END
ClusterName=lab
SlurmctldHost=$NODE(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmdPort=${ports[1]}
SlurmUser=root
AuthType=auth/none
CredType=cred/none
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$1/state
SlurmdSpoolDir=$1/spool
SlurmctldPidFile=$1/slurmctld.pid
SlurmdPidFile=$1/slurmd.pid
SlurmctldLogFile=$1/slurmctld.log
SlurmdLogFile=$1/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=5,batch_sched_delay=1,sched_min_interval=200000,bf_interval=5
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout=30
KillWait=5
MinJobAge=10
NodeName=$NODE NodeAddr=127.0.0.1 CPUs=$CPUS RealMemory=$megabytes State=UNKNOWN
PartitionName=main Nodes=$NODE Default=YES MaxTime=INFINITE State=UP
END
}

start() { # start [FOLDER]
    local where=${1:-$(mktemp -d /tmp/lab-slurm.XXXXXX)}
    install
    mkdir -p "$where"
    where=$(cd "$where" && pwd)
    export SLURM_CONF=$where/slurm.conf
    if [ ! -e "$SLURM_CONF" ]; then configure "$where"; fi
    alive slurmctld || as_daemon slurmctld
    await "an answer of slurmctld" scontrol ping
    alive slurmd || as_daemon slurmd -N "$NODE"
    await "a node at work" idle
    echo "$SLURM_CONF"
}

PATH=$PATH:/usr/sbin:/sbin
case "${1:-}" in
start) start "${2:-}" ;;
stop)
    folder >/dev/null
    scancel --quiet --user="$(id -un)" || true
    end slurmd
    end slurmctld
    ;;
restart-node)
    end slurmd
    as_daemon slurmd -N "$NODE"
    await "a node at work" idle
    ;;
status)
    folder >/dev/null
    sinfo
    squeue
    ;;
*) fail "usage: ${0##*/} start [FOLDER] | stop | restart-node | status" ;;
esac
