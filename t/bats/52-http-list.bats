#!/usr/bin/env bats
# 52-http-list - folders over HTTP: as JSON, and as a page.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper
load http

@test "a folder is an array of objects for who prefers JSON" {
	mkdir -p "$T/root/d/sub"
	printf 12345 >"$T/root/d/file"
	ln -s file "$T/root/d/link"
	touch -hd '2001-09-09 01:46:40.000000005Z' "$T/root/d/"*
	web
	get '/d/?json&sort=name' >"$T/list"
	assert_equal "$(cat "$T/list")" '[
{"name":"file","type":"file","size":5,"mtime":"2001-09-09T01:46:40.000000005Z"},
{"name":"link","type":"symlink","mtime":"2001-09-09T01:46:40.000000005Z"},
{"name":"sub","type":"directory","mtime":"2001-09-09T01:46:40.000000005Z"}
]'
	get /d/ -H 'Accept: application/json' | jq -S 'sort_by(.name)' | diff - <(jq -S . "$T/list")
	run -0 head_of '/d/?json'
	assert_line 'Content-Type: application/json'
	assert_line 'Vary: Accept'
	assert_equal "$(get /d/sub/?json)" $'[\n]'
	assert_equal "$(get /d/sub/?json=yes)" $'[\n]'
	run -0 get '/d/?json=no' -H 'Accept: application/json'
	assert_line '<!DOCTYPE html>'
	assert_equal "$(status_of '/d/?json=maybe')" 400
	assert_equal "$(get / -H 'Accept: text/html;q=0.9, application/json' | jq -r '.[].name')" d
	run -0 get / -H 'Accept: text/html, application/json;q=0.9'
	assert_line '<!DOCTYPE html>'
}

@test "JSON is sorted and cut as the query says, and read in pieces" {
	local name
	for name in {a..i}; do
		head -c $((10#$(printf '%d' "'$name") * 7 % 10)) /dev/zero >"$T/root/$name"
		touch -d "2001-09-09 01:46:4$((10#$(printf '%d' "'$name") * 3 % 10))Z" "$T/root/$name"
	done
	web
	names() { get "/?json&$1" | jq -r '.[].name' | tr -d '\n'; }
	assert_equal "$(names sort=name)" abcdefghi
	assert_equal "$(get '/?json&sort=size' | jq -c 'map(.size)')" "$(get '/?json' | jq -c 'map(.size) | sort | reverse')"
	assert_equal "$(get '/?json&sort=mtime' | jq -c 'map(.mtime)')" "$(get '/?json' | jq -c 'map(.mtime) | sort | reverse')"
	assert_equal "$(names limit=4)" abcd
	assert_equal "$(names 'limit=4&after=d')" efgh
	assert_equal "$(names 'after=dd')" efghi
	assert_equal "$(names 'after=i')" ''
	assert_equal "$(status_of '/?json&sort=color')" 400
	assert_equal "$(status_of '/?json&limit=0')" 400
	assert_equal "$(status_of '/?json&sort=size&after=a')" 400
}

@test "names of any bytes are told so that they can be asked for" {
	local name
	for name in 'plain' 'a b' '"\' $'\x01\n' 'ä' $'\xff' $'x\xc3' '<i>' 'a&b' '+' 'a:b' '%41'; do
		printf '%s' "$name" >"$T/root/$name"
	done
	web
	get /?json >"$T/list"
	assert_equal "$(jq length "$T/list")" 12
	jq -r '.[] | .encoded // (.name | @uri)' "$T/list" >"$T/urls"
	# Each file says its name: twelve different answers, and none of them an error.
	answers() { while IFS= read -r url; do get "/$url" -f | od -An -c | tr -d '\n'; echo; done | sort -u; }
	answers <"$T/urls" >"$T/answers"
	assert_equal "$(wc -l <"$T/answers")" 12
	# So do the links of the page.
	get / | grep -oE '<td class="n[^>]*><a href="[^"]*"' | sed 's/.*href="//; s/"$//' >"$T/links"
	assert_equal "$(wc -l <"$T/links")" 12
	answers <"$T/links" | diff "$T/answers" -
	run -0 get /
	refute_output --partial '<i>'
	assert_output --partial '&lt;i&gt;'
	assert_output --partial 'a&amp;b'
}

@test "a page shows each entry with size and time, and can be sorted without a script" {
	mkdir -p "$T/root/d/sub"
	head -c 1500 /dev/zero >"$T/root/d/file"
	touch -d '2001-09-09 01:46:40Z' "$T/root/d/file"
	web
	run -0 get /d/
	assert_line --partial '<a href="../">../</a>'
	assert_line --regexp '<a href="sub/"><bdi>sub/</bdi></a>'
	assert_line --regexp '<a href="file"><bdi>file</bdi></a><td class="s" title="1500 bytes">1\.5.*2001-09-09 <span>01:46'
	assert_output --partial '<th scope="col" class="s"><button form="o" name="sort" value="size">'
	refute_output --partial 'href="?'
	assert_output --partial '1 folder, 1 file, 1.5'
	refute_output --partial '<script'
	run -0 get /d/?sort=size
	assert_output --partial 'aria-sort="descending"><button form="o" name="sort" value="size">'
	run -0 get /
	refute_output --partial 'href="../"'
	run -0 head_of /d/
	assert_line --regexp "^Content-Security-Policy: default-src 'none'"
}

@test "a symbolic link to a folder is a folder on the page, but for one that leads back or to nothing" {
	mkdir -p "$T/root/d/sub/deep"
	echo inner >"$T/root/d/sub/file"
	ln -s d "$T/root/to-folder"
	ln -s d/sub/file "$T/root/to-file"
	ln -s nothing "$T/root/to-nothing"
	ln -s /etc "$T/root/out"
	ln -s ../../d "$T/root/d/sub/back"
	ln -s . "$T/root/d/self"
	web
	get / >"$T/page"
	grep -qF '<td class="n d"><a href="to-folder/"><bdi>to-folder/</bdi></a><td class="s">link' "$T/page"
	grep -qF '<td class="n"><a href="to-file"><bdi>to-file</bdi></a><td class="s">link<' "$T/page"
	# Nobody who fetches all that the page leads to is to find nothing there, or to go round.
	for name in to-nothing out; do
		grep -qF "<td class=\"n\"><bdi>$name</bdi><td class=\"s\">link to nothing<" "$T/page"
	done
	grep -q '>2 folders, 1 file,' "$T/page"
	run -0 get /to-folder/
	assert_output --partial '<td class="n"><bdi>self</bdi><td class="s">link back<'
	assert_output --partial 'href="sub/"'
	run -0 get /to-folder/sub/
	assert_output --partial '<td class="n"><bdi>back</bdi><td class="s">link back<'
	assert_equal "$(get /to-folder/sub/file)" inner
}

@test "the way here is a row of links that lead where they say" {
	mkdir -p "$T/root/one/two & more/three"
	web
	get '/one/two%20%26%20more/three/' | grep '^<h1>' >"$T/crumbs"
	assert_equal "$(cat "$T/crumbs")" '<h1><a href="../../../"><bdi>/</bdi></a><a href="../../"><bdi>one</bdi></a><i>/</i><a href="../"><bdi>two &amp; more</bdi></a><i>/</i><bdi>three</bdi></h1>'
	assert_equal "$(get / | grep '^<h1>')" '<h1><bdi>/</bdi></h1>'
}

@test "a large folder comes in chunks, and to HTTP/1.0 until the end" {
	(cd "$T/root" && seq -f 'a-file-with-a-rather-long-name-%05g' 3000 | xargs touch)
	web
	assert_equal "$(get /?json | jq length)" 3000
	assert_equal "$(get '/?json&sort=name' | jq -r '.[2999].name')" a-file-with-a-rather-long-name-03000
	assert_equal "$(get / | grep -c '<tr><td class="n">')" 3000
	assert_equal "$(get /?json -0 | jq length)" 3000
	run -0 speak 'GET /?json HTTP/1.0'
	assert_line 'Connection: close'
	refute_line --regexp '^Transfer-Encoding'
	# A connection goes on behind the last chunk.
	run -0 speak 'GET /?json HTTP/1.1' 'Host: x' '' 'GET /nothing HTTP/1.1' 'Host: x'
	assert_line 'HTTP/1.1 404 Not Found'
}

@test "a listing that breaks off is seen to have failed" {
	mkdir "$T/root/d"
	touch "$T/root/d/"{a..z}
	web
	# Names can be read, but nothing about them: told at the end of the first batch.
	chmod 444 "$T/root/d"
	assert_equal "$(status_of /d/?json)" 403
	run get '/d/?json&sort=name'
	assert_failure 18
	run get '/d/?json&sort=name' -0
	assert_failure
	run get /d/
	assert_failure 18
	wait_for grep -q 'the listing broke off' "$LOG"
	assert_equal "$(status_of /)" 200
}
