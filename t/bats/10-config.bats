#!/usr/bin/env bats
# 10-config - the command line and the configuration: every fault is told, with its place,
# before anything starts; and what is right takes effect.

bats_require_minimum_version 1.5.0
load helper

# cofferd ARGUMENT...: the server, for what ends by itself.
cofferd()
{
	timeout -k 5 "$PATIENCE" "$COFFER_BUILD/cofferd" "$@"
}

# conf: stdin becomes the configuration.
conf()
{
	cat >"$T/cofferd.conf"
}

# value KEY [ARGUMENT]...: what a key is in effect.
value()
{
	local key=$1
	shift
	cofferd -T "$@" | sed -n "s/^$key = //p"
}

# as_nobody COMMAND...: without root's rights, whoever runs the tests.
as_nobody()
{
	if [[ $(id -u) == 0 ]]; then
		setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	else
		"$@"
	fi
}

# --- the command line

@test "without a folder to serve it is a usage error" {
	run -64 cofferd -f /dev/null
	assert_output --partial 'nothing to serve'
	assert_output --partial 'usage: cofferd'
}

@test "two folders, an empty one, a bad -o, a missing argument are usage errors" {
	for arguments in "$T/root $T/root" "-o workers $T/root" "-o =3 $T/root" "-n"; do
		echo "cofferd $arguments"
		run -64 cofferd $arguments
		assert_output --partial 'usage: cofferd'
	done
	run -64 cofferd ""
}

@test "-T prints every key, and what it prints is read back as the same" {
	cofferd -T -w -l 'unix:/tmp/a b' -l coffer://[::1]:7 -o 'user=a"b\c$x' "$T/root" >"$T/one"
	[[ $(grep -c ' = ' "$T/one") -ge 25 ]]
	cofferd -T -f "$T/one" >"$T/two"
	diff "$T/one" "$T/two"
}

@test "-T needs no folder, and shows the defaults" {
	cofferd -T -f /dev/null >"$T/defaults"
	grep -qx 'root = ""' "$T/defaults"
	grep -qx 'idle-timeout = 5m' "$T/defaults"
	grep -qx 'listen = { "coffer://127.0.0.1:26333", "http://127.0.0.1:8080" }' "$T/defaults"
	grep -qx 'writable = no' "$T/defaults"
}

@test "later settings win: the file, then -o, then the options" {
	conf <<-END
	workers = 3
	idle-timeout = 7s
	backlog = 5
	listen = "coffer://127.0.0.1:1"
	END
	set -- -f "$T/cofferd.conf" "$T/root"
	assert_equal "$(value workers "$@")" 3
	assert_equal "$(value workers "$@" -o workers=4)" 4
	assert_equal "$(value workers -n 5 "$@" -o workers=4)" 5
	assert_equal "$(value idle-timeout "$@" -o workers=4)" 7s
	assert_equal "$(value log-level -v -o log-level=error "$@")" debug
	assert_equal "$(value listen "$@")" '{ "coffer://127.0.0.1:1" }'
	assert_equal "$(value listen -l coffer://a:2 -l unix:/b "$@")" '{ "coffer://a:2", "unix:/b" }'
	assert_equal "$(value listen -l coffer://a:2 -o listen=unix:/c "$@")" '{ "coffer://a:2" }'
}

@test "the folder of the command line wins over that of the file, and may be relative" {
	conf <<<"root = /tmp"
	cd "$T"
	assert_equal "$(value root -f cofferd.conf root)" "\"$(realpath root)\""
	assert_equal "$(value root -f cofferd.conf)" '"/tmp"'
}

@test "the log goes to standard error in the foreground, else to syslog" {
	assert_equal "$(value log "$T/root")" '"stderr"'
	assert_equal "$(value log -b "$T/root")" '"syslog"'
	assert_equal "$(value log -b -o log=/tmp/x "$T/root")" '"/tmp/x"'
}

# --- the file

@test "every fault of a file is told at once, with its line" {
	conf <<-'END'
	# faults everywhere
	root = "/nowhere/at/all"
	workers = 5x		# not a number
	grace-timeout = "5x"
	/* a comment of
	 * two lines */
	wrokers = 3
	listen = {
		"gopher://127.0.0.1:70",	# in a list
		"coffer://127.0.0.1:99999",
		"coffer://me@127.0.0.1/x"
	}
	log-level = loud
	concurrency = magic
	symlinks = outside
	umask = 8
	sessions-per-worker = 0
	writable = maybe
	pid-file = run.pid
	log = here
	upload-max = 5k
	END
	run -78 cofferd -t -f "$T/cofferd.conf"
	assert_line "$T/cofferd.conf:3: workers: \"5x\" is not a number"
	assert_line "$T/cofferd.conf:4: grace-timeout: \"5x\" is not a time (a number with ms, s, m, h or d)"
	assert_line "$T/cofferd.conf:7: unknown key \"wrokers\" (did you mean workers?)"
	assert_line --partial "$T/cofferd.conf:9: listen: no protocol is called \"gopher\" (coffer"
	assert_line --partial "$T/cofferd.conf:10: listen: \"coffer://127.0.0.1:99999\""
	assert_line --partial "$T/cofferd.conf:11: listen: \"coffer://me@127.0.0.1/x\""
	assert_line --partial "$T/cofferd.conf:13: log-level: \"loud\" is not one of error, warning"
	assert_line --partial "$T/cofferd.conf:14: concurrency: \"magic\" is no concurrency model (coroutine"
	assert_line --partial "$T/cofferd.conf:15: symlinks: \"outside\" is not one of inside, never"
	assert_line --partial "$T/cofferd.conf:16: umask: \"8\""
	assert_line --partial "$T/cofferd.conf:17: sessions-per-worker: \"0\" is not between 1 and 1000000"
	assert_line --partial "$T/cofferd.conf:18: writable: \"maybe\""
	assert_line --partial "$T/cofferd.conf:19: pid-file: \"run.pid\" is not an absolute file name"
	assert_line --partial "$T/cofferd.conf:20: log: \"here\""
	assert_line --partial "$T/cofferd.conf:21: upload-max: \"5k\""
	assert_line "$T/cofferd.conf:2: root: /nowhere/at/all: there is no such folder"
	assert_equal "${#lines[@]}" 16
}

@test "a start refuses what -t refuses" {
	conf <<<"workers = many"
	run -78 cofferd -f "$T/cofferd.conf" "$T/root"
	assert_output "$T/cofferd.conf:1: workers: \"many\" is not a number"
}

@test "faults on the command line are told with their option" {
	run -78 cofferd -t -n 0 -m magic -l x -o wrokers=3 -o root=here "$T/root"
	assert_line 'cofferd: -n: workers: "0" is not between 1 and 1024'
	assert_line --partial 'cofferd: -m: concurrency: "magic"'
	assert_line --partial 'cofferd: -l: listen: "x" is not a URL'
	assert_line 'cofferd: -o: unknown key "wrokers" (did you mean workers?)'
	assert_line --partial 'cofferd: -o: root: "here" is not an absolute file name'
}

@test "a syntax fault is told together with what stands before it" {
	conf <<-'END'
	workers = none
	root = "/tmp

	user = nobody
	END
	run -78 cofferd -t -f "$T/cofferd.conf" "$T/root"
	assert_line --index 0 --partial 'cofferd.conf:1: workers:'
	assert_line --index 1 --partial 'cofferd.conf:2: a string that begins here is not closed'
	assert_equal "${#lines[@]}" 2
}

# Each numeric key at its limits, as the manual tells them.
@test "every number is taken up to its limits in cofferd.conf(5), and not beyond" {
	local key min max n=0 unit
	while read -r key min max; do
		n=$((n + 1))
		echo "$key: $min to $max"
		run -0 cofferd -T -o "$key=$min" "$T/root"
		run -0 cofferd -T -o "$key=$max" "$T/root"
		case $key in
		umask)	run -78 cofferd -T -o "$key=1000" "$T/root" ;;
		*)
			unit=${max##*[0-9]}
			run -78 cofferd -T -o "$key=$((${max%"$unit"} + 1))$unit" "$T/root" ;;
		esac
		assert_output --regexp "cofferd: -o: $key: \".*\" is not between .* and "
		[[ $min != 0 ]] || continue
		unit=${min##*[0-9]}
		run -78 cofferd -T -o "$key=$((${min%"$unit"} - 1))$unit" "$T/root"
		assert_output --regexp "cofferd: -o: $key: \".*\" is not between $min and "
	done < <(awk '
		/^\.It Cm [a-z-]+$/ { key = $3 }
		/^\.Em \( (number|size|duration|octal)/ { range = "" ; wanted = 1 }
		wanted && match($0, /from [0-9]+[a-zA-Z]* to [0-9]+[a-zA-Z]*/) {
			split(substr($0, RSTART, RLENGTH), word, " ")
			print key, word[2], word[4]
			wanted = 0
		}' "$COFFER_SOURCE/man/cofferd.conf.5")
	assert_equal "$n" "$(grep -cE '^\.Em \( (number|size|duration|octal)' "$COFFER_SOURCE/man/cofferd.conf.5")"
}

@test "the defaults in cofferd.conf(5) are those of the program" {
	local key default is n=0
	while read -r key default; do
		is=$(value "$key" -f /dev/null)
		echo "$key: the manual says $default, the program $is"
		assert_equal "${is//\"/}" "$default"
		n=$((n + 1))
	done < <(awk '
		/^\.It Cm [a-z-]+$/ { key = $3 }
		match($0, /default: [^ ]*\.\)/) {
			default_ = substr($0, RSTART + 9, RLENGTH - 11)
			if (default_ != "none" && default_ != "empty" && key != "listen") print key, default_
			if (key == "durability") print key, default_
		}' "$COFFER_SOURCE/man/cofferd.conf.5" | sort -u)
	[[ $n -ge 18 ]]
}

@test "the sample configuration is right, with and without its comment signs" {
	run -0 cofferd -t -f "$COFFER_SOURCE/etc/cofferd.conf" "$T/root"
	assert_equal "$(value workers -f /dev/null)" "$(value workers -f "$COFFER_SOURCE/etc/cofferd.conf")"
	sed -E 's/^#([a-z-]+ = )/\1/' "$COFFER_SOURCE/etc/cofferd.conf" >"$T/all"
	diff <(grep -oE '^[a-z-]+ = ' "$T/all" | sort) <(cofferd -T -f /dev/null | grep -oE '^[a-z-]+ = ' | sort)
	# Its values are the defaults, but for those that are examples.
	diff <(cofferd -T -f /dev/null "$T/root" | grep -vE '^(#|pid-file|access-file|log =|workers|users)') \
	    <(cofferd -T -f "$T/all" "$T/root" | grep -vE '^(#|pid-file|access-file|log =|workers|users)')
}

@test "a file that is missing, a folder, unreadable, no file, or too large is refused" {
	run -78 cofferd -t -f "$T/missing" "$T/root"
	assert_output "$T/missing: No such file or directory"
	run -78 cofferd -t -f "$T" "$T/root"
	assert_output "$T: is a folder, not a file"
	mkfifo "$T/fifo"
	run -78 cofferd -t -f "$T/fifo" "$T/root"
	assert_output "$T/fifo: is not a regular file"
	head -c 1048577 /dev/zero | tr '\0' '\n' >"$T/large"
	run -78 cofferd -t -f "$T/large" "$T/root"
	assert_output --partial "$T/large: is larger than 1 MiB"
	truncate -s -1 "$T/large"
	run -0 cofferd -t -f "$T/large" "$T/root"
	chmod 000 "$T/cofferd.conf"
	run -78 as_nobody "$COFFER_BUILD/cofferd" -t -f "$T/cofferd.conf" "$T/root"
	assert_output "$T/cofferd.conf: Permission denied"
}

@test "a file of random bytes is refused, quickly" {
	head -c 1000000 /dev/urandom >"$T/random"
	run -78 cofferd -t -f "$T/random" "$T/root"
	((${#lines[@]} <= 102))
}

@test "included files are read beside the file, and their faults bear their name" {
	mkdir "$T/more"
	conf <<-'END'
	include("more/one.conf")
	backlog = x
	include("more/none.conf")
	END
	printf 'workers = 9\n\nidle-timeout = 3\ninclude("two.conf")\n' >"$T/more/one.conf"
	printf '\nio-timeout = 0\n' >"$T/more/two.conf"
	run -78 cofferd -t -f "$T/cofferd.conf" "$T/root"
	assert_line --partial "$T/more/two.conf:2: io-timeout:"
	assert_line --partial "$T/cofferd.conf:2: backlog:"
	assert_line "$T/cofferd.conf:3: $T/more/none.conf: No such file or directory"
	assert_equal "${#lines[@]}" 3
	echo 'include("more/one.conf")' | conf
	echo >"$T/more/two.conf"
	assert_equal "$(value workers -f "$T/cofferd.conf" "$T/root")" 9
	assert_equal "$(value idle-timeout -f "$T/cofferd.conf" "$T/root")" 3s
}

@test "a file that includes itself is refused" {
	echo 'include("cofferd.conf")' | conf
	run -78 cofferd -t -f "$T/cofferd.conf" "$T/root"
	assert_output --partial 'include each other'
}

@test "a variable of the environment stands for its value" {
	conf <<<'user = "${COFFER_TEST_USER:-nobody}"'
	assert_equal "$(value user -f "$T/cofferd.conf" "$T/root")" '"nobody"'
	export COFFER_TEST_USER=daemon
	assert_equal "$(value user -f "$T/cofferd.conf" "$T/root")" '"daemon"'
}

# --- what is there

@test "a folder that is missing, or is a file, is refused" {
	run -78 cofferd "$T/none"
	assert_output "cofferd: root: $T/none: there is no such folder"
	: >"$T/file"
	run -78 cofferd "$T/file"
	assert_output "cofferd: root: $T/file: is not a folder"
}

@test "a folder that the workers' user cannot enter, list or write is refused, with who and where" {
	local name
	name=$(as_nobody id -un)
	mkdir -p "$T/closed/root" "$T/unlisted" "$T/readonly"
	chmod 700 "$T/closed"; chmod 311 "$T/unlisted"; chmod 555 "$T/readonly"
	[[ $(id -u) == 0 ]] || chmod 000 "$T/closed"
	set -- as_nobody "$COFFER_BUILD/cofferd"
	[[ $(id -u) != 0 ]] || set -- cofferd -o user=nobody
	run -77 "$@" "$T/closed/root"
	assert_output --partial "cofferd: user $name cannot enter $T/closed (Permission denied)"
	[[ $(id -u) != 0 ]] || chmod 711 "$T/unlisted"
	run -77 "$@" "$T/unlisted"
	assert_output --partial "cofferd: user $name cannot list $T/unlisted (Permission denied)"
	run -0 "$@" -t "$T/readonly"
	run -77 "$@" -w "$T/readonly"
	assert_output --partial "cofferd: user $name cannot write $T/readonly (Permission denied)"
	assert_file_not_exists "$T/readonly/.coffer"
}

@test "root is told to name another user, and an unknown one is refused" {
	[[ $(id -u) == 0 ]] || skip "only root has workers of another user"
	run -78 cofferd -o user=no-such-user-here "$T/root"
	assert_output 'cofferd: user: "no-such-user-here": there is no such user'
	chmod 755 "$T/root"
	run -77 cofferd -w -o user=nobody "$T/root"
	assert_output --partial 'name another user with -o user='
	run -0 cofferd -t -w -o user=root "$T/root"
}

@test "workers that root started are the user, have no groups of root's, and no way back" {
	[[ $(id -u) == 0 ]] || skip "only root has workers of another user"
	server -o user=nobody
	local pid ids
	[[ -n $(workers) ]]
	for pid in $(workers); do
		ids=$(sed -n 's/^\(Uid\|Gid\|Groups\|CapEff\|CapPrm\|NoNewPrivs\):[[:space:]]*//p' "/proc/$pid/status")
		assert_equal "$(tr -s '[:space:]' ' ' <<<"$ids")" "$(printf '%s %s %s %s %s %s ' \
		    "65534 65534 65534 65534" "65534 65534 65534 65534" 65534 \
		    0000000000000000 0000000000000000 1)"
	done
}

@test "user=root keeps root's rights, with a warning" {
	[[ $(id -u) == 0 ]] || skip "only root can stay root"
	server -o user=root
	grep -q 'warning: workers stay root' "$LOG"
}

# --- starting

@test "a port that is taken is told, with the URL, and status 69" {
	server
	run -69 cofferd -l "$URL" "$T/root"
	assert_output --partial "cannot listen on $URL: Address already in use"
	run -69 cofferd -b -o log=/dev/null -l "$URL" "$T/root"
	assert_output --partial "cannot listen on $URL: Address already in use"
}

@test "two daemons cannot have one pidfile" {
	server -o pid-file="$T/pid"
	assert_equal "$(cat "$T/pid")" "$PID"
	run -1 cofferd -l coffer://127.0.0.1:0 -o pid-file="$T/pid" "$T/root"
	assert_output "cofferd: $T/pid: cofferd is already running, pid $PID"
	assert_equal "$(cat "$T/pid")" "$PID"
	stop_server
	assert_file_not_exists "$T/pid"
	# What a killed one leaves is no obstacle.
	echo 99999999 >"$T/pid"
	server -o pid-file="$T/pid"
	assert_equal "$(cat "$T/pid")" "$PID"
}

@test "a pidfile or log that cannot be made is told" {
	run -78 cofferd -o pid-file="$T/none/pid" "$T/root"
	assert_output "cofferd: pid-file: $T/none/pid: No such file or directory"
	run -78 cofferd -o log="$T/none/log" "$T/root"
	assert_output "cofferd: log: $T/none/log: No such file or directory"
	mkdir -m 755 "$T/shut"
	[[ $(id -u) == 0 ]] || chmod 555 "$T/shut"
	run -77 as_nobody "$COFFER_BUILD/cofferd" -o pid-file="$T/shut/pid" "$T/root"
	assert_output "cofferd: pid-file: $T/shut/pid: Permission denied"
}

@test "-b returns when clients can connect, and leaves nothing on the terminal" {
	run -0 cofferd -b -l "unix:$T/socket" -o log="$T/daemon.log" -o pid-file="$T/pid" "$T/root"
	assert_output ''
	PID=$(cat "$T/pid")
	SERVERS+=("$PID") LOGS+=("$T/daemon.log")
	run -0 timeout 10 nc -U "$T/socket" < <(printf 'PING\nQUIT\n')
	assert_output --partial '200 bye'
	local pid fd
	for pid in "$PID" $(workers); do
		assert_equal "$(ps -o tty= -p "$pid" | tr -d ' ')" '?'
		for fd in 0 1 2; do
			assert_equal "$(readlink "/proc/$pid/fd/$fd")" /dev/null
		done
	done
	kill "$PID"
	wait_for gone "$PID"
	assert_file_not_exists "$T/pid"
}

@test "a server is read-only unless told otherwise, and holds no descriptor that it inherited" {
	exec 9>"$T/inherited"
	server
	exec 9>&-
	run -0 ask 'MKDIR /x' QUIT
	assert_output --partial '403 /x: the server is read-only'
	local pid
	for pid in "$PID" $(workers); do
		run -1 grep -F "$T/inherited" <(ls -l "/proc/$pid/fd")
	done
}

@test "each fault of a section is told with its line" {
	mkdir "$T/a"
	cat >"$T/cofferd.conf" <<-EOF
	group "staff" { members = { "anna",
	    "us ers" } }
	share "/" {
		allow = { "@staff: all",
		    "everybody: list reed",
		    "@stuff: all" }
	}
	share "/a" {
		rot = "/x"
		root = "$T/none"
		quota = 3x
		allow = "everybody: all"
	}
	folder "/b" { }
	folder "c" { allow = "x: read" }
	folder "/d/%ux" { allow = "x: read" }
	folder "/e" { allow = "%u: read" }
	share "/f" { root = "$T/root/f" allow = "users: all" }
	share "/a" { root = "$T/a" allow = "users: all" }
	share "/g/.coffer" { root = "$T/a" allow = "users: all" }
	share "/h" { root = "$T/homes/%u" allow = "users: all" }
	EOF
	mkdir "$T/root/f"
	run -78 cofferd -t -o tftp-user=everybody -f "$T/cofferd.conf" "$T/root"
	run -0 sed "s|$T/cofferd.conf||g; s|$T||g" <<<"$output"
	assert_output ":9: unknown key \"rot\": a share has root, allow, quota and quota-files
:11: quota: \"3x\" is not a number of bytes (digits, with K, M, G or T for powers of 1024)
tftp-user: a user cannot be called so (a rule of a share names it)
:15: folder \"c\": a path begins with a slash
:20: share \"/g/.coffer\": that name is reserved
:10: root: /none: there is no such folder
:14: folder \"/b\": allow is missing: nobody may do anything there
:18: share \"/f\": its root and that of \"/\" are not apart (folder gives a part of a share other rights)
:21: root: /homes/%u: there is no such folder, and %u is nobody in a root: serve the one above it, and let a folder \"/%u\" be each user's own
:2: members: \"us ers\": a user cannot be called so
:5: allow: \"everybody: list reed\": \"reed\" is no right (list, read, create, replace, delete, admin; write for create, replace and delete; all; nothing)
:16: folder \"/d/%ux\": %u stands for a whole part of a path, and once
:17: allow: \"%u: read\": %u is nobody here: the path has no part %u
:19: share \"/a\": there is a section of that path already, at :8
:6: allow: \"@stuff: all\": there is no such group"
}

@test "sections are printed as they may be read again" {
	mkdir "$T/a"
	cat >"$T/cofferd.conf" <<-EOF
	group "staff" { members = { "anna", "bert" } }
	share "/" { root = "$T/root" allow = { "@staff: all", "everybody: list read" } quota = 3M }
	share "/a b" { root = "$T/a" allow = "everybody: create" quota-files = 7 }
	folder "/%u" { allow = { "%u: all" } }
	EOF
	run -0 cofferd -T -f "$T/cofferd.conf"
	cp "$T/cofferd.conf" "$T/first.conf"
	printf '%s\n' "$output" >"$T/cofferd.conf"
	cofferd -T -f "$T/cofferd.conf" >"$T/again"
	diff "$T/cofferd.conf" "$T/again"
	grep -q '^	quota-files = 7$' "$T/again"
}
