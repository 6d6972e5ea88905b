/* capability - what of root's power a worker keeps: nothing, or the files, or the ports. */

#ifndef SERVER_CAPABILITY_H
#define SERVER_CAPABILITY_H

#include <stdbool.h>

/* Takes from the bounding and the ambient set whatever this process may take from them: for good,
 * and also from what it might ever execute.  What is in force is left as it is. */
void	capability_bound(void);

/* Gives up every capability that is in force; with `files`, all but those without which root is
 * no more than others where files are concerned; with `ports`, all but the one for ports below
 * 1024.  0, or -1 with errno. */
int	capability_drop(bool files, bool ports);

#endif
