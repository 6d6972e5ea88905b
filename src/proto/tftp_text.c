/* tftp_text - a file as netascii, in blocks. */

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "proto/tftp.h"
#include "session/transfer.h"

static const struct text_place beginning = { .block = 1, .at = 0, .state = NETASCII_START };

int
text_open(struct text_source *text, const struct object *object, size_t blksize)
{
	text->kept = text->next = beginning;
	text->buffer = mem_take();
	return text->buffer == NULL || source_open(&text->raw, object, blksize) == -1 ? -1 : 0;
}

void
text_close(struct text_source *text)
{
	mem_give(text->buffer);
	text->buffer = NULL;
	source_close(&text->raw);
}

/* One block from `place` on, which goes behind it.  Its length, or -1. */
static ssize_t
encode(struct text_source *text, struct text_place *place, char *dst)
{
	size_t done = 0, left;
	const char *from;

	while (done < text->raw.blksize) {
		if (source_bytes(&text->raw, place->at, &from, &left) == -1)
			return -1;
		if (left == 0 && place->state.pending == -1)
			break;
		place->at += (off_t)left;
		done += netascii_encode(&place->state, &from, &left, dst + done, text->raw.blksize - done);
		place->at -= (off_t)left;
	}
	place->block++;
	return (ssize_t)done;
}

static int
go_to(struct text_source *text, struct text_place *place, uint64_t block)
{
	while (place->block < block)
		if (encode(text, place, text->buffer) == -1)
			return -1;
	return 0;
}

int
text_keep(struct text_source *text, uint64_t block)
{
	if (text->next.block == block)
		text->kept = text->next;
	return go_to(text, &text->kept, block);
}

int
text_blocks(struct text_source *text, uint64_t first, struct iovec (*parts)[2], size_t n, uint64_t *last)
{
	size_t room = MEM_BUFFER / text->raw.blksize, i;
	char *dst = text->buffer;
	ssize_t len;

	if (text->next.block > first)
		text->next = text->kept;
	if (go_to(text, &text->next, first) == -1)
		return -1;
	for (i = 0; i < n && i < room; i++, dst += len) {
		if ((len = encode(text, &text->next, dst)) == -1)
			return -1;
		parts[i][1] = (struct iovec){ .iov_base = dst, .iov_len = (size_t)len };
		if ((size_t)len < text->raw.blksize) {
			*last = first + i++;
			break;
		}
	}
	return (int)i;
}
