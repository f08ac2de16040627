/*
 * shared.h
 *	  The parts' shared memory, which the server gives to preloaded libraries.
 *
 * It is there for all processes, from the server's start to its end.
 */
#ifndef PB_SHARED_H
#define PB_SHARED_H

#include "base/compat.h"

typedef struct PbShared
{
	const char *name;			/* of the memory and its locks */
	Size		(*size) (void);
	int			locks;			/* lightweight ones; 0: none */
	void	  **memory;			/* takes the address; NULL until it is there */
	void		(*start) (void);	/* fills the memory once, after zeros */
	struct PbShared *next;
} PbShared;

extern void pb_shared_ask(PbShared *shared);

#endif							/* PB_SHARED_H */
