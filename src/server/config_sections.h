/* config_sections - groups, shares and folders, as libConfuse reads them from a file.
 * config_file reads all else. */

#ifndef SERVER_CONFIG_SECTIONS_H
#define SERVER_CONFIG_SECTIONS_H

#include <confuse.h>

#include "server/config_file.h"

#define CONFIG_SECTIONS	3	/* kinds of them */

/* The options for libConfuse; and for whom it reads from now on.  The file under way is `top`'s. */
void	config_sections_opts(cfg_opt_t opts[CONFIG_SECTIONS]);
void	config_sections_begin(struct config_draft *, cfg_t *top);

/* Which keys such a section has, as a sentence; NULL where `name` is none. */
const char *config_sections_keys(const char *name);

#endif
