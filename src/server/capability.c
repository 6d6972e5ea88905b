/* capability - what of root's power a worker keeps: nothing, or the files, or the ports.
 * By the system calls: two sets of 64 bits need no library. */

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/capability.h>

#include <stdint.h>
#include <unistd.h>

#include "server/capability.h"

#define FILES	(UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_DAC_OVERRIDE | \
		    UINT64_C(1) << CAP_DAC_READ_SEARCH | UINT64_C(1) << CAP_FOWNER | \
		    UINT64_C(1) << CAP_FSETID)

void
capability_bound(void)
{
	unsigned long cap;

	/* An ordinary user may not (EPERM); no_new_privs makes it needless then. */
	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0L, 0L, 0L) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0L, 0L, 0L);
	(void)prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L);
}

int
capability_drop(bool files, bool ports)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint64_t keep = (files ? FILES : 0) | (ports ? UINT64_C(1) << CAP_NET_BIND_SERVICE : 0);
	unsigned i;

	if (syscall(SYS_capget, &header, data) == -1)
		return -1;
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted &= (uint32_t)(keep >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return (int)syscall(SYS_capset, &header, data);
}
