#!/usr/bin/env bats
# 70-real-trees - whole trees there and back again, byte for byte.
# t/run: takes long

bats_require_minimum_version 1.5.0
load helper
load dialog

FILES_MAX=20000

# What of a tree is not in its files' bytes: names, types, modes and times of files; names of folders.
outline()
{
	(cd "$1" && find . -path ./.coffer -prune -o -type f -printf 'f %m %T@ %s %p\0' \
	    -o -type d -printf 'd %p\0' -o -printf '%y %p\0' | sort -z)
}

# assert_same_tree A B: diff is silent, and so is a comparison of modes and times.
assert_same_tree()
{
	run -0 diff -r --no-dereference -x .coffer "$1" "$2"
	assert_output ''
	outline "$1" >"$T/outline.1"
	outline "$2" >"$T/outline.2"
	cmp "$T/outline.1" "$T/outline.2" || {
		diff -a <(tr '\0' '\n' <"$T/outline.1") <(tr '\0' '\n' <"$T/outline.2") | head -n 10
		return 1
	}
}

# there_and_back TREE COFFERD-ARGUMENT...: put to an empty server, and fetched again.
there_and_back()
{
	local tree=$1
	shift
	server -w -o access-log=no "$@"	# names in a log are no reports of a sanitizer's
	CLIENT_LIMIT=$TEST_LIMIT
	coffer put -q -r "$tree" /tree
	assert_same_tree "$tree" "$T/root/tree"
	coffer get -q -r /tree "$T/back"
	assert_same_tree "$tree" "$T/back"
	# Nothing is left in the middle, and nobody died of it.
	assert_equal "$(staged)" ''
	assert_well
	stop_server
}

# The first $FILES_MAX files of a folder that has more.
part_of()
{
	mkdir "$2"
	(cd "$1" && find . -xdev -type f -perm -004 -print0 2>/dev/null | head -z -n "$FILES_MAX" |
	    tar -c --null --no-recursion -T - -f - | tar -x -p -f - -C "$2")
	chmod -R go+rX "$2"
}

# serve_as_it_is FOLDER: read-only.  server() would make it the workers' own.
serve_as_it_is()
{
	launch -l coffer://127.0.0.1:0 -n 2 -m "$MODEL" -o access-log=no "$1"
	wait_ready
	export COFFER_URL
	COFFER_URL=$(sed -nE 's|.*listening on (coffer://127\.0\.0\.1:[0-9]+).*|\1|p' "$LOG")
}

# real_tree FOLDER: fetched from where it is, and put to an empty server.
real_tree()
{
	local tree=$1 status=0
	[[ -d $tree ]] || skip "there is no $tree here"
	# Links that lead out of it, and what not everybody may read, are not fetched, as they should.
	(cd "$tree" && find . -xdev -type f -perm -004 -print0 2>/dev/null | sort -z) >"$T/files"
	(($(tr -cd '\0' <"$T/files" | wc -c) > 100)) || skip "$tree has no 100 files here"
	if (($(find "$tree" -xdev -printf . 2>/dev/null | wc -c) > FILES_MAX)); then
		part_of "$tree" "$T/part"
		tree=$T/part
		(cd "$tree" && find . -type f -print0 | sort -z) >"$T/files"
	fi
	serve_as_it_is "$tree"
	CLIENT_LIMIT=$TEST_LIMIT
	coffer get -q -r / "$T/tree" 2>"$T/complaints" || status=$?
	((status <= 1))
	run grep -vE ': a symbolic link leads out of the tree$|: not allowed$|: no such file or folder$' "$T/complaints"
	assert_output ''
	(cd "$tree" && xargs -0 sha256sum <"$T/files") >"$T/sums"
	(cd "$T/tree" && sha256sum --quiet --strict -c "$T/sums")
	comm -z -23 <(cd "$tree" && xargs -0 stat --printf '%a %.9Y %s %n\0' <"$T/files" | sort -z) \
	    <(cd "$T/tree" && find . -type f -print0 | xargs -0 stat --printf '%a %.9Y %s %n\0' | sort -z) \
	    >"$T/others"
	[[ ! -s $T/others ]] || fail "modes, times or sizes: $(tr '\0' '\n' <"$T/others" | head -n 5)"
	stop_server
	# Each of so many fsyncs would wait for the disk that the tests share.
	server -w -o durability=none -o access-log=no
	coffer put -q -r "$T/tree" /there
	assert_same_tree "$T/tree" "$T/root/there"
	assert_equal "$(staged)" ''
	assert_well
	stop_server
}

# bats test_tags=models:all
@test "/usr/include is fetched and put, and is the same" {
	real_tree /usr/include
}

@test "/usr/share/doc is fetched and put, and is the same" {
	real_tree /usr/share/doc
}

# A tree of what is rarely seen in the two others.
make_tree()
{
	local deep=$1 i name
	mkdir -p "$1/empty folder/and another"
	cd "$1"
	for name in 'with space' ' leading' 'trailing ' '%' '%41' '100%' '%00' 'a%2Fb' $'new\nline' $'\n' \
	    $'tab\t' $'bell\a' $'\xff' $'caf\xe9' 'café' $'\xf0\x9f\x93\x81' $'\x7f' '-rf' '--' '*' '?' \
	    '[a]' '"' "'" '\' 'back\slash' '$(true)' '`true`' ';' '#' '~' '.hidden' '...' '..a' \
	    'coffer' '.coffer2' 'size=1' 'a:b' 'NAME.part'; do
		printf '%s' "file $name" >"$name"
		mkdir "in $name"
		printf '%s' "beneath $name" >"in $name/$name"
	done
	: >empty
	: >"$(printf 'n%.0s' {1..255})"
	printf '\xff%.0s' {1..255} | xargs -0 touch
	# 60 folders deep, by names that are long on the wire
	for i in {1..60}; do
		deep+=$'/d%\xff'"$i"
	done
	mkdir -p "$deep"
	echo bottom >"$deep/file"
	mkdir many
	for i in {1..500}; do
		echo "$i" >"many/$i"
	done
	for i in 1 4095 4096 4097 8191 8192 8193 16384 32768 65535 65536 65537 262144 1000000; do
		noise "$i" "size $i"
	done
	for i in 400 444 600 640 644 700 755 777; do
		echo "$i" >"mode $i"
		chmod "$i" "mode $i"
	done
	for i in 0 1 1700000000.123456789 4000000000.999999999; do
		echo "$i" >"time $i"
		touch -d "@$i" "time $i"
	done
	cd - >/dev/null
}

# bats test_tags=models:all
@test "a tree of strange names, sizes, modes and times is put and fetched, and is the same" {
	make_tree "$T/tree"
	there_and_back "$T/tree"
}

# bats test_tags=models:all
@test "a tree of strange names that is there already is served as it is" {
	rmdir "$T/root"
	make_tree "$T/root"
	server
	CLIENT_LIMIT=$TEST_LIMIT coffer get -q -r / "$T/back"
	assert_same_tree "$T/root" "$T/back"
	# The listing names each of them once.
	assert_equal "$(ask 'LIST / depth=all' QUIT | grep -c '^[fd] ')" \
	    "$(find "$T/root" -mindepth 1 -printf . | wc -c)"
}
