/* race - ten clients want one name at the same moment, and only one may have it.
 *
 * usage: race ROUNDS PORT
 *
 * Each round has a name of its own. First all send it with if=new; then, all with if=sha256: of what
 * is there. Each time one of them gets it (201), all others are told so (412), and what stands there
 * is what the one has sent. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "talk.h"

#define RACERS	10

static const size_t sizes[] = { 100, 20000, 100000 };

struct racer {
	struct talk	 talk;
	char		*data;
	char		 hex[DIGEST_HEX];
};

static struct racer	racer[RACERS];

/* All lines and bodies but for the last byte; then the last bytes, quickly. */
static void
send_all(unsigned round, size_t size, const char *condition)
{
	struct digest digest;

	for (unsigned i = 0; i < RACERS; i++) {
		struct racer *r = &racer[i];

		noise_fill(r->data, size, (uint64_t)round * 1000 + i * 2 + (strlen(condition) > 7));
		digest_of(r->data, size, &digest);
		digest_hex(&digest, r->hex);
		if (talk_say(&r->talk, "PUT /race.%u size=%zu if=%s\n", round, size, condition) == -1 ||
		    talk_send(&r->talk, r->data, size - 1) == -1)
			exit(2);
	}
	for (unsigned i = 0; i < RACERS; i++)
		if (talk_send(&racer[i].talk, racer[i].data + size - 1, 1) == -1)
			exit(2);
}

/* Who has won; RACERS if that is not just one. */
static unsigned
winner(unsigned round, const char *condition)
{
	unsigned won = 0, refused = 0, who = RACERS;
	const char *line;

	for (unsigned i = 0; i < RACERS; i++)
		switch (talk_reply(&racer[i].talk, &line)) {
		case 201:
			who = i;
			won++;
			break;
		case 412:
			refused++;
			break;
		default:
			printf("round %u, if=%s: %s\n", round, condition, line == NULL ? "no answer" : line);
		}
	if (won == 1 && refused == RACERS - 1)
		return who;
	printf("round %u, if=%s: %u of %u have got the name\n", round, condition, won, RACERS);
	return RACERS;
}

static bool
stands(unsigned round, const char *hex)
{
	const char *line;

	return talk_say(&racer[0].talk, "STAT /race.%u\n", round) == 0 &&
	    talk_reply(&racer[0].talk, &line) == 200 && strstr(line, hex) != NULL;
}

static unsigned
race(unsigned round, const char *condition, char hex[DIGEST_HEX])
{
	unsigned who;

	send_all(round, sizes[round % 3], condition);
	if ((who = winner(round, condition)) == RACERS)
		return 1;
	memcpy(hex, racer[who].hex, DIGEST_HEX);
	if (stands(round, hex))
		return 0;
	printf("round %u, if=%s: what stands there is not the winner's\n", round, condition);
	return 1;
}

int
main(int argc, char **argv)
{
	char condition[16 + DIGEST_HEX], hex[DIGEST_HEX] = "";
	unsigned rounds, round, wrong = 0;

	if (argc != 3)
		return 2;
	rounds = (unsigned)atoi(argv[1]);
	for (unsigned i = 0; i < RACERS; i++) {
		racer[i].data = malloc(sizes[2]);
		if (talk_open(&racer[i].talk, (unsigned)atoi(argv[2]), 10000) == -1)
			return 2;
	}
	for (round = 0; round < rounds; round++) {
		wrong += race(round, "new", hex);
		snprintf(condition, sizeof(condition), "sha256:%s", hex);
		wrong += race(round, condition, hex);
	}
	printf("%u rounds of %d writers, by if=new and by if=sha256: each: %u wrong\n", rounds, RACERS, wrong);
	return wrong > 0;
}
