/* config_shares - the sections of a configuration: groups, shares, and folders within shares. */

#include <sys/stat.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/config_keys.h"
#include "server/config_shares.h"
#include "store/path.h"

#define SHOWN	256	/* bytes of a name that a message shows */

/* The array with room for one more behind the nth, zeroed; or NULL. */
static void *
enlarge(void *array, size_t n, size_t size)
{
	char *more = n < CONFIG_SHARES_MAX ? reallocarray(array, n + 1, size) : NULL;

	if (more != NULL)
		memset(more + n * size, 0, size);
	return more;
}

struct config_group *
config_shares_group(struct config_shares *s, const char *name, const char *place)
{
	struct config_group *g = enlarge(s->group, s->groups, sizeof(*g));

	if (g == NULL)
		return NULL;
	s->group = g;
	g += s->groups++;
	g->name = strdup(name);
	g->place = strdup(place);
	return g->name != NULL && g->place != NULL ? g : NULL;
}

struct config_share *
config_shares_add(struct config_shares *s, const char *path, const char *place)
{
	struct config_share *share = enlarge(s->at, s->count, sizeof(*share));

	if (share == NULL)
		return NULL;
	s->at = share;
	share += s->count++;
	share->quota = share->quota_files = -1;
	share->path = strdup(path);
	share->place = strdup(place);
	share->name = strdup("");
	return share->path != NULL && share->place != NULL && share->name != NULL ? share : NULL;
}

int
config_shares_text(struct config_text **array, size_t *n, const char *text, const char *place)
{
	struct config_text *t = enlarge(*array, *n, sizeof(*t));

	if (t == NULL)
		return -1;
	*array = t;
	t += (*n)++;
	t->text = strdup(text);
	t->place = strdup(place);
	return t->text != NULL && t->place != NULL ? 0 : -1;
}

static void
free_texts(struct config_text *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(text[i].text);
		free(text[i].place);
	}
	free(text);
}

void
config_shares_free(struct config_shares *s)
{
	for (size_t i = 0; i < s->groups; i++) {
		free_texts(s->group[i].member, s->group[i].members);
		free(s->group[i].name);
		free(s->group[i].place);
	}
	for (size_t i = 0; i < s->count; i++) {
		free_texts(s->at[i].allow, s->at[i].allows);
		free(s->at[i].path);
		free(s->at[i].place);
		free(s->at[i].name);
		free(s->at[i].root);
		free(s->at[i].root_place);
	}
	free(s->group);
	free(s->at);
	rights_free(&s->rights);
	memset(s, 0, sizeof(*s));
}

const struct config_share *
config_shares_root(const struct config_shares *s, size_t i)
{
	for (size_t at = 0; at < s->count; at++)
		if (s->at[at].root != NULL && i-- == 0)
			return &s->at[at];
	return NULL;
}

bool
config_share_writable(const struct config_share *share)
{
	return (share->most & (RIGHTS_WRITE | RIGHT_ADMIN)) != 0;
}

bool
config_shares_writable(const struct config_shares *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (config_share_writable(&s->at[i]))
			return true;
	return false;
}

static const char *
kind(const struct config_share *share)
{
	return share->folder ? "folder" : "share";
}

static const char *
visible(char shown[SHOWN], const char *text)
{
	return text_visible(shown, SHOWN, text, strlen(text));
}

/* PLACE: share "/pub": SENTENCE */
static void
share_fault(struct faults *faults, const struct config_share *share, const char *sentence)
{
	char shown[SHOWN];

	faults_add(faults, "%s: %s \"%s\": %s", share->place, kind(share), visible(shown, share->path), sentence);
}

/* The name as the rights know it. */
static void
read_path(struct config_share *share, struct faults *faults)
{
	struct path path;

	if (path_parse(&path, share->path, strlen(share->path)) == -1) {
		share->wrong = true;
		share_fault(faults, share, share->path[0] != '/' ? "a path begins with a slash" :
		    errno == ENAMETOOLONG ? "the path is too long" :
		    errno == ENOENT ? "that name is reserved" : "a path has no part . or ..");
		return;
	}
	free(share->name);
	share->name = strdup(path.name);
}

/* The share that such a name is in, or NULL. */
static struct config_share *
share_of(const struct config_shares *s, const char *name)
{
	struct config_share *best = NULL;

	for (size_t i = 0; i < s->count; i++) {
		struct config_share *share = &s->at[i];
		size_t len = strlen(share->name);

		if (!share->folder && strncmp(share->name, name, len) == 0 &&
		    (len == 0 || name[len] == '/' || name[len] == '\0') &&
		    (best == NULL || len > strlen(best->name)))
			best = share;
	}
	return best;
}

/* The share at / is what root, writable and the quotas say, where a section does not. */
static int
add_plain(struct config_shares *s, const struct config_plain *plain, struct faults *faults)
{
	struct config_share *top = NULL;

	for (size_t i = 0; i < s->count; i++)
		if (!s->at[i].folder && strcmp(s->at[i].path, "/") == 0)
			top = &s->at[i];
	if (top == NULL && plain->root[0] == '\0')
		return 0;
	if (top == NULL && (top = config_shares_add(s, "/", "root")) == NULL)
		return -1;
	if (top->root == NULL && plain->root[0] != '\0') {
		if ((top->root = strdup(plain->root)) == NULL)
			return -1;
	} else if (plain->root[0] != '\0')
		share_fault(faults, top, "it has a root of its own, and the key root is set as well");
	if (top->quota == -1)
		top->quota = plain->quota;
	if (top->quota_files == -1)
		top->quota_files = plain->quota_files;
	if (top->allows > 0)
		return 0;
	return config_shares_text(&top->allow, &top->allows,
	    plain->writable ? "everybody: all" : "everybody: list read", "writable");
}

static bool
within(const char *outer, const char *inner)
{
	size_t len = strlen(outer);

	return strncmp(outer, inner, len) == 0 && (inner[len] == '/' || inner[len] == '\0' || len == 1);
}

/* One file would have two names, and two sets of rights. */
static void
check_overlap(const struct config_shares *s, const struct config_share *share, struct faults *faults)
{
	char mine[PATH_MAX], other[PATH_MAX], sentence[SHOWN + 128], shown[SHOWN];

	if (realpath(share->root, mine) == NULL)
		return;
	for (const struct config_share *o = s->at; o < share; o++)
		if (o->root != NULL && realpath(o->root, other) != NULL &&
		    (within(mine, other) || within(other, mine))) {
			(void)snprintf(sentence, sizeof(sentence),
			    "its root and that of \"%s\" are not apart (folder gives a part of a share other "
			    "rights)", visible(shown, o->path));
			share_fault(faults, share, sentence);
		}
}

/* Roots are opened before anybody has come, by processes that cannot open any other afterwards. */
const char *
config_shares_root_fault(const char *root, int error)
{
	if (error == 0)
		return "is not a folder";
	if (error != ENOENT)
		return strerror(error);
	return strstr(root, RIGHTS_USER) == NULL ? "there is no such folder" :
	    "there is no such folder, and %u is nobody in a root: serve the one above it, and let a "
	    "folder \"/%u\" be each user's own";
}

static void
check_root(const struct config_shares *s, const struct config_share *share, struct faults *faults)
{
	char shown[SHOWN];
	struct stat st;
	bool there;

	if (strstr(share->path, RIGHTS_USER) != NULL)
		share_fault(faults, share, "%u is for the path of a folder within a share");
	if (share->root == NULL) {
		share_fault(faults, share, "root is missing: the folder that is served there");
		return;
	}
	there = stat(share->root, &st) == 0;
	/* One that only a privileged process can see is judged by privilege_check().  The key root is
	 * judged where it is set. */
	if (share->root_place != NULL && !(there ? S_ISDIR(st.st_mode) : errno == EACCES))
		faults_add(faults, "%s: root: %s: %s", share->root_place, visible(shown, share->root),
		    config_shares_root_fault(share->root, there ? 0 : errno));
	else
		check_overlap(s, share, faults);
}

static void
check(const struct config_shares *s, const struct config_share *share, struct faults *faults)
{
	if (!share->folder)
		check_root(s, share, faults);
	else if (share_of(s, share->name) == NULL)
		share_fault(faults, share, "it lies in no share");
	if (share->allows == 0)
		share_fault(faults, share, "allow is missing: nobody may do anything there");
}

static void
gather_group(struct config_shares *s, const struct config_group *g, struct faults *faults)
{
	char why[RIGHTS_WHY], shown[SHOWN];
	int group;

	if ((group = rights_group(s->rights, g->name, g->place, why)) == -1) {
		faults_add(faults, "%s: group \"%s\": %s", g->place, visible(shown, g->name), why);
		return;
	}
	for (size_t i = 0; i < g->members; i++)
		if (rights_member(s->rights, group, g->member[i].text, why) == -1)
			faults_add(faults, "%s: members: \"%s\": %s", g->member[i].place,
			    visible(shown, g->member[i].text), why);
}

static void
gather_share(struct config_shares *s, const struct config_share *share, struct faults *faults)
{
	char why[RIGHTS_WHY], shown[SHOWN];
	int place;

	if ((place = rights_place(s->rights, share->wrong ? share->path : share->name, share->place, why)) == -1) {
		share_fault(faults, share, why);
		return;
	}
	for (size_t i = 0; i < share->allows; i++)
		if (rights_allow(s->rights, place, share->allow[i].text, share->allow[i].place, why) == -1)
			faults_add(faults, "%s: allow: \"%s\": %s", share->allow[i].place,
			    visible(shown, share->allow[i].text), why);
}

static void
tell(void *faults, const char *where, const char *why)
{
	faults_add(faults, "%s: allow: %s", where, why);
}

static void
gather(struct config_shares *s, struct faults *faults)
{
	size_t before = faults->count;
	struct config_share *share;

	for (size_t i = 0; i < s->groups; i++)
		gather_group(s, &s->group[i], faults);
	for (size_t i = 0; i < s->count; i++)
		gather_share(s, &s->at[i], faults);
	if (rights_finish(s->rights, tell, faults) == -1 || faults->count > before)
		return;
	for (size_t i = 0; i < s->count; i++)
		if ((share = share_of(s, s->at[i].name)) != NULL) {
			rights_within(s->rights, (int)i, (int)(share - s->at));
			share->most |= rights_most(s->rights, (int)i);
		}
}

void
config_shares_finish(struct config_shares *s, const struct config_plain *plain, struct faults *faults)
{
	for (size_t i = 0; i < s->count; i++)
		read_path(&s->at[i], faults);
	if ((s->rights = rights_new()) == NULL || add_plain(s, plain, faults) == -1) {
		faults_add(faults, "%s", strerror(ENOMEM));
		return;
	}
	for (size_t i = 0; i < s->count; i++) {
		if (!s->at[i].wrong)
			check(s, &s->at[i], faults);
		s->roots += s->at[i].root != NULL;
	}
	gather(s, faults);
}

static void
print_texts(const char *name, const struct config_text *text, size_t n, FILE *out)
{
	(void)fprintf(out, "\t%s = { ", name);
	for (size_t i = 0; i < n; i++) {
		(void)fputs(i > 0 ? ",\n\t    " : "", out);
		config_print_quoted(text[i].text, out);
	}
	(void)fputs(" }\n", out);
}

static void
print_number(const char *name, int64_t number, FILE *out)
{
	char text[32];

	if (number > 0)
		(void)fprintf(out, "\t%s = %s\n", name,
		    config_key_number(config_key_find(name), number, text, sizeof(text)));
}

static void
print_share(const struct config_share *share, FILE *out)
{
	(void)fprintf(out, "%s ", kind(share));
	config_print_quoted(share->path, out);
	(void)fputs(" {\n", out);
	if (share->root_place != NULL) {
		(void)fputs("\troot = ", out);
		config_print_quoted(share->root, out);
		(void)fputs("\n", out);
	}
	print_number("quota", share->quota, out);
	print_number("quota-files", share->quota_files, out);
	print_texts("allow", share->allow, share->allows, out);
	(void)fputs("}\n", out);
}

void
config_shares_print(const struct config_shares *s, FILE *out)
{
	for (size_t i = 0; i < s->groups; i++) {
		(void)fputs("group ", out);
		config_print_quoted(s->group[i].name, out);
		(void)fputs(" {\n", out);
		print_texts("members", s->group[i].member, s->group[i].members, out);
		(void)fputs("}\n", out);
	}
	for (size_t i = 0; i < s->count; i++)
		if (s->at[i].given)
			print_share(&s->at[i], out);
}
