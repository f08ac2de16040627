/*
 * shared.c
 *	  The parts' shared memory, which the server gives to preloaded libraries.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "base/shared.h"

static PbShared *asked = NULL;
static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

static void
request_memory(void)
{
	if (previous_request != NULL)
		previous_request();
	for (PbShared *shared = asked; shared != NULL; shared = shared->next)
	{
		RequestAddinShmemSpace(MAXALIGN(shared->size()));
		if (shared->locks > 0)
			RequestNamedLWLockTranche(shared->name, shared->locks);
	}
}

static void
start_one(PbShared *shared)
{
	bool		found;

	*shared->memory = ShmemInitStruct(shared->name, shared->size(), &found);
	if (found)
		return;
	memset(*shared->memory, 0, shared->size());
	shared->start();
}

static void
start_memory(void)
{
	if (previous_startup != NULL)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (PbShared *shared = asked; shared != NULL; shared = shared->next)
		start_one(shared);
	LWLockRelease(AddinShmemInitLock);
}

/* Asks for memory. Nothing is given where the library is not preloaded. */
void
pb_shared_ask(PbShared *shared)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	if (asked == NULL)
	{
		previous_request = shmem_request_hook;
		shmem_request_hook = request_memory;
		previous_startup = shmem_startup_hook;
		shmem_startup_hook = start_memory;
	}
	shared->next = asked;
	asked = shared;
}
