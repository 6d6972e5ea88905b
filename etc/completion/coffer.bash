# coffer.bash - completion of coffer, cofferd and cofferctl for bash.
# What can be completed is asked of the programs, so that it is never older than they are.

# The commands that a help lists: lines of two spaces, a word, and at least two more spaces.
_coffer_commands()
{
	"$@" 2>/dev/null | sed -nE 's/^  ([a-z]+) {2,}.*/\1/p' | sort -u
}

# The options that a help lists.
_coffer_options()
{
	"$@" 2>/dev/null | sed -nE 's/^ +(-[A-Za-z0-9])?,? ?(--[a-z0-9-]+)?[ ,].*/\1 \2/p'
}

_coffer_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "${COMP_WORDS[COMP_CWORD]}")
}

_coffer()
{
	local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]}

	if [[ $COMP_CWORD == 1 ]]; then
		_coffer_words "$(_coffer_commands "$program" help)"
	elif [[ $word == -* ]]; then
		_coffer_words "$(_coffer_options "$program" help "${COMP_WORDS[1]}")"
	elif [[ ${COMP_WORDS[1]} == help ]]; then
		_coffer_words "$(_coffer_commands "$program" help)"
	elif [[ ${COMP_WORDS[1]} == put ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	else
		_coffer_remote "$program" "$word"
	fi
}

# Names in the folder of the server that the word has come to.
_coffer_remote()
{
	local folder=${2%"${2##*/}"} name

	COMPREPLY=()
	while IFS= read -r name; do
		[[ $folder$name == "$2"* ]] && COMPREPLY+=("$folder$name")
	done < <("$1" -q -T 2 ls "${folder:-/}" 2>/dev/null </dev/null)
	compopt -o filenames -o nospace 2>/dev/null	# a folder may go on
}

_cofferctl()
{
	local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}

	case $previous in
	-s|--socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		;;
	kick)
		_coffer_words "$("$program" who 2>/dev/null | sed -n '2,$s/ .*//p')"
		;;
	*)
		if [[ $word == -* ]]; then
			_coffer_words "$(_coffer_options "$program" -h)"
		else
			_coffer_words "$(_coffer_commands "$program" -h)"
		fi
		;;
	esac
}

_cofferd()
{
	local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}

	case $previous in
	-f)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		;;
	-m)
		_coffer_words coroutine thread fork serial
		;;
	-o)
		_coffer_words "$("$program" -T 2>/dev/null | sed -nE 's/^([a-z-]+) = .*/\1=/p')"
		compopt -o nospace 2>/dev/null
		;;
	*)
		if [[ $word == -* ]]; then
			_coffer_words "$(_coffer_options "$program" -h)"
		else
			mapfile -t COMPREPLY < <(compgen -d -- "$word")
		fi
		;;
	esac
}

complete -F _coffer coffer
complete -F _cofferctl cofferctl
complete -F _cofferd cofferd
