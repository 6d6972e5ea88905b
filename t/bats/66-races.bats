#!/usr/bin/env bats
# 66-races - what stands behind a name is exchanged while it is asked for: never a byte from outside.
# t/races is both the one who asks and the one who exchanges.

bats_require_minimum_version 1.5.0
load helper
load dialog

RACE_SECONDS=${RACE_SECONDS:-2}

setup()
{
	coffer_setup
	TEST_LIMIT=$((RACE_SECONDS + 60))
	mkdir -p "$T/root/d" "$T/outside/sub"
	echo inside >"$T/root/d/secret"
	echo '!outside!' >"$T/outside/secret"
	echo '!outside!' >"$T/outside/victim"
	echo '!outside!' >"$T/outside/linked"
	touch "$T/outside/!name!"
	# Whom nothing but the resolver holds back.
	chmod -R a+rwX "$T/outside"
}

# shot: all that stands outside, and how.
shot()
{
	(cd "$T/outside" && find . -printf '%p %y %m %s\n' | sort && cat secret victim linked)
}

# race TARGET COFFERD-ARGUMENT...: `away` is a link to TARGET.
race()
{
	local before after
	ln -s "$1" "$T/root/away"
	before=$(shot)
	server -w -o access-log=no "${@:2}"
	run -0 timeout "$TEST_LIMIT" "$COFFER_BUILD/t/races" "$PORT" "$T/root" "$T/outside" "$RACE_SECONDS"
	# Both sides of the exchange were met, or it was no race.
	assert_output --regexp '^met=[1-9][0-9]* refused=[1-9][0-9]*$'
	after=$(shot)
	assert_equal "$after" "$before"
	assert_well
}

@test "a folder exchanged with an absolute link, under the resolver alone" {
	race "$T/outside" -o sandbox=off
}

@test "a folder exchanged with a link by .., under the resolver alone" {
	race ../outside -o sandbox=off
}

@test "the same in the sandbox" {
	race ../outside
}

@test "the same where no links are followed" {
	race ../outside -o sandbox=off -o symlinks=never
}
