/* roots - the folders that are served, and the stores over them. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/shared.h"
#include "server/roots.h"
#include "store/folds.h"
#include "store/path.h"
#include "store/usage.h"

/* Whether the rules of a section within the share can be evaded by a name in another case. */
static int
check_section(const struct config_share *share, const struct config_share *section, char why[PRIVILEGE_WHY])
{
	size_t len = strlen(share->name), at;

	if (section == share || strncmp(section->name, share->name, len) != 0 ||
	    (len > 0 && section->name[len++] != '/') || !folds(share->root, section->name + len, &at))
		return 0;
	(void)snprintf(why, PRIVILEGE_WHY, "%.200s/%.*s ignores the case of names: whoever writes \"%.100s\" "
	    "otherwise would not be kept to its rights", share->root, (int)at, section->name + len, section->path);
	return -1;
}

/* Whether what is said by names holds in a share. */
static int
check_case(const struct config *config, const struct config_share *share, char why[PRIVILEGE_WHY])
{
	char reserved[PATH_MAX];
	bool writable = config_share_writable(share);
	size_t len;

	for (size_t i = 0; i < config->shares.count; i++)
		if (check_section(share, &config->shares.at[i], why) == -1)
			return -1;
	(void)snprintf(reserved, sizeof(reserved), "%s/%s", share->root, PATH_RESERVED);
	if ((!writable && access(reserved, F_OK) == -1) || !folds(share->root, "", &len))
		return 0;
	(void)snprintf(why, PRIVILEGE_WHY, "%.200s ignores the case of names: " PATH_RESERVED " could be reached "
	    "in another one; %s", share->root, writable ? "it can be served for reading only" : "remove it");
	return -1;
}

int
roots_check(const struct config *config, char why[PRIVILEGE_WHY])
{
	const struct config_share *share;

	for (size_t i = 0; (share = config_shares_root(&config->shares, i)) != NULL; i++)
		if (privilege_check(&config->as, share->root, config_share_writable(share), why) == -1 ||
		    check_case(config, share, why) == -1)
			return -1;
	return 0;
}

struct usage *
roots_usage(const char *root)
{
	static struct known {
		struct known	*next;
		struct usage	*usage;
		char		 root[];
	} *all;
	struct known *k;

	for (k = all; k != NULL; k = k->next)
		if (strcmp(k->root, root) == 0)
			return k->usage;
	if ((k = malloc(sizeof(*k) + strlen(root) + 1)) == NULL)
		return NULL;
	if ((k->usage = shared_new(sizeof(*k->usage))) == NULL) {
		free(k);
		return NULL;
	}
	(void)strcpy(k->root, root);
	k->next = all;
	all = k;
	return k->usage;
}

static struct store *
open_store(const struct config *config, const struct config_share *share, const char *root,
    struct usage *usage, unsigned open_files)
{
	const struct store_opts opts = {
		.root = root,
		.writable = config_share_writable(share),
		.symlinks = (enum store_symlinks)config->symlinks,
		.durable = config->durability == CONFIG_DURABILITY_FULL,
		.staging_ttl_ms = config->staging_ttl_ms,
		.open_files = open_files,
		.usage = share->quota > 0 || share->quota_files > 0 ? usage : NULL,
		.quota = share->quota > 0 ? (uint64_t)share->quota : 0,
		.quota_files = share->quota_files > 0 ? (uint64_t)share->quota_files : 0,
	};
	struct store *store;
	const char *why;

	if ((store = store_open(&opts, &why)) == NULL)
		log_error("%s: %s: %s", share->root, why, strerror(errno));
	return store;
}

static int
longest_first(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	return x->len != y->len ? (x->len > y->len ? -1 : 1) : strcmp(x->name, y->name);
}

int
roots_open(struct shares *shares, const struct config *config, bool rooted, struct usage *const *usage,
    unsigned open_files)
{
	const struct config_share *share;
	struct share *s;

	shares->rights = config->shares.rights;
	shares->count = 0;
	if ((shares->at = calloc(config->shares.roots + 1, sizeof(*shares->at))) == NULL) {
		log_error("%s", strerror(errno));
		return -1;
	}
	for (size_t i = 0; (share = config_shares_root(&config->shares, i)) != NULL; i++) {
		s = &shares->at[shares->count++];
		s->name = share->name;
		s->len = strlen(share->name);
		if ((s->store = open_store(config, share, rooted ? "/" : share->root, usage[i],
		    open_files / (unsigned)config->shares.roots)) == NULL)
			return -1;
	}
	qsort(shares->at, shares->count, sizeof(*shares->at), longest_first);
	return 0;
}

void
roots_close(struct shares *shares)
{
	for (size_t i = 0; i < shares->count; i++)
		store_close(&shares->at[i].store);
	free(shares->at);
	shares->at = NULL;
	shares->count = 0;
}

void
roots_tidy(struct shares *shares)
{
	for (size_t i = 0; i < shares->count; i++)
		store_tidy(shares->at[i].store);
}

void
roots_pause(struct shares *shares, bool pause)
{
	for (size_t i = 0; i < shares->count; i++)
		store_pause(shares->at[i].store, pause);
}

int
roots_sweep(struct shares *shares)
{
	int n, all = 0;

	for (size_t i = 0; i < shares->count; i++)
		if (store_writable(shares->at[i].store) && (n = store_sweep(shares->at[i].store)) > 0)
			all += n;
	return all;
}

void
roots_count(struct shares *shares, int64_t ms)
{
	struct share *s;

	for (s = shares->at; s < shares->at + shares->count; s++)
		if (store_count_due(s->store, ms) && store_count(s->store) == -1 && errno != EBUSY)
			log_error("the files in /%s cannot be counted for the quota: %s", s->name, strerror(errno));
}
