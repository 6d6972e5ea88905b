/* mem - buffers that are lent and come back.
 * A session holds an I/O buffer only while bytes are in it, so that ten
 * thousand idle sessions hold none.  Safe to call from any thread. */

#ifndef BASE_MEM_H
#define BASE_MEM_H

#define MEM_BUFFER	65536	/* bytes in every buffer */
#define MEM_SPARE_MAX	32	/* buffers kept for the next borrower */

/* A buffer of MEM_BUFFER bytes, content undefined; NULL with ENOMEM. */
char	*mem_take(void);

/* Gives a buffer back; NULL is nothing. */
void	 mem_give(char *);

#endif
