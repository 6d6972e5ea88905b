/* question - the operands of explain as one word each, whatever bytes they have. */

#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

static int
put(char *dst, size_t size, size_t *at, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*at + 4 > size)
			return -1;
		if (*text <= ' ' || *text > '~' || *text == '%')
			*at += (size_t)snprintf(dst + *at, 4, "%%%02X", (unsigned char)*text);
		else
			dst[(*at)++] = *text;
	}
	return 0;
}

int
ctl_question(char dst[CTL_QUESTION_MAX], char *const operand[3])
{
	size_t at = 0;

	for (int i = 0; i < 3; i++) {
		if (put(dst, CTL_QUESTION_MAX, &at, operand[i]) == -1)
			return -1;
		dst[at++] = i < 2 ? ' ' : '\0';
	}
	return 0;
}
