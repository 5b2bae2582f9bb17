# A limit for a while. Waits without any lock, then puts the old value back, if the present one is still the leash's own.
#   sh FILE.sh begin|wait FILE ID SECONDS OLD VALUE KIND NAME OPTION...
# FILE: "OLD VALUE UNTIL BOOT MARK TOKEN"; KIND and NAME say where the kernel shows the value (MARK), OPTION... give vzctl the old one.
LC_ALL=C; export LC_ALL
verb=$1 file=$2 id=$3 seconds=$4 old=$5 value=$6 kind=$7 name=$8; shift 8
root=${CTDECK_ROOT-}
say() { logger -t ctdeck "leash of $id ($name): $*" 2>/dev/null </dev/null; }
up() { read -r now _ </proc/uptime; echo "${now%%.*}"; }

live() {
    case $kind in
    counter)
        alone=
        for path in /proc/bc/resources /proc/user_beancounters "/proc/bc/$id/resources"; do
            [ ! -r "$root$path" ] || break
        done
        case $path in /proc/bc/"$id"/*) alone=1 ;; esac
        awk -v own="$id:" -v ours="$alone" -v name="$name" '
            $1 ~ /:$/ { ours = ($1 == own); $1 = ""; $0 = $0 }
            ours && $1 == name { print $4 ":" $5; exit }' "$root$path" 2>/dev/null ;;
    quota)
        awk -v own="$id:" -v name="$name" '$1 ~ /:$/ { ours = ($1 == own); next }
            ours && $1 == name { print $3 ":" $4; exit }' "$root/proc/vz/vzquota" 2>/dev/null ;;
    path) sed 's/^prio: //' "$root$name" 2>/dev/null ;;
    esac
}
mine() { [ -f "$file" ] && read -r _ _ _ _ mark owner <"$file" && [ "$owner" = "$token" ]; }
over() { if mine; then rm -f "$file" "$file.sh"; fi; exit; }

case $verb in
begin)
    mark=$(live)
    [ -n "$mark" ] || { echo "the kernel does not show the present value: no leash" >&2; exit 1; }
    token=$$.$(up)
    echo "$old $value $(($(date +%s) + seconds)) $(cat /proc/sys/kernel/random/boot_id) $mark $token" >"$file.tmp"
    mv "$file.tmp" "$file"
    if command -v setsid >/dev/null 2>&1; then starter=setsid; else starter=; trap '' HUP; fi
    LEASH=$token $starter sh "$file.sh" wait "$file" "$id" "$seconds" "$old" "$value" "$kind" "$name" "$@" </dev/null >/dev/null 2>&1 &
    ;;
wait)
    token=$LEASH
    trap '' HUP
    end=$(($(up) + seconds))
    while left=$((end - $(up))); [ $left -gt 0 ]; do
        mine || exit
        if [ $left -gt 20 ]; then left=20; fi
        sleep $left
    done
    tries=0
    while mine; do
        [ "$(live)" = "$mark" ] || { say "ended: the value is no longer the leash's"; over; }
        if vzctl set "$id" "$@" >/dev/null 2>&1; then say "over: the old value is back"; over; fi
        tries=$((tries + 1)) # somebody else has the lock of vzctl
        [ $tries -lt 720 ] || { say "OVER, AND THE OLD VALUE COULD NOT BE PUT BACK"; exit; }
        sleep 5
    done
    ;;
esac
