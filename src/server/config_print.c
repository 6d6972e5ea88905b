/* config_print - a value's way from its field of struct config into text, as the file would hold it. */

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "server/config_keys.h"

char *
config_key_number(const struct config_key *key, int64_t number, char *dst, size_t size)
{
	static const struct unit { const char *name; int64_t factor; } sizes[] = {
		{ "T", INT64_C(1) << 40 }, { "G", INT64_C(1) << 30 }, { "M", 1 << 20 },
		{ "K", 1 << 10 }, { "", 1 },
	}, durations[] = {
		{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
	};
	const struct unit *unit = key->type == CONFIG_DURATION ? durations : sizes;

	if (key->type == CONFIG_OCTAL)
		(void)snprintf(dst, size, "%03" PRIo64, (uint64_t)number);
	else if (key->type == CONFIG_NUMBER || number == 0)
		(void)snprintf(dst, size, "%" PRId64, number);
	else {
		while (number % unit->factor != 0)
			unit++;
		(void)snprintf(dst, size, "%" PRId64 "%s", number / unit->factor, unit->name);
	}
	return dst;
}

void
config_print_quoted(const char *s, FILE *out)
{
	(void)putc('"', out);
	for (; *s != '\0'; s++)
		if (*s == '"' || *s == '\\' || *s == '$')
			(void)fprintf(out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			(void)fprintf(out, "\\x%02x", (unsigned)*s);
		else
			(void)putc(*s, out);
	(void)putc('"', out);
}

static void
print_paths(const struct config_paths *paths, FILE *out)
{
	(void)fputs("{ ", out);
	for (size_t i = 0; i < paths->count; i++) {
		if (i > 0)
			(void)fputs(", ", out);
		config_print_quoted(paths->at[i].name, out);
	}
	(void)fputs(paths->count > 0 ? " }" : "}", out);
}

static void
print_listener(const struct config_listen *l, FILE *out)
{
	char text[sizeof(struct socket_url) + sizeof(CONFIG_LISTEN_OPTION)];

	(void)snprintf(text, sizeof(text), "%s%s", l->text, l->tls_required ? CONFIG_LISTEN_OPTION : "");
	config_print_quoted(text, out);
}

static void
print_listeners(const struct config *config, FILE *out)
{
	(void)fputs("{ ", out);
	for (size_t i = 0; i < config->listens; i++) {
		if (i > 0)
			(void)fputs(", ", out);
		print_listener(&config->listen[i], out);
	}
	(void)fputs(" }", out);
}

static void
print_number(const struct config_key *key, int64_t number, FILE *out)
{
	char text[32];

	(void)fputs(config_key_number(key, number, text, sizeof(text)), out);
}

static void
print_choice(const struct config_key *key, int choice, FILE *out)
{
	size_t len;
	const char *word = config_key_choice(key, choice, &len);

	assert(word != NULL);
	(void)fprintf(out, "%.*s", (int)len, word);
}

void
config_key_print(const struct config_key *key, const struct config *config, FILE *out)
{
	const void *at = config_key_field(key, config);

	switch (key->type) {
	case CONFIG_STRING:
	case CONFIG_PATH:
	case CONFIG_LOG:
	case CONFIG_CONTROL:
		config_print_quoted(*(char *const *)at, out);
		return;
	case CONFIG_BOOL:
		(void)fputs(*(const bool *)at ? "yes" : "no", out);
		return;
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
	case CONFIG_OCTAL:
		print_number(key, *(const int64_t *)at, out);
		return;
	case CONFIG_CHOICE:
		print_choice(key, *(const int *)at, out);
		return;
	case CONFIG_MODEL:
		(void)fputs(*(const char *const *)at, out);
		return;
	case CONFIG_URLS:
		print_listeners(config, out);
		return;
	case CONFIG_PATHS:
	case CONFIG_NETWORKS:
		print_paths(at, out);
		return;
	}
	abort();
}
