/* certificate - makes a certificate that signs itself, and tells its fingerprint.  Asks no server. */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "io/tls.h"

#define DAYS		3650
#define NAMES_MAX	100

/* Where no names are given: this machine's. */
static size_t
own_names(const char *names[NAMES_MAX])
{
	static char host[HOST_NAME_MAX + 1];
	size_t n = 0;

	if (gethostname(host, sizeof(host) - 1) == 0 && host[0] != '\0' && strcmp(host, "localhost") != 0)
		names[n++] = host;
	names[n++] = "localhost";
	names[n++] = "127.0.0.1";
	names[n++] = "::1";
	return n;
}

/* Never over a file that is there: it may hold a key that is in use. */
static int
store(const char *file, const char *text, size_t len)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), error;

	if (fd == -1)
		return -1;
	if (write(fd, text, len) == (ssize_t)len && fsync(fd) == 0 && close(fd) == 0)
		return 0;
	error = errno;
	(void)unlink(file);
	errno = error;
	return -1;
}

static void
tell(const char *file, const char *const *names, size_t n, const struct tls_text *text)
{
	char hex[DIGEST_HEX];
	struct digest digest;

	(void)printf("%s: for", file);
	for (size_t i = 0; i < n; i++)
		(void)printf(" %s", names[i]);
	(void)puts("");
	if (tls_chain_fingerprint(text, &digest) == 0)
		(void)printf("sha256=%s\n", digest_hex(&digest, hex));
}

enum ctl_exit
ctl_certificate(const char *file, char **given, int count)
{
	const char *names[NAMES_MAX];
	char why[TLS_WHY], *pem;
	enum ctl_exit code = DONE;
	size_t n = 0, len;

	if (count > NAMES_MAX) {
		ctl_say("a certificate is for at most %d names", NAMES_MAX);
		return USAGE;
	}
	for (; n < (size_t)count; n++)
		names[n] = given[n];
	if (n == 0)
		n = own_names(names);
	if ((pem = tls_make(names, n, DAYS, &len, why)) == NULL) {
		ctl_say("%s", why);
		return FAILED;
	}
	if (store(file, pem, len) == -1) {
		ctl_say("%s: %s", file, strerror(errno));
		code = FAILED;
	} else
		tell(file, names, n, &(struct tls_text){ pem, len });
	explicit_bzero(pem, len);
	free(pem);
	return code;
}
