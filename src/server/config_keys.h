/* config_keys - the table of keys, and a value's way from text into struct config and back.
 * Knows nothing of files: config does the reading. */

#ifndef SERVER_CONFIG_KEYS_H
#define SERVER_CONFIG_KEYS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "server/config.h"

enum config_type {
	CONFIG_STRING,		/* any text */
	CONFIG_PATH,		/* "" or an absolute file name */
	CONFIG_LOG,		/* stderr, syslog or an absolute file name */
	CONFIG_CONTROL,		/* auto, none or an absolute file name */
	CONFIG_BOOL,		/* yes or no */
	CONFIG_NUMBER,		/* digits */
	CONFIG_SIZE,		/* digits, perhaps K M G T */
	CONFIG_DURATION,	/* digits, perhaps ms s m h d */
	CONFIG_OCTAL,		/* octal digits */
	CONFIG_CHOICE,		/* one of choices */
	CONFIG_MODEL,		/* the name of a concurrency model */
	CONFIG_URLS,		/* a list of listeners */
	CONFIG_PATHS,		/* a list of absolute file names */
	CONFIG_NETWORKS		/* a list of addresses and networks */
};

struct config_key {
	const char	*name;
	enum config_type type;
	size_t		 offset;	/* of its field in struct config */
	const char	*def;		/* as text, a space between the items of a list; NULL: found
					 * out at the start */
	int64_t		 min, max;	/* of numbers, bytes, milliseconds */
	const char	*choices;	/* words, a space between, in the order of their values */
	const char	*help;		/* one line */
};

#define CONFIG_LISTEN_OPTION	"?tls-required"	/* what may stand behind a URL in listen */
#define CONFIG_WHY	512	/* bytes that hold any sentence about a value */

/* The i-th key, NULL past the last; and the key of that name, or NULL. */
const struct config_key	*config_key_at(size_t i);
const struct config_key	*config_key_find(const char *name);

/* The key that was probably meant, or NULL. */
const struct config_key	*config_key_near(const char *name);

/* The default as text, which may lie in `text`.  That of log depends on config->background. */
const char	*config_key_default(const struct config_key *, const struct config *,
		    char text[32]);

/* Its field in the config. */
void	*config_key_field(const struct config_key *, const struct config *);

/* The n-th word of a choice, not terminated, its length in *len; NULL past the last. */
const char	*config_key_choice(const struct config_key *, int n, size_t *len);

/* --- config_values.c: from text */

/* Takes a value into the config; a list grows by it.  0, or -1 with a sentence about the value:
 * `"5x" is not a time (a number with ms, s, m, h or d)`. */
int	config_key_set(const struct config_key *, struct config *, const char *value,
	    char why[CONFIG_WHY]);

/* Where the last name of a list was set. */
void	config_key_place(const struct config_key *, struct config *, const char *place);

/* Takes the value that another config has; as config_key_set().  Not for a list. */
int	config_key_copy(const struct config_key *, struct config *, const struct config *from,
	    char why[CONFIG_WHY]);

/* Whether it holds any number of values; and empties it. */
bool	config_key_is_list(const struct config_key *);
void	config_key_clear(const struct config_key *, struct config *);

/* Whatever memory its value has. */
void	config_key_free(const struct config_key *, struct config *);

/* --- config_print.c: to text */

/* Writes the value as the file would hold it: quoted where it must be. */
void	config_key_print(const struct config_key *, const struct config *, FILE *);

/* Within double quotes; what libConfuse would read as something else is escaped. */
void	config_print_quoted(const char *, FILE *);

/* A number as the file would hold it, in the largest unit that loses nothing. */
char	*config_key_number(const struct config_key *, int64_t, char *dst, size_t size);

#endif
