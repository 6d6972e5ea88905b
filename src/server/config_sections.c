/* config_sections - groups, shares and folders, as libConfuse reads them from a file.
 * It calls for each value and at the end of each section, so that each can be given its line. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/config_keys.h"
#include "server/config_sections.h"

#define PLACE	528

static const struct {
	const char	*name, *keys;
} sections[CONFIG_SECTIONS] = {
	{ "share", "a share has root, allow, quota and quota-files" },
	{ "folder", "a folder has allow" },
	{ "group", "a group has members" },
};

/* The section under way; both are NULL until it says something.  libConfuse hands no pointer of ours
 * to its callbacks. */
static struct {
	struct config_draft *draft;
	cfg_t		*top;
	struct config_share *share;
	struct config_group *group;
} now;

const char *
config_sections_keys(const char *name)
{
	for (size_t i = 0; i < CONFIG_SECTIONS; i++)
		if (name != NULL && strcmp(sections[i].name, name) == 0)
			return sections[i].keys;
	return NULL;
}

static const char *
place_of(const cfg_t *cfg, char place[PLACE])
{
	char shown[PLACE - 16];

	(void)snprintf(place, PLACE, "%s:%d", text_visible(shown, sizeof(shown), cfg->filename,
	    strlen(cfg->filename)), cfg->line);
	return place;
}

/* The section `cfg` has begun where its brace stands, which is as far as the file's own count of
 * lines goes while it is read.  Whether it is there. */
static bool
begin(const cfg_t *cfg)
{
	struct config_shares *shares = &now.draft->config.shares;
	const char *title = cfg->title != NULL ? cfg->title : "";
	char place[PLACE];

	if (now.share != NULL || now.group != NULL)
		return true;
	(void)place_of(now.top, place);
	if (strcmp(cfg->name, "group") == 0)
		now.group = config_shares_group(shares, title, place);
	else if ((now.share = config_shares_add(shares, title, place)) != NULL) {
		now.share->given = true;
		now.share->folder = strcmp(cfg->name, "folder") == 0;
	}
	if (now.share != NULL || now.group != NULL)
		return true;
	faults_add(now.draft->faults, "%s: %s \"%.100s\": one section too many", place, cfg->name, title);
	return false;
}

static int
on_end(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);

	(void)cfg;
	if (section != NULL)
		(void)begin(section);	/* one without a value is one all the same */
	now.share = NULL;
	now.group = NULL;
	return 0;
}

/* A size or a number that a key of the same name takes as well. */
static void
set_number(const cfg_t *cfg, const char *name, const char *value, int64_t *at)
{
	const struct config_key *key = config_key_find(name);
	struct config scratch = { .root = NULL };
	char why[CONFIG_WHY], place[PLACE];

	if (config_key_set(key, &scratch, value, why) == -1)
		faults_add(now.draft->faults, "%s: %s: %s", place_of(cfg, place), name, why);
	else
		*at = *(const int64_t *)(const void *)((const char *)&scratch + key->offset);
}

static void
set_root(const cfg_t *cfg, const char *value)
{
	char place[PLACE], shown[160];

	if (value[0] != '/') {
		faults_add(now.draft->faults, "%s: root: \"%s\" is not an absolute file name",
		    place_of(cfg, place), text_visible(shown, sizeof(shown), value, strlen(value)));
		return;
	}
	free(now.share->root);
	free(now.share->root_place);
	now.share->root = strdup(value);
	now.share->root_place = strdup(place_of(cfg, place));
}

static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	char place[PLACE];

	*(const char **)result = value;
	if (!begin(cfg))
		return 0;
	if (strcmp(opt->name, "root") == 0)
		set_root(cfg, value);
	else if (strcmp(opt->name, "quota") == 0)
		set_number(cfg, opt->name, value, &now.share->quota);
	else if (strcmp(opt->name, "quota-files") == 0)
		set_number(cfg, opt->name, value, &now.share->quota_files);
	else if ((now.share != NULL ?
	    config_shares_text(&now.share->allow, &now.share->allows, value, place_of(cfg, place)) :
	    config_shares_text(&now.group->member, &now.group->members, value, place_of(cfg, place))) == -1)
		faults_add(now.draft->faults, "%s: %s", place, strerror(errno));
	return 0;
}

void
config_sections_opts(cfg_opt_t opts[CONFIG_SECTIONS])
{
	static cfg_opt_t share[] = {
		CFG_STR_CB("root", NULL, CFGF_NODEFAULT, on_value),
		CFG_STR_CB("quota", NULL, CFGF_NODEFAULT, on_value),
		CFG_STR_CB("quota-files", NULL, CFGF_NODEFAULT, on_value),
		CFG_STR_CB("allow", NULL, CFGF_NODEFAULT | CFGF_LIST, on_value),
		CFG_END()
	}, folder[] = {
		CFG_STR_CB("allow", NULL, CFGF_NODEFAULT | CFGF_LIST, on_value),
		CFG_END()
	}, group[] = {
		CFG_STR_CB("members", NULL, CFGF_NODEFAULT | CFGF_LIST, on_value),
		CFG_END()
	};
	static const cfg_opt_t kinds[CONFIG_SECTIONS] = {
		CFG_SEC("share", share, CFGF_MULTI | CFGF_TITLE),
		CFG_SEC("folder", folder, CFGF_MULTI | CFGF_TITLE),
		CFG_SEC("group", group, CFGF_MULTI | CFGF_TITLE),
	};

	memcpy(opts, kinds, sizeof(kinds));
	for (size_t i = 0; i < CONFIG_SECTIONS; i++)
		opts[i].validcb = on_end;
}

void
config_sections_begin(struct config_draft *draft, cfg_t *top)
{
	now.draft = draft;
	now.top = top;
	now.share = NULL;
	now.group = NULL;
}
