#compdef coffer cofferctl cofferd
# coffer.zsh - completion of coffer, cofferd and cofferctl for zsh.
# What can be completed is asked of the programs.

# Commands with what they do, from a help.
_coffer_commands()
{
	local -a commands
	commands=(${(f)"$("$@" 2>/dev/null | sed -nE 's/^  ([a-z]+) {2,}(.*)/\1:\2/p')"})
	_describe command commands
}

_coffer_options()
{
	local -a options
	options=(${=${(f)"$("$@" 2>/dev/null |
	    sed -nE 's/^ +(-[A-Za-z0-9])?,? ?(--[a-z0-9-]+)?[ ,].*/\1 \2/p')"}})
	compadd -- $options
}

_coffer_remote()
{
	local folder=${PREFIX%${PREFIX##*/}}
	local -a names
	names=(${(f)"$($words[1] -q -T 2 ls ${folder:-/} 2>/dev/null </dev/null)"})
	compadd -f -p "$folder" -- $names
}

case $service in
coffer)
	if (( CURRENT == 2 )); then
		_coffer_commands $words[1] help
	elif [[ $PREFIX == -* ]]; then
		_coffer_options $words[1] help $words[2]
	elif [[ $words[2] == help ]]; then
		_coffer_commands $words[1] help
	elif [[ $words[2] == put ]]; then
		_files
	else
		_coffer_remote
	fi
	;;
cofferctl)
	case $words[CURRENT-1] in
	-s|--socket)	_files ;;
	kick)		compadd -- ${(f)"$($words[1] who 2>/dev/null | sed -n '2,$s/ .*//p')"} ;;
	*)
		if [[ $PREFIX == -* ]]; then
			_coffer_options $words[1] -h
		else
			_coffer_commands $words[1] -h
		fi
		;;
	esac
	;;
cofferd)
	case $words[CURRENT-1] in
	-f)	_files ;;
	-m)	compadd coroutine thread fork serial ;;
	-o)	compadd -S '' -- ${(f)"$($words[1] -T 2>/dev/null | sed -nE 's/^([a-z-]+) = .*/\1=/p')"} ;;
	*)
		if [[ $PREFIX == -* ]]; then
			_coffer_options $words[1] -h
		else
			_files -/
		fi
		;;
	esac
	;;
esac
