/* config - what the administrator wants, checked whole before anything starts. */

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "server/config.h"
#include "server/config_file.h"
#include "server/config_keys.h"

/* A default that was not in the table's own text would be a fault of ours. */
static void
set_default(struct config *config, const struct config_key *key)
{
	char text[32], why[CONFIG_WHY];
	int set;

	set = config_key_set(key, config, config_key_default(key, config, text), why);
	assert(set == 0);
}

/* Nobody has asked for what comes after the first. */
static void
set_default_list(struct config *config, const struct config_key *key)
{
	char *items = strdup(key->def), *rest = items, *item, why[CONFIG_WHY];
	int set = 0;

	while (set == 0 && (item = strsep(&rest, " ")) != NULL)
		set = config_key_set(key, config, item, why);
	assert(set == 0 && items != NULL);
	free(items);
	for (size_t i = 1; i < config->listens; i++)
		config->listen[i].optional = true;
}

static void
set_defaults(struct config *config)
{
	const struct config_key *key;

	for (size_t i = 0; (key = config_key_at(i)) != NULL; i++)
		if (key->type == CONFIG_URLS)
			set_default_list(config, key);
		else if (config_key_is_list(key))
			continue;
		else if (key->type != CONFIG_LOG)	/* depends on `background`, which may yet change */
			set_default(config, key);
	config->listen_given = false;
	config->certificates = config->ready_fd = -1;
}

/* Settings of one place fill a list together; those of the next place begin it anew. */
static bool
begins_list(const struct config_source *source, const struct config_setting *s)
{
	const struct config_setting *before = s;

	while (before-- > source->settings)
		if (strcmp(before->key, s->key) == 0)
			return strcmp(before->place, s->place) != 0;
	return true;
}

static void
apply_settings(struct config_draft *draft, const struct config_source *source)
{
	const struct config_setting *s = source->settings;
	const struct config_key *key;

	for (; s < source->settings + source->nsettings; s++) {
		key = config_key_find(s->key);
		if (key != NULL && config_key_is_list(key) && begins_list(source, s))
			config_key_clear(key, &draft->config);
		config_draft_set(draft, s->place, s->key, s->value);
	}
}

/* `known`: a file that could not be read might have named one. */
static void
check_root(struct config_draft *draft, bool known)
{
	const char *root = draft->config.root, *place = draft->root_place;
	char shown[512];
	struct stat st;
	int error;

	if (root[0] == '\0') {
		if (known && draft->config.shares.count == 0)
			faults_add(draft->faults, "root: no folder to serve is named");
		return;
	}
	error = stat(root, &st) == 0 ? 0 : errno;
	/* One that only a privileged process can see is judged by privilege_check(). */
	if (error == 0 ? S_ISDIR(st.st_mode) : error == EACCES)
		return;
	faults_add(draft->faults, "%s: root: %s: %s", place != NULL ? place : "cofferd",
	    text_visible(shown, sizeof(shown), root, strlen(root)), config_shares_root_fault(root, error));
}

int
config_load(struct config *config, const struct config_source *source, struct faults *faults)
{
	struct config_draft draft = { .faults = faults };
	size_t before = faults->count;
	struct config_plain plain;
	bool read = false;

	set_defaults(&draft.config);
	if (source->file != NULL)
		read = config_file_read(&draft, source->file, source->optional);
	apply_settings(&draft, source);
	if (draft.config.log == NULL)
		set_default(&draft.config, config_key_find("log"));
	check_root(&draft, !source->rootless && (read || source->file == NULL || source->optional));
	if (draft.config.tftp_user[0] != '\0' && !rights_is_user(draft.config.tftp_user))
		faults_add(faults, "tftp-user: a user cannot be called so (a rule of a share names it)");
	plain = (struct config_plain){
		.root = draft.config.root, .writable = draft.config.writable,
		.quota = draft.config.quota, .quota_files = draft.config.quota_files,
	};
	config_shares_finish(&draft.config.shares, &plain, faults);
	free(draft.root_place);
	if (read && (draft.config.file = strdup(source->file)) == NULL)
		faults_add(faults, "%s: %s", source->file, strerror(errno));
	if (faults->count > before) {
		config_free(&draft.config);
		return -1;
	}
	*config = draft.config;
	return 0;
}

bool
config_logins(const struct config *config)
{
	return config->users[0] != '\0' || config->pam_service[0] != '\0';
}

void
config_free(struct config *config)
{
	const struct config_key *key;

	for (size_t i = 0; (key = config_key_at(i)) != NULL; i++)
		config_key_free(key, config);
	/* A zeroed one has none, and would have 0 here. */
	if (config->certificates > 0)
		(void)close(config->certificates);
	config_shares_free(&config->shares);
	free(config->file);
	memset(config, 0, sizeof(*config));
	config->certificates = config->ready_fd = -1;
}

void
config_print(const struct config *config, FILE *out)
{
	const struct config_key *key;

	for (size_t i = 0; (key = config_key_at(i)) != NULL; i++) {
		(void)fprintf(out, "# %s\n%s = ", key->help, key->name);
		config_key_print(key, config, out);
		(void)fputs("\n", out);
	}
	config_shares_print(&config->shares, out);
}
