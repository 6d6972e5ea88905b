/* test_warm - which reads a worker waits for itself, and for which it has a helper: files on several file
 * systems, one after the other, as the shares of one server are. */

#include <sys/stat.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/wait.h"
#include "session/warm.h"

#define SIZE	(2 * 1024 * 1024)

static struct wait_ops	 counting;
static unsigned		 calls;		/* that a helper would have made */

static void
begin(struct wait_job *job)
{
	calls++;
	wait_blocking.begin(job);
}

static int
start(void **state)
{
	(void)state;
	counting = wait_blocking;
	counting.begin = begin;
	wait_use(&counting);
	return 0;
}

/* How many since the last time. */
static unsigned
helped(void)
{
	unsigned n = calls;

	calls = 0;
	return n;
}

static struct object
filled(int fd)
{
	static char bytes[SIZE];
	struct object object = { .fd = fd, .size = SIZE };
	struct stat st;

	memset(bytes, 'x', SIZE);
	assert_int_equal(pwrite(fd, bytes, SIZE, 0), SIZE);
	assert_int_equal(fstat(fd, &st), 0);
	object.device = st.st_dev;
	return object;
}

static struct object
in_memory(void)
{
	return filled(memfd_create("warm", MFD_CLOEXEC));
}

/* In this folder, as far as that is on a disk. */
static struct object
on_disk(void)
{
	char name[] = "test_warm.XXXXXX";
	int fd = mkstemp(name);

	assert_int_not_equal(fd, -1);
	(void)unlink(name);
	return filled(fd);
}

/* What RWF_NOWAIT says of the first byte: 0, or an errno. */
static int
told(int fd)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };

	return preadv2(fd, &iov, 1, 0, RWF_NOWAIT) == 1 ? 0 : errno;
}

/* Whether the kernel has forgotten it. */
static bool
forget(int fd)
{
	return fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0 && told(fd) == EAGAIN;
}

static void
check_read(const struct object *object)
{
	char bytes[4096] = "";

	assert_int_equal(warm_read(object, 8192, bytes, sizeof(bytes)), 0);
	assert_true(bytes[0] == 'x' && bytes[4095] == 'x');
}

static void
memory_needs_no_helper(void **state)
{
	struct object object = in_memory();

	(void)state;
	for (int i = 0; i < 3; i++) {
		check_read(&object);
		warm_up(&object, 0, SIZE);
	}
	assert_int_equal(helped(), 0);
	close(object.fd);
}

/* It was once taken for one that cannot tell, for tmpfs had been read before. */
static void
a_disk_beside_memory_is_asked(void **state)
{
	struct object memory = in_memory(), disk = on_disk();

	(void)state;
	check_read(&memory);
	warm_up(&memory, 0, SIZE);
	if (!forget(disk.fd)) {
		close(memory.fd);
		close(disk.fd);
		print_message("the folder's file system does not forget\n");
		skip();
	}
	check_read(&disk);
	assert_int_equal(helped(), 1);
	check_read(&disk);
	assert_int_equal(helped(), 0);
	assert_true(forget(disk.fd));
	warm_up(&disk, 0, SIZE);
	assert_int_equal(helped(), 1);
	warm_up(&disk, 0, SIZE);
	assert_int_equal(helped(), 0);
	close(memory.fd);
	close(disk.fd);
}

/* /proc stands for FUSE and the like: it is no memory, as far as anybody can know. */
static void
what_cannot_tell_has_a_helper_for_large_pieces(void **state)
{
	struct object object = { .fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC) };
	struct stat st;

	(void)state;
	assert_int_not_equal(object.fd, -1);
	assert_int_equal(fstat(object.fd, &st), 0);
	object.device = st.st_dev;
	if (told(object.fd) != EOPNOTSUPP) {
		close(object.fd);
		print_message("here, /proc tells\n");
		skip();
	}
	warm_up(&object, 0, SIZE);		/* it becomes known */
	(void)helped();
	warm_up(&object, 0, SIZE);
	assert_int_equal(helped(), 1);
	warm_up(&object, 0, 100000);
	assert_int_equal(helped(), 0);
	close(object.fd);
}

/* What has become shorter. */
static void
an_end_that_comes_early_is_a_fault(void **state)
{
	struct object memory = in_memory(), disk = on_disk();
	char bytes[100];

	(void)state;
	errno = 0;
	assert_int_equal(warm_read(&memory, SIZE - 50, bytes, 100), -1);
	assert_int_equal(errno, EPROTO);
	errno = 0;
	assert_int_equal(warm_read(&disk, SIZE - 50, bytes, 100), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(warm_read(&disk, SIZE, bytes, 0), 0);
	(void)helped();
	close(memory.fd);
	close(disk.fd);
}

/* More file systems than are remembered: each is asked, and none is mistaken for another. */
static void
many_file_systems_are_no_matter(void **state)
{
	struct object memory = in_memory(), disk = on_disk();

	(void)state;
	for (dev_t i = 1; i <= 100; i++) {
		struct object other = memory;

		other.device = 1000000 + i;
		warm_up(&other, 0, SIZE);
		check_read(&other);
		check_read(&other);
	}
	assert_int_equal(helped(), 0);
	check_read(&memory);
	if (forget(disk.fd)) {
		check_read(&disk);
		assert_int_equal(helped(), 1);
	}
	close(memory.fd);
	close(disk.fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_needs_no_helper),
		cmocka_unit_test(a_disk_beside_memory_is_asked),
		cmocka_unit_test(what_cannot_tell_has_a_helper_for_large_pieces),
		cmocka_unit_test(an_end_that_comes_early_is_a_fault),
		cmocka_unit_test(many_file_systems_are_no_matter),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
