# shellcheck shell=sh
# The part of kprov that runs on a host: short functions in POSIX sh, for dash and for bash 4.2.
#
# Python sends this text and then calls, one a line, each a function with quoted arguments. Answers are
# lines on standard output: "@kprov", the kind of record, then fields "key=value", separated by tabs.
# A value that may hold any byte is base64 and its key ends in 64. Other lines are somebody else's noise.
# Functions whose name begins with probe_ only read.

PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
LC_ALL=C
LANG=C
export PATH LC_ALL LANG
# Commands get a clean environment: KAFKA_OPTS, JMX_PORT, _JAVA_OPTIONS, GREP_OPTIONS, POSIXLY_CORRECT and the like
# from /etc/environment, sshd or sudo change nothing. Variables of bash itself may be read-only and stay.
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

# What kprov calls besides the shell's own: tests run the library with a PATH of exactly these.
# shellcheck disable=SC2034
kprov_needs='base64 cat chmod chown cp date df du env flock grep gzip head id ln ls mkdir mv readlink rm rmdir
sed sha256sum stat sync tail tar timeout tr uname wc journalctl systemctl useradd userdel'

kprov_dir=/var/lib/kprov
tab=$(printf '\t')

# ---------------------------------------------------------------- answers

say() {
    printf '@kprov\t%s' "$1"
    shift
    for field; do printf '\t%s' "$field"; done
    printf '\n'
}

encode() { base64 | tr -d '\n'; }

encoded() { printf '%s' "$1" | encode; }

fail() {
    printf '%s\n' "$*" >&2
    return 1
}

# Runs one step of a plan; the first that fails ends the exchange.
step() {
    step_number=$1
    shift
    say begin "number=$step_number" || exit 1 # nobody listens any more
    if step_output=$("$@" 2>&1 </dev/null); then
        say end "number=$step_number" "output64=$(encoded "$step_output")"
    else
        say failed "number=$step_number" "status=$?" "output64=$(encoded "$step_output")"
        exit 0
    fi
}

# ---------------------------------------------------------------- facts (read-only)

# Before root is certain: who logged in, and can they become root without a password?
probe_login() {
    sudo=missing
    if [ "$(id -u)" = 0 ]; then
        sudo=root
    elif command -v sudo >/dev/null 2>&1; then
        if sudo_said=$(sudo -n true 2>&1 </dev/null); then sudo=free; else sudo=refused; fi
    fi
    say login "uid=$(id -u)" "user=$(id -un)" "system=$(uname -s)" "sudo=$sudo" "said64=$(encoded "${sudo_said-}")" \
        "session=$(session_of $$)"
}

# The sshd process of this connection as PID:STARTTIME, the one that every exchange of it descends from.
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

# Field 22 of /proc/PID/stat: tells a process from a later one with the same number.
start_time() {
    start_stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    # shellcheck disable=SC2086
    set -- ${start_stat##*) }
    shift 19
    printf '%s' "$1"
}

os_release() {
    if [ -r /etc/os-release ]; then
        # shellcheck disable=SC1091
        (. /etc/os-release && eval "printf '%s' \"\${$1-}\"")
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
    selinux=$(getenforce 2>/dev/null) || selinux=Disabled
    firewalld=no
    firewalld_runs && firewalld=yes
    say facts "system=$(uname -s)" "machine=$(uname -m)" "kernel=$(uname -r)" "bits=$(getconf LONG_BIT 2>/dev/null)" \
        "os=$(os_release ID)" "os_version=$(os_release VERSION_ID)" "os_name64=$(os_release PRETTY_NAME | encode)" \
        "host_name=$(uname -n)" "uid=$(id -u)" "systemd=$systemd" "selinux=$selinux" "firewalld=$firewalld" \
        "memory_kib=$(memory_kib MemTotal)" "boot=$(cat /proc/sys/kernel/random/boot_id)" "now=$(date +%s)" \
        "missing=$(missing_commands)"
}

# ---------------------------------------------------------------- state of resources (read-only)
# Each answers "seen", the resource's id, status=absent|present|unknown, and what it is.

unknown() { say seen "id=$1" status=unknown "why64=$(encoded "$2")"; }

probe_path() { # ID PATH [content]
    if said=$(stat --printf 'type=%F\tmode=%a\towner=%U\tgroup=%G\tuid=%u\tgid=%g\tsize=%s\tmtime=%Y' -- "$2" 2>&1); then
        if set_aside_before "$2"; then said="$said${tab}backup=yes"; fi
        case $said in
            "type=regular"*)
                if sum=$(sha256sum -- "$2" 2>&1); then
                    content=
                    [ -n "${3-}" ] && content="${tab}content64=$(head -c 262144 -- "$2" | encode)"
                    say seen "id=$1" status=present "$said" "sha256=${sum%% *}$content"
                else
                    unknown "$1" "$sum"
                fi ;;
            "type=symbolic link"*) say seen "id=$1" status=present "$said" "target=$(readlink -- "$2")" ;;
            "type=directory"*)
                # shellcheck disable=SC2012 # only whether there are any matters
                entries=$(ls -A -- "$2" | wc -l)
                say seen "id=$1" status=present "$said" "entries=$((entries))" ;;
            *) say seen "id=$1" status=present "$said" ;;
        esac
    else
        case $said in
            *"No such file or directory"* | *"Not a directory"*) say seen "id=$1" status=absent ;;
            *) unknown "$1" "$said" ;;
        esac
    fi
}

# Whether what was at PATH before kprov is kept beside it.
set_aside_before() { [ -e "$1.before-kprov" ] || [ -L "$1.before-kprov" ]; }

# A directory of data: what it holds tells whose it is. KIB is its size on disk.
probe_data() { # ID PATH
    broker=
    [ -r "$2/meta.properties" ] && broker=$(sed -n 's/^broker\.id=//p' "$2/meta.properties")
    holds=other
    [ -e "$2/version-2" ] && holds=zookeeper
    [ -e "$2/meta.properties" ] && holds=kafka
    probe_path "$1" "$2"
    [ -d "$2" ] && say data "id=$1" "holds=$holds" "broker=$broker" "kib=$(du -skx -- "$2" | sed 's/[^0-9].*//')" \
        "snapshot=$(any "$2"/version-2/snapshot.*)" "log=$(any "$2"/version-2/log.*)" \
        "first=$(any "$2"/version-2/log.1)"
    return 0
}

any() { # FIRST...: whether a pattern fits anything
    if [ -e "$1" ]; then printf yes; else printf no; fi
}

# Whether FOLDER has a link to each of SOURCE's entries that match PATTERN. "replaced": name and time of change of
# each file that is where a link should be. What else is in the folder is somebody else's.
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
    for entry in "$3"/$4; do
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
    say seen "id=$1" status=present "links=$links" "backup=$backup" "replaced64=$(encoded "$replaced")"
}

probe_user() { # ID NAME
    if entry=$(getent_passwd "$2"); then
        say seen "id=$1" status=present "entry64=$(encoded "$entry")"
    else
        say seen "id=$1" status=absent
    fi
}

# getent is part of glibc, not of the core utilities: the file is what useradd writes.
getent_passwd() { getent passwd "$1" 2>/dev/null || grep "^$1:" /etc/passwd; }

probe_unit() { # ID UNIT
    if shown=$(systemctl show -p LoadState,ActiveState,SubState,Result,MainPID,UnitFileState,NeedDaemonReload,FragmentPath,ExecMainStatus,ExecMainStartTimestamp "$2" 2>&1); then
        status=present
        # A process may go on running after its unit file has gone.
        case $shown in *LoadState=not-found*) case $shown in *ActiveState=inactive*) status=absent ;; esac ;; esac
        say seen "id=$1" "status=$status" "show64=$(encoded "$shown")"
    else
        unknown "$1" "$shown"
    fi
}

# Who listens on a TCP port: "address:inode" of each listening socket, then the process that holds it.
listeners() { # PORT
    hex=$(printf '%04X' "$1")
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | while read -r _ local _ state _ _ _ _ _ inode _; do
        [ "$state" = 0A ] && [ "${local##*:}" = "$hex" ] && printf '%s:%s\n' "${local%:*}" "$inode"
    done
    return 0
}

holder_of() { # INODE [PID]: the process with that socket open
    for fds in /proc/${2:-[0-9]*}/fd; do
        # shellcheck disable=SC2010 # names here are numbers; one ls is much cheaper than a readlink each
        if ls -l "$fds" 2>/dev/null | grep -q "socket:\[$1\]"; then
            holder=${fds%/fd}
            printf '%s' "${holder##*/}"
            return
        fi
    done
}

probe_port() { # ID PORT [PID: looked at first]
    sockets=$(listeners "$2")
    if [ -z "$sockets" ]; then
        say seen "id=$1" status=absent
        return
    fi
    first=${sockets%%"
"*}
    pid=
    [ "${3:-0}" -gt 0 ] && pid=$(holder_of "${first##*:}" "$3")
    [ -n "$pid" ] || pid=$(holder_of "${first##*:}")
    program=
    [ -n "$pid" ] && program=$(tr '\0' ' ' <"/proc/$pid/cmdline" | head -c 200)
    say seen "id=$1" status=present "pid=$pid" "address=${first%:*}" "program64=$(encoded "$program")"
}

probe_firewall() { # ID PORT/PROTOCOL ZONE: whether it is open, permanently and now, by whatever means; "" is the default zone
    if ! firewalld_runs; then
        unknown "$1" 'firewalld is not running'
        return
    fi
    zone=$(zone_option "$3")
    now=no permanent=no
    port_is_open "$2" "$(firewall-cmd ${zone:+"$zone"} --list-all 2>/dev/null)" && now=yes
    port_is_open "$2" "$(firewall-cmd --permanent ${zone:+"$zone"} --list-all 2>/dev/null)" && permanent=yes
    case $now$permanent in
        yesyes) say seen "id=$1" status=present ;;
        nono) say seen "id=$1" status=absent ;;
        *) say seen "id=$1" status=present "now=$now" "permanent=$permanent" ;;
    esac
}

firewalld_runs() {
    command -v firewall-cmd >/dev/null 2>&1 && [ "$(systemctl is-active firewalld.service 2>/dev/null)" = active ]
}

zone_option() { [ -z "$1" ] || printf '%s' "--zone=$1"; } # ZONE

# By the zone's target, by a rule that accepts it from everywhere, by a port or a range, or by a service that has it.
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

probe_zones() { # ID: what decides in which zone a connection falls
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
        say seen "id=$1" status=present "version64=$(encoded "$version")"
    else
        say seen "id=$1" status=absent
    fi
}

# The file system where PATH lies or will lie: free KiB and inodes, what it is, how it is mounted.
probe_disk() { # ID PATH
    place=$2
    while [ ! -d "$place" ]; do place=${place%/*}; [ -n "$place" ] || place=/; done
    line=$(df -Pk -- "$place" | sed -n 2p)
    free=$(printf '%s\n' "$line" | sed -n 's/^.* \([0-9][0-9]*\)  *[0-9]*% .*$/\1/p')
    inodes=$(df -Pi -- "$place" | sed -n '2s/^.* \([0-9][0-9]*\)  *[0-9-]*%* .*$/\1/p')
    mount=$(printf '%s\n' "$line" | sed -n 's/^.* [0-9]*%  *\(.*\)$/\1/p')
    options=
    while read -r _ point kind flags _; do
        [ "$point" != "$mount" ] || options="$kind $flags"
    done 2>/dev/null </proc/self/mounts
    say seen "id=$1" status=present "kib=$free" "inodes=$inodes" "place=$place" "mount=$mount" \
        "type=${options%% *}" "options=${options#* }" "device=$(stat -c %d -- "$place")"
}

probe_upload() { # ID NAME: how much of an archive is there already
    if [ -f "$kprov_dir/uploads/$2" ]; then
        say seen "id=$1" status=present whole=yes
    elif [ -f "$kprov_dir/uploads/$2.part" ]; then
        say seen "id=$1" status=present whole=no "size=$(stat -c %s "$kprov_dir/uploads/$2.part")"
    else
        say seen "id=$1" status=absent
    fi
}

probe_log() { # ID UNIT LINES [FILE...]: the ends of what the last process of a unit wrote: log files, the journal
    since=$(systemctl show -p ExecMainStartTimestamp "$2")
    since=$(date -d "${since#*=}" +%s 2>/dev/null) || since=0
    # With --since, -n would be the first lines after it, not the last ones (systemd 219 and long after).
    journal=$(journalctl -u "$2" --since "@$since" --no-pager -o cat 2>&1 | tail -n "$3")
    lines=$3
    id=$1
    shift 3
    said=
    for file; do
        # One that was not written to since then is of an earlier process.
        [ -r "$file" ] && [ "$(stat -c %Y -- "$file")" -ge "$since" ] && said=$(printf '%s\n--- %s\n%s' "$said" "$file" "$(tail -n "$lines" -- "$file")")
    done
    say seen "id=$id" status=present "text64=$(encoded "$(printf '%s\n%s' "$said" "$journal")")"
}

# ---------------------------------------------------------------- logs (read-only)

# The host's clock and its zone, and the earliest moment whose lines the functions below answer with.
probe_clock() { # ID [SINCE: -SECONDS, or a moment as date reads it]
    now=$(date +%s)
    case ${2-} in
        '') since=0 ;;
        -*) since=$((now + $2)) ;;
        *) since=$(date -d "$2" +%s 2>&1) || { unknown "$1" "$since"; exit 0; } ;;
    esac
    say seen "id=$1" status=present "now=$now" "zone=$(date +%z)" "since=$since"
}

probe_unit_log() { # ID UNIT LINES
    if [ "$since" = 0 ]; then
        said=$(journalctl -q -u "$2" -n "$3" --no-pager -o short-iso 2>&1) || { unknown "$1" "$said"; return; }
    else
        # Without -n, as in probe_log.
        said=$(journalctl -q -u "$2" --since "@$since" --no-pager -o short-iso 2>&1 | tail -n "$3")
    fi
    say seen "id=$1" status=present "text64=$(encoded "$said")"
}

probe_file_log() { # ID FILE LINES: its end, which may begin in the file before it
    if [ -r "$2" ]; then
        before=
        [ -r "$2.1" ] && before=$2.1
        say seen "id=$1" status=present \
            "text64=$(tail -q -n "$3" -- ${before:+"$before"} "$2" | tail -n "$3" | tail -c 262144 | encode)"
    else
        probe_path "$1" "$2"
    fi
}

# Each line of a command as a record, until the process GUARD has ended, which `tail --pid` waits for.
follow() { # GUARD NUMBER COMMAND...
    guard=$1
    prefix="@kprov${tab}line${tab}source=$2${tab}text_e="
    shift 2
    { "$@" 2>/dev/null & producer=$!; tail "--pid=$guard" -f /dev/null; kill "$producer"; } 3<&- |
        sed -u -e 's/\\/\\\\/g' -e 's/\t/\\t/g' -e "s/^/$prefix/" &
}

# The new lines of units and log files, after the last LINES of each, until standard input ends.
follow_logs() { # LINES NUMBER UNIT|FILE [NUMBER UNIT|FILE]...
    lines=$1
    shift
    exec 3<&0
    cat <&3 >/dev/null &
    guard=$!
    while [ $# -gt 1 ]; do
        case $2 in
            /*) follow "$guard" "$1" tail -F -n "$lines" -- "$2" ;; # by name: a log that is rotated is followed on
            *) follow "$guard" "$1" journalctl -q -f -n "$lines" --no-pager -o short-iso -u "$2" ;;
        esac
        shift 2
    done
    wait
}

# ---------------------------------------------------------------- what preflight looks at (read-only)
# An empty field means that the host does not say it.

line_of() { [ ! -r "$1" ] || head -n 1 -- "$1" 2>/dev/null; } # FILE

probe_kernel() { # ID: memory and settings
    say seen "id=$1" status=present "swap_kib=$(memory_kib SwapTotal)" \
        "swappiness=$(line_of /proc/sys/vm/swappiness)" \
        "huge_pages=$(line_of /sys/kernel/mm/transparent_hugepage/enabled)" \
        "nr_open=$(line_of /proc/sys/fs/nr_open)" "file_max=$(line_of /proc/sys/fs/file-max)" \
        "map_count=$(line_of /proc/sys/vm/max_map_count)" \
        "entropy=$(line_of /proc/sys/kernel/random/entropy_avail)" "container=$(line_of /run/systemd/container)"
}

# Which services keep the time, by the names that distributions give them, and whether the kernel's clock is in step.
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

# What each name leads to on the host itself: a line "name address address ...". The first name is the host's own.
probe_names() { # ID NAME...
    id=$1
    shift
    if ! command -v getent >/dev/null 2>&1; then
        unknown "$id" 'there is no getent'
        return
    fi
    names=
    for name in "$(uname -n)" "$@"; do
        names="$names$name $(timeout 10 getent ahosts "$name" 2>/dev/null | sed -n 's/^\([^ ]*\)  *STREAM.*/\1/p' | tr '\n' ' ')
"
    done
    say seen "id=$id" status=present "names64=$(encoded "$names")"
}

# The host's own addresses as the kernel lists them, its routes (which tell the interface of an address), and both
# ends of this connection: sudo takes SSH_CONNECTION away, the processes above it still have it.
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
    say seen "id=$1" status=present "own=$own" "six64=$(encoded "$six")" "routes64=$(encoded "$routes")" "ends=$ends"
}

# Processes that are a Java, a Kafka or a ZooKeeper: a line "pid command"; units of such names; their usual homes.
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
    units=$(systemctl list-unit-files --no-legend --no-pager --type=service 2>/dev/null |
        sed -n 's/^\([^ ]*\(kafka\|zookeeper\)[^ ]*\.service\) .*/\1/p')
    homes=
    for home in /opt/*kafka* /opt/*zookeeper* /opt/confluent* /usr/local/*kafka* /usr/local/*zookeeper* /usr/share/*zookeeper* /srv/*kafka*; do
        [ ! -d "$home" ] || homes="$homes$home
"
    done
    java=
    if command -v java >/dev/null 2>&1; then java=$(readlink -f -- "$(command -v java)"); fi
    say seen "id=$1" status=present "processes64=$(encoded "$processes")" "units64=$(encoded "$units")" \
        "homes64=$(encoded "$homes")" "java=$java"
}

# SELinux's mode and tools, and the domain that systemd starts an ordinary program in: an unconfined one may bind any port.
probe_selinux() { # ID
    domain=
    if command -v selinuxexeccon >/dev/null 2>&1 && selinuxenabled 2>/dev/null; then
        domain=$(selinuxexeccon /bin/cat system_u:system_r:init_t:s0 2>/dev/null)
    fi
    tools=
    for name in restorecon semanage; do
        ! command -v "$name" >/dev/null 2>&1 || tools="$tools $name"
    done
    say seen "id=$1" status=present "tools=${tools# }" "domain=$domain"
}

# Packet filters beside firewalld. iptables itself would load the kernel's modules: asked only where it has tables.
probe_filters() { # ID
    rules=
    if [ -n "$(line_of /proc/net/ip_tables_names)" ] && command -v iptables >/dev/null 2>&1; then
        rules=$(timeout 10 iptables -S INPUT 2>/dev/null)
    fi
    if [ -z "$rules" ] && command -v nft >/dev/null 2>&1; then
        rules=$(timeout 10 nft list ruleset 2>/dev/null | sed -n '/hook input/,/}/p')
    fi
    say seen "id=$1" status=present "rules64=$(encoded "$rules")"
}

# ---------------------------------------------------------------- asking the services (read-only)

# ZooKeeper's answer to the four-letter word srvr, through the client that its own tools use.
probe_srvr() { # ID JAVA_HOME CLASSPATH ADDRESS PORT SECONDS
    answer=$(timeout -k 5 "$6" "$2/bin/java" -Xmx64m -XX:-UsePerfData -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$3" \
        org.apache.zookeeper.client.FourLetterWordMain "$4" "$5" srvr 2>&1 </dev/null)
    say seen "id=$1" status=present "text64=$(encoded "$answer")"
}

# One of Kafka's own tools, run in the Kafka home; INPUT is given on its standard input. The native libraries of the
# codecs are unpacked into java.io.tmpdir, which must not be mounted noexec: the home's file system is not.
tool() { # ID SECONDS JAVA_HOME HOME INPUT COMMAND...
    id=$1 seconds=$2 input=$5
    JAVA_HOME=$3
    KAFKA_OPTS=-XX:-UsePerfData # leaves no /tmp/hsperfdata_root behind
    KAFKA_JMX_OPTS=-Dkprov.jmx=off # an empty one would open a port
    tool_tmp=$4/.kprov-tool.$$
    tool_out=$kprov_dir/tool.out.$$
    cd "$4" || return 1
    true >"$tool_out" || return 1
    if mkdir -m 0700 -- "$tool_tmp" 2>/dev/null; then KAFKA_OPTS="$KAFKA_OPTS -Djava.io.tmpdir=$tool_tmp"; fi
    export JAVA_HOME KAFKA_OPTS KAFKA_JMX_OPTS
    shift 5
    began=$(date +%s)
    errors=$(printf '%s' "$input" | { timeout -k 5 "$seconds" "$@" 2>&1 >&3 3>&-; printf '\nstatus=%s' $?; } 3>"$tool_out")
    say seen "id=$id" status=present "code=${errors##*status=}" "took=$(($(date +%s) - began))" \
        "output64=$(encode <"$tool_out")" "errors64=$(encoded "${errors%
status=*}")"
    rm -rf -- "$tool_out" "$tool_tmp"
}

# A command of the verification suite; what it writes to standard error is the exchange's.
run_command() { # TEXT
    output=$(/bin/sh -c "$1" </dev/null; printf '@%s' $?)
    say ran "code=${output##*@}" "output64=$(encoded "${output%@*}")"
}

# ---------------------------------------------------------------- lock and receipt

state_dir() {
    [ -d "$kprov_dir" ] || { mkdir -p "$kprov_dir" && label "$kprov_dir"; } || return 1
    [ ! -L "$kprov_dir" ] || fail "$kprov_dir is a symbolic link" || return 1
    chmod 0700 "$kprov_dir"
}

# A lock is held while the sshd process of the run that took it lives on this boot: it cannot outlive it. No clock has
# a say in it. Whoever asks holds the mutex, under which a lock gets its holder: one without was left by a killed run.
lock_is_stale() {
    holder=$(cat "$kprov_dir/lock/holder" 2>/dev/null) || return 0
    boot=$(printf '%s\n' "$holder" | sed -n 's/^boot=//p')
    session=$(printf '%s\n' "$holder" | sed -n 's/^session=//p')
    [ "$boot" != "$(cat /proc/sys/kernel/random/boot_id)" ] && return 0
    [ "$(start_time "${session%%:*}")" != "${session#*:}" ]
}

# The host's own journal: one line of JSON when a run takes the lock, one when it releases it, with the host's time.
# It never fails a run, and the oldest lines go.
note_run() { # JSON: an object
    [ -n "${1-}" ] || return 0
    {
        # A line that a full disk cut off does not swallow the next one.
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
    locked=no
    [ -d "$kprov_dir/lock" ] && ! lock_is_stale && locked=yes
    probe_path "$1" "$kprov_dir/journal" content
    say data "id=$1" "locked=$locked"
}

take_lock() { # SESSION WHO COMMAND [NOTE: for the journal]
    state_dir || return 1
    # One at a time from here on; the kernel lets go of the mutex when its process ends, however it ends.
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
            "$(cat /proc/sys/kernel/random/boot_id)" "$2" "$3" "$(date +%s)" >"$kprov_dir/lock/holder" || return 1
        note_run "${4-}"
        say lock taken=yes
    elif [ -d "$kprov_dir/lock" ]; then
        say lock taken=no "holder64=$(encode <"$kprov_dir/lock/holder")" "now=$(date +%s)" "gone=$gone"
    else
        fail "$said"
    fi
}

# Whether no step of the run that has the lock is under way any more; waits that long for it. A step goes on to its end
# when its connection is cut: until then its processes keep the lock's folder open and locked, see hold_lock.
step_seconds=4
at_rest() { { flock -w "$step_seconds" -x 8; } 8<"$kprov_dir/lock"; }

# Every exchange that changes something begins with this: it goes no further once another run has the lock.
hold_lock() { # SESSION
    if grep -qxF "session=$1" "$kprov_dir/lock/holder" 2>/dev/null; then
        exec 8<"$kprov_dir/lock"
        flock -n -s 8 && grep -qxF "session=$1" "$kprov_dir/lock/holder" && return
    fi
    echo 'the lock of this run is gone: another run has taken it over, or somebody removed it' >&2
    exit 1
}

release_lock() { # SESSION [NOTE: for the journal]
    if grep -qxF "session=$1" "$kprov_dir/lock/holder" 2>/dev/null; then
        note_run "${2-}"
        at_rest && rm -rf "$kprov_dir/lock"
    fi
    return 0
}

probe_receipt() { # ID: once the last step of a run that is gone has ended, which may still change what is seen
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
        chmod 0600 "$kprov_dir/receipt.json.new" && clear_stage && sync || return 1 # with all that it tells of
    # The one before is kept for when this one is cut off, by a disk that dies or by somebody's hand.
    if [ -f "$kprov_dir/receipt.json" ] && whole_receipt; then
        ln -f "$kprov_dir/receipt.json" "$kprov_dir/receipt.json.before" || return 1
    fi
    mv -f "$kprov_dir/receipt.json.new" "$kprov_dir/receipt.json"
}

drop_state() { rm -rf "$kprov_dir"; }

# ---------------------------------------------------------------- what comes on standard input

# Small files, named by their SHA-256, in one tar; each is checked before it is used.
receive_stage() {
    state_dir && rm -rf "$kprov_dir/stage" && mkdir -m 0700 "$kprov_dir/stage" || return 1
    if said=$(tar -xf - --no-same-owner -C "$kprov_dir/stage" 2>&1); then
        say staged ok=yes
    else
        say staged ok=no "output64=$(encoded "$said")"
        exit 0
    fi
}

clear_stage() { rm -rf "$kprov_dir/stage"; }

clear_uploads() { rm -rf "$kprov_dir/uploads"; }

drop_part() { rm -f -- "$kprov_dir/uploads/$1.part"; } # NAME

# SIZE more bytes of an archive; a part that an earlier run left is gone on with.
receive_upload() { # NAME SHA256 SIZE
    state_dir && mkdir -p "$kprov_dir/uploads" || return 1
    part=$kprov_dir/uploads/$1.part
    : >>"$part" || return 1
    before=$(stat -c %s -- "$part")
    if ! said=$({ head -c "$3" >>"$part"; } 2>&1); then
        say upload ok=no "output64=$(encoded "$said")"
        return
    fi
    if [ $(($(stat -c %s -- "$part") - before)) -lt "$3" ]; then
        say upload ok=no "output64=$(encoded 'the connection ended too early')" # the part stays for the next run
        return
    fi
    sum=$(sha256sum -- "$part")
    if [ "${sum%% *}" = "$2" ]; then
        mv -f -- "$part" "$kprov_dir/uploads/$1" && say upload ok=yes
    else
        size=$(stat -c %s -- "$part")
        rm -f -- "$part"
        say upload ok=no "sum=${sum%% *}" "size=$size"
    fi
}

# ---------------------------------------------------------------- changes

# SELinux stays on: each path gets the label that the policy gives by default.
label() {
    command -v restorecon >/dev/null 2>&1 && selinuxenabled 2>/dev/null && restorecon -R -- "$@" >/dev/null 2>&1
    return 0
}

make_directory() { # PATH OWNER GROUP MODE
    { [ -d "$1" ] || mkdir -- "$1"; } && chown "$2:$3" -- "$1" && chmod "$4" -- "$1" && label "$1"
}

own_tree() { # PATH OWNER GROUP: data that an earlier installation left
    chown -R "$2:$3" -- "$1"
}

put_file() { # SHA256 PATH OWNER GROUP MODE
    staged=$kprov_dir/stage/$1
    sum=$(sha256sum -- "$staged") || return 1
    [ "${sum%% *}" = "$1" ] || fail "$staged does not have the SHA-256 $1: it was changed on its way" || return 1
    cp -- "$staged" "$2.kprov-new" && chown "$3:$4" -- "$2.kprov-new" && chmod "$5" -- "$2.kprov-new" &&
        mv -fT -- "$2.kprov-new" "$2" && label "$2"
}

back_up() { # PATH BACKUP
    cp -a -- "$1" "$2"
}

set_aside() { # PATH BACKUP
    [ ! -e "$2" ] && [ ! -L "$2" ] || fail "$2 is there already" || return 1
    mv -T -- "$1" "$2"
}

put_back() { # BACKUP PATH
    [ ! -e "$2" ] && [ ! -L "$2" ] || fail "$2 is there: what was kept as $1 is not put in its place" || return 1
    mv -T -- "$1" "$2"
}

set_mode() { # PATH OWNER GROUP MODE
    chown "$2:$3" -- "$1" && chmod "$4" -- "$1"
}

put_link() { # PATH TARGET
    rm -f -- "$1.kprov-new" && ln -s -- "$2" "$1.kprov-new" && mv -fT -- "$1.kprov-new" "$1" && label "$1"
}

# A link for each of SOURCE's entries that match PATTERN. A folder that is not there comes whole, by a rename; in one
# that is, links into OLD sources that are not wanted any more go.
put_links() { # FOLDER SOURCE PATTERN [OLD...]
    folder=$1 source=$2 pattern=$3
    shift 3
    [ -d "$source" ] || fail "$source is not there" || return 1
    if [ ! -d "$folder" ]; then
        rm -rf -- "$folder.kprov-new" && mkdir -- "$folder.kprov-new" || return 1
        link_all "$folder.kprov-new" "$source" "$pattern" && mv -T -- "$folder.kprov-new" "$folder" || return 1
    else
        drop_links "$folder" "$pattern" "$source" "$@" && link_all "$folder" "$source" "$pattern" || return 1
    fi
    label "$folder"
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

# Unpacked beside its place and renamed: a path of a release is either whole or not there.
unpack_release() { # NAME SHA256 TOP PATH
    archive=$kprov_dir/uploads/$1
    sum=$(sha256sum -- "$archive") || return 1
    [ "${sum%% *}" = "$2" ] || fail "$archive does not have the SHA-256 $2" || return 1
    rm -rf -- "$4.kprov-new" "$4.kprov-old" && mkdir -- "$4.kprov-new" &&
        tar -xf "$archive" --no-same-owner --no-same-permissions -C "$4.kprov-new" -- "$3" || return 1
    chown -R root:root -- "$4.kprov-new/$3" && chmod -R u+rwX,go+rX,go-w -- "$4.kprov-new/$3" || return 1
    [ ! -e "$4" ] || mv -T -- "$4" "$4.kprov-old" || return 1
    mv -T -- "$4.kprov-new/$3" "$4" && rmdir -- "$4.kprov-new" && rm -rf -- "$4.kprov-old" && label "$4" || return 1
    rm -f -- "$archive"
}

add_user() { # NAME
    shell=/sbin/nologin
    [ -x "$shell" ] || shell=/usr/sbin/nologin
    useradd --system --user-group --no-create-home --home-dir / --shell "$shell" --comment 'installed by kprov' -- "$1"
}

keep_user() { # NAME: one that was there before
    getent_passwd "$1" >/dev/null || fail "there is no user $1"
}

remove_user() { # NAME
    getent_passwd "$1" >/dev/null || return 0
    userdel -- "$1"
}

reload_units() { systemctl daemon-reload; }

enable_unit() { systemctl enable "$1"; }

disable_unit() { systemctl disable "$1"; }

start_unit() { # UNIT: one that waits for its next automatic restart would make the start wait as well
    [ "$(systemctl is-active "$1" 2>/dev/null)" != activating ] || systemctl stop "$1" || return 1
    systemctl reset-failed "$1" 2>/dev/null
    systemctl start "$1"
}

# One start with an option of Java that no file holds: it lies in /run only while systemd reads it.
with_option() { # UNIT OPTION start_unit|restart_unit
    once=/run/systemd/system/$1.d
    mkdir -p "$once" && printf '[Service]\nEnvironment=JAVA_TOOL_OPTIONS=%s\n' "$2" >"$once/kprov-once.conf" || return 1
    reload_units && "$3" "$1"
    once_status=$?
    rm -f -- "$once/kprov-once.conf"
    rmdir -- "$once" 2>/dev/null
    reload_units && return "$once_status"
}

try_start_unit() { # UNIT: for another's sake, which can also do without
    systemctl start "$1" 2>/dev/null
    return 0
}

restart_unit() { systemctl reset-failed "$1" 2>/dev/null; systemctl restart "$1"; }

stop_unit() { systemctl stop "$1" || return 1; systemctl reset-failed "$1" 2>/dev/null; return 0; }

# HOW says which of the two: what was open before is not touched, neither now nor later.
open_port() { change_port add "$@"; }     # PORT/PROTOCOL ZONE HOW: "now", "permanent" or both in one word

close_port() { change_port remove "$@"; } # likewise

change_port() { # ACTION PORT/PROTOCOL ZONE HOW
    zone=$(zone_option "$3")
    case $4 in *permanent*) firewall-cmd -q --permanent ${zone:+"$zone"} "--$1-port=$2" || return 1 ;; esac
    case $4 in *now*) firewall-cmd -q ${zone:+"$zone"} "--$1-port=$2" || return 1 ;; esac
}

remove_file() { # PATH: with what a run that was killed left beside it
    rm -f -- "$1" "$1.kprov-new"
}

remove_links() { # FOLDER PATTERN KEEP SOURCE...: the links, and the folder itself unless it is another resource
    links_folder=$1 links_pattern=$2 keep=$3
    shift 3
    rm -rf -- "$links_folder.kprov-new" || return 1
    [ -d "$links_folder" ] || return 0
    drop_links "$links_folder" "$links_pattern" "$@" || return 1
    [ "$keep" = keep ] || remove_empty "$links_folder"
}

remove_empty() { # PATH: a directory that is not empty holds what somebody else put there
    [ -d "$1" ] || return 0
    rm -rf -- "$1"/.kprov-tool.* # of a tool whose run was killed
    rmdir -- "$1" 2>/dev/null || say kept "path=$1"
}

remove_tree() { # PATH
    case $1 in
        /*/*) rm -rf --one-file-system -- "$1" ;;
        *) fail "$1 is not a path that kprov removes" ;;
    esac
}
