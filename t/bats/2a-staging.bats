#!/usr/bin/env bats
# 2a-staging - the reserved folder is lost, names change beneath uploads, the clock jumps, two servers
# share a tree: what is answered is true, and what was interrupted goes on.

bats_require_minimum_version 1.5.0
load helper
load dialog
load ../faults/faults

teardown()
{
	local status=0
	[[ ! -e $T/mounted ]] || umount -l "$T/root/.coffer"
	coffer_teardown || status=$?
	return $status
}

# Whether so many bytes of something lie in staging.
lies()
{
	[[ -n $(find "$T/root/.coffer" -type f -size "$1c") ]]
}

@test "a reserved folder that cannot be used is the server's fault, and no longer than it is so" {
	[[ $(id -u) == 0 ]] || skip "only root can take a folder from its user"
	noise 300000 "$T/big"
	server -w
	run -0 ask $'PUT /a size=1\nx'
	for mode in 0555 0000; do
		chmod "$mode" "$T/root/.coffer"
		run -0 replies < <(printf 'PUT /b size=1\nx'; put "$T/big" /c; put "$T/big" /d hold; printf 'COPY /a /e\nPUT /f size=2 resume\n')
		for n in 0 1 2 3 4; do
			assert_line --index "$n" --regexp "^500 .* folder .coffer cannot be used"
		done
	done
	chmod 0700 "$T/root/.coffer"
	run -0 ask $'PUT /b size=1\nx'
	assert_line --index 1 --regexp '^201 '
	assert_equal "$(find "$T/root" -mindepth 1 ! -path '*/.coffer*' -printf '%f\n' | sort)" $'a\nb'
}

@test "something mounted over the reserved folder is told before the bytes come" {
	[[ $(id -u) == 0 ]] || skip "only root can mount"
	mkdir "$T/root/.coffer"
	mount -t tmpfs none "$T/root/.coffer" || skip "tmpfs cannot be mounted here"
	: >"$T/mounted"
	server -w
	run -0 ask 'PUT /b size=1000000 wait' $'PUT /c size=1 hold\nxCOMMIT'
	assert_line --index 1 --regexp '^500 /b: .* folder .coffer cannot be used'
	assert_line --index 2 --regexp '^500 /c: '
	grep -q 'something is mounted over the folder .coffer' "$LOG"
	stop_server
	umount -l "$T/root/.coffer"
	rm "$T/mounted"
	server -w
	run -0 ask $'PUT /b size=1\nx'
	assert_line --index 1 --regexp '^201 '
}

# while_it_runs OPTIONS REGEX REQUEST...: while half of an upload to /d/x is here, others ask that; and
# its answer.
while_it_runs()
{
	local options=$1 regex=$2
	dial
	say "PUT /d/x size=300000 wait $options"
	expect '^100 from=0'
	head -c 100000 "$T/big" >&"$C"
	shift 2
	run -0 ask "$@"
	refute_line --regexp '^[45][0-9][0-9] '
	tail -c 200000 "$T/big" >&"$C"
	expect "$regex"
	hang_up
}

# bats test_tags=models:all
@test "names change while an upload to them runs: the last one counts, and conditions hold" {
	mkdir "$T/root/d"
	echo old | tee "$T/root/o" >"$T/root/d/x"
	noise 300000 "$T/big"
	server -w
	while_it_runs '' '^201 ' 'DELETE /d/x'
	cmp "$T/big" "$T/root/d/x"
	while_it_runs '' '^201 ' 'MOVE /d/x /y'
	cmp "$T/big" "$T/root/d/x"
	cmp "$T/big" "$T/root/y"
	while_it_runs '' '^201 ' 'COPY /o /d/x' $'PUT /d/x size=3\nnew'
	cmp "$T/big" "$T/root/d/x"
	while_it_runs "if=sha256:$(sha "$T/big")" '^412 /d/x: ' 'COPY /o /d/x'
	assert_equal "$(<"$T/root/d/x")" old
	while_it_runs "if=sha256:$(sha "$T/root/o")" '^412 /d/x: ' 'DELETE /d/x'
	while_it_runs if=new '^412 /d/x: ' 'MOVE /y /d/x'
	cmp "$T/big" "$T/root/d/x"
	while_it_runs '' '^409 /d/x: ' 'DELETE /d/x' 'MKDIR /d/x'
	rmdir "$T/root/d/x"
	while_it_runs '' '^404 /d/x: ' 'RMDIR /d'
	assert_equal "$(staged)" ''
	# Held ones: each by itself.
	mkdir "$T/root/d"
	[[ $(id -u) != 0 ]] || chown "$(server_user)" "$T/root/d"
	dial
	for n in 1 2 3 4 5; do
		printf 'PUT /d/%d size=1 hold\n%d' "$n" "$n" >&"$C"
		expect '^200 held'
	done
	run -0 ask $'PUT /d/1 size=5\nother' 'MKDIR /d/2' 'COPY /o /d/3' $'PUT /d/4 size=5\nother' 'MOVE /d/4 /d/6'
	say COMMIT
	expect '^200 published=4 failed=1 ' '^409 /d/2: ' '^\.$'
	grep -q 'COMMIT /d/2: not published: 409$' "$LOG"
	grep -q ' coffer COPY /o -> /d/3 201 ' "$LOG"
	assert_equal "$(cat "$T/root/d/"[13456])" "1345other"
	assert_equal "$(staged)" ''
}

@test "the clock jumps: digests stay right, and what was interrupted goes on" {
	need_layer
	local old=$((100 * 86400)) big
	noise 300000 "$T/big"
	big="PUT /big size=300000 sha256=$(sha "$T/big") resume"
	orders
	layered server -w
	run -0 ask $'PUT /a size=1\nx'
	dial
	say "$big" && expect '^100 from=0'
	head -c 100000 "$T/big" >&"$C"
	hang_up
	wait_for lies 100000

	"$BENCH/orders" -j -"$old" "$FAULTS"
	run -0 ask $'PUT /c size=1\nx' 'STAT /a' 'STAT /c'
	assert_line --index 2 --partial " sha256=$(printf x | sha)"
	assert_line --index 3 --partial " sha256=$(printf x | sha)"
	for name in a c; do
		printf y >"$T/root/$name"
	done
	run -0 ask 'HASH /a' 'HASH /c'
	assert_line --index 1 --partial " sha256=$(printf y | sha)"
	assert_line --index 2 --partial " sha256=$(printf y | sha)"
	stop_server
	layered server -w		# which sweeps
	dial
	say "$big" && expect '^100 from=100000'
	tail -c +100001 "$T/big" | head -c 100000 >&"$C"
	hang_up
	wait_for lies 200000
	# One that nobody resumes, and a small one whose client wanted a time to come.
	printf x | tee "$T/root/.coffer/0123456789abcdef0123456789abcdef" >"$T/root/.coffer/brief.1.1.1"
	touch -m -d '2100-01-01' "$T/root/.coffer/brief.1.1.1"

	# Too far ahead, everything is old; but not what somebody is at.
	"$BENCH/orders" -j "$old" "$FAULTS"
	dial
	say "$big" && expect '^100 from=200000'
	local PID= PORT=
	layered server -w
	wait_for gone_from_staging
	tail -c 100000 "$T/big" >&"$C"
	expect '^201 '
	cmp "$T/big" "$T/root/big"
	run -0 ask 'HASH /a' $'PUT /d size=1\nx' 'STAT /d'
	assert_line --index 1 --partial " sha256=$(printf y | sha)"
	assert_line --index 3 --partial " sha256=$(printf x | sha)"
}

gone_from_staging()
{
	! ls "$T/root/.coffer"/{brief,0123}* 2>/dev/null
}

@test "two servers share a tree: one writer wins, sweeps take nothing away, and either resumes" {
	local ports=() writer pids=() rounds=40 big
	noise 300000 "$T/big"
	big="PUT /big size=300000 sha256=$(sha "$T/big") resume"
	mkdir "$T/root/r"
	server -w -o durability=none -o access-log=no -o staging-ttl=0
	ports+=("$PORT")
	dial
	say "$big" && expect '^100 from=0'
	head -c 100000 "$T/big" >&"$C"
	wait_for lies 100000
	local running=$C
	dial
	printf 'PUT /held size=1 hold\nx' >&"$C"
	expect '^200 held'
	server -w -o durability=none -o access-log=no -o staging-ttl=0
	ports+=("$PORT")
	for writer in {0..7}; do
		PORT=${ports[writer % 2]}
		seq "$rounds" | awk -v w="$writer" '{ printf "PUT /r/%d size=1 if=new\n%d", $1, w }' |
		    replies >"$T/answers.$writer" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	assert_equal "$(cat "$T"/answers.* | grep -c '^201')" "$rounds"
	assert_equal "$(cat "$T"/answers.* | grep -c '^412')" $((7 * rounds))
	for writer in {0..7}; do
		assert_equal "$(grep -c '^201' "$T/answers.$writer")" "$(grep -l "$writer" "$T/root/r/"* | wc -l)"
	done
	say COMMIT && expect '^200 published=1 failed=0 ' '^\.$'
	exec {running}>&-
	wait_for left_alone
	run -0 replies < <(echo "$big"; tail -c 200000 "$T/big")
	assert_line --index 0 '100 from=100000'
	assert_line --index 1 --regexp '^201 '
	cmp "$T/big" "$T/root/big"
	assert_equal "$(staged)" ''
}

# Whether nobody is at what lies in staging.
left_alone()
{
	flock -n "$(find "$T/root/.coffer" -type f -size 100000c)" true
}
