/* config_values - a value's way from text into its field of struct config.
 * Which values a key takes is said by the table in config_keys. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/nitems.h"
#include "base/text.h"
#include "io/socket.h"
#include "parse/parse_cidr.h"
#include "proto/protocols.h"
#include "sched/sched.h"
#include "server/config_keys.h"

#define SHOWN		160	/* bytes of a value that a message shows */
#define SENTENCE	128	/* and of what is wrong with it */

/* "value" made fit to be shown, and what is wrong with it. */
static int
refuse(char *why, const char *value, const char *sentence)
{
	char shown[SHOWN];

	(void)snprintf(why, CONFIG_WHY, "\"%s\" %s", text_visible(shown, sizeof(shown), value,
	    strlen(value)), sentence);
	return -1;
}

void
config_key_place(const struct config_key *key, struct config *config, const char *place)
{
	const struct config_paths *paths = config_key_field(key, config);
	struct config_path *last = &paths->at[paths->count - 1];

	free(last->place);
	last->place = strdup(place);
}

static int
set_text(char **at, const char *value, char *why)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return refuse(why, value, "does not fit into memory");
	free(*at);
	*at = copy;
	return 0;
}

static int
set_bool(bool *at, const char *value, char *why)
{
	static const struct { const char *word; bool means; } words[] = {
		{ "yes", true }, { "no", false }, { "true", true }, { "false", false },
		{ "on", true }, { "off", false },
	};

	for (size_t i = 0; i < nitems(words); i++)
		if (strcmp(value, words[i].word) == 0) {
			*at = words[i].means;
			return 0;
		}
	return refuse(why, value, "is neither yes nor no");
}

/* What a number of that type looks like, and its reading: 0, or -1 with errno. */
static int
read_number(const struct config_key *key, const char *value, int64_t *number, const char **looks)
{
	unsigned mode;
	uint64_t n;

	switch (key->type) {
	case CONFIG_SIZE:
		*looks = "is not a number of bytes (digits, with K, M, G or T for powers of 1024)";
		return text_size(number, value);
	case CONFIG_DURATION:
		*looks = "is not a time (a number with ms, s, m, h or d)";
		return text_duration(number, value);
	case CONFIG_OCTAL:
		*looks = "is not an octal number (such as 022)";
		if (text_mode(&mode, value, strlen(value)) == -1)
			return -1;
		*number = mode;
		return 0;
	default:
		*looks = "is not a number";
		if (text_number(&n, value, strlen(value), INT64_MAX) == -1)
			return -1;
		*number = (int64_t)n;
		return 0;
	}
}

static int
set_number(const struct config_key *key, int64_t *at, const char *value, char *why)
{
	char sentence[SENTENCE], min[32], max[32];
	const char *looks;
	int64_t number;

	errno = 0;
	if (read_number(key, value, &number, &looks) == -1) {
		if (errno != ERANGE)
			return refuse(why, value, looks);
	} else if (number >= key->min && number <= key->max) {
		*at = number;
		return 0;
	}
	(void)snprintf(sentence, sizeof(sentence), "is not between %s and %s",
	    config_key_number(key, key->min, min, sizeof(min)),
	    config_key_number(key, key->max, max, sizeof(max)));
	return refuse(why, value, sentence);
}

/* Another item of the list in a sentence. */
static void
append_item(char *sentence, size_t size, bool first, const char *item, size_t len)
{
	const size_t end = strlen(sentence);

	(void)snprintf(sentence + end, size - end, "%s%.*s", first ? "" : ", ", (int)len, item);
}

static int
set_choice(const struct config_key *key, int *at, const char *value, char *why)
{
	char sentence[SENTENCE] = "is not one of ";
	const char *word;
	size_t len;

	for (int i = 0; (word = config_key_choice(key, i, &len)) != NULL; i++) {
		if (strlen(value) == len && memcmp(value, word, len) == 0) {
			*at = i;
			return 0;
		}
		append_item(sentence, sizeof(sentence), i == 0, word, len);
	}
	return refuse(why, value, sentence);
}

static int
set_model(const char **at, const char *value, char *why)
{
	char sentence[SENTENCE] = "is no concurrency model (";
	const struct sched *model;

	if ((model = sched_find(value)) != NULL) {
		*at = model->name;
		return 0;
	}
	for (size_t i = 0; (model = sched_at(i)) != NULL; i++)
		append_item(sentence, sizeof(sentence), i == 0, model->name, strlen(model->name));
	(void)strlcat(sentence, ")", sizeof(sentence));
	return refuse(why, value, sentence);
}

/* The protocol that is spoken on such a URL, or NULL with a sentence. */
static const char *
protocol_of(const struct socket_url *url, char *why)
{
	const struct protocol *protocol;
	char shown[64];

	if (strcmp(url->scheme, "unix") == 0)
		return protocol_at(0)->name;
	if ((protocol = protocol_find(url->scheme)) != NULL)
		return protocol->name;
	(void)snprintf(why, CONFIG_WHY, "no protocol is called \"%s\" (", text_visible(shown,
	    sizeof(shown), url->scheme, strlen(url->scheme)));
	for (size_t i = 0; (protocol = protocol_at(i)) != NULL; i++)
		append_item(why, CONFIG_WHY, i == 0, protocol->name, strlen(protocol->name));
	(void)strlcat(why, ")", CONFIG_WHY);
	return NULL;
}

/* The option behind a URL, from its `?` on: only where a client can begin with TLS later is there one. */
static int
read_option(struct config_listen *listener, const char *option, const char *value, char *why)
{
	if (strcmp(option, CONFIG_LISTEN_OPTION) != 0)
		return refuse(why, value, "has an option that no listener knows (" CONFIG_LISTEN_OPTION ")");
	if (strcmp(listener->protocol, protocol_at(0)->name) != 0)
		return refuse(why, value, "cannot have this option: nobody says STARTTLS there");
	listener->tls_required = true;
	return 0;
}

static int
read_url(struct config_listen *listener, const char *value, char *why)
{
	const struct socket_url *url = &listener->url;
	const char *reason;

	if (socket_url_parse(&listener->url, value, &reason) == -1) {
		refuse(why, value, "is not a URL to listen on: ");
		(void)strlcat(why, reason, CONFIG_WHY);
		return -1;
	}
	if ((listener->protocol = protocol_of(url, why)) == NULL)
		return -1;
	if (strcmp(url->scheme, "unix") != 0 && (url->user[0] != '\0' ||
	    (url->path[0] != '\0' && strcmp(url->path, "/") != 0)))
		return refuse(why, value, "names more than an address and a port to listen on");
	return 0;
}

/* A file name may have a `?` in it. */
static int
read_listener(struct config_listen *listener, const char *value, char *why)
{
	size_t len = strncmp(value, "unix:", 5) == 0 ? strlen(value) : strcspn(value, "?");

	memset(listener, 0, sizeof(*listener));
	if ((listener->text = strndup(value, len)) == NULL)
		return refuse(why, value, "does not fit into memory");
	if (read_url(listener, listener->text, why) == 0 &&
	    (value[len] == '\0' || read_option(listener, value + len, value, why) == 0))
		return 0;
	free(listener->text);
	return -1;
}

static bool
has_listener(const struct config *config, const char *text)
{
	for (size_t i = 0; i < config->listens; i++)
		if (strcmp(config->listen[i].text, text) == 0)
			return true;
	return false;
}

/* One that stands there twice could not be told from the other when the sockets of a reload are looked for. */
static int
add_listener(struct config *config, const char *value, char *why)
{
	struct config_listen listener, *more;

	if (read_listener(&listener, value, why) == -1)
		return -1;
	if (has_listener(config, listener.text)) {
		free(listener.text);
		return refuse(why, value, "stands there already");
	}
	more = config->listens == CONFIG_LISTEN_MAX ? NULL :
	    reallocarray(config->listen, config->listens + 1, sizeof(*more));
	if (more == NULL) {
		free(listener.text);
		return refuse(why, value, "is one listener too many");
	}
	more[config->listens++] = listener;
	config->listen_given = true;
	config->listen = more;
	return 0;
}

static int
add_name(struct config_paths *paths, const char *value, char *why)
{
	struct config_path *more;

	if ((more = reallocarray(paths->at, paths->count + 1, sizeof(*more))) == NULL)
		return refuse(why, value, "does not fit into memory");
	paths->at = more;
	more[paths->count] = (struct config_path){ .name = strdup(value) };
	if (more[paths->count].name == NULL)
		return refuse(why, value, "does not fit into memory");
	paths->count++;
	return 0;
}

static int
add_path(struct config_paths *paths, const char *value, char *why)
{
	if (value[0] != '/')
		return refuse(why, value, "is not an absolute file name");
	if (paths->count == CONFIG_PATHS_MAX)
		return refuse(why, value, "is one file too many");
	return add_name(paths, value, why);
}

static int
add_network(struct config_paths *networks, const char *value, char *why)
{
	struct cidr cidr;

	if (cidr_parse(&cidr, value) == -1)
		return refuse(why, value, "is neither an address nor a network such as 192.0.2.0/24 or 2001:db8::/32");
	if (networks->count == CONFIG_NETWORKS_MAX)
		return refuse(why, value, "is one network too many");
	return add_name(networks, value, why);
}

int
config_key_set(const struct config_key *key, struct config *config, const char *value,
    char why[CONFIG_WHY])
{
	void *at = config_key_field(key, config);

	switch (key->type) {
	case CONFIG_STRING:
		return set_text(at, value, why);
	case CONFIG_PATH:
		if (value[0] != '\0' && value[0] != '/')
			return refuse(why, value, "is not an absolute file name");
		return set_text(at, value, why);
	case CONFIG_LOG:
		if (value[0] != '/' && strcmp(value, "stderr") != 0 && strcmp(value, "syslog") != 0)
			return refuse(why, value,
			    "is neither stderr nor syslog nor an absolute file name");
		return set_text(at, value, why);
	case CONFIG_CONTROL:
		if (value[0] != '/' && strcmp(value, "auto") != 0 && strcmp(value, "none") != 0)
			return refuse(why, value,
			    "is neither auto nor none nor an absolute file name");
		return set_text(at, value, why);
	case CONFIG_BOOL:
		return set_bool(at, value, why);
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
	case CONFIG_OCTAL:
		return set_number(key, at, value, why);
	case CONFIG_CHOICE:
		return set_choice(key, at, value, why);
	case CONFIG_MODEL:
		return set_model(at, value, why);
	case CONFIG_URLS:
		return add_listener(config, value, why);
	case CONFIG_PATHS:
		return add_path(at, value, why);
	case CONFIG_NETWORKS:
		return add_network(at, value, why);
	}
	abort();
}

int
config_key_copy(const struct config_key *key, struct config *config, const struct config *from,
    char why[CONFIG_WHY])
{
	const void *value = config_key_field(key, from);
	void *at = config_key_field(key, config);

	switch (key->type) {
	case CONFIG_STRING:
	case CONFIG_PATH:
	case CONFIG_LOG:
	case CONFIG_CONTROL:
		return set_text(at, *(char *const *)value, why);
	case CONFIG_BOOL:
		*(bool *)at = *(const bool *)value;
		return 0;
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
	case CONFIG_OCTAL:
		*(int64_t *)at = *(const int64_t *)value;
		return 0;
	case CONFIG_CHOICE:
		*(int *)at = *(const int *)value;
		return 0;
	case CONFIG_MODEL:
		*(const char **)at = *(const char *const *)value;
		return 0;
	case CONFIG_URLS:
	case CONFIG_PATHS:
	case CONFIG_NETWORKS:
		break;
	}
	abort();
}

bool
config_key_is_list(const struct config_key *key)
{
	return key->type == CONFIG_URLS || key->type == CONFIG_PATHS || key->type == CONFIG_NETWORKS;
}

static void
clear_paths(struct config_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++) {
		free(paths->at[i].name);
		free(paths->at[i].place);
	}
	free(paths->at);
	*paths = (struct config_paths){ .at = NULL };
}

void
config_key_clear(const struct config_key *key, struct config *config)
{
	assert(config_key_is_list(key));
	if (key->type != CONFIG_URLS) {
		clear_paths(config_key_field(key, config));
		return;
	}
	for (size_t i = 0; i < config->listens; i++)
		free(config->listen[i].text);
	free(config->listen);
	config->listen = NULL;
	config->listens = 0;
}

void
config_key_free(const struct config_key *key, struct config *config)
{
	char **text = config_key_field(key, config);

	if (config_key_is_list(key))
		config_key_clear(key, config);
	else if (key->type == CONFIG_STRING || key->type == CONFIG_PATH || key->type == CONFIG_LOG ||
	    key->type == CONFIG_CONTROL) {
		free(*text);
		*text = NULL;
	}
}
