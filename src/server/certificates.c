/* certificates - from the files that the configuration names to the workers that show them. */

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "proto/protocols.h"
#include "server/certificates.h"

#define TEXT_MAX	(1024 * 1024)	/* bytes of a file; more is no certificate */
#define SHOWN		512		/* bytes of a file's name that a message shows */
#define OTHERS		(S_IROTH | S_IWOTH | S_IWGRP)

/* What stands in the memory: one head and its bytes after another. */
enum kind { KIND_CHAIN, KIND_KEY, KIND_CLIENT_CA, KIND_TICKET_KEYS };
struct head {
	uint32_t	kind, len;
};

/* In the process that reads: where its words go, and what it has read. */
struct reader {
	const struct config *config;
	FILE		*words;		/* '!' before a fault, '?' before a note */
	int		 memory;
	bool		 good;
};

static void __attribute__((format(printf, 4, 5)))
say(struct reader *r, const struct config_path *path, const char *key, const char *fmt, ...)
{
	char shown[SHOWN];
	va_list ap;

	(void)fprintf(r->words, "%s: %s: %s: ", path->place != NULL ? path->place : "cofferd", key,
	    text_visible(shown, sizeof(shown), path->name, strlen(path->name)));
	va_start(ap, fmt);
	(void)vfprintf(r->words, fmt, ap);
	va_end(ap);
	(void)fputc('\n', r->words);
}

#define fault(r, path, key, ...)	\
	((r)->good = false, (void)fputc('!', (r)->words), say((r), (path), (key), __VA_ARGS__))

/* The whole of a regular file.  0, or -1 with a sentence. */
static int
slurp(int fd, char **text, size_t *len, const char **why)
{
	struct stat st;
	ssize_t n = 0;

	*why = "is no regular file of at most 1 MiB";
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > TEXT_MAX)
		return -1;
	*why = "out of memory";
	if ((*text = malloc((size_t)st.st_size + 1)) == NULL)
		return -1;
	for (*len = 0; *len < (size_t)st.st_size; *len += (size_t)n)
		if ((n = read(fd, *text + *len, (size_t)st.st_size - *len)) <= 0)
			break;
	if (n != -1)
		return 0;
	*why = strerror(errno);
	return -1;
}

/* `secret`: there is a key in it. */
static int
read_text(struct reader *r, const struct config_path *path, const char *key, bool secret, struct tls_text *text)
{
	/* O_NONBLOCK: a FIFO would hold the start. */
	int fd = open(path->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), ret = -1;
	const char *why = strerror(errno);
	struct stat st;
	char *bytes = NULL;

	if (fd != -1 && secret && fstat(fd, &st) == 0 && (st.st_mode & OTHERS) != 0)
		why = "others can read or change it, and it holds a private key (chmod 600)";
	else if (fd != -1)
		ret = slurp(fd, &bytes, &text->len, &why);
	text->at = bytes;
	if (ret == -1)
		fault(r, path, key, "%s", why);
	if (fd != -1)
		(void)close(fd);
	return ret;
}

static void
keep(struct reader *r, enum kind kind, const void *bytes, size_t len)
{
	const struct head head = { kind, (uint32_t)len };

	if (write(r->memory, &head, sizeof(head)) != sizeof(head) ||
	    write(r->memory, bytes, len) != (ssize_t)len)
		_exit(EX_OSERR);
}

/* What OpenSSL says of them. */
static void
check(struct reader *r, const struct config_path *path, const char *key, const struct tls_pair *pair,
    const struct tls_text *client_ca, const struct config_path *ca_path)
{
	struct tls_server_opts opts = { .pairs = pair, .npairs = 1, .client_ca = *client_ca };
	char why[TLS_WHY];
	size_t which;
	struct tls_context *context = tls_server_open(&opts, why, &which);

	if (context == NULL && which == 1)
		fault(r, ca_path, "tls-client-ca", "%s", why);
	else if (context == NULL)
		fault(r, path, key, "%s", why);
	else if (tls_chain_out_of_date(&pair->chain, why) != NULL) {
		(void)fputc('?', r->words);
		say(r, path, "tls-certificate", "%s", why);
	}
	tls_context_close(&context);
}

static void
read_pair(struct reader *r, size_t i, const struct tls_text *client_ca, const struct config_path *ca_path)
{
	const struct config_paths *keys = &r->config->tls_key;
	const struct config_path *path = &r->config->tls_certificate.at[i];
	struct tls_pair pair;

	if (read_text(r, path, "tls-certificate", keys->count == 0, &pair.chain) == -1)
		return;
	pair.key = pair.chain;
	if (keys->count > 0 && read_text(r, &keys->at[i], "tls-key", true, &pair.key) == -1)
		return;
	check(r, path, "tls-certificate", &pair, client_ca, ca_path);
	keep(r, KIND_CHAIN, pair.chain.at, pair.chain.len);
	keep(r, KIND_KEY, pair.key.at, pair.key.len);
}

static _Noreturn void
read_all(const struct config *config, int memory, int words)
{
	struct reader r = { .config = config, .memory = memory, .words = fdopen(words, "w"), .good = true };
	const struct config_path ca = { .name = config->tls_client_ca };
	unsigned char tickets[TLS_TICKET_KEYS];
	struct tls_text client_ca = { NULL, 0 };

	if (r.words == NULL)
		_exit(EX_OSERR);
	if (ca.name[0] != '\0' && read_text(&r, &ca, "tls-client-ca", false, &client_ca) == 0)
		keep(&r, KIND_CLIENT_CA, client_ca.at, client_ca.len);
	for (size_t i = 0; i < config->tls_certificate.count; i++)
		read_pair(&r, i, &client_ca, &ca);
	arc4random_buf(tickets, sizeof(tickets));
	keep(&r, KIND_TICKET_KEYS, tickets, sizeof(tickets));
	(void)fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	_exit(fflush(r.words) == 0 && r.good ? EX_OK : EX_CONFIG);
}

static void
hear(int words, struct faults *faults, struct faults *notes)
{
	FILE *in = fdopen(words, "r");
	size_t size = 0;
	char *line = NULL;
	ssize_t n;

	while (in != NULL && (n = getline(&line, &size, in)) > 1) {
		line[n - 1] = '\0';
		faults_add(line[0] == '?' ? notes : faults, "%s", line + 1);
	}
	free(line);
	if (in != NULL)
		(void)fclose(in);
	else
		(void)close(words);
}

/* The memory, or -1 with faults. */
static int
gather(const struct config *config, struct faults *faults, struct faults *notes)
{
	size_t before = faults->count;
	int memory, words[2] = { -1, -1 }, status = -1;
	pid_t pid = -1;

	if ((memory = memfd_create("certificates", MFD_CLOEXEC | MFD_ALLOW_SEALING)) == -1 ||
	    pipe2(words, O_CLOEXEC) == -1 || (pid = fork()) == -1) {
		faults_add(faults, "tls-certificate: %s", strerror(errno));
		if (words[0] != -1) {
			(void)close(words[0]);
			(void)close(words[1]);
		}
	} else if (pid == 0)
		read_all(config, memory, words[1]);
	else {
		(void)close(words[1]);
		hear(words[0], faults, notes);
		while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
			continue;
		if (status != 0 && faults->count == before)
			faults_add(faults, "tls-certificate: the process that reads the files has failed");
	}
	if (status == 0 || memory == -1)
		return memory;
	(void)close(memory);
	return -1;
}

static bool
is_secure(const struct config_listen *listener)
{
	return protocol_find(listener->protocol)->secure;
}

/* What goes without reading any file. */
static void
check_keys(const struct config *config, struct faults *faults)
{
	size_t n = config->tls_certificate.count, keys = config->tls_key.count;

	if (keys != 0 && keys != n)
		faults_add(faults, "%s: tls-key: there are %zu keys for %zu certificates",
		    config->tls_key.at[0].place != NULL ? config->tls_key.at[0].place : "cofferd", keys, n);
	if (n > 0)
		return;
	for (size_t i = 0; i < config->listens; i++)
		if (is_secure(&config->listen[i]) || config->listen[i].tls_required)
			faults_add(faults, "listen: %s needs a certificate, and tls-certificate names none",
			    config->listen[i].text);
	if (config->tls_required)
		faults_add(faults, "tls-required: this needs a certificate, and tls-certificate names none");
	if (config->tls_client_ca[0] != '\0')
		faults_add(faults, "tls-client-ca: this needs a certificate, and tls-certificate names none");
}

int
certificates_gather(struct config *config, struct faults *faults, struct faults *notes)
{
	size_t before = faults->count;

	check_keys(config, faults);
	if (faults->count > before)
		return -1;
	if (config->tls_certificate.count == 0)
		return 0;
	config->certificates = gather(config, faults, notes);
	return config->certificates != -1 ? 0 : -1;
}

/* What stands in the memory, into the options; they refer to it. */
static void
take_apart(const char *at, const char *end, struct tls_server_opts *opts, struct tls_pair *pairs)
{
	struct tls_text text;
	struct head head;

	while ((size_t)(end - at) >= sizeof(head)) {
		memcpy(&head, at, sizeof(head));
		at += sizeof(head);
		text = (struct tls_text){ at, head.len };
		at += head.len;
		if (head.kind == KIND_CHAIN)
			pairs[opts->npairs].chain = text;
		else if (head.kind == KIND_KEY)
			pairs[opts->npairs++].key = text;
		else if (head.kind == KIND_CLIENT_CA)
			opts->client_ca = text;
		else
			memcpy(opts->ticket_keys, text.at, sizeof(opts->ticket_keys));
	}
}

static _Noreturn void
give_up(const char *why)
{
	log_error("the certificates cannot be used: %s", why);
	_exit(EX_OSERR);
}

struct tls_context *
certificates_open(const struct config *config)
{
	struct tls_pair pairs[CONFIG_PATHS_MAX];
	struct tls_server_opts opts = {
		.pairs = pairs,
		.min_version = (enum tls_version)config->tls_min_version,
		.client_user = (enum tls_user)config->tls_client_users,
	};
	struct tls_context *context;
	char why[TLS_WHY];
	struct stat st;
	char *at;

	if (config->certificates == -1)
		return NULL;
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	if (fstat(config->certificates, &st) == -1 || st.st_size == 0 || (at = mmap(NULL, (size_t)st.st_size,
	    PROT_READ, MAP_PRIVATE, config->certificates, 0)) == MAP_FAILED)
		give_up(strerror(errno));
	(void)madvise(at, (size_t)st.st_size, MADV_DONTDUMP);
	take_apart(at, at + st.st_size, &opts, pairs);
	if ((context = tls_server_open(&opts, why, NULL)) == NULL)
		give_up(why);
	explicit_bzero(opts.ticket_keys, sizeof(opts.ticket_keys));
	(void)munmap(at, (size_t)st.st_size);
	(void)close(config->certificates);
	return context;
}

void
certificates_tell(const struct config *config, char text[CERTIFICATES_TEXT])
{
	size_t n = config->tls_certificate.count;

	if (n == 0)
		(void)strlcpy(text, "off", CERTIFICATES_TEXT);
	else
		(void)snprintf(text, CERTIFICATES_TEXT, "%zu certificate%s, %skernel TLS", n, n == 1 ? "" : "s",
		    tls_kernel_there() ? "" : "no ");
}
