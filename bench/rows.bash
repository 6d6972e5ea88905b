# rows - what is measured.  Each row has three functions:
#   prepare_ROW          makes its files, once;
#   start_ROW WHO        starts WHO's server (rows that need a fresh one do it in case_ROW);
#   case_ROW WHO         one measurement, told with: sample METRIC WHO VALUE
# A row takes its contestants in turn, round by round, so that the machine's
# moods fall on all of them alike.

# ROW: contestants.  (The idle rows ask the peers in the first round only.)
declare -A contestants=(
	[get-1g-1]="coffer limit limit-nb nginx lighttpd vsftpd"
	[get-1g-4]="coffer limit limit-nb nginx lighttpd vsftpd"
	[get-small]="coffer limit"
	[tree-down]="coffer limit rsync"
	[tree-up]="coffer limit rsync"
	[tree-up-durable]="coffer limit rsync"
	[put-4k-durable]="coffer"
	[resume-rehash]="coffer limit"
	[put-1g]="coffer limit limit-splice vsftpd"
	[put-1g-fsync]="coffer limit limit-splice"
	[list-100k]="coffer limit"
	[idle-1000]="coffer nginx lighttpd"
	[idle-10000]="coffer nginx lighttpd"
	[connect]="coffer limit nginx"
	[slow-readers]="coffer nginx"
	[http-1k]="coffer limit lighttpd nginx"
	[http-16k]="coffer limit lighttpd nginx"
	[http-128k]="coffer limit lighttpd nginx"
	[http-json-100k]="coffer limit nginx"
	[tftp-w1]="coffer limit tftpd-hpa atftpd"
	[tftp-w16]="coffer limit atftpd"
	[tls-get-1g]="coffer limit nginx"
	[tls-handshakes]="coffer limit"
	[sandbox-small]="coffer limit"
	[sandbox-1k]="coffer limit"
)
row_order=(get-1g-1 get-1g-4 get-small tree-down tree-up tree-up-durable put-4k-durable
    put-1g put-1g-fsync resume-rehash list-100k
    idle-1000 idle-10000 connect slow-readers http-1k http-16k http-128k http-json-100k
    tftp-w1 tftp-w16 tls-get-1g tls-handshakes sandbox-small sandbox-1k)

# METRIC: unit, kind, target.  rate: ratio to the limit, at least; time: ratio to the
# limit, at most; most: the value itself, at most.  A row may have several metrics.
declare -A metrics=(
	[get-1g-1]="MB/s rate 0.95"
	[get-1g-4]="MB/s rate 0.95"
	[get-small]="req/s rate 0.8"
	[tree-down]="files/s rate 0.7"
	[tree-up]="files/s rate 0.6"
	[tree-up-durable]="files/s rate 2.5"
	[put-4k-durable]="files/s rate 1.8"
	[resume-rehash]="MB/s rate 0.9"
	[resume-others]="us time 2"
	[put-1g]="MB/s rate 0.9"
	[put-1g-fsync]="MB/s rate 0.9"
	[list-100k]="ms time 1.15"
	[list-first]="ms most 5"
	[list-growth]="KiB most 1024"
	[idle-1000]="KiB most 6"
	[idle-10000]="KiB most 6"
	[connect]="conn/s rate 0.9"
	[slow-readers]="us time 1.3"
	[http-1k]="req/s rate 0.9"
	[http-1k-p99]="us time 1.3"
	[http-16k]="req/s rate 0.9"
	[http-16k-p99]="us time 1.3"
	[http-128k]="req/s rate 0.9"
	[http-128k-p99]="us time 1.3"
	[http-json-100k]="ms time 1.2"
	[http-json-first]="ms most 5"
	[tftp-w1]="MB/s rate 0.9"
	[tftp-w16]="MB/s rate 0.9"
	[tls-get-1g]="MB/cpu-s rate 0.9"
	[tls-handshakes]="1/cpu-s rate 0.9"
	[sandbox-small]="req/s rate 0.97"
	[sandbox-1k]="req/s rate 0.97"
)
declare -A row_metrics=(
	[http-1k]="http-1k http-1k-p99" [http-16k]="http-16k http-16k-p99"
	[http-128k]="http-128k http-128k-p99" [http-json-100k]="http-json-100k http-json-first"
	[resume-rehash]="resume-rehash resume-others"
	[list-100k]="list-100k list-first list-growth")

# proto WHO: the protocol that the load program speaks to it.
proto() {
	case $1 in
	nginx | lighttpd)	echo http ;;
	vsftpd)			echo ftp ;;
	*)			echo coffer ;;
	esac
}

# client WHO WORK OPTION...: the load program against WHO's server; $answer is its line.
client() {
	local who=$1
	shift
	client_run "$bin/load" "$1" -p "${port[$who]}" -P "$(proto "$who")" "${@:2}"
}

# memory WHO: what WHO's server takes, as words, in $answer
memory() {
	client_run "$bin/tool" mem "${pid[$1]}"
}

# ---- GET of 1 GiB

prepare_get() {
	mkdir "$disk/get"
	"$bin/tool" file "$disk/get/big" "$big" || return 1
	spawn lock "$bin/tool" lock "$disk/get/big"
	await lock '(locked)' 60
	grep -q '^locked' "$work/lock.log" ||
	    note "$row: the file could not be locked in memory (ulimit -l); it was read over and over"
}

start_get() {
	local limit_name=$1
	case $1 in
	limit)		start_limit sendfile "$disk/get/big" 0 ;;
	limit-nb)	start_limit sendfile "$disk/get/big" 524288 ;;
	*)		"start_$1" "$disk/get" ;;
	esac
}

case_get() {
	client "$1" get -f /big -n "$big" -c "$2" || return 1
	sample "$row" "$1" "$(scaled rate 1e-6)"
}

prepare_get_1g_1() { prepare_get; }
prepare_get_1g_4() { prepare_get; }
start_get_1g_1() { start_get "$1"; }
start_get_1g_4() { start_get "$1"; }
case_get_1g_1() { case_get "$1" 1; }
case_get_1g_4() { case_get "$1" 4; }

# ---- GET of many small files, pipelined

prepare_get_small() {
	mkdir "$mem/small"
	"$bin/tool" files "$mem/small/s" 1000 1024
}

start_get_small() {
	case $1 in
	limit)	start_limit small "$mem/small" ;;
	*)	"start_$1" "$mem/small" ;;
	esac
}

case_get_small() {
	client "$1" small -f /s -n "$smalls" -w 512 || return 1
	sample "$row" "$1" "$(scaled rate 1)" || return 1
	operations=$smalls
}

# ---- a tree, down and up

prepare_tree() {
	mkdir -p "$mem/from" "$mem/to" "$mem/up"
	"$bin/tool" tree "$mem/from/tree" "$folders" 100 4096
}

# tree_case WHO SOURCE COPY COMMAND...: COPY is what must be like SOURCE afterwards.
tree_case() {
	local who=$1 source=$2 copy=$3 t0 t1
	shift 3
	t0=$EPOCHREALTIME
	client_run "$@" || return 1
	t1=$EPOCHREALTIME
	if ! diff -rq "$source" "$copy" >"$work/diff.log" 2>&1; then
		why="the copy differs: $(head -n 1 "$work/diff.log")"
		return 1
	fi
	sample "$row" "$who" "$(awk -v n=$((folders * 100)) -v a="$t0" -v b="$t1" \
	    'BEGIN { print n / (b - a) }')"
}

prepare_tree_down() { prepare_tree; }

start_tree_down() {
	case $1 in
	limit)	start_limit tar-out "$mem/from/tree" ;;
	*)	"start_$1" "$mem/from" ;;
	esac
}

case_tree_down() {
	local to=$mem/to
	rm -rf "$to" && mkdir "$to"
	case $1 in
	coffer)	tree_case "$1" "$mem/from/tree" "$to/tree" \
		    "$coffer" get -q -r "coffer://127.0.0.1:${port[$1]}/tree" "$to/tree" ;;
	limit)	tree_case "$1" "$mem/from/tree" "$to" \
		    "$bin/load" tar-down -p "${port[$1]}" -f "$to" ;;
	rsync)	tree_case "$1" "$mem/from/tree" "$to/tree" \
		    rsync -a "rsync://127.0.0.1:${port[$1]}/m/tree" "$to/" ;;
	esac
}

prepare_tree_up() { prepare_tree; }

start_tree_up() {
	case $1 in
	coffer)	start_coffer "$mem/up" -w -o durability=none ;;
	limit)	start_limit tar-in "$mem/up" ;;
	*)	"start_$1" "$mem/up" ;;
	esac
}

case_tree_up() {
	local up=$mem/up
	find "$up" -mindepth 1 -maxdepth 1 ! -name .coffer -exec rm -rf {} +
	case $1 in
	coffer)	tree_case "$1" "$mem/from/tree" "$up/tree" \
		    "$coffer" put -q -r "$mem/from/tree" "coffer://127.0.0.1:${port[$1]}/tree" ;;
	limit)	tree_case "$1" "$mem/from/tree" "$up/tree" \
		    "$bin/load" tar-up -p "${port[$1]}" -f "$mem/from" ;;
	rsync)	tree_case "$1" "$mem/from/tree" "$up/tree" \
		    rsync -a "$mem/from/tree" "rsync://127.0.0.1:${port[$1]}/m/" ;;
	esac
}

# ---- the same tree up, kept on disk

prepare_tree_up_durable() {
	mkdir -p "$mem/from" "$disk/up"
	"$bin/tool" tree "$mem/from/tree" "$folders" 100 4096
}

start_tree_up_durable() {
	case $1 in
	coffer)	start_coffer "$disk/up" -w ;;
	*)	start_rsync "$disk/up" "$1" ;;
	esac
}

case_tree_up_durable() {
	local up=$disk/up options=(-a)
	find "$up" -mindepth 1 -maxdepth 1 ! -name .coffer -exec rm -rf {} +
	sync
	[[ $1 == limit ]] && options+=(--fsync)
	case $1 in
	coffer)	tree_case "$1" "$mem/from/tree" "$up/tree" \
		    "$coffer" put -q -r "$mem/from/tree" "coffer://127.0.0.1:${port[$1]}/tree" ;;
	*)	tree_case "$1" "$mem/from/tree" "$up/tree" \
		    rsync "${options[@]}" "$mem/from/tree" "rsync://127.0.0.1:${port[$1]}/m/" ;;
	esac
}

# ---- PUTs of 4 KiB, each kept on disk: 64 clients, beside one alone

prepare_put_4k_durable() {
	mkdir -p "$disk/put/up"
}

start_put_4k_durable() { start_coffer "$disk/put" -w; }

case_put_4k_durable() {
	sync
	client "$1" puts -f /up -n "$singles" -c 1 || return 1
	sample "$row" "$1-alone" "$(scaled rate 1)" || return 1
	sync
	client "$1" puts -f /up -n "$((singles * 4))" -c 64 || return 1
	sample "$row" "$1" "$(scaled rate 1)" || return 1
	rm -rf "$disk/put/up" && mkdir "$disk/put/up"
	operations=$((singles * 5))
}

# ---- PUT of 1 GiB that is resumed at 90 %: what is there is hashed again

prepare_resume_rehash() {
	need openssl || return 1
	mkdir -p "$disk/put/up"
	"$bin/tool" file "$disk/put/x" 1024
}

start_resume_rehash() { [[ $1 == limit ]] || start_coffer "$disk/put" -w; }

# resumer CASE SECONDS: has what is there hashed for so long, again and again.
resumer() {
	spawn resumer "$bin/load" resume -p "${port[$1]}" -f /up/x -n "$big" -t "$2"
	await resumer '^(ready)' 60
}

resumed() {
	await resumer '^(rate=.*)' 60 || return 1
	answer=$found
	stop resumer
	rm -f "$disk"/put/.coffer/[0-9a-f]*
}

# First it hashes alone, then others ask for a small file beside it: on two cores, these and their client
# would take a third of its time.
case_resume_rehash() {
	if [[ $1 == limit ]]; then
		answer=$(openssl speed -evp sha256 -bytes 1048576 -seconds 2 2>/dev/null |
		    awk '$1 == "sha256" { print "rate=" $2 + 0 }')
		sample "$row" "$1" "$(scaled rate 1e-3)"
		return
	fi
	client "$1" quick -f /x -t "$quick_seconds" || return 1
	sample resume-others "$1-alone" "$(scaled p99 1)" || return 1
	resumer "$1" "$quick_seconds" && resumed || return 1
	sample "$row" "$1" "$(scaled rate 1e-6)" || return 1
	resumer "$1" $((quick_seconds + 2)) || return 1
	sleep 0.5
	client "$1" quick -f /x -t "$quick_seconds" || return 1
	sample resume-others "$1" "$(scaled p99 1)" || return 1
	resumed
}

# ---- PUT of 1 GiB

prepare_put() {
	mkdir -p "$disk/put/up" "$disk/put-coffer/up"
}

start_put() {
	local limit_name=$1
	case $1 in
	coffer)		start_coffer "$disk/put-coffer" -w -o durability="$2" ;;
	limit)		start_limit put "$disk/put" "$3" copy ;;
	limit-splice)	start_limit put "$disk/put" "$3" splice ;;
	*)		"start_$1" "$disk/put" ;;
	esac
}

case_put() {
	rm -f "$disk/put/up/x" "$disk/put-coffer/up/x"
	sync
	client "$1" put -f /up/x -n "$big" || return 1
	sample "$row" "$1" "$(scaled rate 1e-6)"
}

prepare_put_1g() { prepare_put; }
prepare_put_1g_fsync() { prepare_put; }
start_put_1g() { start_put "$1" none none; }
start_put_1g_fsync() { start_put "$1" full fsync; }
case_put_1g() { case_put "$1"; }
case_put_1g_fsync() { case_put "$1"; }

# ---- LIST of 100,000 entries

prepare_list_100k() {
	mkdir -p "$mem/list/warm"
	"$bin/tool" files "$mem/list/big" "$names" 0
}

start_list_100k() { :; }

# The server is fresh for each case; one short list first, so that growth is
# what the long list costs, not what the first request of all costs.
case_list_100k() {
	local before
	case $1 in
	limit)	start_limit list "$mem/list/big" ;;
	*)	"start_$1" "$mem/list" ;;
	esac || return 1
	if [[ $1 == coffer ]]; then
		: >"$mem/list/warm/x"
		client "$1" list -f /warm -n 1 || return 1
		client "$1" list -f /warm -n 1 || return 1
	fi
	"$bin/tool" reset-peak "${pid[$1]}" 2>/dev/null
	memory "$1" || return 1
	before=$answer
	client "$1" list -f /big -n "$names" || return 1
	sample list-100k "$1" "$(scaled seconds 1e3)" || return 1
	if [[ $1 == coffer ]]; then
		sample list-first "$1" "$(scaled first 1e3)" || return 1
		memory "$1" || return 1
		sample list-growth "$1" "$(growth "$before" "$answer")"
	fi
	stop "$1"
}

# The larger of: PSS afterwards over PSS before; the peak of RSS meanwhile over RSS before.
growth() {
	local a=$(($(word pss "$2") - $(word pss "$1")))
	local b=$(($(word peak "$2") - $(word rss "$1")))
	echo $((a > b ? a : b))
}

# ---- idle sessions

prepare_idle() {
	mkdir -p "$mem/idle"
	[[ -e $mem/idle/x ]] || "$bin/tool" file "$mem/idle/x" 64
}

case_idle() {
	local options=() before
	[[ $round == 1 || $1 == coffer ]] || return 0
	((round <= idle_rounds)) || return 0
	[[ $1 == coffer ]] && options=(-o sessions-per-worker="$2")
	"start_$1" "$mem/idle" "${options[@]}" || return 1
	sleep 1
	memory "$1" || return 1
	before=$answer
	spawn idlers "$bin/load" idle -p "${port[$1]}" -P "$(proto "$1")" -n "$2" -f /x
	await idlers '^ready' 60 || return 1
	sleep "$settle"
	memory "$1" || return 1
	if ! kill -0 "${pid[idlers]}" 2>/dev/null; then
		why="the sessions did not last: $(tail -n 1 "$work/idlers.log")"
		return 1
	fi
	sample "$row" "$1" "$(awk -v a="$(word pss "$before")" -v b="$(word pss "$answer")" \
	    -v n="$2" 'BEGIN { print (b - a) / n }')"
	stop idlers
	stop "$1"
}

prepare_idle_1000() { prepare_idle; }
prepare_idle_10000() { prepare_idle; }
start_idle_1000() { [[ $1 == coffer ]] || need "$1"; }
start_idle_10000() { [[ $1 == coffer ]] || need "$1"; }
case_idle_1000() { case_idle "$1" 1000; }
case_idle_10000() { case_idle "$1" "$idlers"; }

# ---- connect, one request, close

prepare_connect() {
	mkdir "$mem/connect"
	"$bin/tool" file "$mem/connect/x" 1024
}

start_connect() {
	case $1 in
	limit)	start_limit ping ;;
	*)	"start_$1" "$mem/connect" ;;
	esac
}

case_connect() {
	client "$1" connect -c 4 -n "$connects" -f /x || return 1
	sample "$row" "$1" "$(scaled rate 1)" || return 1
	operations=$connects
}

# ---- a quick client beside slow readers

prepare_slow_readers() {
	mkdir "$mem/slow"
	"$bin/tool" file "$mem/slow/x" 1024 && "$bin/tool" file "$mem/slow/large" 10485760
}

start_slow_readers() { "start_$1" "$mem/slow"; }

case_slow_readers() {
	client "$1" quick -f /x -t "$quick_seconds" || return 1
	sample "$row" "$1-alone" "$(scaled p99 1)" || return 1
	spawn readers "$bin/load" slow -p "${port[$1]}" -P "$(proto "$1")" -f /large -c 200 -t 120
	await readers '^ready' 30 || return 1
	sleep 1
	client "$1" quick -f /x -t "$quick_seconds" || return 1
	if ! kill -0 "${pid[readers]}" 2>/dev/null; then
		why="a slow reader was thrown out: $(tail -n 1 "$work/readers.log")"
		return 1
	fi
	sample "$row" "$1" "$(scaled p99 1)" || return 1
	stop readers
}

# ---- HTTP: a file over 64 kept connections, by wrk

prepare_http() {
	need wrk || return 1
	mkdir -p "$mem/http"
	"$bin/tool" file "$mem/http/x" "$1"
}

start_http() {
	case $1 in
	coffer | limit)	"start_${1}_http" "$2" ;;
	nginx)		start_nginx "$2" 'autoindex on; autoindex_format json;' ;;
	*)		"start_$1" "$2" ;;
	esac
}

# What wrk says in its own words, as KEY=VALUE; latencies in microseconds.
case_http() {
	client_run wrk -t 1 -c 64 -d "${http_seconds}s" --latency "http://127.0.0.1:${port[$1]}/x" || return 1
	answer=$(awk '
		function us(t) { return t ~ /us$/ ? t + 0 : t ~ /ms$/ ? t * 1e3 : t * 1e6 }
		/^ *99%/ { p99 = us($2) }
		/^Requests\/sec:/ { rate = $2 }
		/requests in/ { n = $1 }
		/Non-2xx|Socket errors/ { bad = 1 }
		END { if (!bad && rate > 0) print "rate=" rate, "p99=" p99, "n=" n }' "$work/client.out")
	sample "$row" "$1" "$(scaled rate 1)" || return 1
	sample "$row-p99" "$1" "$(scaled p99 1)" || return 1
	operations=$(word n "$answer")
}

prepare_http_1k() { prepare_http 1024; }
prepare_http_16k() { prepare_http 16384; }
prepare_http_128k() { prepare_http 131072; }
start_http_1k() { start_http "$1" "$mem/http"; }
start_http_16k() { start_http "$1" "$mem/http"; }
start_http_128k() { start_http "$1" "$mem/http"; }
case_http_1k() { case_http "$1"; }
case_http_16k() { case_http "$1"; }
case_http_128k() { case_http "$1"; }

# ---- what the sandbox costs: the same two, and the limit is cofferd without one

prepare_sandbox_small() { prepare_get_small; }
prepare_sandbox_1k() { prepare_http_1k; }

start_sandbox_small() {
	case $1 in
	limit)	coffer_name=limit start_coffer "$mem/small" -o sandbox=off ;;
	*)	start_coffer "$mem/small" -o sandbox=best ;;
	esac
}

start_sandbox_1k() {
	case $1 in
	limit)	coffer_name=limit start_coffer_http "$mem/http" -o sandbox=off ;;
	*)	start_coffer_http "$mem/http" -o sandbox=best ;;
	esac
}

case_sandbox_small() { case_get_small "$1"; }
case_sandbox_1k() { case_http "$1"; }

# ---- HTTP: 100,000 entries as JSON, by curl

prepare_http_json_100k() {
	need curl || return 1
	mkdir -p "$mem/json"
	"$bin/tool" files "$mem/json/big" "$names" 0
}

start_http_json_100k() { start_http "$1" "$mem/json"; }

case_http_json_100k() {
	local query=
	[[ $1 == coffer ]] && query=?json
	client_run curl -q -s -S -f --noproxy '*' -o "$work/json" \
	    -w 'first=%{time_starttransfer} seconds=%{time_total}\n' \
	    "http://127.0.0.1:${port[$1]}/big/$query" || return 1
	if (($(grep -o '"name"' "$work/json" | wc -l) != names)); then
		why="not all entries came"
		return 1
	fi
	sample http-json-100k "$1" "$(scaled seconds 1e3)" || return 1
	[[ $1 != coffer ]] || sample http-json-first "$1" "$(scaled first 1e3)"
}

# ---- TFTP: 40 MiB in blocks of 1,468 bytes, by atftp, one by one and in windows of 16

prepare_tftp() {
	need atftp || return 1
	mkdir -p "$mem/tftp"
	"$bin/tool" file "$mem/tftp/big" 41943040
}

start_tftp() {
	case $1 in
	coffer | limit)	"start_${1}_tftp" "$mem/tftp" ;;
	*)		"start_${1//-/_}" "$mem/tftp" ;;
	esac
}

case_tftp() {
	local t0=$EPOCHREALTIME t1
	rm -f "$mem/got"
	client_run atftp --option "blksize 1468" --option "windowsize $2" -g -r big -l "$mem/got" \
	    127.0.0.1 "${port[$1]}" || return 1
	t1=$EPOCHREALTIME
	if ! cmp -s "$mem/got" "$mem/tftp/big"; then
		why="other bytes came"
		return 1
	fi
	sample "$row" "$1" "$(awk -v a="$t0" -v b="$t1" 'BEGIN { print 41.94304 / (b - a) }')"
}

prepare_tftp_w1() { prepare_tftp; }
prepare_tftp_w16() { prepare_tftp; }
start_tftp_w1() { start_tftp "$1"; }
start_tftp_w16() { start_tftp "$1"; }
case_tftp_w1() { case_tftp "$1" 1; }
case_tftp_w16() { case_tftp "$1" 16; }

# ---- TLS: a GET of 1 GiB by curl, and handshakes by openssl, by the server's processor time, for the client takes
# more of it.  The limit is `openssl s_server -WWW` for the one, nginx for the other.

prepare_tls() {
	need curl && need openssl || return 1
	mkdir -p "$mem/tls"
	"$bin/tool" file "$mem/tls/x" 1024
	rm -f "$work/tls.pem"
	"$(dirname "$cofferd")/cofferctl" certificate "$work/tls.pem" >/dev/null
}

# per_second WHO AMOUNT COMMAND...: the amount by the seconds that WHO's server has worked for the command.
per_second() {
	local before after
	before=$("$bin/tool" cpu "${pid[$1]}")
	client_run "${@:3}" || return 1
	sleep 0.05
	after=$("$bin/tool" cpu "${pid[$1]}")
	[[ $2 != - ]] || set -- "$1" "$(awk '/^[0-9]+ connections in [0-9]+ real/ { print $1 }' "$work/client.out")"
	sample "$row" "$1" "$(awk -v n="$2" -v a="$before" -v b="$after" 'BEGIN { print n / (b - a) }')"
}

prepare_tls_get_1g() { prepare_tls && "$bin/tool" file "$mem/tls/big" "$big"; }
prepare_tls_handshakes() { prepare_tls; }

start_tls_get_1g() {
	case $1 in
	limit)	start_s_server "$mem/tls" ;;
	*)	"start_$1_tls" "$mem/tls" ;;
	esac
}

start_tls_handshakes() {
	case $1 in
	limit)	start_nginx_tls "$mem/tls" limit ;;
	*)	"start_$1_tls" "$mem/tls" ;;
	esac
}

case_tls_get_1g() {
	per_second "$1" "$((big / 1000000))" curl -q -s -S -f --noproxy '*' --cacert "$work/tls.pem" -o /dev/null \
	    --tls13-ciphers TLS_AES_128_GCM_SHA256 "https://localhost:${port[$1]}/big"
}

case_tls_handshakes() {
	per_second "$1" - openssl s_time -connect "127.0.0.1:${port[$1]}" -new -time 3
}
