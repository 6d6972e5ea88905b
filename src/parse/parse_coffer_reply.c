/* parse_coffer_reply - the client's half of the native protocol's grammar: replies, the lines
 * of LIST, and the length of a chunk, which is the server's to read. */

#include "parse/parse_coffer.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "parse/words.h"

static int
no_protocol(void)
{
	errno = EPROTO;
	return -1;
}

int
coffer_reply_parse(struct coffer_reply *reply, char *line, size_t len)
{
	uint64_t code;

	if (words_control(line, len) != NULL)
		return no_protocol();
	if (len < 3 || text_number(&code, line, 3, 599) == -1 || code < 100)
		return no_protocol();
	if (len > 3 && line[3] != ' ')
		return no_protocol();
	line[len] = '\0';
	reply->code = (int)code;
	reply->text = line + (len > 3 ? 4 : 3);
	return 0;
}

ptrdiff_t
coffer_reply_value(const struct coffer_reply *reply, const char *key, char *value, size_t size)
{
	size_t keylen = strlen(key), len;
	const char *word;

	for (word = reply->text; *word != '\0'; word += len) {
		word += strspn(word, " ");
		len = strcspn(word, " ");
		if (len <= keylen || word[keylen] != '=' || memcmp(word, key, keylen) != 0)
			continue;
		word += keylen + 1;
		len -= keylen + 1;
		if (len > size)
			return -1;
		memcpy(value, word, len);
		if (len < size)
			value[len] = '\0';
		return (ptrdiff_t)len;
	}
	return -1;
}

/* Whether a name stays beneath the folder that it is listed in: a client may make
 * files of these names, and the server may be anybody. */
static bool
stays_beneath(const struct coffer_word *name)
{
	const char *part = name->at, *slash;
	size_t len;

	do {
		slash = strchrnul(part, '/');
		len = (size_t)(slash - part);
		if (len == 0 || words_equal(part, len, ".") || words_equal(part, len, ".."))
			return false;
		part = slash + 1;
	} while (*slash != '\0');
	return true;
}

/* Words behind the name.  Those of an unknown key may come from a newer server. */
static int
entry_extra(struct coffer_entry *entry, const char *word, size_t len)
{
	static const char key[] = "sha256=";
	const size_t skip = sizeof(key) - 1;

	if (memchr(word, '=', len) == NULL)
		return -1;
	if (len < skip || memcmp(word, key, skip) != 0)
		return 0;
	word += skip;
	len -= skip;
	if (entry->has_sha256)
		return -1;
	if (words_equal(word, len, "-"))
		return 0;
	entry->has_sha256 = true;
	return digest_parse(&entry->sha256, word, len);
}

/* The first four words, which are of fixed meaning. */
static int
entry_field(struct coffer_entry *entry, int which, char *word, size_t len)
{
	switch (which) {
	case 0:
		entry->type = *word;
		return len == 1 && strchr("fdl", *word) != NULL ? 0 : -1;
	case 1:
		return text_number(&entry->size, word, len, INT64_MAX);
	case 2:
		return text_timespec(&entry->mtime, word, len);
	case 3:
		return len == 4 ? text_mode(&entry->mode, word, len) : -1;
	case 4:
		return words_name(&entry->name, word, len) == 0 && stays_beneath(&entry->name)
		    ? 0 : -1;
	default:
		return entry_extra(entry, word, len);
	}
}

int
coffer_entry_parse(struct coffer_entry *entry, char *line, size_t len)
{
	char *pos = line, *end = line + len, *word;
	int which = 0;
	size_t n;

	memset(entry, 0, sizeof(*entry));
	if (words_control(line, len) != NULL)
		return no_protocol();
	*end = '\0';
	for (; (word = words_next(&pos, end, &n)) != NULL; which++)
		if (entry_field(entry, which, word, n) == -1)
			return no_protocol();
	return which >= 5 ? 0 : no_protocol();
}

int
coffer_chunk_parse(uint64_t *length, const char *line, size_t len)
{
	return text_hex(length, line, len) == -1 ? no_protocol() : 0;
}
