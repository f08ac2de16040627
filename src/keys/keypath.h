/*
 * keypath.h
 *	  The way to the keyring file: opened step by step, each step judged.
 *
 * It needs no server, and allocates nothing.
 */
#ifndef PB_KEYPATH_H
#define PB_KEYPATH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* What is wrong, in the order of the words in keyfile.c. */
typedef enum PbKeyPathFault
{
	PB_KEYPATH_SOUND,
	PB_KEYPATH_ERRNO,			/* the system says why: error */
	PB_KEYPATH_SHARED,			/* others may write to a directory */
	PB_KEYPATH_FOREIGN_FOLDER,	/* it belongs to somebody else */
	PB_KEYPATH_FOREIGN_LINK,	/* so does a symbolic link */
	PB_KEYPATH_DIRECTORY,		/* it leads to a directory */
	PB_KEYPATH_NO_FILE,			/* or to a device, say */
	PB_KEYPATH_FOREIGN,			/* the file is somebody else's */
	PB_KEYPATH_OPEN,			/* others may read or write it */
	PB_KEYPATH_OPEN_OF_ROOT,	/* the same of root's file */
	PB_KEYPATH_LINKED			/* the file has another name */
} PbKeyPathFault;

typedef struct PbKeyPath
{
	int			fd;				/* the file, or -1 */
	PbKeyPathFault fault;
	int			error;			/* errno of PB_KEYPATH_ERRNO */
	mode_t		mode;			/* of what is at fault */
	off_t		size;			/* of the file */
	bool		is_kept_elsewhere;	/* the last name is a link, or the file is
									 * root's: not the server's to replace */
} PbKeyPath;

extern bool pb_keypath_open(const char *path, uid_t user, PbKeyPath *found);

#endif							/* PB_KEYPATH_H */
