/* without - runs a command as on a kernel that lacks some system calls.
 *
 *	without CALL[,CALL]... COMMAND [ARGUMENT]...
 *
 * The calls are answered with ENOSYS, to COMMAND and all that it starts. */

#include <err.h>
#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	char *list, *name;
	int call;

	if (argc < 3)
		errx(2, "usage: without CALL[,CALL]... COMMAND [ARGUMENT]...");
	list = argv[1];
	while ((name = strsep(&list, ",")) != NULL) {
		if ((call = seccomp_syscall_resolve_name(name)) == __NR_SCMP_ERROR)
			errx(2, "no system call is called %s", name);
		if ((errno = -seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0)) != 0)
			err(2, "%s", name);
	}
	if ((errno = -seccomp_load(filter)) != 0)
		err(2, "seccomp");
	seccomp_release(filter);
	(void)execvp(argv[2], argv + 2);
	err(2, "%s", argv[2]);
}
