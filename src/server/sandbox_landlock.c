/* sandbox_landlock - no file but those beneath the roots, whatever a name says.
 * By the system calls, with the kernel's numbers spelt out: the headers of the system that builds
 * us may be older than the kernel that runs us. */

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "server/sandbox_int.h"

/* The same on every architecture that has them. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset	444
#define SYS_landlock_add_rule		445
#define SYS_landlock_restrict_self	446
#endif

#define ASK_VERSION	1U		/* a flag of landlock_create_ruleset() */
#define PATH_BENEATH	1		/* a type of rule */

/* Versions of the interface, and what they brought. */
#define ABI_REFER	2		/* names that move from folder to folder */
#define ABI_TRUNCATE	3
#define ABI_NETWORK	4
#define ABI_IOCTL	5
#define ABI_SCOPE	6

#define WRITE_FILE	(UINT64_C(1) << 1)
#define READ_FILE	(UINT64_C(1) << 2)
#define READ_FOLDER	(UINT64_C(1) << 3)
#define REMOVE_FOLDER	(UINT64_C(1) << 4)
#define REMOVE_FILE	(UINT64_C(1) << 5)
#define MAKE_ANYTHING	(UINT64_C(0x7f) << 6)	/* devices, folders, files, sockets, FIFOs, links */
#define FIRST_ABI	((UINT64_C(1) << 13) - 1)	/* all that version 1 knows */
#define REFER		(UINT64_C(1) << 13)
#define TRUNCATE	(UINT64_C(1) << 14)
#define IOCTL_DEVICE	(UINT64_C(1) << 15)

#define BIND_TCP	(UINT64_C(1) << 0)
#define CONNECT_TCP	(UINT64_C(1) << 1)

#define ABSTRACT_UNIX	(UINT64_C(1) << 0)
#define SIGNALS		(UINT64_C(1) << 1)

#define READS		(READ_FILE | READ_FOLDER)
/* To move a thing to another folder is to make it there, for Landlock; what cannot be moved could
 * not be tidied up.  Nothing but files and folders is made by a call on the list of seccomp. */
#define WRITES		(WRITE_FILE | REMOVE_FOLDER | REMOVE_FILE | MAKE_ANYTHING | REFER | TRUNCATE)

/* Where chroot(2) hides all else, opening to read is not asked about: Landlock would ask at each
 * open of a file, and a third of the time of a small GET would go there.  To cut a file off is asked
 * in the same place, and so left out with it. */
#define HIDDEN		(READS | TRUNCATE)

/* What is denied, unless a rule allows it.  An older kernel takes the longer struct as long as what
 * it does not know is 0. */
struct ruleset {
	uint64_t	files, network, scope;
};

struct beneath {
	uint64_t	allowed;
	int32_t		folder;
} __attribute__((packed));

static struct ruleset
denied(int abi, bool rooted)
{
	struct ruleset r = { .files = FIRST_ABI };

	if (abi >= ABI_REFER)
		r.files |= REFER;
	if (abi >= ABI_TRUNCATE)
		r.files |= TRUNCATE;
	if (rooted)
		r.files &= ~HIDDEN;
	if (abi >= ABI_NETWORK)
		r.network = BIND_TCP | CONNECT_TCP;
	if (abi >= ABI_IOCTL)
		r.files |= IOCTL_DEVICE;
	if (abi >= ABI_SCOPE)
		r.scope = ABSTRACT_UNIX | SIGNALS;
	return r;
}

static int
allow_folder(int rules, const char *root, uint64_t allowed)
{
	struct beneath beneath = { .allowed = allowed };
	int ret, saved;

	if (beneath.allowed == 0)
		return 0;
	beneath.folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (beneath.folder == -1)
		return -1;
	ret = (int)syscall(SYS_landlock_add_rule, rules, PATH_BENEATH, &beneath, 0);
	saved = errno;
	(void)close(beneath.folder);
	errno = saved;
	return ret;
}

static int
allow_roots(int rules, const struct sandbox_opts *opts, const struct ruleset *r)
{
	const struct config_share *share;
	uint64_t allowed;

	for (size_t i = 0; !opts->secret && (share = config_shares_root(opts->shares, i)) != NULL; i++) {
		allowed = (READS | (config_share_writable(share) ? WRITES : 0)) & r->files;
		if (allow_folder(rules, opts->rooted ? "/" : share->root, allowed) == -1)
			return -1;
	}
	return 0;
}

int
sandbox_landlock(const struct sandbox_opts *opts, const char **why)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION), rules;
	struct ruleset r = denied(abi, opts->rooted && !opts->secret);
	bool entered;

	*why = "the kernel has none: Linux 5.13 brought it, and its \"lsm\" may leave it out";
	if (abi < 1)
		return 0;
	/* Version 1 would let no upload leave the folder in which it was staged. */
	*why = "the kernel's allows no moves between folders: Linux 5.19 is needed to write";
	if (opts->writable && abi < ABI_REFER)
		return 0;
	*why = "the kernel refuses it";
	if ((rules = (int)syscall(SYS_landlock_create_ruleset, &r, sizeof(r), 0)) == -1)
		return 0;
	entered = allow_roots(rules, opts, &r) == 0 &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0 &&
	    syscall(SYS_landlock_restrict_self, rules, 0) == 0;
	(void)close(rules);
	return entered ? abi : 0;
}
