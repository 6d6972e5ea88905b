#!/usr/bin/env bats
# 4d-metrics - what a listener for metrics tells, and what it does not; the dashboard.

bats_require_minimum_version 1.5.0
load helper
load http
load pool

# metered [COFFERD-ARGUMENT]...: as server(), with a listener for metrics too, to which WEB leads.
metered()
{
	server -l metrics://127.0.0.1:0 "$@"
	WEB_PORT=$(sed -nE 's|.*listening on metrics://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG" | head -n 1)
	[[ -n $WEB_PORT ]] || fail_with_log "no line \"listening on metrics://127.0.0.1:PORT\""
	WEB=http://127.0.0.1:$WEB_PORT
}

# Says what is wrong with the exposition format (0.0.4) on stdin, as promtool would, or nothing.
check_format()
{
	LC_ALL=C awk '
	function bad(why) { print NR ": " why ": " $0; faults++ }
	function family(name) {
		if (name in type) return name
		sub(/_(bucket|sum|count)$/, "", name)
		return type[name] == "histogram" ? name : ""
	}
	/^# HELP / { if ($3 in help) bad("a second HELP"); help[$3] = 1; if (NF < 4) bad("no help"); next }
	/^# TYPE / {
		if ($3 in type) bad("a second TYPE")
		if (!($3 in help)) bad("a TYPE without its HELP")
		if ($4 !~ /^(counter|gauge|histogram)$/) bad("no type")
		if (($4 == "counter") != ($3 ~ /_total$/)) bad("a counter ends in _total, and nothing else does")
		type[$3] = $4; now = $3; next
	}
	/^#/ || /^$/ { bad("neither HELP nor TYPE"); next }
	!/^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+="([^"\\]|\\["\\n])*"(,[a-z_]+="([^"\\]|\\["\\n])*")*)?\})? ([0-9]+(\.[0-9]+)?(e[-+][0-9]+)?|\+Inf|NaN)$/ { bad("no sample"); next }
	{
		if ($1 in seen) bad("the same series twice")
		seen[$1] = 1
		name = $1; sub(/\{.*/, "", name)
		if (family(name) != now) bad("not of the family " now)
		labels = $1; sub(/^[^{]*/, "", labels)
		if (type[now] != "histogram") next
		if (name ~ /_bucket$/) {
			bound = labels; sub(/.*le="/, "", bound); sub(/".*/, "", bound)
			key = labels; sub(/,?le="[^"]*"/, "", key); key = now key
			if (key == last && $2 + 0 < value) bad("a bucket with less than the one before")
			last = key; value = $2 + 0
			if (bound == "+Inf") inf[key] = $2
		} else if (name ~ /_count$/ && inf[now labels] != $2) bad("not the count of +Inf")
	}
	END { if (NR == 0) bad("nothing") ; exit faults > 0 }'
}

# bats test_tags=models:all
@test "a listener for metrics tells what cofferctl tells, in Prometheus' format, and nothing else" {
	echo secret >"$T/root/file"
	metered
	ask 'GET /file' 'GET /none' QUIT
	wait_for counted 'coffer_requests_total{protocol="coffer",verb="GET",code="4xx"} 1'
	run -0 head_of /metrics
	assert_line --index 0 'HTTP/1.1 200 OK'
	assert_equal "$(field Content-Type <<<"$output")" 'text/plain; version=0.0.4; charset=utf-8'
	run -0 check_format <"$T/body"
	assert_output ''
	# Each worker knows of all, whoever answers.
	for _ in 1 2 3 4 5 6; do
		get /metrics >"$T/text"
		grep -qxF "coffer_workers{state=\"serving\"} $WORKERS" "$T/text"
		grep -qxF 'coffer_requests_total{protocol="coffer",verb="GET",code="2xx"} 1' "$T/text"
	done
	diff <(sed 's/[ {].*//' "$T/text" | sort -u) <(ctl metrics | sed 's/[ {].*//' | sort -u)
	run -0 ctl metrics
	check_format <<<"$output"
	# Nothing of the tree, whatever the name.
	local name
	for name in / /file /metrics/ /metrics/file /../file //metrics%00; do
		run -0 status_of "$name"
		assert_output --regexp '^(404|400)$'
		refute grep secret "$T/body"
	done
	run -0 status_of '/metrics?x=y'
	assert_output 200
	run -0 status_of /metrics -X PUT -d x
	assert_output 405
	run -0 status_of /metrics -I
	assert_output 200
	assert_equal "$(status_of /nothing -H 'Accept: text/html')" 404
	# And no metrics where the tree is.
	assert_regex "$(ask 'STAT /metrics' QUIT)" '404 /metrics: '
}

# counted LINE
counted()
{
	get /metrics | grep -qxF "$1"
}

# bats test_tags=models:all
@test "counts go on over a respawn and a reload, without a step back" {
	local n
	expect_deaths
	metered
	for n in 1 2 3 4 5; do
		ask PING QUIT
	done
	wait_for counted 'coffer_requests_total{protocol="coffer",verb="PING",code="2xx"} 5'
	grow_up
	kill -KILL "$(workers | head -n 1)"
	wait_for counted 'coffer_worker_deaths_total 1'
	wait_for counted "coffer_workers{state=\"serving\"} $WORKERS"
	counted 'coffer_worker_restarts 1'
	ctl reload
	counted 'coffer_requests_total{protocol="coffer",verb="PING",code="2xx"} 5' || fail "$(get /metrics)"
	# The first generation's are those of the past now.
	wait_for counted "coffer_workers{state=\"draining\"} 0"
	counted 'coffer_requests_total{protocol="coffer",verb="PING",code="2xx"} 5' || fail "$(get /metrics)"
	counted 'coffer_sessions 1'
	get /metrics | check_format
}

@test "logins are counted by protocol and result, and bans" {
	local line
	ctl passwd -f "$T/users" alice <<<alices 2>/dev/null
	metered -l http://127.0.0.1:0 -o users="$T/users" -o login-delay=0 -o login-failures=2
	for line in 'LOGIN alice alices' 'LOGIN bob x' 'LOGIN bob x' 'LOGIN bob x'; do
		ask "$line" QUIT >/dev/null
	done
	line=$(sed -nE 's|.*listening on (http://127\.0\.0\.1:[0-9]+).*|\1|p' "$LOG")
	[[ $(curl -s -o /dev/null -w '%{http_code}' -u alice:alices "$line/") == 200 ]]
	for line in 'protocol="coffer",result="right"} 1' 'protocol="coffer",result="wrong"} 2' \
	    'protocol="coffer",result="banned"} 1' 'protocol="http",result="right"} 1'; do
		wait_for counted "coffer_logins_total{$line"
	done
	counted 'coffer_login_bans_total 1'
	run -0 check_format < <(get /metrics)
	assert_output ''
}

@test "the dashboard asks for nothing that is not counted" {
	local name
	command -v jq >/dev/null || skip "needs jq"
	server
	ask PING 'LOGIN nobody x' QUIT
	ctl metrics | sed -n 's/^\(coffer_[a-z_]*\)[ {].*/\1/p' | sort -u >"$T/there"
	jq -r '[.panels[].targets[].expr, .templating.list[].query.query?] | .[]' "$COFFER_SOURCE/etc/coffer.grafana.json" |
	    grep -o 'coffer_[a-z_]*' | sort -u >"$T/asked"
	run -0 comm -13 "$T/there" "$T/asked"
	assert_output ''
	# And every count is on it.
	run -0 comm -23 "$T/there" "$T/asked"
	assert_output ''
	jq -e '[.panels[].id] | length == (unique | length)' "$COFFER_SOURCE/etc/coffer.grafana.json"
}
