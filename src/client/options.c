/* options - what commands make of their command lines. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "client/client.h"
#include "client/place.h"

#define TIMEOUT_S_MAX	1000000

int
client_number(const char *option, const char *text, long long min, long long max, long long *n)
{
	const char *why;

	*n = strtonum(text, min, max, &why);
	if (why == NULL)
		return 0;
	say("%s %s: the number is %s (%lld to %lld)", option, text, why, min, max);
	return -1;
}

/* As openssl-x509(1) and cofferctl(8) print it, with or without colons. */
static int
take_fingerprint(struct client *c, const char *text)
{
	static struct digest digest;
	char hex[DIGEST_HEX];
	const char *at = text;
	size_t n = 0;

	if (strncasecmp(at, "sha256=", 7) == 0)
		at += 7;
	for (; *at != '\0' && n < sizeof(hex) - 1; at++)
		if (*at != ':')
			hex[n++] = *at;
	if (*at != '\0' || digest_parse(&digest, hex, n) == -1) {
		say("--fingerprint %s: a fingerprint is 64 hexadecimal digits, of SHA-256", text);
		return -1;
	}
	c->fingerprint = &digest;
	return 0;
}

static int
take_host(struct client *c, const char *url)
{
	c->url = url;
	if (place_is_url(url))
		return 0;
	say("-H %s: a server is coffer[s]://HOST[:PORT] or unix:/SOCKET", url);
	return -1;
}

static int
take_timeout(struct client *c, const char *text)
{
	long long s;

	if (client_number("-T", text, 1, TIMEOUT_S_MAX, &s) == -1)
		return -1;
	c->timeout_ms = s * 1000;
	return 0;
}

int
client_option(struct client *c, int option)
{
	switch (option) {
	case 'H':
		return take_host(c, optarg);
	case 'q':
		c->quiet = true;
		return 0;
	case 'v':
		c->verbose = true;
		return 0;
	case 'T':
		return take_timeout(c, optarg);
	case CLIENT_CACERT:
		c->cacert = optarg;
		return 0;
	case CLIENT_FINGERPRINT:
		return take_fingerprint(c, optarg);
	case CLIENT_PIN:
		c->pin = true;
		return 0;
	case CLIENT_STARTTLS:
		c->starttls = true;
		return 0;
	case 'h':
		client_help(stdout);
		out_check();
		exit(DONE);
	case 'V':
		(void)printf("coffer %s\n", PACKAGE_VERSION);
		out_check();
		exit(DONE);
	default:	/* getopt(3) has said it */
		(void)fprintf(stderr, "coffer: \"coffer help%s%s\" tells more\n",
		    client_command != NULL ? " " : "",
		    client_command != NULL ? client_command->name : "");
		return -1;
	}
}

int
client_transfer(struct client *c, struct transfer *t, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "continue", no_argument, NULL, 'c' },
		{ "no-clobber", no_argument, NULL, 'n' },
		{ "recursive", no_argument, NULL, 'r' },
		{ "target", required_argument, NULL, 't' },
		CLIENT_LONGS
	};
	int ch;

	while ((ch = getopt_long(argc, argv, "cnrt:" CLIENT_SHORTS, longs, NULL)) != -1)
		switch (ch) {
		case 'c':
			t->resume = true;
			break;
		case 'n':
			t->keep = true;
			break;
		case 'r':
			t->recursive = true;
			break;
		case 't':
			t->folder = optarg;
			break;
		default:
			if (client_option(c, ch) == -1)
				return -1;
		}
	return 0;
}

int
client_misuse(const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "coffer: %s: ", client_command->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(
	    stderr, "\nusage: coffer %s %s\n", client_command->name, client_command->usage);
	return USAGE;
}
