# names.bash - names that are meant to get out of the served folder, or into the reserved one; the same for
# every protocol.
#
#	load helper
#	load names
#
# evil_names prints a line for each: what it is and the name, with %XX for bytes.
#	bad	no name at all: a part . or .., a NUL
#	none	a name as any other, however it looks, and nothing is there, nor a folder to hold it; in the
#		reserved folder, too
#	link	a symbolic link that evil_tree has made is on its way
#	long	more than 255 bytes in a part, or 4,095 in all
# evil_tree makes what they are after: $T/etc/passwd beside the root, and a file in $T/root/.coffer.

evil_tree()
{
	mkdir -p "$T/root/d/.coffer" "$T/root/.coffer" "$T/etc"
	echo 'nobody must see this' | tee "$T/etc/passwd" "$T/root/.coffer/secret" "$T/root/d/.coffer/secret" >/dev/null
	echo good >"$T/root/f"
	ln -s ../etc "$T/root/out"
	ln -s ../etc/passwd "$T/root/passwd"
	ln -s "$T/etc" "$T/root/away"
	ln -s .coffer "$T/root/inside"
}

evil_names()
{
	local name part
	for name in /.. /../etc/passwd /d/../../etc/passwd /d/.. /. /./f /d/./f /f/.. //../etc/passwd //..//.. \
	    /%2e%2e/etc/passwd /%2E%2e/etc/passwd /.%2e/etc/passwd /%2e/f /%2e%2e%2fetc%2fpasswd /..%2fetc%2fpasswd \
	    /d%2f..%2f..%2fetc/passwd /d/%2e%2e/%2e%2e/etc/passwd /../.coffer/secret /./.coffer /d/../.coffer/secret \
	    /.coffer/../f /.coffer/. /.coffer/.. /%2e/%2ecoffer; do
		echo "bad $name"
	done
	# Where a NUL can be said at all.
	for name in /%00 /f%00 /f%00.txt /..%00 /%00/../etc/passwd /.coffer%00 /.coffer%00/secret /%2ecoffer%00; do
		echo "bad $name"
	done
	for name in /%c0%ae%c0%ae/etc/passwd /%c0%ae%c0%ae%c0%afetc%c0%afpasswd/x /%e0%80%ae%e0%80%ae/etc/passwd \
	    /%f0%80%80%ae%f0%80%80%ae/etc/passwd /%fc%80%80%80%80%ae/etc/passwd /%252e%252e/etc/passwd \
	    /%252e%252e%252fetc%252fpasswd/x /%25c0%25ae/etc/passwd /..%5cetc%5cpasswd/x /d/..%5c..%5cetc/x \
	    /%ef%bc%8e%ef%bc%8e/etc/passwd /%e2%80%a4%e2%80%a4/etc/passwd /%e2%80%a5/etc/passwd /%ef%bc%8f%ef%bc%8fetc/passwd \
	    /..%0a/etc/passwd /..%20/etc/passwd /..%0d/x /%09../etc/passwd /%7f../etc/passwd /%1b%5b2J/etc /%c2%85/etc \
	    /.../etc/passwd /..../etc/passwd /..%3b/etc/passwd /~root/x /c:%5cetc/x /%24HOME/x /%01/%02/%1f /%ff%fe/x \
	    /etc/passwd /proc/self/root/etc/passwd /dev/null /f/x /etc/x; do
		echo "none $name"
	done
	# By links that lead out, or in.
	for name in /out/passwd /out /passwd /away/passwd /away /inside /inside/secret; do
		echo "link $name"
	done
	for name in /.coffer /.coffer/ //.coffer /.coffer// /%2ecoffer /.%63offer /%2E%63%6f%66%66%65%72 /.coffer/secret \
	    /.coffer%2fsecret /%2ecoffer%2Fsecret //.coffer//secret /d/.coffer /d/.coffer/secret /d%2f.coffer /none/.coffer \
	    /f/.coffer /.coffer/.coffer /.COFFER/secret /.Coffer/secret /.coffer./secret \
	    /.coffer%20/secret /.coffer%0a/secret /.coffer%5csecret/x /.coffer::%24DATA/x /%c2%adcoffer/x /.co%e2%80%8bffer/x \
	    /%ef%bc%8ecoffer/secret /.%ef%bd%83offer/secret /%c0%aecoffer/secret /%252ecoffer/secret; do
		echo "none $name"
	done
	part=$(printf 'x%.0s' {1..255})
	echo "none /none/$part"
	echo "long /${part}y"
	echo "long /d/%78$part"
	echo "none $(printf "/$part%.0s" {1..16})"
	echo "long $(printf "/$part%.0s" {1..16})/y"
	echo "long $(printf '/%%78%.0s' {1..2048})"
	echo "long $(printf '/..x%.0s' {1..1024})"
}
