/*
 * upstream.c
 *	  What a database and its replicas share: a server to connect to.
 */
#include "postgres.h"

#include "resources/upstream.h"

const char *const pb_ssl_modes[] = {
	"disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL
};

/* Where the mode in a leaf stands among all. */
int
pb_ssl_strength(const PbRow *row, int leaf)
{
	int			strength = 0;

	while (pb_ssl_modes[strength] != NULL &&
		   !pb_row_is_word(row, leaf, pb_ssl_modes[strength]))
		strength++;
	return strength;
}
