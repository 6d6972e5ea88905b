/* certificates - from the files that the configuration names to the workers that show them.
 * The files are read as whoever started us, by a process of its own, into memory without a name.  So the
 * master holds no key, nor does it parse any; and all workers of a generation, whenever they begin, have
 * the same ones, whatever happens to the files meanwhile. */

#ifndef SERVER_CERTIFICATES_H
#define SERVER_CERTIFICATES_H

#include "io/tls.h"
#include "server/config.h"

/* Reads and checks what the configuration names; config->certificates is what came of it, -1 where it
 * names none.  0, or -1 with faults; what is odd but no fault goes to notes. */
int	certificates_gather(struct config *, struct faults *, struct faults *notes);

/* In a worker, before it has entered the sandbox: what its connections share; NULL where TLS is not
 * configured.  Ends the process if it cannot be had.  From here on the process leaves no core behind. */
struct tls_context *certificates_open(const struct config *);

/* "2 certificates, kernel TLS", for people. */
#define CERTIFICATES_TEXT	64
void	certificates_tell(const struct config *, char text[CERTIFICATES_TEXT]);

#endif
