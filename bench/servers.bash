# servers - start and stop what is measured: coffer, the limit programs, the peers.
# Each starter is called as start_NAME ROOT [...] and leaves the process in
# pid[NAME] and its port in port[NAME]; it fails, and says why in $why, where
# NAME cannot run here.  Nothing is ever killed but a pid that was started here.

declare -A pid=() port=()
why=

# spawn NAME COMMAND...: in the background, its words in $work/NAME.log.  In a session
# of its own: lighttpd passes TERM on to its whole process group.
spawn() {
	local name=$1
	shift
	: >"$work/$name.log"
	setsid "$@" >"$work/$name.log" 2>&1 </dev/null &
	pid[$name]=$!
}

# stop NAME: TERM, and KILL after five seconds.
stop() {
	local p=${pid[$1]:-} i
	unset "pid[$1]" "port[$1]"
	[[ -n $p ]] || return 0
	kill -TERM "$p" 2>/dev/null
	for ((i = 0; i < 100; i++)); do
		kill -0 "$p" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL "$p" 2>/dev/null
	wait "$p" 2>/dev/null
	return 0
}

stop_all() {
	local name
	for name in "${!pid[@]}"; do
		stop "$name"
	done
}

# await NAME REGEX SECONDS: until its log has a line that matches; ${BASH_REMATCH[1]}
# of the first such line is in $found.
await() {
	local log=$work/$1.log line i
	for ((i = 0; i < $3 * 20; i++)); do
		while IFS= read -r line; do
			if [[ $line =~ $2 ]]; then
				found=${BASH_REMATCH[1]:-}
				return 0
			fi
		done <"$log"
		if ! kill -0 "${pid[$1]}" 2>/dev/null; then
			why="$1 ended: $(tail -n 1 "$log")"
			return 1
		fi
		sleep 0.05
	done
	why="$1 was not ready within $3 s"
	return 1
}

# await_port NAME: until something accepts on the port that was picked for it.
await_port() {
	local i
	for ((i = 0; i < 100; i++)); do
		if (: <"/dev/tcp/127.0.0.1/${port[$1]}") 2>/dev/null; then
			kill -0 "${pid[$1]}" 2>/dev/null && return 0
		fi
		kill -0 "${pid[$1]}" 2>/dev/null || break
		sleep 0.05
	done
	why="$1 did not start: $(tail -n 1 "$work/$1.log")"
	return 1
}

need() {
	command -v "$1" >/dev/null && return 0
	why="$1 is not installed"
	return 1
}

# start_coffer ROOT [OPTION]...; NAME is $coffer_name, for rows in which it is compared with itself.
start_coffer() {
	local root=$1 as=() name=${coffer_name:-coffer}
	shift
	if [[ ! -x $cofferd ]]; then
		why="$cofferd is missing"
		return 1
	fi
	((EUID == 0)) && as=(-o user=root)
	spawn "$name" "$cofferd" -l coffer://127.0.0.1:0 -n 2 -m "$model" -o access-log=no \
	    -o log-level=info "${as[@]}" "$@" "$root"
	await "$name" 'listening on coffer://127\.0\.0\.1:([0-9]+)' 10 || return 1
	port[$name]=$found
	await "$name" 'ready:' 10
}

# start_limit WORK ARGUMENT...; NAME is $limit_name, for rows with more than one limit.
start_limit() {
	local name=${limit_name:-limit}
	spawn "$name" "$bin/limit" "$@"
	await "$name" '^port ([0-9]+)' 10 || return 1
	port[$name]=$found
}

# start_coffer_http ROOT [OPTION]...; start_limit_http ROOT
start_coffer_http() {
	local name=${coffer_name:-coffer}
	start_coffer "$1" -l http://127.0.0.1:0 "${@:2}" || return 1
	await "$name" 'listening on http://127\.0\.0\.1:([0-9]+)' 10 || return 1
	port[$name]=$found
}

start_limit_http() {
	spawn limit "$bin/limit_http" "$1"
	await limit '^port ([0-9]+)' 10 || return 1
	port[limit]=$found
}

# start_coffer_tftp ROOT; start_limit_tftp ROOT (of it, big alone)
start_coffer_tftp() {
	start_coffer "$1" -l tftp://127.0.0.1:0 || return 1
	await coffer 'listening on tftp://127\.0\.0\.1:([0-9]+)' 10 || return 1
	port[coffer]=$found
}

start_limit_tftp() {
	spawn limit "$bin/limit_tftp" "$1/big"
	await limit '^port ([0-9]+)' 10 || return 1
	port[limit]=$found
}

# Neither says when it is ready.
start_tftpd_hpa() {
	PATH=$PATH:/usr/sbin need in.tftpd || return 1
	port[tftpd-hpa]=$("$bin/tool" port)
	PATH=$PATH:/usr/sbin spawn tftpd-hpa in.tftpd -L -u root -a "127.0.0.1:${port[tftpd-hpa]}" -s "$1"
	sleep 0.5
}

start_atftpd() {
	PATH=$PATH:/usr/sbin need atftpd || return 1
	port[atftpd]=$("$bin/tool" port)
	PATH=$PATH:/usr/sbin spawn atftpd atftpd --daemon --no-fork --user "$(id -un)" --group "$(id -gn)" \
	    --bind-address 127.0.0.1 --port "${port[atftpd]}" --logfile /dev/null "$1"
	sleep 0.5
}

start_nginx() {
	local name=${nginx_name:-nginx}
	need nginx || return 1
	port[$name]=$("$bin/tool" port)
	mkdir -p "$work/nginx"
	cat >"$work/nginx/conf" <<-END
		$( ((EUID == 0)) && echo 'user root;')
		daemon off;
		worker_processes 2;
		worker_rlimit_nofile $(ulimit -n);
		pid $work/nginx/pid;
		error_log $work/nginx/error;
		events { worker_connections 18000; }
		http {
			access_log off;
			sendfile on;
			keepalive_requests 1000000000;
			keepalive_timeout 600;
			client_body_temp_path $work/nginx/body;
			proxy_temp_path $work/nginx/proxy;
			fastcgi_temp_path $work/nginx/fastcgi;
			uwsgi_temp_path $work/nginx/uwsgi;
			scgi_temp_path $work/nginx/scgi;
			server { listen 127.0.0.1:${port[$name]} ${3:-} backlog=4096; root $1; ${2:-} }
		}
	END
	spawn "$name" nginx -p "$work/nginx" -e "$work/nginx/error" -c "$work/nginx/conf"
	await_port "$name"
}

# The same three with TLS, and the certificate $work/tls.pem.  start_nginx_tls ROOT [NAME]
start_coffer_tls() {
	start_coffer "$1" -l https://127.0.0.1:0 -o "tls-certificate=$work/tls.pem" || return 1
	await coffer 'listening on https://127\.0\.0\.1:([0-9]+)' 10 || return 1
	port[coffer]=$found
}

start_nginx_tls() {
	local nginx_name=${2:-nginx} pem=$work/tls.pem
	start_nginx "$1" "ssl_certificate $pem; ssl_certificate_key $pem; ssl_protocols TLSv1.2 TLSv1.3;" ssl
}

start_s_server() {
	port[limit]=$("$bin/tool" port)
	spawn limit env -C "$1" openssl s_server -accept "127.0.0.1:${port[limit]}" -cert "$work/tls.pem" \
	    -key "$work/tls.pem" -WWW -quiet
	await_port limit
}

start_lighttpd() {
	need lighttpd || return 1
	port[lighttpd]=$("$bin/tool" port)
	cat >"$work/lighttpd.conf" <<-END
		server.bind = "127.0.0.1"
		server.port = ${port[lighttpd]}
		server.document-root = "$1"
		server.max-worker = 2
		server.max-fds = $(ulimit -n)
		server.max-connections = 18000
		server.max-keep-alive-requests = 65535
		server.max-keep-alive-idle = 600
		server.listen-backlog = 4096
	END
	spawn lighttpd lighttpd -D -f "$work/lighttpd.conf"
	await_port lighttpd
}

# start_vsftpd ROOT: anonymous; may write to ROOT/up where there is one.
start_vsftpd() {
	need vsftpd || return 1
	if ((EUID != 0)); then
		why="vsftpd must be started by root"
		return 1
	fi
	local user=ftp
	id "$user" >/dev/null 2>&1 || user=nobody
	[[ -d $1/up ]] && chown "$user" "$1/up"
	mkdir -p "$work/empty"
	port[vsftpd]=$("$bin/tool" port)
	cat >"$work/vsftpd.conf" <<-END
		listen=YES
		background=NO
		listen_address=127.0.0.1
		listen_port=${port[vsftpd]}
		anonymous_enable=YES
		no_anon_password=NO
		ftp_username=$user
		anon_root=$1
		anon_world_readable_only=NO
		write_enable=YES
		anon_upload_enable=YES
		xferlog_enable=NO
		use_sendfile=YES
		seccomp_sandbox=NO
		isolate_network=NO
		secure_chroot_dir=$work/empty
	END
	spawn vsftpd vsftpd "$work/vsftpd.conf"
	await_port vsftpd
}

# start_rsync ROOT [NAME]: one module, "m".
start_rsync() {
	local name=${2:-rsync}
	need rsync || return 1
	port[$name]=$("$bin/tool" port)
	cat >"$work/$name.conf" <<-END
		address = 127.0.0.1
		port = ${port[$name]}
		use chroot = no
		log file = $work/$name.rsyncd
		$( ((EUID == 0)) && printf 'uid = root\ngid = root\n')
		[m]
		path = $1
		read only = no
	END
	spawn "$name" rsync --daemon --no-detach --config="$work/$name.conf"
	await_port "$name"
}
