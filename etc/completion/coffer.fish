# coffer.fish - completion of coffer for fish.  What can be completed is asked of the program.

function __coffer_commands
	coffer help 2>/dev/null | string match -rg '^  ([a-z]+ +.*)' | string replace -r ' +' \t
end

function __coffer_remote
	set -l word (commandline -ct)
	set -l folder (string replace -r '[^/]*$' '' -- $word)
	set -l asked $folder
	test -n "$asked"; or set asked /
	for name in (coffer -q -T 2 ls $asked 2>/dev/null </dev/null)
		echo $folder$name
	end
end

complete -c coffer -f
complete -c coffer -n __fish_use_subcommand -a '(__coffer_commands)'
complete -c coffer -n '__fish_seen_subcommand_from help' -a '(__coffer_commands)'
complete -c coffer -n '__fish_seen_subcommand_from put' -F
complete -c coffer -n 'not __fish_use_subcommand; and not __fish_seen_subcommand_from put help' -a '(__coffer_remote)'
complete -c coffer -s H -l host -x -d 'the server of plain paths'
complete -c coffer -s T -l timeout -x -d 'seconds without a byte'
complete -c coffer -s q -l quiet -d 'no progress bar, no remarks'
complete -c coffer -s v -l verbose -d 'show the lines of the protocol'
complete -c coffer -l starttls -d 'begin TLS also on coffer://'
complete -c coffer -l cacert -rF -d 'believe by these certificates'
complete -c coffer -l fingerprint -x -d 'believe the certificate with this SHA-256'
complete -c coffer -l pin -d 'know a new server from now on'
complete -c coffer -s V -l version -d 'tell the version'
complete -c coffer -s h -l help -d 'tell how to use it'
complete -c coffer -n '__fish_seen_subcommand_from ls stat df' -l json -d 'an array of objects'
complete -c coffer -n '__fish_seen_subcommand_from ls get put rm' -s r -l recursive -d 'folders too'
