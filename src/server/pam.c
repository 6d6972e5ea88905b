/* pam - what PAM says of a user and a password.
 * One question, one answer: a module that wants to hear more than the password hears nothing, and no
 * session is opened, for nobody gets a process, a folder or a terminal by it. */

#include <sys/types.h>

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <security/pam_appl.h>

#include "io/socket.h"
#include "server/pam.h"

#define FLAGS	(PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK)

struct talk {
	const char	*password;	/* NULL once it was said */
	bool		 asked;		/* for what we do not know */
};

bool
pam_available(void)
{
	return true;
}

bool
pam_by_file(void)
{
#ifdef HAVE_PAM_START_CONFDIR
	return true;
#else
	return false;
#endif
}

/* --- the conversation */

/* The password is said once: who asks for a second one, wants something else. */
static int
reply(struct talk *talk, int style, struct pam_response *response)
{
	switch (style) {
	case PAM_PROMPT_ECHO_OFF:
		if (talk->password == NULL || (response->resp = strdup(talk->password)) == NULL)
			break;
		talk->password = NULL;
		return PAM_SUCCESS;
	case PAM_TEXT_INFO:
	case PAM_ERROR_MSG:
		return PAM_SUCCESS;	/* there is nobody to show it to */
	default:
		break;
	}
	talk->asked = true;
	return PAM_CONV_ERR;
}

static int
converse(int n, const struct pam_message **message, struct pam_response **responses, void *arg)
{
	struct pam_response *made;
	int error = PAM_SUCCESS, i;

	if (n <= 0 || n > PAM_MAX_NUM_MSG || (made = calloc((size_t)n, sizeof(*made))) == NULL)
		return PAM_CONV_ERR;
	for (i = 0; i < n && error == PAM_SUCCESS; i++)
		error = reply(arg, message[i]->msg_style, &made[i]);
	if (error == PAM_SUCCESS) {
		*responses = made;
		return PAM_SUCCESS;
	}
	for (i = 0; i < n; i++)
		if (made[i].resp != NULL) {
			explicit_bzero(made[i].resp, strlen(made[i].resp));
			free(made[i].resp);
		}
	free(made);
	return error;
}

/* Delays are the authenticator's matter: it knows whom to make wait, and keeps nobody else. */
static void
no_delay(int status, unsigned usec, void *arg)
{
	(void)status;
	(void)usec;
	(void)arg;
}

/* --- what comes of it */

/* Whether it is the user or the password that is not right, rather than PAM. */
static bool
is_refusal(int error)
{
	switch (error) {
	case PAM_AUTH_ERR:
	case PAM_USER_UNKNOWN:
	case PAM_MAXTRIES:
	case PAM_PERM_DENIED:
	case PAM_ACCT_EXPIRED:
	case PAM_NEW_AUTHTOK_REQD:
	case PAM_AUTHTOK_EXPIRED:
	case PAM_CRED_INSUFFICIENT:
	case PAM_CRED_EXPIRED:
		return true;
	default:
		return false;
	}
}

static void
refuse(struct pam_says *says, enum pam_verdict verdict, const char *why)
{
	says->verdict = verdict;
	(void)snprintf(says->why, sizeof(says->why), "%s", why);
}

static bool
add_group(struct pam_says *says, gid_t gid)
{
	const struct group *group = getgrgid(gid);
	size_t len;

	if (group == NULL)
		return true;
	if ((len = strlen(group->gr_name) + 1) > sizeof(says->groups) - says->groups_len)
		return false;
	memcpy(says->groups + says->groups_len, group->gr_name, len);
	says->groups_len += len;
	return true;
}

/* All of them or none: a rule may well take something away from a group. */
static bool
find_groups(const struct passwd *user, struct pam_says *says)
{
	int n = 0, i;
	gid_t *gids;
	bool whole;

	(void)getgrouplist(user->pw_name, user->pw_gid, NULL, &n);
	if (n <= 0 || (gids = calloc((size_t)n, sizeof(*gids))) == NULL)
		return false;
	whole = getgrouplist(user->pw_name, user->pw_gid, gids, &n) != -1;
	for (i = 0; i < n && whole; i++)
		whole = add_group(says, gids[i]);
	free(gids);
	return whole;
}

/* Who is known to PAM alone, and not to the system, is in no groups. */
static void
welcome(const char *name, struct pam_says *says)
{
	const struct passwd *user = getpwnam(name);

	if (user != NULL && user->pw_uid == 0)
		refuse(says, PAM_SAYS_WRONG, "root does not log in by PAM");
	else if (user != NULL && !find_groups(user, says))
		refuse(says, PAM_SAYS_NOTHING, "the groups of this user cannot be had");
	else
		says->verdict = PAM_SAYS_RIGHT;
}

static int
set_up(pam_handle_t *pam, const struct login_question *q)
{
	void (*const delay)(int, unsigned, void *) = no_delay;
	char host[SOCKET_NAME_MAX];
	const void *item = NULL;
	int error;

	(void)socket_name(host, (const struct sockaddr *)&q->peer, sizeof(q->peer), false);
	memcpy(&item, &delay, sizeof(item));
	if ((error = pam_set_item(pam, PAM_RHOST, host)) == PAM_SUCCESS &&
	    (error = pam_set_item(pam, PAM_TTY, "coffer")) == PAM_SUCCESS)
		error = pam_set_item(pam, PAM_FAIL_DELAY, item);
	return error;
}

static void
ask(pam_handle_t *pam, const struct login_question *q, const struct talk *talk, struct pam_says *says)
{
	const void *name = NULL;
	char account[PAM_WHY] = "";
	bool known;
	int error;

	if ((error = set_up(pam, q)) == PAM_SUCCESS && q->kind == LOGIN_PASSWORD)
		error = pam_authenticate(pam, FLAGS);
	known = error == PAM_SUCCESS;
	if (known && (error = pam_acct_mgmt(pam, FLAGS)) != PAM_SUCCESS)
		(void)snprintf(account, sizeof(account), "not the password, but the account: %s",
		    pam_strerror(pam, error));
	if (error != PAM_SUCCESS && talk->asked)
		refuse(says, PAM_SAYS_WRONG, "it asks for more than a password");
	else if (error != PAM_SUCCESS && is_refusal(error))
		refuse(says, PAM_SAYS_WRONG, account);
	else if (error != PAM_SUCCESS)
		refuse(says, PAM_SAYS_NOTHING, pam_strerror(pam, error));
	else if (pam_get_item(pam, PAM_USER, &name) != PAM_SUCCESS || name == NULL || strcmp(name, q->name) != 0)
		refuse(says, PAM_SAYS_WRONG, "it takes this user for another one");
	else
		welcome(q->name, says);
}

static int
begin(const char *service, const char *user, const struct pam_conv *conv, pam_handle_t **pam)
{
#ifdef HAVE_PAM_START_CONFDIR
	const char *slash = strrchr(service, '/');
	char *folder;
	int error;

	if (slash != NULL) {
		if ((folder = strndup(service, (size_t)(slash - service))) == NULL)
			return PAM_BUF_ERR;
		error = pam_start_confdir(slash + 1, user, conv, folder, pam);
		free(folder);
		return error;
	}
#endif
	return pam_start(service, user, conv, pam);
}

void
pam_ask(const char *service, const struct login_question *q, struct pam_says *says)
{
	struct talk talk = { .password = q->password };
	const struct pam_conv conv = { .conv = converse, .appdata_ptr = &talk };
	pam_handle_t *pam = NULL;
	int error;

	memset(says, 0, sizeof(*says));
	if ((error = begin(service, q->name, &conv, &pam)) != PAM_SUCCESS) {
		refuse(says, PAM_SAYS_NOTHING, pam_strerror(NULL, error));
		return;
	}
	ask(pam, q, &talk, says);
	(void)pam_end(pam, PAM_SUCCESS);
}
