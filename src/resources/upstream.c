/*
 * upstream.c
 *	  The server that a proxy connects to: the fields of databases and
 *	  replicas.
 */
#include "postgres.h"

#include "resources/upstream.h"

const char *const pb_ssl_modes[] = {
	"disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL
};

/* The place of a leaf's mode among all modes. */
int
pb_ssl_strength(const PbRow *row, int leaf)
{
	int			strength = 0;

	while (pb_ssl_modes[strength] != NULL &&
		   !pb_row_is_word(row, leaf, pb_ssl_modes[strength]))
		strength++;
	return strength;
}
