/* users_line - the grammar of the users file. */

#include <crypt.h>
#include <string.h>

#include "auth/users_line.h"
#include "base/text.h"

#define DES_LEN	13	/* bytes of a hash of crypt(3) as it was in 1979 */

static bool
is(const char *name, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(name, word, len) == 0;
}

bool
users_name(const char *name, size_t len, const char **why)
{
	size_t at, n;

	*why = "a user's name has from 1 to 39 bytes";
	if (len < 1 || len > USERS_NAME_MAX)
		return false;
	*why = "a user's name is made of printable characters, without spaces, colons and slashes";
	for (at = 0; at < len; at += n)
		if ((n = text_printable(name + at, len - at)) == 0 || strchr(" :/", name[at]) != NULL)
			return false;
	*why = "nobody can have this name";
	return !is(name, len, ".") && !is(name, len, "..") && !is(name, len, "anonymous") &&
	    !is(name, len, "users") && !is(name, len, "everybody");
}

bool
users_hash_open(const char *hash)
{
	return hash[0] != '!' && hash[0] != '*';
}

/* The oldest kind has no mark by which it is known, so that most words begin like one. */
static bool
plain_word(const char *hash)
{
	return hash[0] != '$' && hash[0] != '_' && strlen(hash) != DES_LEN;
}

static bool
good_hash(const char *hash, size_t len, const char **why)
{
	char copy[USERS_HASH_MAX + 1];
	int kind;

	*why = "the hash is empty; cofferctl passwd makes one, and * is for a user without a password";
	if (len == 0)
		return false;
	*why = "the hash is too long, or has a NUL in it";
	if (len > USERS_HASH_MAX || memchr(hash, '\0', len) != NULL)
		return false;
	memcpy(copy, hash, len);
	copy[len] = '\0';
	*why = "this is no hash that crypt(3) knows; cofferctl passwd makes one";
	kind = !users_hash_open(copy) ? CRYPT_SALT_OK :
	    plain_word(copy) ? CRYPT_SALT_INVALID : crypt_checksalt(copy);
	explicit_bzero(copy, sizeof(copy));
	return kind != CRYPT_SALT_INVALID && kind != CRYPT_SALT_METHOD_DISABLED;
}

static bool
blank(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at == end;
}

int
users_line(struct users_line *l, const char *line, size_t len, const char **why)
{
	const char *end = line + len, *colon;

	*why = NULL;
	if (len > 0 && end[-1] == '\r')
		end--;
	if (blank(line, end) || line[0] == '#')
		return 0;
	*why = "a line is NAME:HASH";
	if ((colon = memchr(line, ':', (size_t)(end - line))) == NULL)
		return -1;
	*l = (struct users_line){ .name = line, .name_len = (size_t)(colon - line), .hash = colon + 1 };
	colon = memchr(l->hash, ':', (size_t)(end - l->hash));
	l->rest = colon != NULL ? colon + 1 : NULL;
	l->hash_len = (size_t)((colon != NULL ? colon : end) - l->hash);
	if (!users_name(l->name, l->name_len, why) || !good_hash(l->hash, l->hash_len, why))
		return -1;
	return 1;
}
