/* blocks - the pump for protocols of datagrams. */

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "session/blocks.h"
#include "session/warm.h"

int
source_open(struct source *src, const struct object *object, size_t blksize)
{
	*src = (struct source){ .object = object, .blksize = blksize };
	src->buffer = mem_take();
	return src->buffer != NULL ? 0 : -1;
}

void
source_close(struct source *src)
{
	mem_give(src->buffer);
	src->buffer = NULL;
}

/* Makes the buffer hold the bytes from `from` on. */
static int
fill(struct source *src, off_t from)
{
	off_t left = src->object->size - from;

	src->at = from;
	src->len = 0;
	if (warm_read(src->object, from, src->buffer, left < MEM_BUFFER ? (size_t)left : MEM_BUFFER) == -1)
		return -1;
	src->len = left < MEM_BUFFER ? (size_t)left : MEM_BUFFER;
	return 0;
}

int
source_bytes(struct source *src, off_t from, const char **bytes, size_t *len)
{
	if ((from < src->at || from >= src->at + (off_t)src->len) && fill(src, from) == -1)
		return -1;
	*bytes = src->buffer + (from - src->at);
	*len = src->len - (size_t)(from - src->at);
	return 0;
}

int
source_blocks(struct source *src, uint64_t first, struct iovec (*parts)[2], size_t n, uint64_t *last)
{
	off_t from = (off_t)((first - 1) * src->blksize), end = src->object->size;
	size_t len, got = 0;

	while (got < n) {
		len = end - from < (off_t)src->blksize ? (size_t)(end - from) : src->blksize;
		if (from < src->at || from + (off_t)len > src->at + (off_t)src->len) {
			if (got > 0)
				break;
			if (fill(src, from) == -1)
				return -1;
		}
		parts[got][1] = (struct iovec){ .iov_base = src->buffer + (from - src->at), .iov_len = len };
		got++;
		from += (off_t)len;
		if (len < src->blksize) {
			*last = first + got - 1;
			break;
		}
	}
	return (int)got;
}

static int
write_some(void *arg)
{
	struct sink *sink = arg;

	return upload_write(sink->upload, sink->writing, sink->writing_len);
}

static int
fail(struct sink *sink, int error)
{
	if (sink->fault == 0)
		sink->fault = error;
	errno = sink->fault;
	return -1;
}

/* Begins to write what is in the buffer, once what was before is written. */
static int
begin(struct sink *sink)
{
	char *swap = sink->writing;

	if (wait_finish(&sink->job) == -1)
		return fail(sink, errno);
	sink->writing = sink->buffer;
	sink->writing_len = sink->len;
	sink->buffer = swap;
	sink->len = 0;
	wait_begin(&sink->job, write_some, sink);
	return 0;
}

int
sink_add(struct sink *sink, const char *bytes, size_t len)
{
	size_t part;

	if (sink->fault != 0)
		return fail(sink, sink->fault);
	while (len > 0) {
		if (sink->buffer == NULL && (sink->buffer = mem_take()) == NULL)
			return fail(sink, ENOMEM);
		part = len < MEM_BUFFER - sink->len ? len : MEM_BUFFER - sink->len;
		memcpy(sink->buffer + sink->len, bytes, part);
		sink->len += part;
		bytes += part;
		len -= part;
		if (sink->len == MEM_BUFFER && begin(sink) == -1)
			return -1;
	}
	return 0;
}

int
sink_end(struct sink *sink)
{
	if (wait_finish(&sink->job) == -1)
		return fail(sink, errno);
	if (sink->fault != 0)
		return fail(sink, sink->fault);
	if (sink->len > 0 && upload_write(sink->upload, sink->buffer, sink->len) == -1)
		return fail(sink, errno);
	sink->len = 0;
	return 0;
}

void
sink_close(struct sink *sink)
{
	(void)wait_finish(&sink->job);
	mem_give(sink->buffer);
	mem_give(sink->writing);
	sink->buffer = sink->writing = NULL;
}
