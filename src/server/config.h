/* config - what the administrator wants, checked whole before anything starts.
 * Defaults, then the file, then -o, then the other options; the later wins.  Every fault is
 * found and told with its place, not only the first.  Only the top floor includes this:
 * modules below get their own small struct of options. */

#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "io/socket.h"
#include "server/config_shares.h"
#include "server/faults.h"
#include "server/privilege.h"

#define CONFIG_FILE_MAX		(1024 * 1024)	/* bytes of one file; more is no configuration */
#define CONFIG_LISTEN_MAX	64		/* URLs in listen */
#define CONFIG_PATHS_MAX	64		/* file names in one list */
#define CONFIG_NETWORKS_MAX	10000		/* networks in one list */

struct config_listen {
	struct socket_url url;
	char		*text;		/* as it was given, but for the option: for messages */
	const char	*protocol;	/* what it speaks: "coffer", also on a Unix socket */
	bool		 tls_required;	/* its option: nothing is served in clear there */
	bool		 optional;	/* nobody asked for it: if it is taken, go on without */
};

/* File names or networks, each with where it was set, for messages; places may be NULL. */
struct config_paths {
	struct config_path {
		char	*name, *place;
	}	*at;
	size_t	 count;
};

#define CONFIG_ACCESS_YES	4		/* the same as text */

enum config_durability { CONFIG_DURABILITY_FULL, CONFIG_DURABILITY_NONE };

/* The fields are named as their keys in cofferd.conf(5), with the unit where there is one. */
struct config {
	char		*root;			/* "" only where config_load() was told so */
	struct config_listen *listen;
	size_t		 listens;		/* from 1 */
	bool		 listen_given;		/* they are somebody's wish, and not the default */
	bool		 writable;
	int64_t		 workers;
	const char	*concurrency;		/* a name that sched_find() knows */
	int64_t		 sessions_per_worker;
	int64_t		 backlog;
	char		*users;			/* "" for none: nobody can log in */
	char		*pam_service;		/* who is not in that file is asked of it; "" for none */
	int64_t		 login_failures;	/* 0: nobody is banned */
	int64_t		 login_ban_ms;
	int64_t		 login_delay_ms;
	int64_t		 login_timeout_ms;
	struct config_paths allow, deny, proxy_from;	/* networks that cidr_parse() takes */
	char		*user;			/* "" for the default */
	int		 sandbox;		/* enum sandbox_mode */
	int		 symlinks;		/* enum store_symlinks */
	int		 durability;		/* enum config_durability */
	int64_t		 staging_ttl_ms;
	int64_t		 upload_max;		/* bytes; 0: no limit */
	int64_t		 quota;			/* bytes; 0: none */
	int64_t		 quota_files;		/* 0: none */
	int64_t		 held_max;
	int64_t		 hash_max;
	int64_t		 open_files;
	int64_t		 drop_max;		/* bytes */
	int64_t		 sessions_per_address, sessions_per_user;	/* these: 0 for any number */
	int64_t		 requests_per_second, requests_burst;
	int64_t		 rate_session, rate_address, rate_user;	/* bytes in a second; 0: any */
	int64_t		 idle_timeout_ms;
	int64_t		 request_timeout_ms;
	int64_t		 io_timeout_ms;
	int64_t		 min_rate;		/* bytes in a second; 0: none */
	bool		 tftp_single_port;
	int64_t		 tftp_window;		/* blocks */
	char		*tftp_user;		/* "" for nobody */
	int64_t		 grace_timeout_ms;
	int64_t		 start_timeout_ms;
	int64_t		 respawn_delay_max_ms;
	int64_t		 requests_per_worker;	/* 0: any number */
	int64_t		 stall_timeout_ms;	/* 0: no watch */
	int64_t		 quarantine_ms;		/* 0: none */
	char		*log;			/* "stderr", "syslog" or an absolute file name */
	int		 log_level;		/* enum log_level */
	int		 access_log;		/* enum access_format, or CONFIG_ACCESS_YES */
	char		*access_file;		/* "" for the log */
	bool		 index;
	char		*mime_types;		/* "" for none */
	char		*control;		/* "auto", "none" or an absolute file name */
	char		*pid_file;		/* "" for none */
	bool		 background;
	int64_t		 umask;
	struct config_paths tls_certificate;
	struct config_paths tls_key;		/* none: the keys are in the certificates' files */
	int		 tls_min_version;	/* enum tls_version */
	char		*tls_client_ca;		/* "" for none */
	int		 tls_client_users;	/* enum tls_user */
	bool		 tls_required;

	struct config_shares shares;		/* the sections, and what they and root come to */

	char		*file;			/* the file that was read, or NULL */
	struct privilege as;			/* whom the workers become; main and reload fill it
						 * in by privilege_find() */
	int		 certificates;		/* certificates.h; main and reload fill it in; -1 for none */
	int		 ready_fd;		/* see daemon.h; -1 for none */
};

/* One setting of the command line. */
struct config_setting {
	const char	*place;		/* the option, for messages: "-n" */
	const char	*key, *value;
};

/* Where a configuration comes from.  The strings must live as long as a reload may come. */
struct config_source {
	const char	*file;			/* to read; NULL for none */
	bool		 optional;		/* the file may be missing */
	const struct config_setting *settings;	/* in the order in which they take effect; the first
						 * that names a list replaces it, others of the same
						 * place add to it */
	size_t		 nsettings;
	bool		 rootless;		/* a missing root is no fault (for -T) */
};

/* Reads and checks all of it.  0, or -1 with at least one line in *faults; then *config is as
 * it was before (a reload keeps what it has: read into a new struct).  config_free() it. */
int	config_load(struct config *, const struct config_source *, struct faults *);

/* Whether anybody can log in by a password. */
bool	config_logins(const struct config *);

/* Leaves an empty struct behind; a zeroed one may be freed. */
void	config_free(struct config *);

/* Every key with its value, in the syntax of the file. */
void	config_print(const struct config *, FILE *);

#endif
