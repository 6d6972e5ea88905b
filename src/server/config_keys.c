/* config_keys - the table of keys, their defaults, and finding one by its name. */

#include <sys/param.h>

#include <assert.h>
#include <ctype.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/nitems.h"
#include "sched/sched.h"
#include "server/config_keys.h"
#include "server/sandbox.h"
#include "io/tls.h"
#include "session/access.h"
#include "store/store.h"

#define SECOND		INT64_C(1000)	/* milliseconds */
#define DAY		(86400 * SECOND)
#define TIB		(INT64_C(1) << 40)
#define USERS_FILE	SYSCONFDIR "/coffer/users"
#define WORKERS_MIN	2		/* by default: one that dies leaves another */
#define WORKERS_MAX	1024

/* The words of the choices stand in the order of these. */
_Static_assert(STORE_SYMLINKS_INSIDE == 0 && STORE_SYMLINKS_NEVER == 1, "symlinks");
_Static_assert(SANDBOX_BEST == 0 && SANDBOX_REQUIRED == 1 && SANDBOX_OFF == 2, "sandbox");
_Static_assert(CONFIG_DURABILITY_FULL == 0 && CONFIG_DURABILITY_NONE == 1, "durability");
_Static_assert(LOG_LEVEL_ERROR == 0 && LOG_LEVEL_WARNING == 1 && LOG_LEVEL_INFO == 2 &&
    LOG_LEVEL_DEBUG == 3, "log-level");

_Static_assert(ACCESS_NONE == 0 && ACCESS_TEXT == 1 && ACCESS_JSON == 2 && ACCESS_XFERLOG == 3 &&
    CONFIG_ACCESS_YES == 4, "access-log");

_Static_assert(TLS_1_2 == 0 && TLS_1_3 == 1, "tls-min-version");
_Static_assert(TLS_USER_CN == 0 && TLS_USER_EMAIL == 1, "tls-client-users");

#define AT(field)	offsetof(struct config, field)

/* A new key is a row here, a field in struct config and a paragraph in cofferd.conf(5). */
static const struct config_key keys[] = {
	{ "root", CONFIG_PATH, AT(root), "", 0, 0, NULL,
	    "the folder to serve" },
	{ "listen", CONFIG_URLS, AT(listen), "coffer://127.0.0.1:26333 http://127.0.0.1:8080", 0, 0, NULL,
	    "where clients connect" },
	{ "writable", CONFIG_BOOL, AT(writable), "no", 0, 0, NULL,
	    "whether clients may change the tree" },
	{ "workers", CONFIG_NUMBER, AT(workers), NULL, 1, WORKERS_MAX, NULL,
	    "processes that serve; by default one for each processor, at least 2" },
	{ "concurrency", CONFIG_MODEL, AT(concurrency), NULL, 0, 0, NULL,
	    "how one worker serves many sessions" },
	{ "sessions-per-worker", CONFIG_NUMBER, AT(sessions_per_worker), "8192", 1, 1000000, NULL,
	    "a worker with that many accepts no more" },
	{ "backlog", CONFIG_NUMBER, AT(backlog), "4096", 1, 65535, NULL,
	    "connections that wait in the kernel to be accepted" },
	{ "allow", CONFIG_NETWORKS, AT(allow), "", 0, 0, NULL,
	    "addresses that may come; if there are any, nobody else may" },
	{ "deny", CONFIG_NETWORKS, AT(deny), "", 0, 0, NULL,
	    "addresses that may not come" },
	{ "proxy-from", CONFIG_NETWORKS, AT(proxy_from), "", 0, 0, NULL,
	    "addresses of proxies whose connections begin with a PROXY header" },
	{ "user", CONFIG_STRING, AT(user), "", 0, 0, NULL,
	    "whom workers become when started as root; by default coffer, else nobody" },
	{ "users", CONFIG_PATH, AT(users), NULL, 0, 0, NULL,
	    "the file of those who can log in; by default " USERS_FILE ", where there is one" },
	{ "pam-service", CONFIG_STRING, AT(pam_service), "", 0, 0, NULL,
	    "the PAM service that is asked about users who are not in that file" },
	{ "login-failures", CONFIG_NUMBER, AT(login_failures), "5", 0, 1000000, NULL,
	    "wrong passwords after which an address is not listened to for a user; 0 for any number" },
	{ "login-ban", CONFIG_DURATION, AT(login_ban_ms), "10m", SECOND, 365 * DAY, NULL,
	    "how long that lasts, and how long failures are remembered" },
	{ "login-delay", CONFIG_DURATION, AT(login_delay_ms), "200ms", 0, 5 * SECOND, NULL,
	    "how long an address waits after its first failure; doubles with each; 0 for not at all" },
	{ "login-timeout", CONFIG_DURATION, AT(login_timeout_ms), "10s", 100, 3600 * SECOND, NULL,
	    "how long a login waits for the authenticator" },
	{ "sandbox", CONFIG_CHOICE, AT(sandbox), "best", 0, 0, "best required off",
	    "what workers give up beside their user's rights" },
	{ "symlinks", CONFIG_CHOICE, AT(symlinks), "inside", 0, 0, "inside never",
	    "symbolic links that are followed" },
	{ "durability", CONFIG_CHOICE, AT(durability), "full", 0, 0, "full none",
	    "whether an upload is on disk before it is acknowledged" },
	{ "staging-ttl", CONFIG_DURATION, AT(staging_ttl_ms), "7d", 0, 3650 * DAY, NULL,
	    "how long an interrupted upload can be resumed" },
	{ "upload-max", CONFIG_SIZE, AT(upload_max), "0", 0, (1 << 20) * TIB, NULL,
	    "bytes of one upload; 0 for no limit" },
	{ "quota", CONFIG_SIZE, AT(quota), "0", 0, (1 << 20) * TIB, NULL,
	    "bytes that the tree may hold; 0 for no limit but the disk" },
	{ "quota-files", CONFIG_NUMBER, AT(quota_files), "0", 0, INT64_C(1000000000000), NULL,
	    "files, folders and links that the tree may hold; 0 for no limit" },
	{ "held-max", CONFIG_NUMBER, AT(held_max), "10000", 1, 1000000, NULL,
	    "uploads that one session may hold for a COMMIT" },
	{ "hash-max", CONFIG_NUMBER, AT(hash_max), "4", 0, 1000000, NULL,
	    "files hashed at a time for clients of one address; 0 for no limit" },
	{ "open-files", CONFIG_NUMBER, AT(open_files), "2000", 0, 1000000, NULL,
	    "files that each worker keeps open between two requests; 0 for none" },
	{ "drop-max", CONFIG_SIZE, AT(drop_max), "64M", 0, TIB, NULL,
	    "bytes of a refused upload that are read to keep the connection" },
	{ "sessions-per-address", CONFIG_NUMBER, AT(sessions_per_address), "0", 0, 1000000, NULL,
	    "sessions that one address may have at a time; 0 for no limit" },
	{ "sessions-per-user", CONFIG_NUMBER, AT(sessions_per_user), "0", 0, 1000000, NULL,
	    "sessions that one user may have at a time; 0 for no limit" },
	{ "requests-per-second", CONFIG_NUMBER, AT(requests_per_second), "0", 0, 1000000, NULL,
	    "requests that one address may make in the long run; 0 for no limit" },
	{ "requests-burst", CONFIG_NUMBER, AT(requests_burst), "100", 1, 1000000, NULL,
	    "requests that it may make at once" },
	{ "rate-session", CONFIG_SIZE, AT(rate_session), "0", 0, TIB, NULL,
	    "bytes that one session may move in a second; 0 for no limit" },
	{ "rate-address", CONFIG_SIZE, AT(rate_address), "0", 0, TIB, NULL,
	    "bytes that all sessions of one address may move in a second; 0 for no limit" },
	{ "rate-user", CONFIG_SIZE, AT(rate_user), "0", 0, TIB, NULL,
	    "bytes that all sessions of one user may move in a second; 0 for no limit" },
	{ "idle-timeout", CONFIG_DURATION, AT(idle_timeout_ms), "5m", SECOND, DAY, NULL,
	    "between two requests" },
	{ "request-timeout", CONFIG_DURATION, AT(request_timeout_ms), "30s", SECOND, DAY, NULL,
	    "from the first byte of a request line to its end" },
	{ "io-timeout", CONFIG_DURATION, AT(io_timeout_ms), "1m", SECOND, DAY, NULL,
	    "while no byte moves in a transfer" },
	{ "min-rate", CONFIG_SIZE, AT(min_rate), "64", 0, INT64_C(1) << 30, NULL,
	    "bytes a second, averaged over io-timeout, below which a transfer ends; 0 for none" },
	{ "tftp-single-port", CONFIG_BOOL, AT(tftp_single_port), "no", 0, 0, NULL,
	    "whether TFTP answers from the port that it listens on" },
	{ "tftp-window", CONFIG_NUMBER, AT(tftp_window), "64", 1, 65535, NULL,
	    "blocks that TFTP sends or takes before it waits" },
	{ "tftp-user", CONFIG_STRING, AT(tftp_user), "", 0, 0, NULL,
	    "who clients of TFTP are; by default anonymous" },
	{ "grace-timeout", CONFIG_DURATION, AT(grace_timeout_ms), "30s", 0, DAY, NULL,
	    "how long a drain waits for requests in progress" },
	{ "start-timeout", CONFIG_DURATION, AT(start_timeout_ms), "30s", 100, 3600 * SECOND, NULL,
	    "how long a reload or an upgrade waits until the new workers accept" },
	{ "respawn-delay-max", CONFIG_DURATION, AT(respawn_delay_max_ms), "30s", 100, 3600 * SECOND,
	    NULL,
	    "the longest wait before a worker that keeps dying is started again" },
	{ "requests-per-worker", CONFIG_NUMBER, AT(requests_per_worker), "0", 0, INT64_C(1) << 40, NULL,
	    "a worker that has answered so many is replaced; 0 for never" },
	{ "stall-timeout", CONFIG_DURATION, AT(stall_timeout_ms), "2m", 0, DAY, NULL,
	    "a worker that has not moved for so long is killed and replaced; 0 for never" },
	{ "quarantine", CONFIG_DURATION, AT(quarantine_ms), "10m", 0, 365 * DAY, NULL,
	    "how long a request of which workers have died is refused; 0 for not at all" },
	{ "log", CONFIG_LOG, AT(log), NULL, 0, 0, NULL,
	    "stderr, syslog or a file; by default stderr in the foreground, else syslog" },
	{ "log-level", CONFIG_CHOICE, AT(log_level), "info", 0, 0, "error warning info debug",
	    "the least important lines that are written" },
	{ "access-log", CONFIG_CHOICE, AT(access_log), "text", 0, 0, "no text json xferlog yes",
	    "how a line for each request is written; yes is text" },
	{ "access-file", CONFIG_PATH, AT(access_file), "", 0, 0, NULL,
	    "a file of their own for these lines" },
	{ "index", CONFIG_BOOL, AT(index), "no", 0, 0, NULL,
	    "whether HTTP gives a folder's index.html in place of its listing" },
	{ "mime-types", CONFIG_PATH, AT(mime_types), "/etc/mime.types", 0, 0, NULL,
	    "which media types names of files have in HTTP" },
	{ "control", CONFIG_CONTROL, AT(control), "auto", 0, 0, NULL,
	    "where cofferctl reaches the server: auto, none or a socket's file name" },
	{ "pid-file", CONFIG_PATH, AT(pid_file), "", 0, 0, NULL,
	    "holds the master's process id, and keeps a second one from starting" },
	{ "background", CONFIG_BOOL, AT(background), "no", 0, 0, NULL,
	    "leave the terminal once clients can connect" },
	{ "tls-certificate", CONFIG_PATHS, AT(tls_certificate), "", 0, 0, NULL,
	    "files of certificates, one for each set of names, each with its chain" },
	{ "tls-key", CONFIG_PATHS, AT(tls_key), "", 0, 0, NULL,
	    "files of their keys, in the same order; by default the certificates' own" },
	{ "tls-min-version", CONFIG_CHOICE, AT(tls_min_version), "1.2", 0, 0, "1.2 1.3",
	    "the oldest TLS that is spoken" },
	{ "tls-client-ca", CONFIG_PATH, AT(tls_client_ca), "", 0, 0, NULL,
	    "the file of who signs certificates for clients, which log them in" },
	{ "tls-client-users", CONFIG_CHOICE, AT(tls_client_users), "cn", 0, 0, "cn email",
	    "where in a client's certificate the user's name stands" },
	{ "tls-required", CONFIG_BOOL, AT(tls_required), "no", 0, 0, NULL,
	    "whether nothing is served to who does not speak TLS" },
	{ "umask", CONFIG_OCTAL, AT(umask), "022", 0, 0777, NULL,
	    "permission bits that new files and folders do not get" },
};

const struct config_key *
config_key_at(size_t i)
{
	return i < nitems(keys) ? &keys[i] : NULL;
}

const struct config_key *
config_key_find(const char *name)
{
	for (size_t i = 0; i < nitems(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

/* How many letters must be put in, taken out or changed, or neighbours exchanged, to make a
 * into b; names of keys are short, so that three rows of the table are enough. */
static unsigned
distance(const char *a, const char *b)
{
	enum { MAX = 32 };
	unsigned row[3][MAX + 1] = { 0 };
	size_t la = strlen(a), lb = strlen(b), i, j;

	if (la > MAX || lb > MAX)
		return MAX;
	for (j = 0; j <= lb; j++)
		row[0][j] = (unsigned)j;
	for (i = 1; i <= la; i++) {
		unsigned *now = row[i % 3], *last = row[(i - 1) % 3], *before = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (j = 1; j <= lb; j++) {
			now[j] = MIN(MIN(last[j], now[j - 1]) + 1,
			    last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = MIN(now[j], before[j - 2] + 1);
		}
	}
	return row[la % 3][lb];
}

const struct config_key *
config_key_near(const char *name)
{
	const struct config_key *best = NULL;
	unsigned d, least = 3;		/* farther away it is another word */
	char plain[64];
	size_t i;

	/* idle_timeout and IdleTimeout are how other programs spell it. */
	for (i = 0; i < sizeof(plain) - 1 && name[i] != '\0'; i++)
		plain[i] = name[i] == '_' ? '-' : (char)tolower((unsigned char)name[i]);
	plain[i] = '\0';
	for (i = 0; i < nitems(keys); i++)
		if ((d = distance(plain, keys[i].name)) < least &&
		    d <= MAX(strlen(keys[i].name) / 3, 1)) {
			least = d;
			best = &keys[i];
		}
	return best;
}

/* Processors that this process may run on, which a container or taskset(1) makes fewer. */
static unsigned
processors(void)
{
	cpu_set_t set;
	long n;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	n = sysconf(_SC_NPROCESSORS_ONLN);	/* more than cpu_set_t has places for */
	return n > 0 ? (unsigned)n : 1;
}

const char *
config_key_default(const struct config_key *key, const struct config *config, char text[32])
{
	if (key->def != NULL)
		return key->def;
	if (key->type == CONFIG_LOG)
		return config->background ? "syslog" : "stderr";
	if (key->type == CONFIG_MODEL)
		return sched_at(0)->name;
	if (key->offset == AT(users))
		return access(USERS_FILE, R_OK) == 0 ? USERS_FILE : "";
	assert(key->offset == AT(workers));
	(void)snprintf(text, 32, "%u", MIN(MAX(processors(), WORKERS_MIN), WORKERS_MAX));
	return text;
}

void *
config_key_field(const struct config_key *key, const struct config *config)
{
	return (char *)(uintptr_t)config + key->offset;
}

const char *
config_key_choice(const struct config_key *key, int n, size_t *len)
{
	const char *word = key->choices;

	while (n-- > 0 && word != NULL)
		word = (word = strchr(word, ' ')) != NULL ? word + 1 : NULL;
	if (word != NULL)
		*len = strcspn(word, " ");
	return word;
}
