# cofferctl.fish - completion of cofferctl for fish.  What can be completed is asked of the program.

function __cofferctl_commands
	cofferctl -h 2>/dev/null | string match -rg '^  ([a-z]+ .*)' |
	    string replace -r ' +(SESSION|WHAT|USER|FILE)? +' \t
end

function __cofferctl_sessions
	cofferctl who 2>/dev/null | string match -rg '^(\S+) ' | tail -n +2
end

complete -c cofferctl -f
complete -c cofferctl -n __fish_use_subcommand -a '(__cofferctl_commands)'
complete -c cofferctl -n '__fish_seen_subcommand_from kick' -a '(__cofferctl_sessions)'
complete -c cofferctl -s d -l delay -x -d 'seconds between two looks of top'
complete -c cofferctl -n '__fish_seen_subcommand_from passwd' -s f -l file -r -F -d 'the users file'
complete -c cofferctl -n '__fish_seen_subcommand_from passwd' -s D -l delete -d 'take the user out of it'
complete -c cofferctl -n '__fish_seen_subcommand_from certificate' -F
complete -c cofferctl -s s -l socket -r -F -d 'the control socket'
complete -c cofferctl -l json -d 'print JSON'
complete -c cofferctl -s V -l version -d 'tell the version'
complete -c cofferctl -s h -l help -d 'tell how to use it'
