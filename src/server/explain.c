/* explain - who may do what, and which line of the configuration says so. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "auth/needs.h"
#include "auth/rights.h"
#include "base/text.h"
#include "server/explain.h"
#include "store/path.h"

#define SHOWN	512	/* bytes of a name that a sentence shows */

struct question {
	const char	*user;		/* "" for nobody */
	enum need	 need;
	struct path	 path;
	struct rights_answer answer;
};

static int
wrong(char *why, const char *sentence)
{
	(void)snprintf(why, EXPLAIN_WHY, "%s", sentence);
	return -1;
}

static int
unknown_verb(char *why)
{
	size_t len = (size_t)snprintf(why, EXPLAIN_WHY, "the request is one of");

	for (enum need need = 0; need < NEEDS; need++)
		len += (size_t)snprintf(why + len, EXPLAIN_WHY - len, " %s", need_name(need));
	return -1;
}

static int
read_question(struct question *q, char *operand, char *why)
{
	char *user = strsep(&operand, " "), *verb = strsep(&operand, " "), *path = operand;
	ptrdiff_t len;

	if (verb == NULL || path == NULL)
		return wrong(why, "a question is a user, a request and a path");
	if ((len = text_decode(user, strlen(user))) == -1)
		return wrong(why, "a % is not followed by two hexadecimal digits");
	user[len] = '\0';
	q->user = strcmp(user, "anonymous") == 0 ? "" : user;
	if (q->user[0] != '\0' && !rights_is_user(q->user))
		return wrong(why, "a user cannot be called so (anonymous is who has not logged in)");
	if ((q->need = need_find(verb)) == NEEDS)
		return unknown_verb(why);
	if ((len = text_decode(path, strlen(path))) == -1 || path_parse(&q->path, path, (size_t)len) == -1)
		return wrong(why, "a path begins with a slash, and has no part . or ..");
	return 0;
}

static void __attribute__((format(printf, 2, 3)))
say(json_t *lines, const char *fmt, ...)
{
	char line[4 * SHOWN];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)json_array_append_new(lines, json_string(line));
}

static void
set(json_t *object, const char *key, const char *value)
{
	(void)json_object_set_new_nocheck(object, key, value != NULL ? json_string(value) : json_null());
}

static char *
shown(char dst[SHOWN], const char *text)
{
	return text_visible(dst, SHOWN, text, strlen(text));
}

static const char *
name_of(const struct question *q)
{
	return q->user[0] != '\0' ? q->user : "anonymous";
}

/* Which place decides, and which of its rules. */
static void
tell_rule(const struct rights *rights, const struct question *q, json_t *result, json_t *lines)
{
	const struct rights_answer *a = &q->answer;
	char place[SHOWN], text[SHOWN], line[SHOWN], user[SHOWN], allowed[RIGHTS_TEXT], slashed[SHOWN + 1];
	const char *where, *rule;

	if (a->place == -1) {
		set(result, "place", NULL);
		set(result, "rule", NULL);
		say(lines, "there is no share at this path");
		return;
	}
	(void)snprintf(slashed, sizeof(slashed), "/%s", shown(place, rights_place_path(rights, a->place, &where)));
	set(result, "place", slashed);
	set(result, "place_at", shown(line, where));
	if (a->rule == -1) {
		set(result, "rule", NULL);
		say(lines, "%s decides (%s), and none of its rules is about %s", slashed, line,
		    shown(user, name_of(q)));
		return;
	}
	rule = shown(text, rights_rule_text(rights, a->place, a->rule, &where));
	set(result, "rule", rule);
	set(result, "rule_at", shown(line, where));
	say(lines, "%s decides, and there %s: \"%s\" is the first rule about %s: %s", slashed, line, rule,
	    shown(user, name_of(q)), rights_text(allowed, a->allowed));
}

/* What is needed, where it is not plain from the request. */
static void
tell_needs(const struct question *q, bool allowed, json_t *lines)
{
	unsigned all = need_all(q->need), any = need_any(q->need), has = q->answer.allowed;
	char text[RIGHTS_TEXT];

	if (!allowed && all != 0)
		say(lines, "%s needs %s", need_name(q->need), rights_text(text, all));
	if (!allowed && any != 0)
		say(lines, "%s needs one of %s", need_name(q->need), rights_text(text, any));
	if (allowed && (q->need == NEED_PUT || q->need == NEED_TO) && !(has & RIGHT_REPLACE))
		say(lines, "but only where there is nothing yet: replace is missing");
	if (allowed && q->need == NEED_PUT && !(has & RIGHT_CREATE))
		say(lines, "but only where there is a file already: create is missing");
	if (!allowed && q->user[0] == '\0' && need_met(q->need, q->answer.logged_in))
		say(lines, "others may, who log in");
}

json_t *
explain(const struct config *config, char *operand, json_t **lines, char why[EXPLAIN_WHY])
{
	const struct rights *rights = config->shares.rights;
	char path[SHOWN], user[SHOWN], text[RIGHTS_TEXT];
	struct question q;
	json_t *result;
	bool allowed;

	if (read_question(&q, operand, why) == -1)
		return NULL;
	rights_ask(rights, q.user, NULL, q.path.name, q.path.len, &q.answer);
	/* What is nothing but the way to shares can be looked at. */
	allowed = q.answer.place == -1 ? (q.need == NEED_LIST || q.need == NEED_STAT) &&
	    rights_divided(rights, q.path.name, q.path.len) : need_met(q.need, q.answer.allowed);
	result = json_object();
	*lines = json_array();
	set(result, "user", shown(user, name_of(&q)));
	set(result, "verb", need_name(q.need));
	set(result, "path", shown(path, q.path.name));
	(void)json_object_set_new(result, "allowed", json_boolean(allowed));
	set(result, "rights", rights_text(text, q.answer.allowed));
	say(*lines, "%s %s %s /%s", user, allowed ? "may" : "may not", need_name(q.need), path);
	tell_rule(rights, &q, result, *lines);
	tell_needs(&q, allowed, *lines);
	return result;
}
