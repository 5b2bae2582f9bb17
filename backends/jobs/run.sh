# One change on the node, step by step. POSIX sh; lives in the job's own directory and survives whoever started it.
#
#   sh run.sh supervise     takes the container's lock, checks that nothing has moved, watches the worker, puts back what it left
#   sh run.sh work          the steps N.sh in order; when one fails, N.undo.sh of those begun, in reverse
#   sh run.sh deadman N     thaws on its own when step N froze something and nobody is left, or it takes too long
#   sh run.sh recover       by a later visitor, when supervisor and worker are both dead
#   sh run.sh cancel        ends the present step where that is safe, and goes on to none
#   sh run.sh status        what a visitor wants to know, as "WORD VALUE" lines
#
# Files here, written by the starter: about (JSON), lock (name of the lock), N.sh N.title N.undo.sh N.thaw.sh N.thaw (seconds) N.thaws (M)
# N.cancel (may be cancelled within), check.sh and fingerprint. Written by us: supervisor, worker, N.pid ("PID START BOOT"), step,
# N.began, N.ended (uptime of the node), N.rc, N.undone, log, result. A file that decides something is written beside and moved.
JOB=${0%/*}; cd "$JOB" || exit 2
BASE=${JOB%/jobs/*}; ID=${JOB##*/}
umask 077
LC_ALL=C; export LC_ALL
BOOT=$(cat /proc/sys/kernel/random/boot_id)

put() { echo "$2" >"$1.tmp" && mv "$1.tmp" "$1"; }
uptime_now() { cut -d' ' -f1 /proc/uptime; }
nap() { sleep 0.1 2>/dev/null || sleep 1; }
say() { echo "[$(date '+%H:%M:%S')] $*" >>log; }
syslog() { logger -t ctdeck "$ID $*" 2>/dev/null </dev/null; }

# start time of a process in ticks after boot; nothing for a dead one or a zombie. A pid alone is nobody: pids come back.
start_of() {
    line=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    line=${line##*) }
    set -- $line
    case $1 in Z | X) return 1 ;; esac
    echo "${20}"
}
i_am() { put "$1" "$$ $(start_of $$) $BOOT"; }
alive() {
    [ -f "$1" ] && read -r pid start boot <"$1" || return 1
    [ "$boot" = "$BOOT" ] && [ "$(start_of "$pid")" = "$start" ]
}
# a session of its own, where the node can: then no signal for our group reaches it, and a step can be ended with its children
detached() {
    if command -v setsid >/dev/null 2>&1; then setsid "$@" </dev/null >/dev/null 2>&1 &
    else (trap '' HUP; exec "$@") </dev/null >/dev/null 2>&1 & fi
}

# --- the lock of a container: a directory, since mkdir is atomic everywhere

lock() {
    LOCK=$BASE/locks/$(cat lock)
    tries=0
    while ! mkdir "$LOCK" 2>/dev/null; do
        [ -d "$LOCK" ] || return 1
        owner=$(cat "$LOCK/owner" 2>/dev/null)
        if [ -z "$owner" ]; then # just being taken, or its taker died at once
            tries=$((tries + 1)); [ $tries -lt 50 ] || mv "$LOCK" "$LOCK.stale.$ID" 2>/dev/null
            nap; continue
        fi
        [ "$owner" = "$ID" ] && return 0
        if alive "$BASE/jobs/$owner/supervisor" || alive "$BASE/jobs/$owner/worker" || orphaned "$BASE/jobs/$owner"; then return 1; fi
        # its job is dead. It must be put right before anybody else works on the container.
        if [ -f "$BASE/jobs/$owner/run.sh" ] && [ ! -f "$BASE/jobs/$owner/result" ]; then
            sh "$BASE/jobs/$owner/run.sh" recover
        fi
        mv "$LOCK" "$LOCK.stale.$ID" 2>/dev/null && rm -rf "$LOCK.stale.$ID"
    done
    put "$LOCK/owner" "$ID"
}
unlock() {
    LOCK=$BASE/locks/$(cat lock)
    [ "$(cat "$LOCK/owner" 2>/dev/null)" = "$ID" ] && rm -rf "$LOCK"
}
# does a step of a dead worker still run?
orphaned() {
    for file in "$1"/[0-9]*.pid; do [ -f "$file" ] && alive "$file" && return 0; done
    return 1
}

# --- steps

# What a step starts, such as a container, would go on ignoring what we and the shell ignore in the background. A shell cannot
# take that back. Not without a session of its own: a hangup has to be ignored then.
plain=
if command -v setsid >/dev/null 2>&1; then
    if env --default-signal=HUP,INT,QUIT true 2>/dev/null; then plain='env --default-signal=HUP,INT,QUIT'
    elif command -v perl >/dev/null 2>&1; then plain='perl -e $SIG{HUP}=$SIG{INT}=$SIG{QUIT}="DEFAULT";exec@ARGV'; fi
fi

run_step() {
    [ ! -f "$1.thaw" ] || detached sh "$JOB/run.sh" deadman "$1"
    put step "$1"
    put "$1.began" "$(uptime_now)"
    say "step $1: $(cat "$1.title")"
    # the code of a step is written by the step's own shell: it outlives the worker
    starter=; command -v setsid >/dev/null 2>&1 && starter=setsid
    $starter $plain sh -c 'n=$1; read -r boot </proc/sys/kernel/random/boot_id; line=$(cat /proc/$$/stat); line=${line##*) }; set -- $line
        echo "$$ ${20} $boot" >"$n.pid.tmp"; mv "$n.pid.tmp" "$n.pid"
        sh "./$n.sh"; code=$?
        cut -d" " -f1 /proc/uptime >"$n.ended"; echo $code >"$n.rc.tmp"; mv "$n.rc.tmp" "$n.rc"' step "$1" </dev/null >>log 2>&1 &
    wait $!
    code=$(cat "$1.rc" 2>/dev/null) || code=killed
    if [ "$code" = 0 ] && [ -f "$1.thaws" ]; then : >"$(cat "$1.thaws").thawed"; fi
    [ "$code" = 0 ]
}

# put back what the steps up to the present one have begun; each undo may be run again without harm
compensate() {
    k=$(cat step 2>/dev/null) || k=0
    clean=restored # or as-is: a step that began has no undo; or dirty: an undo failed
    while [ "$k" -gt 0 ]; do
        if [ ! -f "$k.undo.sh" ]; then
            [ $clean = dirty ] || clean=as-is
        elif [ ! -f "$k.undone" ]; then
            say "putting back step $k"
            if $plain sh "./$k.undo.sh" </dev/null >>log 2>&1; then put "$k.undone" 0; else clean=dirty; say "that failed"; fi
        fi
        if [ -f "$k.thaw" ] && [ ! -f "$k.thawed" ]; then
            sh "./$k.thaw.sh" </dev/null >>log 2>&1 && : >"$k.thawed"
        fi
        k=$((k - 1))
    done
}

finish() { # RESULT...
    [ -f result ] || { say "$*"; put result "$*"; syslog "$*"; }
    unlock
}

work() {
    i_am worker
    n=1
    while [ -f "$n.sh" ]; do
        if [ -f cancel ]; then compensate; finish "cancelled $n $clean"; exit; fi
        if ! run_step "$n"; then
            word=failed; [ ! -f cancel ] || word=cancelled
            compensate; finish "$word $n $clean $code"; exit
        fi
        n=$((n + 1))
    done
    finish "done"
}

# the worker is gone without a word: let its step end, then put back
put_right() {
    while orphaned .; do nap; done
    n=$(cat step 2>/dev/null) || n=0
    if [ "$(cat "$n.rc" 2>/dev/null)" = 0 ] && [ ! -f "$((n + 1)).sh" ]; then finish "done"; return; fi
    compensate
    finish "failed $(cat step 2>/dev/null || echo 0) $clean killed"
}

supervise() {
    trap '' HUP
    [ ! -f result ] || exit # it was taken for dead before it had begun
    i_am supervisor
    if ! lock; then put result "busy $(cat "$LOCK/owner" 2>/dev/null)"; exit; fi
    if [ -f check.sh ]; then
        sh ./check.sh </dev/null >check.now 2>/dev/null
        if [ "$(cksum <check.now)" != "$(cat fingerprint)" ]; then finish stale; exit; fi
    fi
    syslog "begins: $(cat title 2>/dev/null)"
    sh "$JOB/run.sh" work &
    wait $!
    [ -f result ] || put_right
    unlock
    find "$BASE/jobs" -maxdepth 1 -type d -mtime +30 -name '[0-9]*' -exec rm -rf {} + 2>/dev/null
}

deadman() {
    i_am "$1.deadman"
    left=$(($(cat "$1.thaw") * 10))
    while [ $left -gt 0 ] && [ ! -f "$1.thawed" ] && [ ! -f result ]; do
        if ! alive supervisor && ! alive worker && ! orphaned .; then break; fi
        nap; left=$((left - 1))
    done
    [ -f "$1.thawed" ] && exit
    sh "./$1.thaw.sh" </dev/null >>log 2>&1 && { : >"$1.thawed"; put "$1.deadman.fired" "$(uptime_now)"; say "thawed by the dead man's hand"; }
}

cancel() {
    : >cancel
    n=$(cat step 2>/dev/null) || return
    if [ -f "$n.cancel" ] && alive "$n.pid"; then kill -TERM "-$pid" 2>/dev/null || kill -TERM "$pid"; fi
}

recover() {
    if [ -f result ] || alive supervisor || alive worker; then exit; fi
    if ! mkdir recovering 2>/dev/null; then
        alive recoverer && exit
    fi
    i_am recoverer
    put_right
}

status() {
    echo "id $ID"
    printf 'about %s\n' "$(cat about)" # the echo of dash would read its backslashes
    echo "step $(cat step 2>/dev/null || echo 0)"
    for file in [0-9]*.title; do n=${file%.title}
        printf 'title %s %s\n' "$n" "$(cat "$file")"
        [ ! -f "$n.began" ] || echo "began $n $(cat "$n.began")"
        [ ! -f "$n.ended" ] || echo "ended $n $(cat "$n.ended")"
        [ ! -f "$n.deadman.fired" ] || echo "fired $n $(cat "$n.deadman.fired")"
    done
    echo "now $(uptime_now)"
    if [ -f result ]; then echo "result $(cat result)"
    elif alive supervisor || alive worker; then echo "state running"
    elif [ ! -f supervisor ] && [ -z "$(find about -mmin +1 2>/dev/null)" ]; then echo "state starting"
    else echo "state dead"; fi
    if [ -f log ]; then tail -n "${1:-20}" log | sed 's/^/log /'; fi
}

case ${1:-} in
supervise | work | recover | cancel) "$1" ;;
deadman) deadman "$2" ;;
status) status "${2:-}" ;;
*) exit 2 ;;
esac
