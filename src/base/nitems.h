/* nitems - how many elements an array has. */

#ifndef BASE_NITEMS_H
#define BASE_NITEMS_H

#define nitems(array)	(sizeof(array) / sizeof((array)[0]))

#endif
