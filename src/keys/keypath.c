/*
 * keypath.c
 *	  The way to the keyring file: opened step by step, each step judged.
 *
 * A file of mode 0600 is only as safe as the directories that lead to it:
 * whoever may write to one of them can put another file in its place. So only
 * root and the server's user may be able to write to them. Each directory is
 * opened below the one before it, without following links, and judged by its
 * descriptor: what was judged is then what is used. realpath() and stat() were
 * rejected, because the way can change between the two.
 *
 * Symbolic links are followed by hand, because a Kubernetes secret consists of
 * them (keyring -> ..data/keyring, ..data -> ..2026_11_28/). They count only
 * in directories that nobody else may write to.
 *
 * In a directory like /tmp everybody may write, but nobody can rename what is
 * another user's (the sticky bit). Such a directory may lead to a directory of
 * root's or of the server's user, but not to a link or to the file. On a file
 * system that is mounted read-only, as volumes of secrets are, the modes do
 * not tell who may write and are not judged.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE				/* for O_PATH */
#endif

#include "keys/keypath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LINKS_MAX 16

/* Passing through a directory takes no right to list it. */
#ifdef O_PATH
#define PASS O_PATH
#else
#define PASS O_RDONLY
#endif
#define FOLDER (PASS | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

typedef struct Walk
{
	PbKeyPath  *found;
	uid_t		user;
	int			folder;			/* the directory reached, or -1 */
	mode_t		mode;			/* its own */
	bool		is_shared;		/* others may write to it */
	int			links;			/* followed so far */
	char		rest[PATH_MAX]; /* of the path, from there on */
} Walk;

static bool
fail(Walk *walk, PbKeyPathFault fault, mode_t mode)
{
	walk->found->fault = fault;
	walk->found->mode = mode & 07777;
	return false;
}

static bool
fail_errno(Walk *walk, int error)
{
	walk->found->error = error;
	return fail(walk, PB_KEYPATH_ERRNO, 0);
}

static bool
is_trusted(const Walk *walk, uid_t owner)
{
	return owner == 0 || owner == walk->user;
}

static void
leave_folder(Walk *walk)
{
	if (walk->folder >= 0)
		close(walk->folder);
	walk->folder = -1;
}

/* Goes on in a directory that was opened, or tells why not. */
static bool
enter_folder(Walk *walk, int fd)
{
	int			error = errno;
	struct stat st;
	struct statvfs system;

	leave_folder(walk);
	if (fd < 0)
		return fail_errno(walk, error);
	walk->folder = fd;
	if (fstat(fd, &st) != 0 || fstatvfs(fd, &system) != 0)
		return fail_errno(walk, errno);
	if (!is_trusted(walk, st.st_uid))
		return fail(walk, PB_KEYPATH_FOREIGN_FOLDER, st.st_mode);
	walk->mode = st.st_mode;
	walk->is_shared = (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
		(system.f_flag & ST_RDONLY) == 0;
	if (walk->is_shared && (st.st_mode & S_ISVTX) == 0)
		return fail(walk, PB_KEYPATH_SHARED, st.st_mode);
	return true;
}

static bool
enter_root(Walk *walk)
{
	return enter_folder(walk, open("/", FOLDER));
}

static bool
is_at_end(const Walk *walk)
{
	return walk->rest[0] == '\0';
}

/* Takes the next name off the path; an empty one at its end. */
static bool
next_name(Walk *walk, char name[NAME_MAX + 1])
{
	const char *start = walk->rest + strspn(walk->rest, "/");
	size_t		length = strcspn(start, "/");

	if (length > NAME_MAX)
		return fail_errno(walk, ENAMETOOLONG);
	memcpy(name, start, length);
	name[length] = '\0';
	memmove(walk->rest, start + length, strlen(start + length) + 1);
	return true;
}

/* Replaces the name of a link by its target, before the rest of the path. */
static bool
follow_link(Walk *walk, const char *name, const struct stat *st)
{
	char		target[PATH_MAX];
	ssize_t		length;

	if (!is_trusted(walk, st->st_uid))
		return fail(walk, PB_KEYPATH_FOREIGN_LINK, st->st_mode);
	if (walk->is_shared)
		return fail(walk, PB_KEYPATH_SHARED, walk->mode);
	if (++walk->links > LINKS_MAX)
		return fail_errno(walk, ELOOP);
	length = readlinkat(walk->folder, name, target, sizeof(target) - 1);
	if (length < 0)
		return fail_errno(walk, errno);
	walk->found->is_kept_elsewhere |= is_at_end(walk);
	if ((size_t) length + strlen(walk->rest) >= sizeof(target))
		return fail_errno(walk, ENAMETOOLONG);
	strcpy(target + length, walk->rest);
	strcpy(walk->rest, target);
	return target[0] != '/' || enter_root(walk);
}

/* Whether the file that was opened is fit to hold keys. */
static bool
judge_file(Walk *walk, const struct stat *st)
{
	const mode_t others = S_IRWXG | S_IRWXO;

	if (S_ISDIR(st->st_mode))
		return fail(walk, PB_KEYPATH_DIRECTORY, st->st_mode);
	if (!S_ISREG(st->st_mode))
		return fail(walk, PB_KEYPATH_NO_FILE, st->st_mode);
	if (!is_trusted(walk, st->st_uid))
		return fail(walk, PB_KEYPATH_FOREIGN, st->st_mode);
	if (st->st_uid == walk->user && (st->st_mode & others) != 0)
		return fail(walk, PB_KEYPATH_OPEN, st->st_mode);
	if ((st->st_mode & others & ~S_IRGRP) != 0)
		return fail(walk, PB_KEYPATH_OPEN_OF_ROOT, st->st_mode);
	if (st->st_nlink > 1)
		return fail(walk, PB_KEYPATH_LINKED, st->st_mode);
	if (walk->is_shared)
		return fail(walk, PB_KEYPATH_SHARED, walk->mode);
	walk->found->is_kept_elsewhere |= st->st_uid != walk->user;
	walk->found->size = st->st_size;
	return true;
}

/* The last step. It must not wait for a pipe, nor acquire a terminal. */
static bool
open_file(Walk *walk, const char *name)
{
	struct stat st;
	int			fd = openat(walk->folder, name, O_RDONLY | O_NOFOLLOW |
							O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(walk, errno);
	if (fstat(fd, &st) != 0)
		(void) fail_errno(walk, errno);
	else if (judge_file(walk, &st))
	{
		walk->found->fd = fd;
		return true;
	}
	close(fd);
	return false;
}

/* Takes one step; more tells whether another one follows. */
static bool
step(Walk *walk, bool *more)
{
	char		name[NAME_MAX + 1];
	struct stat st;

	if (!next_name(walk, name))
		return false;
	*more = name[0] != '\0';
	if (!*more)
		return fail(walk, PB_KEYPATH_DIRECTORY, walk->mode);
	if (fstatat(walk->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
	{
		int			error = errno;

		/* A file may be made there: then its directory has to be safe. */
		return is_at_end(walk) && walk->is_shared ?
			fail(walk, PB_KEYPATH_SHARED, walk->mode) :
			fail_errno(walk, error);
	}
	if (S_ISLNK(st.st_mode))
		return follow_link(walk, name, &st);
	if (!is_at_end(walk))
		return enter_folder(walk, openat(walk->folder, name, FOLDER));
	*more = false;
	return open_file(walk, name);
}

/*
 * Opens the file of an absolute path, for the user that the server runs as.
 * Returns false with a fault where the file, or the way to it, is not safe.
 * The caller closes the file.
 */
bool
pb_keypath_open(const char *path, uid_t user, PbKeyPath *found)
{
	Walk		walk = {.found = found, .user = user, .folder = -1};
	bool		more = true;
	bool		good;

	memset(found, 0, sizeof(*found));
	found->fd = -1;
	if (strlen(path) >= sizeof(walk.rest))
		return fail_errno(&walk, ENAMETOOLONG);
	strcpy(walk.rest, path);
	good = enter_root(&walk);
	while (good && more)
		good = step(&walk, &more);
	leave_folder(&walk);
	return good;
}
