/* fuzz_parse_coffer - any line as a request, reply, entry of a listing or chunk length:
 * the first byte chooses.  The rest lies in memory of its length and one byte more. */

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "parse/parse_coffer.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_word(const struct coffer_word *word, const char *line, size_t len)
{
	if (word->at == NULL)
		return;
	assert(word->at >= line && word->at <= line + len);
	assert(word->len <= (size_t)(line + len - word->at));
	assert(word->at[word->len] == '\0');
}

/* Two words never share a byte: decoding one would change the other. */
static void
check_apart(const struct coffer_word *a, const struct coffer_word *b)
{
	if (a->at != NULL && b->at != NULL)
		assert(a->at + a->len < b->at || b->at + b->len < a->at);
}

static void
check_numbers(const struct coffer_request *rq)
{
	assert((rq->given & COFFER_DEPTH) == 0 || rq->depth >= 1);
	assert((rq->given & COFFER_LIMIT) == 0 || rq->limit >= 1);
	assert(rq->from >= 0 && rq->len >= 0 && rq->size >= COFFER_SIZE_CHUNKED);
	assert(rq->mode <= 0777 && rq->mtime.tv_sec >= 0);
	assert(rq->mtime.tv_nsec >= 0 && rq->mtime.tv_nsec <= 999999999);
	assert((rq->given & COFFER_MATCH) == 0 || strlen(rq->match.at) == rq->match.len);
	assert((rq->given & COFFER_AFTER) == 0 || strlen(rq->after.at) == rq->after.len);
}

static void
check_why(const char *why)
{
	size_t n;

	assert(why[0] != '\0' && strlen(why) < 512);
	for (; *why != '\0'; why += n)
		assert((n = text_printable(why, strlen(why))) > 0);
}

static void
request(char *line, size_t len)
{
	char why[512], tight[2];
	char *copy = malloc(len + 1);
	struct coffer_request rq, again;
	int ret;

	assert(copy != NULL);
	memcpy(copy, line, len);
	ret = coffer_parse(&rq, line, len, why, sizeof(why));
	if (ret == -1)
		check_why(why);
	else
		assert(rq.verb < COFFER_VERBS && why[0] == '\0');
	const struct coffer_word *words[] = { &rq.operand[0], &rq.operand[1], &rq.match,
	    &rq.after };
	for (size_t i = 0; i < 4; i++) {
		check_word(words[i], line, len);
		for (size_t j = i + 1; j < 4; j++)
			check_apart(words[i], words[j]);
	}
	check_numbers(&rq);
	if (ret == 0 && rq.verb != COFFER_LOGIN && rq.verb != COFFER_HELP)
		for (size_t i = 0; i < 2; i++)
			assert(rq.operand[i].at == NULL || rq.operand[i].at[0] == '/');

	/* The room for the sentence changes nothing else. */
	assert(coffer_parse(&again, copy, len, tight, sizeof(tight)) == ret);
	assert(again.verb == rq.verb && again.given == rq.given && again.size == rq.size);
	free(copy);
}

static void
reply(char *line, size_t len)
{
	static const char *const keys[] = { "size", "sha256", "path", "", "=", " " };
	struct coffer_reply r;
	char value[65];
	ptrdiff_t n;

	if (coffer_reply_parse(&r, line, len) == -1) {
		assert(errno == EPROTO);
		return;
	}
	assert(r.code >= 100 && r.code <= 599);
	assert(r.text >= line && r.text <= line + len && strlen(r.text) <= len);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		n = coffer_reply_value(&r, keys[i], value, sizeof(value));
		assert(n >= -1 && n <= (ptrdiff_t)sizeof(value));
		assert(n == -1 || memchr(value, ' ', (size_t)n) == NULL);
	}
}

static void
entry(char *line, size_t len)
{
	struct coffer_entry e;
	char *slashes;

	if (coffer_entry_parse(&e, line, len) == -1) {
		assert(errno == EPROTO);
		return;
	}
	check_word(&e.name, line, len);
	assert(e.type == 'f' || e.type == 'd' || e.type == 'l');
	assert(e.size <= INT64_MAX && e.mode <= 07777);
	assert(e.name.len > 0 && strlen(e.name.at) == e.name.len);
	assert((slashes = malloc(e.name.len + 3)) != NULL);
	slashes[0] = '/';
	memcpy(slashes + 1, e.name.at, e.name.len);
	memcpy(slashes + 1 + e.name.len, "/", 2);
	assert(strstr(slashes, "//") == NULL && strstr(slashes, "/./") == NULL);
	assert(strstr(slashes, "/../") == NULL);
	free(slashes);
}

static void
chunk(const char *line, size_t len)
{
	uint64_t n;

	if (coffer_chunk_parse(&n, line, len) == 0)
		assert(len >= 1 && len <= 15 && n < UINT64_C(1) << 60);
	else
		assert(errno == EPROTO);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line;

	if (size < 1)
		return 0;
	assert((line = malloc(size)) != NULL);
	memcpy(line, data + 1, size - 1);
	line[size - 1] = 'X';		/* the one byte behind the line, which may be written */
	switch (data[0] % 4) {
	case 0:
		request(line, size - 1);
		break;
	case 1:
		reply(line, size - 1);
		break;
	case 2:
		entry(line, size - 1);
		break;
	default:
		chunk(line, size - 1);
	}
	free(line);
	return 0;
}
