/*
 * id.c
 *	  New ids: the server's clock and random bits for typeid.h.
 */
#include "postgres.h"

#include <time.h>

#include "utils/timestamp.h"

#include "base/crypt.h"
#include "base/id.h"
#include "base/own.h"

/* The instant at which an id of version 7 was made. */
TimestampTz
pb_id_instant(const uint8 uuid[PB_UUID_BYTES])
{
	return (TimestampTz) pb_uuid7_milliseconds(uuid) * 1000 -
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
}

/* Makes a new id, greater than all that this backend has made. */
void
pb_id_make(uint8 uuid[PB_UUID_BYTES])
{
	static uint64_t last_ns = 0;
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		elog(ERROR, "cannot read the clock: %m");
	pb_uuid7(&last_ns, (uint64_t) now.tv_sec * 1000000000 + now.tv_nsec,
			 pb_random_number(), uuid);
}
