# shellcheck shell=sh
# The part of kprov that runs on a host: short functions in POSIX sh, for dash and for bash 4.2.
#
# Python sends this text and then calls, one per line, each a function with quoted arguments. Answers are
# lines on standard output: "@kprov", the kind of record, then fields "key=value", separated by tabs.
# A value that may hold any byte is base64, and its key ends in 64. Other lines come from login scripts and the like.
# Functions whose names begin with probe_ change nothing.

PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
LC_ALL=C
LANG=C
export PATH LC_ALL LANG
# Commands get a clean environment, so that KAFKA_OPTS, JMX_PORT, _JAVA_OPTIONS, GREP_OPTIONS, POSIXLY_CORRECT and the
# like from /etc/environment, sshd or sudo have no effect. Bash's own variables may be read-only and are kept.
for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
    case $name in
        PATH | LC_ALL | LANG | HOME | USER | LOGNAME | TZ | SSH_CONNECTION) ;;
        BASH_ENV) unset BASH_ENV ;;
        BASH* | SHELLOPTS | EUID | UID | PPID) ;;
        *) unset "$name" ;;
    esac
done
unset CDPATH ENV
umask 022

# The programs that kprov calls; tests run the library with a PATH of exactly these.
# shellcheck disable=SC2034
kprov_needs='base64 cat chmod chown chroot cp date df du env flock grep gzip head id ln ls mkdir mkfifo mv od readlink
rm rmdir sed sha256sum sleep stat sync tail tar tee test timeout tr uname wc journalctl systemctl
groupadd groupdel useradd userdel'

kprov_dir=/var/lib/kprov
mount_table=/proc/self/mountinfo
disks_by_uuid=/dev/disk/by-uuid
tab='	'
newline='
'
ifs=$IFS

# ---------------------------------------------------------------- answers

say() { # KIND KEY=VALUE...: KEY?=VALUE if the value may hold any character
    record="@kprov$tab$1"
    shift
    for field; do
        case ${field%%=*} in *'?') put "${field%%'?'*}" "${field#*=}" ;; *) record="$record$tab$field" ;; esac
    done
    printf '%s\n' "$record"
}

# Adds a field to "record". Encoding takes processes, so short plain text is written as it is.
put() { # KEY VALUE
    case $2 in *[!\ -~]*) ;; *) record="$record$tab$1=$2"; return ;; esac
    case $2 in *\\* | *[!\ -~"$newline"]*) plain=no ;; *) plain=yes ;; esac
    if [ "$plain" = no ] || [ "${#2}" -gt 2000 ]; then
        record="$record$tab${1}64=$(printf '%s' "$2" | encode)"
        return
    fi
    record="$record$tab${1}_e=" left_over=$2
    while :; do
        case $left_over in *"$newline"*) ;; *) break ;; esac
        record="$record${left_over%%"$newline"*}\\n"
        left_over=${left_over#*"$newline"}
    done
    record=$record$left_over
}

encode() { base64 -w 0; }

fail() {
    printf '%s\n' "$*" >&2
    return 1
}

# Runs one step of a plan; a step that fails ends the exchange.
step() {
    step_number=$1
    shift
    say begin "number=$step_number" || exit 1 # kprov no longer reads
    if step_output=$("$@" 2>&1 </dev/null); then
        say end "number=$step_number" "output?=$step_output"
    else
        step_status=$?
        say failed "number=$step_number" "status=$step_status" \
            "output?=$step_output$(explain "$step_output")$(confinement "$step_output")"
        exit 0
    fi
}

# Prints each file system that has no inodes left, if TEXT reports a lack of space.
explain() { # TEXT
    case $1 in *'No space left on device'*) ;; *) return 0 ;; esac
    timeout 10 df -Pil 2>/dev/null | sed -n 's/^.* [1-9][0-9]*  *[0-9][0-9]*  *0  *100% \(.*\)$/no inodes left on \1/p' |
        while read -r said; do printf '\n%s' "$said"; done
}

# ---------------------------------------------------------------- facts (read-only)

# Runs before kprov is root: who logged in, and may that user become root?
probe_login() {
    sudo=missing
    if [ "$(id -u)" = 0 ]; then
        sudo=root
    elif command -v sudo >/dev/null 2>&1; then
        if sudo_said=$(sudo -n true 2>&1 </dev/null); then sudo=free; else sudo=refused; fi
    fi
    say login "uid=$(id -u)" "user=$(id -un)" "system=$(uname -s)" "sudo=$sudo" "said?=${sudo_said-}" \
        "session=$(session_of $$)"
}

if_root() { [ "$(id -u)" != 0 ] || "$@"; } # CALL...

# The sshd process of this connection, the ancestor of all its exchanges, as PID:STARTTIME.
session_of() {
    session_pid=$1
    while [ "${session_pid:-0}" -gt 1 ] && [ -r "/proc/$session_pid/stat" ]; do
        session_stat=$(cat "/proc/$session_pid/stat") || break
        case $session_stat in
            *"(sshd"*) printf '%s:%s' "$session_pid" "$(start_time "$session_pid")" && return ;;
        esac
        # shellcheck disable=SC2086 # the fields after the name: state ppid ...
        set -- ${session_stat##*) }
        session_pid=$2
    done
    printf '%s:%s' "$PPID" "$(start_time "$PPID")"
}

# Field 22 of /proc/PID/stat distinguishes a process from a later one with the same number.
start_time() {
    start_stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    # shellcheck disable=SC2086
    set -- ${start_stat##*) }
    shift 19
    printf '%s' "$1"
}

boot_id() { cat /proc/sys/kernel/random/boot_id; }

os_release() { # prints ID, VERSION_ID and PRETTY_NAME, a line each
    if [ -r /etc/os-release ]; then
        # shellcheck disable=SC1091
        (. /etc/os-release && printf '%s\n%s\n%s\n' "${ID-}" "${VERSION_ID-}" "${PRETTY_NAME-}")
    fi
}

memory_kib() { sed -n "s/^$1: *\([0-9]*\) kB/\1/p" /proc/meminfo; }

missing_commands() {
    missing=
    for name in $kprov_needs; do
        command -v "$name" >/dev/null 2>&1 || missing="$missing $name"
    done
    printf '%s' "${missing# }"
}

probe_facts() {
    systemd=absent
    [ -d /run/systemd/system ] && systemd=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
    firewalld=no
    firewalld_runs && firewalld=yes
    release=$(os_release)$newline$newline$newline
    os=${release%%"$newline"*} release=${release#*"$newline"}
    os_version=${release%%"$newline"*} release=${release#*"$newline"}
    # shellcheck disable=SC2046 # four words
    set -- $(uname -snrm)
    say facts "system=$1" "host_name=$2" "kernel=$3" "machine=$4" "bits=$(getconf LONG_BIT 2>/dev/null)" \
        "os=$os" "os_version=$os_version" "os_name?=${release%%"$newline"*}" "uid=$(id -u)" "systemd=$systemd" \
        "selinux=$(selinux_mode)" "firewalld=$firewalld" "memory_kib=$(memory_kib MemTotal)" \
        "boot=$(boot_id)" "now=$(date +%s)" "missing=$(missing_commands)"
}

# ---------------------------------------------------------------- state of resources (read-only)
# Each answers "seen", the resource's id, status=absent|present|unknown, and its properties.

unknown() { say seen "id=$1" status=unknown "why?=$2$(confinement "$2")"; }

# Where root is denied a file, the cause is usually SELinux.
confinement() { # ERROR: prints root's domain, if SELinux may be the cause
    case $1 in
        *"ermission denied"*)
            [ "$(id -u)" = 0 ] && [ "$(selinux_mode)" = Enforcing ] || return 0
            printf ' (SELinux is enforcing, and root runs in the domain %s)' "$(type_of "$(own_context)")" ;;
    esac
}

properties='type=%F\tmode=%a\towner=%U\tgroup=%G\tuid=%u\tgid=%g\tsize=%s\tmtime=%Y'
looked='' sums=''

# Looks at all paths of an exchange with one stat and one sha256sum: a process for each would take most of its time.
# What is missing or cannot be read is left to probe_path, which also knows why.
look_ahead() { # PATH...
    looked=$(stat --printf "%n\\t$properties\\n" -- "$@" 2>/dev/null)$newline
    for path; do
        shift
        [ ! -f "$path" ] || [ -L "$path" ] || set -- "$@" "$path"
    done
    sums=
    [ $# = 0 ] || sums=$(sha256sum -- "$@" 2>/dev/null)$newline
}

# Sets "said" to the properties of PATH, or fails with an error there. Questions come in the order of the paths, so the
# answer is in the first line or in the second one: to search all of the text would take longer than another process.
look_at() { # PATH
    case $looked in "$1$tab"*) ;; *)
        said=${looked#*"$newline"}
        case $said in
            "$1$tab"*) looked=$said ;;
            *) said=$(stat --printf "$properties" -- "$1" 2>&1); return ;;
        esac ;;
    esac
    said=${looked%%"$newline"*}
    said=${said#"$1$tab"}
}

# Sets "sum" to the SHA-256 of PATH, or fails with an error there.
sum_up() { # PATH
    sums_left=$sums
    while [ -n "$sums_left" ]; do
        sum=${sums_left%%"$newline"*}
        case $sum in *"  $1") sums=$sums_left sum=${sum%%  *}; return ;; esac
        sums_left=${sums_left#*"$newline"}
    done
    sum=$(sha256sum -- "$1" 2>&1) || return 1
    sum=${sum%% *}
}

probe_path() { # ID PATH [content]
    if look_at "$2"; then
        if set_aside_before "$2"; then said="$said${tab}backup=yes"; fi
        case $said in
            "type=regular"*)
                if sum_up "$2"; then
                    content=
                    [ -n "${3-}" ] && content="${tab}content64=$(head -c 262144 -- "$2" | encode)"
                    say seen "id=$1" status=present "$said" "sha256=$sum$content"
                else
                    unknown "$1" "$sum"
                fi ;;
            "type=symbolic link"*) say seen "id=$1" status=present "$said" "target=$(readlink -- "$2")" ;;
            "type=directory"*)
                # A failed disk may still answer for its top directory but not for the entries in it.
                if listing=$(ls -A -- "$2" 2>&1); then
                    count_lines "$listing"
                    say seen "id=$1" status=present "$said" "entries=$lines"
                else
                    unknown "$1" "$listing"
                fi ;;
            *) say seen "id=$1" status=present "$said" ;;
        esac
    else
        case $said in
            *"No such file or directory"* | *"Not a directory"*) say seen "id=$1" status=absent ;;
            *) unknown "$1" "$said" ;;
        esac
    fi
}

# Calls a function with the lines of TEXT, none of which is empty, as its arguments.
with_lines() { # FUNCTION TEXT
    with=$1
    IFS=$newline
    set -f
    # shellcheck disable=SC2086 # one word for each line
    set -- $2
    set +f
    IFS=$ifs
    "$with" "$@"
}

# Sets "lines" to the number of lines, none of which is empty.
count_lines() { with_lines count "$1"; } # TEXT

count() { lines=$#; } # LINE...

# Whether kprov keeps the original of PATH beside it.
set_aside_before() { [ -e "$1.before-kprov" ] || [ -L "$1.before-kprov" ]; }

# A data directory: whose data it holds, the file system that it is (or would be) on, and its size on disk in KiB.
# "entries" does not count lost+found, which belongs to the file system. Topics are counted by their first partition,
# without Kafka's internal ones.
probe_data() { # ID PATH
    probe_path "$1" "$2"
    find_file_system "$2"
    find_uuid "$mount_device" "$mount_source"
    say data "id=$1" "mount?=$mount_point" "inside?=$mount_inside" "fstype=$mount_type" "device?=$mount_source" "uuid=$uuid"
    [ -d "$2" ] || return 0
    holds=other broker='' cluster='' lost_found=no topics=0 partitions=0
    [ -e "$2/version-2" ] && holds=zookeeper
    if [ -e "$2/meta.properties" ]; then
        holds=kafka
        broker=$(meta_property "$2" broker.id) cluster=$(meta_property "$2" cluster.id)
    fi
    [ -d "$2/lost+found" ] && lost_found=yes
    snapshot=no log=no first_log=no
    for file in "$2"/version-2/snapshot.*; do [ ! -e "$file" ] || snapshot=yes; done
    for file in "$2"/version-2/log.*; do [ ! -e "$file" ] || log=yes; done
    # Of a single server, and of an ensemble: its epochs begin with 1.
    for file in "$2"/version-2/log.1 "$2"/version-2/log.100000001; do [ ! -e "$file" ] || first_log=yes; done
    if listing=$(ls -A -- "$2" 2>/dev/null); then
        with_lines count_partitions "$listing"
        count_lines "$listing"
        [ "$lost_found" = no ] || lines=$((lines - 1))
        entries="entries=$lines"
    else
        entries=
    fi
    say data "id=$1" "holds=$holds" "broker=$broker" "cluster=$cluster" \
        "kib=$(du -skx -- "$2" 2>/dev/null | sed 's/[^0-9].*//')" "lost_found=$lost_found" \
        "snapshot=$snapshot" "log=$log" "first=$first_log" "knows_topics=$(knows_topics "$2"/version-2)" \
        "topics=$topics" "partitions=$partitions" ${entries:+"$entries"}
}

# Sets "partitions" to how many of the names are those of partition directories, and "topics" to how many of these are a
# topic's first one.
count_partitions() { # NAME...
    for name; do
        case $name in
            __consumer_offsets-* | __transaction_state-*) ;;
            *-0) topics=$((topics + 1)) partitions=$((partitions + 1)) ;;
            *-*) case ${name##*-} in '' | *[!0-9]*) ;; *) partitions=$((partitions + 1)) ;; esac ;;
        esac
    done
}

meta_property() { # FOLDER KEY: of Kafka's meta.properties
    [ ! -r "$1/meta.properties" ] || sed -n "s/^$2=//p" "$1/meta.properties"
}

# Whether ZooKeeper's snapshots and transaction logs in FOLDER mention a topic; unknown if the search takes too long.
knows_topics() { # FOLDER
    if [ ! -d "$1" ]; then
        printf no
        return
    fi
    # With -z, the zeros that ZooKeeper reserves for a log are empty lines, not one of 64 MiB.
    timeout 20 grep -qrasz -m 1 '/brokers/topics/.' "$1"
    case $? in 0) printf yes ;; 1) printf no ;; *) printf unknown ;; esac
}

# Sets the mount that PATH is (or would be) on: mount point, type, source, device (MAJOR:MINOR), and the place of PATH
# inside that file system. A bind mount has another mount point and the same place inside.
find_file_system() { # PATH
    mount_path=$(readlink -m -- "$1") mount_point='' mount_inside='' mount_type='' mount_source='' mount_device=''
    while read -r _ _ device root point rest; do
        case $point$root in *\\*) point=$(unescaped "$point") root=$(unescaped "$root") ;; esac
        above=${point%/}
        case $mount_path/ in "$above"/*) ;; *) continue ;; esac
        [ "${#point}" -ge "${#mount_point}" ] || continue # the last of several mounts on one point hides the others
        mount_point=$point mount_device=$device mount_inside=${root%/}${mount_path#"$above"}
        rest=${rest#* - }
        mount_type=${rest%% *}
        rest=${rest#* }
        mount_source=$(unescaped "${rest%% *}")
    done 2>/dev/null <"$mount_table"
}

# /proc writes a space, tab, line break or backslash as a backslash and three octal digits.
unescaped() { # TEXT
    case $1 in
        *\\*) printf '%b' "$(printf '%s' "$1" | sed 's/\\134/\\\\/g')" ;;
        *) printf '%s' "$1" ;;
    esac
}

# Sets "uuid" to that of a file system, from udev; empty if udev has none. Device numbers and names may change with a
# reboot.
find_uuid() { # MAJOR:MINOR SOURCE
    uuid=
    for disk in "$disks_by_uuid"/*; do
        [ -e "$disk" ] || continue
        # btrfs uses device numbers of its own: compare the source instead.
        [ "$(stat -L -c %t:%T -- "$disk")" = "$(printf '%x:%x' "${1%:*}" "${1#*:}" 2>/dev/null)" ] ||
            [ "$(readlink -f -- "$disk")" = "$(readlink -m -- "$2")" ] || continue
        uuid=${disk##*/}
        return
    done
    return 0
}

# Which data directories a running broker does not use: it keeps the .lock file of each directory open and closes it
# when the directory fails (LogManager.handleLogDirFailure).
probe_log_dirs() { # ID PID DIRECTORY...
    log_dirs_id=$1
    if ! open=$(ls -l "/proc/$2/fd" 2>&1); then
        unknown "$log_dirs_id" "$open"
        return
    fi
    shift 2
    offline=
    for directory; do
        lock=" $(readlink -m -- "$directory")/.lock"
        printf '%s\n' "$open" | grep -qF -- "$lock" || offline="$offline$directory
"
    done
    say seen "id=$log_dirs_id" status=present "offline?=$offline"
}

# Whether FOLDER has a link to each of SOURCE's entries that match PATTERN. "replaced": name and modification time of
# each file that is in the place of a link. Other files in the folder are not kprov's.
probe_links() { # ID FOLDER SOURCE PATTERN
    if [ ! -e "$2" ] && [ ! -L "$2" ]; then
        say seen "id=$1" status=absent
        return
    fi
    backup=no
    set_aside_before "$2" && backup=yes
    [ -d "$3" ] || { say seen "id=$1" status=present links=stale "backup=$backup"; return; }
    links=right
    replaced=
    # shellcheck disable=SC2086 # a pattern
    linked "$2" "$3"/$4 || for entry in "$3"/$4; do
        [ -e "$entry" ] || continue
        name=$2/${entry##*/}
        [ "$(readlink -- "$name")" = "$entry" ] && continue
        links=stale
        [ ! -e "$name" ] || [ -L "$name" ] || replaced="$replaced${entry##*/} $(stat -c %Y -- "$name")
"
    done
    for entry in "$2"/$4; do
        [ ! -L "$entry" ] || [ -e "$entry" ] || case $(readlink -- "$entry") in "$3"/*) links=stale ;; esac
    done
    say seen "id=$1" status=present "links=$links" "backup=$backup" "replaced?=$replaced"
}

# Whether FOLDER has a link of its name to every ENTRY: in one process, as long as nothing is wrong.
linked() { # FOLDER ENTRY...
    folder=$1
    shift
    [ -e "$1" ] || return 1
    targets=$(printf '%s\n' "$@")
    for entry; do
        shift
        [ -L "$folder/${entry##*/}" ] || return 1
        set -- "$@" "$folder/${entry##*/}"
    done
    [ "$(readlink -- "$@")" = "$targets" ]
}

probe_user() { # ID NAME: the user, and the group of the same name
    group=$(getent_group "$2")
    if entry=$(getent_passwd "$2"); then
        say seen "id=$1" status=present "entry?=$entry" "group?=$group"
    else
        say seen "id=$1" status=absent "group?=$group"
    fi
}

# getent belongs to glibc, not to coreutils, and may be missing: then read the files that useradd writes.
getent_passwd() { getent passwd "$1" 2>/dev/null || grep "^$1:" /etc/passwd; }

getent_group() { getent group "$1" 2>/dev/null || grep "^$1:" /etc/group; }

unit_properties=Id,LoadState,ActiveState,SubState,Result,MainPID,UnitFileState,NeedDaemonReload,FragmentPath,DropInPaths
unit_properties=$unit_properties,LimitNOFILE,ExecMainStatus,ExecMainStartTimestamp,NRestarts
units_shown=''

# Asks about all units of an exchange at once. systemctl writes its moments in the time zone of its caller.
look_at_units() { # UNIT...
    units_shown=$newline$(TZ=UTC systemctl show -p "$unit_properties" "$@" 2>/dev/null)$newline$newline
}

# Sets "shown" to the properties of UNIT, or fails with an error there.
show_unit() { # UNIT
    units_left=$units_shown
    while [ -n "$units_left" ]; do
        shown=${units_left%%"$newline$newline"*} # a blank line between units
        case $shown$newline in *"${newline}Id=$1$newline"*) shown=${shown#"$newline"}; return ;; esac
        units_left=${units_left#"$shown$newline"}
        [ "$units_left" != "$newline" ] || units_left=
    done
    shown=$(TZ=UTC systemctl show -p "$unit_properties" "$1" 2>&1)
}

property() { # NAME: of the unit that is shown
    case $newline$shown in *"$newline$1="*) ;; *) return 0 ;; esac
    value=$newline$shown
    value=${value##*"$newline$1="}
    printf '%s' "${value%%"$newline"*}"
}

probe_unit() { # ID UNIT
    if show_unit "$2"; then
        status=present
        # A process may still run after its unit file was removed.
        case $shown in *LoadState=not-found*) case $shown in *ActiveState=inactive*) status=absent ;; esac ;; esac
        say seen "id=$1" "status=$status" "show?=$shown"
    else
        unknown "$1" "$shown"
    fi
}

# How often systemd restarted a unit by itself since it was last started, and how many files its main process may
# open. systemd before 235 has no NRestarts; then the answer has its messages of this boot instead, oldest first, as
# one letter each: r for a scheduled restart, s for a start.
probe_running() { # ID UNIT
    show_unit "$2"
    restarts=$(property NRestarts)
    messages=
    [ -n "$restarts" ] || messages=$(journalctl -q -b -n 20000 --no-pager -o cat _PID=1 "UNIT=$2" 2>/dev/null |
        sed -n -e 's/^.*[Ss]chedul[a-z]* restart.*$/r/p' -e 's/^Started .*$/s/p' | tr -d '\n')
    main=$(property MainPID)
    open_files=
    [ "${main:-0}" = 0 ] || open_files=$(limit_of "$main" 'Max open files')
    say seen "id=$1" status=present "restarts=$restarts" "messages=$messages" "open_files=$open_files"
}

limit_of() { # PID NAME: the soft limit
    sed -n "s/^$2  *\([^ ]*\) .*/\1/p" "/proc/$1/limits" 2>/dev/null
}

# The listening sockets of a TCP port, as "address:inode".
listeners() { # PORT
    hex=$(printf '%04X' "$1")
    # number: local:port remote state(0A) queues timer retransmits uid timeout inode
    sed -n "s/^ *[0-9]*: \([0-9A-F]*\):$hex [^ ]* 0A [^ ]* [^ ]* [^ ]*  *[0-9]*  *[0-9]* \([0-9]*\) .*/\1:\2/p" \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null
    return 0
}

# Names below are numbers; one ls is much cheaper than a readlink for each.
# shellcheck disable=SC2010,SC2012
holds_socket() { ls -l "/proc/$1/fd" 2>/dev/null | grep -q "socket:\[$2\]"; } # PID INODE

# shellcheck disable=SC2012
holder_of() { # INODE: the process that has that socket open
    ls -l /proc/[0-9]*/fd 2>/dev/null |
        sed -n -e '/^\/proc\/[0-9]*\/fd:$/{s/[^0-9]//g' -e h -e '}' -e "/socket:\[$1\]/{x" -e p -e q -e '}'
}

probe_port() { # ID PORT [PID]: which process listens; PID is checked first
    sockets=$(listeners "$2")
    if [ -z "$sockets" ]; then
        say seen "id=$1" status=absent
        return
    fi
    first=${sockets%%"
"*}
    pid=${3:-0}
    { [ "$pid" -gt 0 ] && holds_socket "$pid" "${first##*:}"; } || pid=$(holder_of "${first##*:}")
    program=
    [ -n "$pid" ] && program=$(tr '\0' ' ' <"/proc/$pid/cmdline" | head -c 200)
    say seen "id=$1" status=present "pid=$pid" "address=${first%:*}" "program?=$program"
}

# Whether it is open now and permanently, by any rule, or only for SOURCE; "" is the default zone.
probe_firewall() { # ID PORT/PROTOCOL ZONE [SOURCE]
    if ! firewalld_runs; then
        unknown "$1" 'firewalld is not running'
        say seen "id=$1" running=no
        return
    fi
    zone=$(zone_option "$3")
    now=no permanent=no
    port_is_open "$2" "$(firewall-cmd ${zone:+"$zone"} --list-all 2>/dev/null)" && now=yes
    port_is_open "$2" "$(firewall-cmd --permanent ${zone:+"$zone"} --list-all 2>/dev/null)" && permanent=yes
    if [ -n "${4-}" ]; then
        rule=$(rich_rule "$2" "$4")
        firewall-cmd ${zone:+"$zone"} "--query-rich-rule=$rule" >/dev/null 2>&1 && now=yes
        firewall-cmd --permanent ${zone:+"$zone"} "--query-rich-rule=$rule" >/dev/null 2>&1 && permanent=yes
    fi
    case $now$permanent in
        yesyes) say seen "id=$1" status=present ;;
        nono) say seen "id=$1" status=absent ;;
        *) say seen "id=$1" status=present "now=$now" "permanent=$permanent" ;;
    esac
}

firewalld_runs() {
    command -v firewall-cmd >/dev/null 2>&1 && [ "$(systemctl is-active firewalld.service 2>/dev/null)" = active ]
}

rich_rule() { # PORT/PROTOCOL SOURCE
    family=ipv4
    case $2 in *:*) family=ipv6 ;; esac
    printf 'rule family="%s" source address="%s" port port="%s" protocol="%s" accept' \
        "$family" "$2" "${1%/*}" "${1#*/}"
}

zone_option() { [ -z "$1" ] || printf '%s' "--zone=$1"; } # ZONE

# Open through the zone's target, a rule that accepts it from everywhere, a port or range, or a service.
port_is_open() { # PORT/PROTOCOL LISTING
    open_port=${1%/*} open_protocol=${1#*/}
    printf '%s\n' "$2" | grep -q '^ *target: ACCEPT' && return 0
    printf '%s\n' "$2" | grep -v source | grep -q "port=\"$open_port\" protocol=\"$open_protocol\" accept" && return 0
    for range in $(printf '%s\n' "$2" | sed -n 's/^ *ports: *//p'); do
        [ "${range#*/}" = "$open_protocol" ] || continue
        range=${range%/*}
        [ "$open_port" -ge "${range%-*}" ] && [ "$open_port" -le "${range#*-}" ] && return 0
    done
    for service in $(printf '%s\n' "$2" | sed -n 's/^ *services: *//p'); do
        definition=/etc/firewalld/services/$service.xml
        [ -r "$definition" ] || definition=/usr/lib/firewalld/services/$service.xml
        [ -r "$definition" ] && grep '<port ' "$definition" | grep "protocol=\"$open_protocol\"" |
            grep -q "port=\"$open_port\"" && return 0
    done
    return 1
}

probe_zones() { # ID: the settings that decide the zone of a connection
    if firewalld_runs; then
        say seen "id=$1" status=present "default=$(firewall-cmd --get-default-zone 2>/dev/null)" \
            "zones64=$(firewall-cmd --list-all-zones 2>/dev/null | encode)"
    else
        say seen "id=$1" status=absent
    fi
}

probe_java() { # ID HOME
    if [ -x "$2/bin/java" ]; then
        version=$("$2/bin/java" -version 2>&1) || version="status $?: $version"
        say seen "id=$1" status=present "version?=$version"
    else
        say seen "id=$1" status=absent
    fi
}

# The file system that PATH is or will be on: free KiB and inodes, type, mount options. One that allocates inodes on
# demand reports a total of 0, and the answer has no free inodes.
probe_disk() { # ID PATH
    find_place "$2"
    known_disk "$place" || { look_at_disks "$2" && known_disk "$place"; }
    say seen "id=$1" status=present "place=$place" "${known#*"$tab"}"
}

# Sets "known" to the line about PLACE.
known_disk() { # PLACE
    disks_left=$disks
    while [ -n "$disks_left" ]; do
        known=${disks_left%%"$newline"*}
        case $known in "$1$tab"*) return ;; esac
        disks_left=${disks_left#"$known$newline"}
    done
    known=
    return 1
}

# Asks about several file systems at once. df answers with a line for each place, in their order.
disks=''
look_at_disks() { # PATH...
    for path; do
        shift
        find_place "$path"
        set -- "$@" "$place"
    done
    space=$(df -Pk -- "$@" 2>/dev/null | sed -n '1!s/^.* \([0-9][0-9]*\)  *[0-9-]*%*  *\(\/.*\)$/\1 \2/p')
    inodes=$(df -Pi -- "$@" 2>/dev/null |
        sed -n -e '1!s/^.* \([1-9][0-9]*\)  *[0-9][0-9]*  *\([0-9][0-9]*\)  *[0-9-]*%* .*$/=\2/p' -e t -e '1!s/^.*$/=/p')
    devices=$(stat -c %d -- "$@" 2>/dev/null)
    for found in "$space" "$inodes" "$devices"; do
        count_lines "$found"
        [ "$lines" = $# ] || [ $# = 1 ] || return 0 # not all of them answered: each is asked alone
    done
    mount='' options=''
    for place; do
        free=${space%%"$newline"*}
        [ "$mount" = "${free#* }" ] || { mount=${free#* } && find_options "$mount"; }
        disks="$disks$place${tab}kib=${free%% *}${tab}inodes${inodes%%"$newline"*}${tab}mount=$mount"
        disks="$disks${tab}type=${options%% *}${tab}options=${options#* }${tab}device=${devices%%"$newline"*}$newline"
        space=${space#*"$newline"} inodes=${inodes#*"$newline"} devices=${devices#*"$newline"}
    done
}

find_place() { # PATH: sets "place" to it, or to the nearest directory above it
    place=$1
    while [ ! -d "$place" ]; do place=${place%/*}; [ -n "$place" ] || place=/; done
}

# Sets "options" to the type of what is mounted at MOUNT, then its options.
find_options() { # MOUNT
    options=
    while read -r _ point kind flags _; do
        [ "$point" != "$1" ] || options="$kind $flags"
    done 2>/dev/null </proc/self/mounts
}

probe_upload() { # ID NAME: how much of an archive the host already has
    if [ -f "$kprov_dir/uploads/$2" ]; then
        say seen "id=$1" status=present whole=yes
    elif [ -f "$kprov_dir/uploads/$2.part" ]; then
        say seen "id=$1" status=present whole=no "size=$(stat -c %s "$kprov_dir/uploads/$2.part")"
    else
        say seen "id=$1" status=absent
    fi
}

probe_log() { # ID UNIT LINES [FILE...]: the last lines that a unit's latest process wrote to log files and the journal
    since=$(systemctl show -p ExecMainStartTimestamp "$2")
    since=$(date -d "${since#*=}" +%s 2>/dev/null) || since=0
    # With --since, -n selects the first lines after that moment, not the last ones (systemd 219 and many later).
    journal=$(journalctl -u "$2" --since "@$since" --no-pager -o cat 2>&1 | tail -n "$3")
    lines=$3
    id=$1
    shift 3
    said=
    for file; do
        # A file not written since then belongs to an earlier process.
        [ -r "$file" ] && [ "$(stat -c %Y -- "$file")" -ge "$since" ] && said=$(printf '%s\n--- %s\n%s' "$said" "$file" "$(tail -n "$lines" -- "$file")")
    done
    denied=$(denials "$since")
    [ -z "$denied" ] || journal=$(printf '%s\n--- SELinux\n%s' "$journal" "$denied")
    said=$(printf '%s\n%s' "$said" "$journal")
    say seen "id=$id" status=present "text?=$said$(explain "$said")"
}

# What SELinux denied Java or a start script since then, from the kernel log, or from auditd's log if that runs.
denials() { # SECONDS
    selinux_on || return 0
    {
        journalctl -k --since "@$1" --no-pager -o cat 2>/dev/null
        tail -n 2000 -- /var/log/audit/audit.log 2>/dev/null
    } | grep 'avc:  *denied' | grep -e 'comm="java"' -e 'comm="kafka-' -e 'comm="zkServer' -e 'comm="zookeeper-' |
        grep -v 'permissive=1' | while IFS= read -r line; do
        when=${line#*audit(}
        [ "${when%%.*}" -ge "$1" ] 2>/dev/null && printf '%s\n' "$line"
    done | tail -n 10
}

# ---------------------------------------------------------------- logs (read-only)

# SINCE is -SECONDS, or a moment as date(1) reads it; if it is empty or missing, logs are read from their beginning.

# Prints SINCE in seconds since the epoch, or 0 if it is empty. If date cannot read it, prints date's error and fails.
moment_of() { # NOW SINCE
    case $2 in
        '') printf 0 ;;
        -*) printf '%s' $(($1 + $2)) ;;
        *) date -d "$2" +%s 2>&1 ;;
    esac
}

probe_clock() { # ID [SINCE]: the host's clock and time zone, and the moment that SINCE means there
    now=$(date +%s)
    since=$(moment_of "$now" "${2-}") || { unknown "$1" "$since"; return; }
    say seen "id=$1" status=present "now=$now" "zone=$(date +%z)" "since=$since"
}

probe_unit_log() { # ID UNIT LINES [SINCE]
    since=$(moment_of "$(date +%s)" "${4-}") || { unknown "$1" "$since"; return; }
    if [ "$since" = 0 ]; then
        said=$(journalctl -q -u "$2" -n "$3" --no-pager -o short-iso 2>&1) || { unknown "$1" "$said"; return; }
    else
        # Without -n, as in probe_log.
        said=$(journalctl -q -u "$2" --since "@$since" --no-pager -o short-iso 2>&1 | tail -n "$3")
    fi
    denied=$(journalled_denials "$since")
    [ -z "$denied" ] || said=$(printf '%s\n%s' "$denied" "$said")
    say seen "id=$1" status=present "text?=$said"
}

# Denials in the format of the journal, which lacks them while auditd runs.
journalled_denials() { # SECONDS
    denials "$1" | while IFS= read -r line; do
        when=${line#*audit(}
        printf '%s %s kernel: %s\n' "$(date -d "@${when%%.*}" +%Y-%m-%dT%H:%M:%S%z)" "$(uname -n)" "$line"
    done
}

probe_file_log() { # ID FILE LINES: the last lines, which may begin in the rotated file before it
    if [ -r "$2" ]; then
        before=
        [ -r "$2.1" ] && before=$2.1
        say seen "id=$1" status=present \
            "text64=$(tail -q -n "$3" -- ${before:+"$before"} "$2" | tail -n "$3" | tail -c 262144 | encode)"
    else
        probe_path "$1" "$2"
    fi
}

# Prints each line of a command as a record until the process GUARD ends, for which `tail --pid` waits.
follow() { # GUARD NUMBER COMMAND...
    guard=$1
    prefix="@kprov${tab}line${tab}source=$2${tab}text_e="
    shift 2
    { "$@" 2>/dev/null & producer=$!; tail "--pid=$guard" -f /dev/null; kill "$producer"; } 3<&- |
        sed -u -e 's/\\/\\\\/g' -e 's/\t/\\t/g' -e "s/^/$prefix/" &
}

# Prints the last LINES of units and log files, and then new lines, until standard input ends.
follow_logs() { # LINES NUMBER UNIT|FILE [NUMBER UNIT|FILE]...
    lines=$1
    shift
    exec 3<&0
    cat <&3 >/dev/null &
    guard=$!
    while [ $# -gt 1 ]; do
        case $2 in
            /*) follow "$guard" "$1" tail -F -n "$lines" -- "$2" ;; # by name: it follows a rotated log, too
            *) follow "$guard" "$1" journalctl -q -f -n "$lines" --no-pager -o short-iso -u "$2" ;;
        esac
        shift 2
    done
    wait
}

# ---------------------------------------------------------------- for preflight checks (read-only)
# An empty field means that the host does not provide the value.

line_of() { [ ! -r "$1" ] || head -n 1 -- "$1" 2>/dev/null; } # FILE

probe_kernel() { # ID: memory and settings
    id=$1
    set -- /proc/sys/vm/swappiness /sys/kernel/mm/transparent_hugepage/enabled /proc/sys/fs/nr_open \
        /proc/sys/fs/file-max /proc/sys/vm/max_map_count /proc/sys/kernel/random/entropy_avail /run/systemd/container
    settings=$newline$(grep -s -m 1 '' "$@" /dev/null) # a line "FILE:VALUE" for each
    fields=
    for key in swappiness huge_pages nr_open file_max map_count entropy container; do
        value=
        case $settings in *"$newline$1:"*) value=${settings##*"$newline$1:"} ;; esac
        fields="$fields$tab$key=${value%%"$newline"*}"
        shift
    done
    say seen "id=$id" status=present "swap_kib=$(memory_kib SwapTotal)$fields" \
        "init_files=$(sed -n 's/^Max open files  *[^ ]*  *\([^ ]*\) .*/\1/p' /proc/1/limits 2>/dev/null)" \
        "init_capabilities=$(sed -n 's/^CapEff:[^0-9a-f]*//p' /proc/1/status 2>/dev/null)"
}

# Which time services are active, by their names in the distributions, and whether the clock is synchronized.
probe_time() { # ID
    id=$1
    set -- chronyd chrony ntpd ntp ntpsec openntpd systemd-timesyncd
    keepers=
    for state in $(systemctl is-active "$@" 2>/dev/null); do
        [ "$state" != active ] || keepers="$keepers $1"
        shift
    done
    synchronized=
    if command -v timedatectl >/dev/null 2>&1; then
        synchronized=$(timeout 5 timedatectl 2>/dev/null | sed -n 's/.*synchronized: *\([a-z]*\).*/\1/p')
    fi
    say seen "id=$id" status=present "keepers=${keepers# }" "synchronized=$synchronized"
}

# How the host itself resolves each name: a line "name address address ...". The first name is the host's own.
probe_reach() { # ID SECONDS [ADDRESS PORT]...: how a connection to each of them ends
    id=$1 limit=$2
    shift 2
    if ! command -v bash >/dev/null 2>&1; then
        unknown "$id" 'bash is not installed'
        return
    fi
    answers=$(
        while [ $# -gt 1 ]; do
            try_to_reach "$1" "$2" &
            shift 2
        done
        wait
    )
    say seen "id=$id" status=present "answers?=$answers"
}

try_to_reach() { # ADDRESS PORT
    # shellcheck disable=SC2016 # for bash
    said=$(timeout "$limit" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>&1)
    case $?:$said in
        0:*) echo "$1 $2 open" ;;
        124:*) echo "$1 $2 no answer within $limit s" ;;
        *refused*) echo "$1 $2 refused" ;;
        *) echo "$1 $2 ${said##*: }" ;;
    esac
}

probe_names() { # ID NAME...
    id=$1
    shift
    if ! command -v getent >/dev/null 2>&1; then
        unknown "$id" 'getent is not installed'
        return
    fi
    names=
    for name in "$(uname -n)" "$@"; do
        names="$names$name $(timeout 10 getent ahosts "$name" 2>/dev/null | sed -n 's/^\([^ ]*\)  *STREAM.*/\1/p' | tr '\n' ' ')
"
    done
    say seen "id=$id" status=present "names?=$names"
}

# The host's own addresses and routes, from the kernel, and both ends of this connection. sudo removes SSH_CONNECTION
# from the environment; the processes above it still have it.
probe_addresses() { # ID
    own=$(while read -r mark address kind _; do
        [ "$mark" != '|--' ] || last=$address
        [ "$mark $kind" != '/32 LOCAL' ] || printf '%s ' "$last"
    done 2>/dev/null </proc/net/fib_trie)
    six=$(cat /proc/net/if_inet6 2>/dev/null)
    routes=$(cat /proc/net/route 2>/dev/null)
    ends=${SSH_CONNECTION-}
    above=$PPID
    while [ -z "$ends" ] && [ "${above:-0}" -gt 1 ]; do
        ends=$(tr '\0' '\n' 2>/dev/null <"/proc/$above/environ" | sed -n 's/^SSH_CONNECTION=//p')
        above=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$above/status" 2>/dev/null)
    done
    say seen "id=$1" status=present "own=$own" "six?=$six" "routes?=$routes" "ends=$ends"
}

# The path that PATH resolves to ("real"), and what stops a process on the way: a broken link ("dangling" and its
# "target"), a file in place of a directory ("blocked"), and a line "user mode owner:group path" for each directory that
# a USER may not search, or program at PATH that a USER may not run ("closed").
# judged=no: the permissions could not be tested.
probe_way() { # ID PATH [USER...]: the users whose services use PATH
    way_id=$1 left=$2 folder=/ links=0
    real=/ dangling='' target='' blocked='' closed='' judged=yes
    shift 2
    while [ -n "$left" ]; do
        name=${left%%/*}
        case $left in */*) left=${left#*/} ;; *) left= ;; esac
        case $name in
            '' | .) continue ;;
            ..) folder=${folder%/*} real=${folder:-/} folder=${folder:-/}; continue ;;
        esac
        look_through "$folder" . "$@"
        real=${folder%/}/$name
        if [ -L "$real" ]; then
            target=$(readlink -- "$real")
            links=$((links + 1))
            if [ ! -e "$real" ] || [ "$links" -gt 40 ]; then dangling=$real; break; fi
            case $target in /*) folder=/ ;; esac
            left=$target/$left real=$folder
        elif [ -d "$real" ]; then
            folder=$real
        elif [ ! -e "$real" ]; then
            left=${left%/}
            real=$real${left:+/$left}
            break
        elif [ -n "${left%/}" ]; then
            blocked=$real
            break
        else
            look_through "$folder" "$name" "$@"
        fi
    done
    say seen "id=$way_id" status=present "real?=$real" "dangling?=$dangling" \
        "target?=$target" "blocked?=$blocked" "closed?=$closed" \
        "judged=$judged"
}

# Adds a line to "closed" for each user who may not search FOLDER (NAME is a dot) or run FOLDER/NAME.
look_through() { # FOLDER NAME [USER...]
    look_folder=$1 look_name=$2 look_place=${1%/}/$2
    look_shown=${look_place%/.}
    shift 2
    for user; do
        # Within an exchange, what a user may use is tested once.
        case ${open_to-} in *"|$user:$look_place|"*) continue ;; esac
        if may_enter "$look_folder" "$look_name" "$user"; then
            open_to="${open_to-}|$user:$look_place|"
        elif [ "$can_ask" = no ]; then
            judged=no
        else
            closed="$closed$user $(stat -c '%a %U:%G' -- "$look_place") ${look_shown:-/}
"
        fi
    done
}

# Asks the kernel, which also evaluates access control lists. A user who does not exist yet is tested as nobody.
credentials=''
may_enter() { # FOLDER NAME USER
    entering=${credentials#*"$newline$3 "}
    if [ "$entering" = "$credentials" ]; then
        enter_uid=$(id -u -- "$3" 2>/dev/null) || enter_uid=65533
        enter_gid=$(getent_group "$3" | sed -n '1s/^[^:]*:[^:]*:\([0-9]*\).*/\1/p')
        enter_groups=$(id -G -- "$3" 2>/dev/null | tr ' ' ,)
        enter_gid=${enter_gid:-65533}
        enter_groups=${enter_groups:-$enter_gid}
        can_ask=no
        as_entering test 1 2>/dev/null && can_ask=yes
        credentials="$credentials$newline$3 $enter_uid:$enter_gid:$enter_groups:$can_ask$newline"
    else
        entering=${entering%%"$newline"*}
        enter_uid=${entering%%:*} entering=${entering#*:}
        enter_gid=${entering%%:*} entering=${entering#*:}
        enter_groups=${entering%%:*} can_ask=${entering#*:}
    fi
    # Through an open file, only its own permissions count, not those of the directories above it.
    [ "$can_ask" = yes ] && as_entering test -x /proc/self/fd/7 7<"${1%/}/$2" 2>/dev/null
}

as_entering() { # COMMAND...
    chroot "--userspec=+$enter_uid:+$enter_gid" "--groups=$enter_groups" / "$@"
}

# What prevents root from changing each PATH: PATH itself, or the directory that it is or will be in, is not writable.
# A line "why TAB place TAB path" for each.
probe_writable() { # ID PATH...
    found=
    id=$1
    shift
    plainly_writable "$@" || for path; do
        place=$path
        why=$(unwritable "$path")
        if [ -z "$why" ] && [ ! -d "$path" ]; then
            place=$(folder_of "$path")
            why=$(unwritable "$place")
        fi
        [ -z "$why" ] || found="$found$why$tab$place$tab$path
"
    done
    say seen "id=$id" status=present "found?=$found"
}

# Whether root can plainly change every PATH: one process tells, as long as nothing is wrong.
plainly_writable() { # PATH...
    for path; do
        shift
        [ ! -e "$path" ] || set -- "$@" "$path"
        [ ! -d "$path" ] || continue
        place=${path%/*}
        while [ -n "$place" ] && [ ! -d "$place" ]; do place=${place%/*}; done
        set -- "$@" "${place:-/}"
    done
    for path; do [ -w "$path" ] || return 1; done
    command -v lsattr >/dev/null 2>&1 || return 0
    attributes=$(lsattr -d -- "$@" 2>/dev/null | sed -n 's/^\([^ ]*[ai][^ ]*\) .*/\1/p')
    [ -z "$attributes" ]
}

# The nearest existing directory above PATH.
folder_of() { # PATH
    above=${1%/*}
    while [ -n "$above" ] && [ ! -d "$above" ]; do above=${above%/*}; done
    printf '%s' "${above:-/}"
}

# Why even root cannot write PLACE; empty if root can. For an immutable file, test -w is false as well.
unwritable() { # PLACE
    [ -e "$1" ] || return 0
    attributes=
    ! command -v lsattr >/dev/null 2>&1 || attributes=$(lsattr -d -- "$1" 2>/dev/null)
    attributes=${attributes%% *}
    case $attributes in
        *i*) printf immutable ;;
        *a*) printf append-only ;;
        *)
            [ ! -w "$1" ] || return 0
            find_options "$(df -Pk -- "$1" | sed -n '2s/^.* [0-9]*%  *\(.*\)$/\1/p')"
            case ,${options#* }, in *,ro,*) printf read-only ;; *) printf refused ;; esac ;;
    esac
}

# Kafka and ZooKeeper processes, as lines "pid kind command"; units of such names; their usual homes; Java in PATH.
probe_neighbours() { # ID
    processes=
    # shellcheck disable=SC2013 # these names have no spaces
    for file in $(grep -l -e 'kafka[.]Kafka' -e 'Quorum[P]eerMain' /proc/[0-9]*/cmdline 2>/dev/null); do
        command=$(tr '\0\n' '  ' 2>/dev/null <"$file") || continue
        case $command in
            *kafka.Kafka\ * | *kafka.Kafka) kind=kafka ;;
            *QuorumPeerMain*) kind=zookeeper ;;
            *) continue ;;
        esac
        pid=${file#/proc/}
        processes="$processes${pid%/*} $kind ${command%% *}
"
    done
    units=
    # systemctl list-unit-files would read every unit of the host.
    for directory in /etc/systemd/system /run/systemd/system /run/systemd/generator /usr/local/lib/systemd/system \
        /usr/lib/systemd/system /lib/systemd/system; do
        for unit in "$directory"/*kafka*.service "$directory"/*zookeeper*.service; do
            [ -e "$unit" ] || [ -L "$unit" ] || continue
            case $newline$units in *"$newline${unit##*/}$newline"*) ;; *) units="$units${unit##*/}$newline" ;; esac
        done
    done
    homes=
    for home in /opt/*kafka* /opt/*zookeeper* /opt/confluent* /usr/local/*kafka* /usr/local/*zookeeper* /usr/share/*zookeeper* /srv/*kafka*; do
        [ ! -d "$home" ] || homes="$homes$home
"
    done
    java=
    if command -v java >/dev/null 2>&1; then java=$(readlink -f -- "$(command -v java)"); fi
    say seen "id=$1" status=present "processes?=$processes" "units?=$units" \
        "homes?=$homes" "java=$java"
}

# Packet filters other than firewalld. iptables loads kernel modules, so it is called only if there are tables.
probe_filters() { # ID
    rules=
    if [ -n "$(line_of /proc/net/ip_tables_names)" ] && command -v iptables >/dev/null 2>&1; then
        rules=$(timeout 10 iptables -S INPUT 2>/dev/null)
    fi
    if [ -z "$rules" ] && command -v nft >/dev/null 2>&1; then
        rules=$(timeout 10 nft list ruleset 2>/dev/null | sed -n '/hook input/,/}/p')
    fi
    say seen "id=$1" status=present "rules?=$rules"
}

# ---------------------------------------------------------------- SELinux (read-only)
# Through selinuxfs the kernel answers for the active policy, including booleans, as for security_compute_av(3) and
# security_compute_create(3) of libselinux. EL7 has no command for the former.

selinux_fs=/sys/fs/selinux

# If SELinux is off, or hidden as in containers, selinuxfs is not mounted or is read-only.
selinux_on() {
    if command -v selinuxenabled >/dev/null 2>&1; then
        selinuxenabled 2>/dev/null
    else
        grep -q " $selinux_fs selinuxfs rw" /proc/self/mounts 2>/dev/null
    fi
}

selinux_mode() { # Enforcing, Permissive, Disabled or unknown
    getenforce 2>/dev/null && return
    if ! selinux_on; then
        printf Disabled
        return
    fi
    case $(line_of "$selinux_fs/enforce") in
        1) printf Enforcing ;;
        0) printf Permissive ;;
        *) printf unknown ;;
    esac
}

init_context() { tr -d '\0\n' 2>/dev/null </proc/1/attr/current; }

own_context() { tr -d '\0\n' 2>/dev/null <"/proc/$$/attr/current"; }

type_of() { printf '%s' "$1" | sed 's/^[^:]*:[^:]*:\([^:]*\).*$/\1/'; } # CONTEXT

# Asks selinuxfs one question: written to and read from the same open file.
ask_policy() { # access|create SUBJECT OBJECT CLASS
    [ -e "$selinux_fs/$1" ] || return 1
    {
        { printf '%s %s %s' "$2" "$3" "$(line_of "$selinux_fs/class/$4/index")" >&7 && tr -d '\0' <&7; } 7<>"$selinux_fs/$1"
    } 2>/dev/null
}

# Prints yes or no, or nothing if the kernel cannot be asked. The kernel's answer begins with the permissions as bits
# and ends with flags; 1 is a permissive domain.
policy_allows() { # SUBJECT OBJECT CLASS PERMISSION
    policy_bit=$(line_of "$selinux_fs/class/$3/perms/$4")
    policy_answer=$(ask_policy access "$1" "$2" "$3")
    [ -n "$policy_bit" ] && [ -n "$policy_answer" ] || return 0
    # shellcheck disable=SC2086 # six words
    set -- $policy_answer
    if [ $(((0x$1 >> (policy_bit - 1)) & 1)) = 1 ] || [ $((0x${6:-0} & 1)) = 1 ]; then printf yes; else printf no; fi
}

# The domain of a process with NoNewPrivileges after it executes a program: a transition needs nnp_transition (Linux
# 4.14 and a policy with that capability), otherwise the process keeps its domain. The kernel's exception for bounded
# types is ignored.
entered() { # DOMAIN TARGET: the contexts before and, without NoNewPrivileges, after
    if [ "$(line_of "$selinux_fs/policy_capabilities/nnp_nosuid_transition")" = 1 ] &&
        [ "$(policy_allows "$1" "$2" process2 nnp_transition)" = yes ]; then
        printf '%s' "$2"
    else
        printf '%s' "$1"
    fi
}

context_of() { # PATH: its context, links followed; empty if there is none
    context=$(stat -L -c %C -- "$1" 2>/dev/null) || return 0
    case $context in *:*:*) printf '%s' "$context" ;; esac
}

context_to_be() { # PATH file|dir: its context, or the one that the policy assigns by default
    context=$(context_of "$1")
    [ -n "$context" ] || context=$(matchpathcon -n -m "$2" "$1" 2>/dev/null)
    case $context in *:*:*) printf '%s' "$context" ;; esac
}

# What the policy allows the services and this process. DIRECTORY: a directory of data or logs.
# service: the domain of a unit's start script; java: Java's domain in that unit; wanted: its domain without
# NoNewPrivileges. starts and execmem: yes, no, or empty for unknown. barred and closed: paths with their types.
probe_selinux() { # ID JAVA_HOME DIRECTORY...
    id=$1 java_home=$2
    shift 2
    tools=
    for name in restorecon semanage; do
        ! command -v "$name" >/dev/null 2>&1 || tools="$tools $name"
    done
    service='' label='' wanted='' java='' starts='' execmem='' booleans='' barred='' closed='' own=''
    if selinux_on; then
        own=$(own_context)
        service=$(service_context)
        label=$(context_to_be "$java_home/bin/java" file)
        booleans=$(booleans_of allow_execmem deny_execmem)
        [ -z "$label" ] || wanted=$(ask_policy create "$service" "$label" process)
        if [ -n "$wanted" ]; then
            java=$(entered "$service" "$wanted")
            [ "$java" != "$service" ] || starts=$(policy_allows "$service" "$label" file execute_no_trans)
            execmem=$(policy_allows "$java" "$java" process execmem)
            barred=$(barred_from "$java" "$@")
        fi
        closed=$(barred_from "$own" /usr/local /etc/systemd/system /var/lib)
    fi
    say seen "id=$id" status=present "tools=${tools# }" "own=$own" "service=$service" "label=$label" "wanted=$wanted" \
        "java=$java" "starts=$starts" "execmem=$execmem" "booleans=$booleans" \
        "barred?=$barred" "closed?=$closed"
}

# The context in which systemd starts a script with the label of /bin/cat.
service_context() {
    init=$(init_context)
    program=$(context_of /bin/cat)
    if target=$(ask_policy create "$init" "$program" process) && [ -n "$target" ]; then
        entered "$init" "$target"
    elif command -v selinuxexeccon >/dev/null 2>&1; then
        selinuxexeccon /bin/cat "${init:-system_u:system_r:init_t:s0}" 2>/dev/null
    fi
}

booleans_of() { # NAME...: those that exist in the policy, as NAME=0 or NAME=1
    for name; do
        value=$(line_of "$selinux_fs/booleans/$name")
        [ -z "$value" ] || printf '%s=%s ' "$name" "${value%% *}"
    done
}

barred_from() { # CONTEXT DIRECTORY...: a line "path type" for each in which that domain may not create anything
    barred_context=$1
    shift
    for folder; do
        folder_context=$(context_to_be "$folder" dir)
        [ "$(policy_allows "$barred_context" "$folder_context" dir add_name)" != no ] ||
            printf '%s %s\n' "$folder" "$(type_of "$folder_context")"
    done
}

# restorecon treats its arguments as patterns.
literal() { # PATH
    case $1 in
        *[]*?[{}~\\]*) printf '%s' "$1" | sed 's/[][*?{}~\\]/\\&/g' ;;
        *) printf '%s' "$1" ;;
    esac
}

# What restorecon would change about kprov's resources, as it prints it, and the path that it prints for each one: it
# resolves the directories above.
probe_labels() { # ID RESOURCE...: as KIND:PATH, links as links:FOLDER/PATTERN
    id=$1
    shift
    if ! selinux_on; then
        say seen "id=$id" status=absent
    elif ! command -v restorecon >/dev/null 2>&1; then
        unknown "$id" 'restorecon is not installed: install policycoreutils'
    elif ! said=$(would_relabel_paths "$@" 2>&1 && would_relabel_trees "$@" 2>&1); then
        unknown "$id" "$said"
    else
        say seen "id=$id" status=present "said?=$said" "real?=$(real_paths "$@")"
    fi
}

# Without -R: data may be large, and files that services create inherit the label of their directory.
would_relabel_paths() { # RESOURCE...
    count=$#
    for resource; do
        path=${resource#*:}
        case $resource in
            release:*) continue ;;
            links:*)
                for link in "${path%/*}"/${path##*/}; do
                    [ ! -L "$link" ] || set -- "$@" "$(literal "$link")"
                done
                path=${path%/*} ;;
        esac
        if [ -e "$path" ] || [ -L "$path" ]; then set -- "$@" "$(literal "$path")"; fi
    done
    shift "$count"
    [ $# = 0 ] || restorecon -n -v -- "$@"
}

would_relabel_trees() { # RESOURCE...
    count=$#
    for resource; do
        case $resource in release:*) [ ! -d "${resource#*:}" ] || set -- "$@" "$(literal "${resource#*:}")" ;; esac
    done
    shift "$count"
    [ $# = 0 ] || restorecon -R -n -v -- "$@"
}

real_paths() { # RESOURCE...: a line "RESOURCE<tab>PATH" each, with the directories above resolved
    for resource; do
        path=${resource#*:}
        real=$(cd -P -- "${path%/*}/" 2>/dev/null && pwd -P) || continue
        printf '%s\t%s/%s\n' "$resource" "${real%/}" "${path##*/}"
    done
}

# ---------------------------------------------------------------- asking the services (read-only)

# ZooKeeper's answer to the four-letter word srvr, asked through the client of its own tools.
probe_srvr() { # ID JAVA_HOME CLASSPATH ADDRESS PORT SECONDS
    answer=$(timeout -k 5 "$6" "$2/bin/java" -Xmx64m -XX:-UsePerfData -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$3" \
        org.apache.zookeeper.client.FourLetterWordMain "$4" "$5" srvr 2>&1 </dev/null)
    say seen "id=$1" status=present "text?=$answer"
}

# Puts a question to a service, through bash's own connections; without a bash nobody is asked. The answer begins with
# its length (frame), or ends with the connection (stream).
ask_service() { # ID ADDRESS PORT SECONDS frame|stream QUESTION64
    if ! command -v bash >/dev/null 2>&1; then
        unknown "$1" 'bash is not installed'
        return
    fi
    # shellcheck disable=SC2016 # for bash
    answer=$(printf '%s' "$6" | base64 -d | timeout -k 5 "$4" bash -c '
        exec 3<>"/dev/tcp/$1/$2" && cat >&3 || exit 1
        [ "$3" = frame ] || exec cat <&3
        set -- $(head -c 4 <&3 | od -An -tu1)
        size=$((($1 << 24) + ($2 << 16) + ($3 << 8) + $4))
        printf "$(printf "\\%o" "$@")"
        head -c "$size" <&3
    ' ask "$2" "$3" "$5" 2>/dev/null | encode)
    say seen "id=$1" status=present "answer=$answer"
}

# Runs one of Kafka's own tools in the Kafka home, with INPUT on its standard input. Codecs unpack their native
# libraries into java.io.tmpdir, which must not be mounted noexec; the file system of the home is not.
tool() { # ID SECONDS JAVA_HOME HOME INPUT COMMAND...
    id=$1 seconds=$2 input=$5
    JAVA_HOME=$3
    KAFKA_OPTS=-XX:-UsePerfData # avoids /tmp/hsperfdata_root
    KAFKA_JMX_OPTS=-Dkprov.jmx=off # if it is empty, the tool opens a port
    tool_tmp=$4/.kprov-tool.$$.$id # several may run at the same time
    tool_out=$kprov_dir/tool.out.$$.$id
    cd "$4" || return 1
    true >"$tool_out" || return 1
    if mkdir -m 0700 -- "$tool_tmp" 2>/dev/null; then KAFKA_OPTS="$KAFKA_OPTS -Djava.io.tmpdir=$tool_tmp"; fi
    export JAVA_HOME KAFKA_OPTS KAFKA_JMX_OPTS
    shift 5
    began=$(date +%s%N)
    errors=$(printf '%s' "$input" | { timeout -k 5 "$seconds" "$@" 2>&1 >&3 3>&-; printf '\nstatus=%s' $?; } 3>"$tool_out")
    took=$((($(date +%s%N) - began) / 1000000))
    output=$(encode <"$tool_out")
    rm -rf -- "$tool_out" "$tool_tmp" # before the answer, which nobody reads after a Ctrl-C
    say seen "id=$id" status=present "code=${errors##*status=}" "took_ms=$took" "output64=$output" "errors?=${errors%
status=*}"
}

# Waits until the processes end that have WORD in their command line, for instance the tools of an interrupted run.
await_end() { # WORD SECONDS
    # shellcheck disable=SC2013 # these names have no spaces
    for file in $(grep -lF -e "$1" /proc/[0-9]*/cmdline 2>/dev/null); do
        pid=${file#/proc/}
        timeout "$2" tail "--pid=${pid%/*}" -f /dev/null
    done
    return 0
}

# Runs a command of the verification suite; its standard error is that of the exchange.
run_command() { # TEXT
    output=$(/bin/sh -c "$1" </dev/null; printf '@%s' $?)
    say ran "code=${output##*@}" "output?=${output%@*}"
}

# ---------------------------------------------------------------- lock and receipt

state_dir() {
    [ -d "$kprov_dir" ] || { mkdir -p "$kprov_dir" && label "$kprov_dir"; } || return 1
    [ ! -L "$kprov_dir" ] || fail "$kprov_dir is a symbolic link" || return 1
    chmod 0700 "$kprov_dir"
}

# A lock is held as long as the sshd process of its run lives on this boot; no clock is involved. Callers hold the mutex
# under which a lock gets its holder, so a lock without one was left by a killed run.
lock_is_stale() {
    holder=$(cat "$kprov_dir/lock/holder" 2>/dev/null) || return 0
    boot=$(printf '%s\n' "$holder" | sed -n 's/^boot=//p')
    session=$(printf '%s\n' "$holder" | sed -n 's/^session=//p')
    [ "$boot" != "$(boot_id)" ] && return 0
    [ "$(start_time "${session%%:*}")" != "${session#*:}" ]
}

# The host's own journal: one line of JSON when a run takes the lock and one when it releases it, with the host's time.
# A failure to write it does not fail the run. The oldest lines are removed.
note_run() { # JSON: an object
    [ -n "${1-}" ] || return 0
    {
        # A line that a full disk cut off must not merge with the next one.
        [ -z "$(tail -c 1 -- "$kprov_dir/journal")" ] || printf '\n' >>"$kprov_dir/journal"
        printf '%s,"when":%s}\n' "${1%\}}" "$(date +%s)" >>"$kprov_dir/journal" && chmod 0600 "$kprov_dir/journal"
        if [ "$(wc -l <"$kprov_dir/journal")" -gt 500 ]; then
            tail -n 400 -- "$kprov_dir/journal" >"$kprov_dir/journal.new" &&
                chmod 0600 "$kprov_dir/journal.new" && mv -f -- "$kprov_dir/journal.new" "$kprov_dir/journal"
        fi
    } 2>/dev/null
    return 0
}

probe_journal() { # ID: the host's own journal, and whether a run has the lock now
    probe_path "$1" "$kprov_dir/journal" content
    say data "id=$1" "locked=$(locked)"
}

probe_lock() { # ID: whether a run has the lock now
    say seen "id=$1" status=present "locked=$(locked)"
}

locked() { if [ -d "$kprov_dir/lock" ] && ! lock_is_stale; then printf yes; else printf no; fi; }

take_lock() { # SESSION WHO COMMAND [NOTE: for the journal]
    state_dir || return 1
    # One process at a time from here on; the kernel releases the mutex when the process ends, however it ends.
    { flock -w 5 9 && take_lock_alone "$@"; } 9<"$kprov_dir"
}

take_lock_alone() {
    gone=no
    if [ -d "$kprov_dir/lock" ] && lock_is_stale; then
        gone=yes
        at_rest && rm -rf "$kprov_dir/lock"
    fi
    if said=$(mkdir "$kprov_dir/lock" 2>&1); then
        printf 'session=%s\nboot=%s\nwho=%s\ncommand=%s\nsince=%s\n' "$1" \
            "$(boot_id)" "$2" "$3" "$(date +%s)" >"$kprov_dir/lock/holder" || return 1
        note_run "${4-}"
        say lock taken=yes
    elif [ -d "$kprov_dir/lock" ]; then
        say lock taken=no "holder64=$(encode <"$kprov_dir/lock/holder")" "now=$(date +%s)" "gone=$gone"
    else
        fail "$said$(confinement "$said")"
    fi
}

# Waits until no step of the run that holds the lock is running; false if one still runs after step_seconds. When a
# connection is cut, its step continues; until it ends, its processes keep the lock's folder locked (see hold_lock).
step_seconds=4
at_rest() { { flock -w "$step_seconds" -x 8; } 8<"$kprov_dir/lock"; }

# Every exchange that changes something begins with this call, which stops it if another run has the lock.
hold_lock() { # SESSION
    if grep -qxF "session=$1" "$kprov_dir/lock/holder" 2>/dev/null; then
        exec 8<"$kprov_dir/lock"
        flock -n -s 8 && grep -qxF "session=$1" "$kprov_dir/lock/holder" && return
    fi
    echo 'this run has lost its lock: another run took it, or someone removed it' >&2
    exit 1
}

release_lock() { # SESSION [NOTE: for the journal]
    if grep -qxF "session=$1" "$kprov_dir/lock/holder" 2>/dev/null; then
        note_run "${2-}"
        at_rest && rm -rf "$kprov_dir/lock"
    fi
    return 0
}

probe_receipt() { # ID: waits for the last step of a run that lost its connection, which may still change the host
    if [ -d "$kprov_dir/lock" ] && lock_is_stale; then { flock -w 30 -x 8; } 8<"$kprov_dir/lock"; fi
    if [ -f "$kprov_dir/receipt.json" ] && ! whole_receipt && [ -f "$kprov_dir/receipt.json.before" ]; then
        probe_path "$1" "$kprov_dir/receipt.json.before" content
        say data "id=$1" restored=yes
    else
        probe_path "$1" "$kprov_dir/receipt.json" content
    fi
}

whole_receipt() { [ "$(tail -n 1 -- "$kprov_dir/receipt.json")" = '}' ]; }

write_receipt() { # SHA256: the receipt was staged under that name
    state_dir && cp "$kprov_dir/stage/$1" "$kprov_dir/receipt.json.new" &&
        chmod 0600 "$kprov_dir/receipt.json.new" && clear_stage && sync || return 1 # and everything that it describes
    # The previous one is kept in case this one gets truncated, by a failing disk or by hand.
    if [ -f "$kprov_dir/receipt.json" ] && whole_receipt; then
        ln -f "$kprov_dir/receipt.json" "$kprov_dir/receipt.json.before" || return 1
    fi
    mv -f "$kprov_dir/receipt.json.new" "$kprov_dir/receipt.json"
}

drop_state() { rm -rf "$kprov_dir"; }

# ---------------------------------------------------------------- files from standard input

# Unpacks small files, named by their SHA-256, from one tar; each is verified before use.
receive_stage() {
    state_dir && rm -rf "$kprov_dir/stage" && mkdir -m 0700 "$kprov_dir/stage" || return 1
    if said=$(tar -xf - --no-same-owner -C "$kprov_dir/stage" 2>&1); then
        say staged ok=yes
    else
        say staged ok=no "output?=$said"
        exit 0
    fi
}

clear_stage() { rm -rf "$kprov_dir/stage"; }

clear_uploads() { rm -rf "$kprov_dir/uploads"; }

drop_part() { rm -f -- "$kprov_dir/uploads/$1.part"; } # NAME

# Receives SIZE more bytes of an archive; a partial upload is resumed. Meanwhile its TOP is unpacked beside PATH, so that
# unpack_release only has to move it there: if that cannot be done, unpack_release does all of it, and says why not.
# With LANES, the bytes come in blocks of BLOCK, in turn on standard input and on each lane.
receive_upload() { # NAME SHA256 SIZE [TOP PATH [LANES BLOCK TOKEN]]
    state_dir && mkdir -p "$kprov_dir/uploads" || return 1
    if ! open_lanes "${6-1}" "${8-}"; then
        say upload ok=no lanes=no "output=a lane was not there in time"
        return
    fi
    part=$kprov_dir/uploads/$1.part
    : >>"$part" || return 1
    rm -f -- "$kprov_dir/uploads/$1.unpacked"
    before=$(stat -c %s -- "$part")
    # The bytes go into the part, through the sum (on descriptor 4, with any errors) and into tar (on descriptor 3).
    said=$({ { feed "$part" "$before" "$3" "${6-1}" "${7-}" 2>&4 | also_to_3 | sha256sum >&4; } 3>&1 | unpack_ahead "${4-}" "${5-}"; } 4>&1)
    unpacked=$?
    sum=${said##*"$newline"} # the last line
    errors=${said%"$sum"}
    sum=${sum%% *}
    size=$(stat -c %s -- "$part")
    if [ -n "$errors" ]; then
        say upload ok=no "output?=${errors%"$newline"}"
    elif [ $((size - before)) -lt "$3" ]; then
        say upload ok=no "output=the connection ended too early" # the next run resumes the part
    elif [ "$sum" != "$2" ]; then
        rm -f -- "$part"
        say upload ok=no "sum=$sum" "size=$size"
    else
        [ "$unpacked" != 0 ] || boot_id >"$kprov_dir/uploads/$1.unpacked"
        mv -f -- "$part" "$kprov_dir/uploads/$1" && say upload ok=yes
        return
    fi
    [ -z "${5-}" ] || rm -rf -- "$5.kprov-new"
}

# Writes what PART holds already, then SIZE more bytes, which it appends to PART.
feed() { # PART BEFORE SIZE LANES BLOCK
    head -c "$2" -- "$1"
    if [ "$4" = 1 ]; then head -c "$3" | tee -a -- "$1"; else weave "$1" "$2" "$3" "$4" "$5"; fi
}

# Appends SIZE bytes from the lanes to PART, and copies them to standard output. It ends at a block that is cut off:
# what PART holds then is the beginning of the archive, and the rest can still be sent.
weave() { # PART BEFORE SIZE LANES BLOCK
    there=$2 end=$(($2 + $3)) lane=0
    while [ "$there" -lt "$end" ]; do
        block=$5
        [ $((end - there)) -ge "$block" ] || block=$((end - there))
        case $lane in
            0) head -c "$block" ;;
            1) head -c "$block" <&5 ;;
            2) head -c "$block" <&6 ;;
            3) head -c "$block" <&7 ;;
        esac | tee -a -- "$1"
        there=$((there + block)) lane=$(((lane + 1) % $4))
        [ "$(stat -c %s -- "$1")" = "$there" ] || break
    done
}

# Lanes are ways beside standard input, on descriptors 5 to 7: named pipes that other channels fill with fill_lane. sshd
# lets 2 MiB of a channel be under way, which is little at a distance. Each side opens its end for both directions
# first, so that neither can wait for ever; once both are there, the other one's end is seen. A pipe gets its name when
# it is open: what is written to one that nobody has open is lost. It loses its name when the other side has said that
# it is there, which it says last: another file of that name would be made by whoever opens it later.
open_lanes() { # LANES TOKEN
    [ "$1" -gt 1 ] || return 0
    pipe=$kprov_dir/uploads/$2.lane
    rm -f -- "$kprov_dir"/uploads/*.lane[0-3]
    mkfifo -m 0600 -- "${pipe}0" && exec 5<>"${pipe}0" && mv -- "${pipe}0" "${pipe}1" || return 1
    if [ "$1" -gt 2 ]; then
        mkfifo -m 0600 -- "${pipe}0" && exec 6<>"${pipe}0" && mv -- "${pipe}0" "${pipe}2" || return 1
    fi
    if [ "$1" -gt 3 ]; then
        mkfifo -m 0600 -- "${pipe}0" && exec 7<>"${pipe}0" && mv -- "${pipe}0" "${pipe}3" || return 1
    fi
    [ "$(timeout 20 head -c 4 <&5)" = here ] && exec 5<"${pipe}1" || return 1
    [ "$1" -le 2 ] || { [ "$(timeout 20 head -c 4 <&6)" = here ] && exec 6<"${pipe}2"; } || return 1
    [ "$1" -le 3 ] || { [ "$(timeout 20 head -c 4 <&7)" = here ] && exec 7<"${pipe}3"; } || return 1
    rm -f -- "$kprov_dir"/uploads/*.lane[0-3]
}

# Copies standard input to a lane, once receive_upload has opened it.
fill_lane() { # LANE TOKEN
    pipe=$kprov_dir/uploads/$2.lane$1 tries=0
    until [ -p "$pipe" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 200 ] || return 1
        sleep 0.1
    done
    exec 5<>"$pipe" && exec 6>"$pipe" && printf here >&6 && exec 5>&- && cat >&6
}

# Copies standard input to standard output and to descriptor 3, whose reader may stop early.
also_to_3() { trap '' PIPE && tee /proc/self/fd/3 2>/dev/null; }

unpack_ahead() { # TOP PATH
    if [ -z "$1" ] || ! rm -rf -- "$2.kprov-new" || ! mkdir -p -- "$2.kprov-new"; then
        cat >/dev/null
        return 1
    fi
    unpack_into "$2.kprov-new" "$1" >&2
} 2>/dev/null

unpack_into() { # FOLDER TOP: an archive from standard input, which may be a plain tar
    gzip -dcf | tar -xf - --no-same-owner --no-same-permissions -C "$1" -- "$2"
}

# ---------------------------------------------------------------- changes

# SELinux stays on: each path gets the default label of the policy, including what the administrator set with semanage
# fcontext. Without -F, restorecon keeps types that the policy lets administrators choose.
label() { relabel '' "$@"; } # PATH...: not recursive

label_tree() { relabel -R "$@"; } # PATH...

relabel() { # -R|'' PATH...
    command -v restorecon >/dev/null 2>&1 && selinux_on || return 0
    recursive=$1
    shift
    for path; do
        set -- "$@" "$(literal "$path")"
        shift
    done
    restorecon ${recursive:+"$recursive"} -- "$@"
}

make_directory() { # PATH OWNER GROUP MODE
    { [ -d "$1" ] || mkdir -- "$1"; } && chown "$2:$3" -- "$1" && chmod "$4" -- "$1" && label "$1"
}

own_tree() { # PATH OWNER GROUP: for data of an earlier installation
    chown -R "$2:$3" -- "$1" && label_tree "$1"
}

# Gives a service's files back to its user, in case it was run by hand as root. A failure, for instance of a disk, does
# not prevent the start: the service may be able to run without that directory.
give_back() { # OWNER GROUP PATH...
    give_back_to=$1:$2
    shift 2
    for tree; do
        [ ! -d "$tree" ] || { chown -R "$give_back_to" -- "$tree" && label "$tree"; } || echo "the owner of $tree was not changed"
    done
    return 0
}

put_file() { # SHA256 PATH OWNER GROUP MODE
    staged=$kprov_dir/stage/$1
    sum=$(sha256sum -- "$staged") || return 1
    [ "${sum%% *}" = "$1" ] || fail "$staged does not have the SHA-256 $1: it was corrupted on the way" || return 1
    cp -- "$staged" "$2.kprov-new" && chown "$3:$4" -- "$2.kprov-new" && chmod "$5" -- "$2.kprov-new" &&
        mv -fT -- "$2.kprov-new" "$2" && label "$2"
}

back_up() { # PATH BACKUP
    cp -a -- "$1" "$2" && label "$2"
}

set_aside() { # PATH BACKUP
    [ ! -e "$2" ] && [ ! -L "$2" ] || fail "$2 already exists" || return 1
    mv -T -- "$1" "$2" && label_tree "$2"
}

put_back() { # BACKUP PATH
    [ ! -e "$2" ] && [ ! -L "$2" ] || fail "$2 exists: $1 was not restored to it" || return 1
    mv -T -- "$1" "$2" && label_tree "$2"
}

set_mode() { # PATH OWNER GROUP MODE
    chown "$2:$3" -- "$1" && chmod "$4" -- "$1" && label "$1"
}

put_link() { # PATH TARGET
    rm -f -- "$1.kprov-new" && ln -s -- "$2" "$1.kprov-new" && mv -fT -- "$1.kprov-new" "$1" && label "$1"
}

# Makes a link for each of SOURCE's entries that match PATTERN. A new folder appears complete, by a rename; in an
# existing one, links into OLD sources are removed if they are no longer needed.
put_links() { # FOLDER SOURCE PATTERN [OLD...]
    folder=$1 source=$2 pattern=$3
    shift 3
    [ -d "$source" ] || fail "$source does not exist" || return 1
    if [ ! -d "$folder" ]; then
        rm -rf -- "$folder.kprov-new" && mkdir -- "$folder.kprov-new" || return 1
        link_all "$folder.kprov-new" "$source" "$pattern" && mv -T -- "$folder.kprov-new" "$folder" || return 1
    else
        drop_links "$folder" "$pattern" "$source" "$@" && link_all "$folder" "$source" "$pattern" || return 1
    fi
    label_links "$folder" "$pattern"
}

label_links() { # FOLDER PATTERN: the folder, and the matching links in it
    links_folder=$1 links_pattern=$2
    set -- "$links_folder"
    for entry in "$links_folder"/$links_pattern; do
        [ ! -L "$entry" ] || set -- "$@" "$entry"
    done
    label "$@"
}

link_all() { # FOLDER SOURCE PATTERN
    for entry in "$2"/$3; do
        [ -e "$entry" ] || continue
        name=$1/${entry##*/}
        [ ! -L "$name" ] || rm -f -- "$name" || return 1
        ln -s -- "$entry" "$name" || return 1
    done
}

drop_links() { # FOLDER PATTERN SOURCE...
    drop_folder=$1 drop_pattern=$2
    shift 2
    for entry in "$drop_folder"/$drop_pattern; do
        [ -L "$entry" ] || continue
        for into; do
            case $(readlink -- "$entry") in "$into"/*) rm -f -- "$entry" || return 1 ;; esac
        done
    done
}

# Unpacks beside the destination, if that was not done while the archive was received, and renames: a release is either
# complete or absent.
unpack_release() { # NAME SHA256 TOP PATH
    archive=$kprov_dir/uploads/$1
    unpacked_ahead "$archive" "$4.kprov-new/$3" || unpack_beside "$archive" "$2" "$3" "$4" || return 1
    rm -rf -- "$4.kprov-old"
    chown -R root:root -- "$4.kprov-new/$3" && chmod -R u+rwX,go+rX,go-w -- "$4.kprov-new/$3" || return 1
    [ ! -e "$4" ] || mv -T -- "$4" "$4.kprov-old" || return 1
    mv -T -- "$4.kprov-new/$3" "$4" && rmdir -- "$4.kprov-new" && rm -rf -- "$4.kprov-old" && label_tree "$4" || return 1
    rm -f -- "$archive.unpacked" "$archive"
}

# After a crash of the host, files may be incomplete that were written before it.
unpacked_ahead() { # ARCHIVE FOLDER
    [ -d "$2" ] && [ -r "$1.unpacked" ] && [ "$(cat "$1.unpacked")" = "$(boot_id)" ]
}

unpack_beside() { # ARCHIVE SHA256 TOP PATH
    rm -f -- "$1.unpacked"
    sum=$(sha256sum -- "$1") || return 1
    [ "${sum%% *}" = "$2" ] || fail "$1 does not have the SHA-256 $2" || return 1
    rm -rf -- "$4.kprov-new" && mkdir -- "$4.kprov-new" && unpack_into "$4.kprov-new" "$3" <"$1"
}

add_user() { # NAME: in a new group of the same name, or in the existing one
    for shell in /sbin/nologin /usr/sbin/nologin /bin/false; do
        [ ! -x "$shell" ] || break
    done
    grouped=--user-group
    getent_group "$1" >/dev/null && grouped=--gid=$1
    useradd --system "$grouped" --no-create-home --home-dir / --shell "$shell" --comment 'installed by kprov' -- "$1"
}

add_group() { # NAME: with the gid of the user of that name, unless another group has it
    ! getent_group "$1" >/dev/null || return 0
    gid=$(getent_passwd "$1" | sed -n '1s/^[^:]*:[^:]*:[^:]*:\([0-9][0-9]*\):.*/\1/p')
    [ -z "$gid" ] || { ! getent group "$gid" && ! grep "^[^:]*:[^:]*:$gid:" /etc/group; } >/dev/null 2>&1 || gid=
    groupadd --system ${gid:+"--gid=$gid"} -- "$1"
}

keep_user() { # NAME: check that it exists
    getent_passwd "$1" >/dev/null || fail "user $1 does not exist"
}

remove_user() { # NAME [GID: of the group of that name, if it existed before]
    ! getent_passwd "$1" >/dev/null || userdel -- "$1" || return 1
    # userdel removes such a group as well (USERGROUPS_ENAB). usermod cannot prevent it: EL7's changes files below /.
    [ -z "${2-}" ] || getent_group "$1" >/dev/null || groupadd --gid "$2" -- "$1"
}

remove_group() { # NAME
    ! getent_group "$1" >/dev/null || groupdel -- "$1"
}

reload_units() { systemctl daemon-reload; }

# By itself, systemctl would reload systemd, which takes a tenth of a second. That is needed only where systemd still
# remembers the old state of the unit.
enable_unit() {
    systemctl --no-reload enable "$1" || return 1
    [ "$(systemctl show -p UnitFileState "$1")" = UnitFileState=enabled ] || reload_units
}

disable_unit() {
    systemctl --no-reload disable "$1" || return 1
    [ "$(systemctl show -p UnitFileState "$1")" != UnitFileState=enabled ] || reload_units
}

start_unit() { # UNIT: stopped first if it waits for an automatic restart, for which the start would wait as well
    [ "$(systemctl is-active "$1" 2>/dev/null)" != activating ] || systemctl stop "$1" || return 1
    systemctl reset-failed "$1" 2>/dev/null
    systemctl start "$1"
}

# Starts a unit with a Java option for this start only: a drop-in in /run, removed once systemd has started the unit.
with_option() { # UNIT OPTION start_unit|restart_unit
    once=/run/systemd/system/$1.d
    mkdir -p "$once" && printf '[Service]\nEnvironment=JAVA_TOOL_OPTIONS=%s\n' "$2" >"$once/kprov-once.conf" &&
        label "$once" "$once/kprov-once.conf" || return 1
    reload_units && "$3" "$1"
    once_status=$?
    rm -f -- "$once/kprov-once.conf"
    rmdir -- "$once" 2>/dev/null
    reload_units && return "$once_status"
}

try_start_unit() { # UNIT: another unit wants it but does not need it
    systemctl start "$1" 2>/dev/null
    return 0
}

restart_unit() { systemctl reset-failed "$1" 2>/dev/null; systemctl restart "$1"; }

kill_unit() { systemctl kill -s KILL "$1"; } # for the failover test

stop_unit() { systemctl stop "$1" || return 1; systemctl reset-failed "$1" 2>/dev/null; return 0; }

# HOW is "now", "permanent" or both in one word: kprov does not change what was open before.
open_port() { change_port add "$@"; } # PORT/PROTOCOL ZONE HOW [SOURCE]

close_port() { change_port remove "$@"; } # PORT/PROTOCOL ZONE HOW [SOURCE]

change_port() { # ACTION PORT/PROTOCOL ZONE HOW [SOURCE]
    zone=$(zone_option "$3")
    rule=--$1-port=$2
    [ -z "${5-}" ] || rule=--$1-rich-rule=$(rich_rule "$2" "$5")
    case $4 in *permanent*) firewall-cmd -q --permanent ${zone:+"$zone"} "$rule" || return 1 ;; esac
    case $4 in *now*) firewall-cmd -q ${zone:+"$zone"} "$rule" || return 1 ;; esac
}

remove_file() { # PATH: and what a killed run left beside it
    rm -f -- "$1" "$1.kprov-new"
}

remove_links() { # FOLDER PATTERN KEEP SOURCE...: the links, and the folder unless KEEP is "keep"
    links_folder=$1 links_pattern=$2 keep=$3
    shift 3
    rm -rf -- "$links_folder.kprov-new" || return 1
    [ -d "$links_folder" ] || return 0
    drop_links "$links_folder" "$links_pattern" "$@" || return 1
    [ "$keep" = keep ] || remove_empty "$links_folder"
}

remove_empty() { # PATH: a directory, unless others have put files there
    [ -d "$1" ] || return 0
    rm -rf -- "$1"/.kprov-tool.* # left by a killed tool
    rmdir -- "$1" 2>/dev/null || say kept "path=$1"
}

# A mount point cannot be removed: it stays, empty except for lost+found, and belongs to root.
remove_data() { # PATH
    find_file_system "$1"
    if [ "$mount_point" != "$mount_path" ]; then
        remove_tree "$1"
        return
    fi
    for item in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        [ -e "$item" ] || [ -L "$item" ] || continue
        [ "${item##*/}" = lost+found ] || rm -rf --one-file-system -- "$item" || return 1
    done
    set_mode "$1" root root 0755
}

remove_tree() { # PATH
    case $1 in
        /*/*) rm -rf --one-file-system -- "$1" ;;
        *) fail "$1 is not below a top-level directory: kprov does not remove it" ;;
    esac
}
