/*
 * files.c
 *	  Files that are read by another program while they change.
 *
 * A file is whole at any time, also after the machine went down: it is written
 * beside the old one, made durable, and renamed. Functions that return false
 * leave the reason in errno, and nothing behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/files.h"

#define MODE 0600
#define NEW_SUFFIX ".new"

bool
folder_make(const char *path)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* Held until the program ends, however it ends. */
bool
folder_lock(const char *path)
{
	int			file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0;
}

/* The content, or NULL; errno is ENOENT where there is no file. */
char *
file_read(const char *path)
{
	FILE	   *file = fopen(path, "re");
	char	   *content = NULL;
	size_t		size;

	if (file == NULL)
		return NULL;
	if (getdelim(&content, &size, '\0', file) < 0)
	{
		bool		failed = ferror(file);

		free(content);
		content = failed ? NULL : copy_of("");	/* an empty file */
	}
	fclose(file);
	return content;
}

static bool
write_all(int file, const char *content)
{
	size_t		left = strlen(content);

	while (left > 0)
	{
		ssize_t		written = write(file, content, left);

		if (written < 0 && errno != EINTR)
			return false;
		if (written > 0)
		{
			content += written;
			left -= written;
		}
	}
	return fsync(file) == 0;
}

static bool
fill(const char *path, const char *content)
{
	int			kept;
	int			file;
	bool		done;

	if (unlink(path) != 0 && errno != ENOENT)	/* of a run that was killed */
		return false;
	file =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, MODE);
	if (file < 0)
		return false;
	done = write_all(file, content);
	kept = errno;
	if (close(file) != 0 && done)
	{
		kept = errno;
		done = false;
	}
	errno = kept;
	return done;
}

/* A rename lasts once the folder's own content does. */
static bool
make_durable(const char *path)
{
	char	   *copy = copy_of(path);
	int			folder =
		open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool		done = folder >= 0 && fsync(folder) == 0;

	free(copy);
	if (folder >= 0)
		close(folder);
	return done;
}

bool
file_write(const char *path, const char *content)
{
	char	   *new = printed("%s" NEW_SUFFIX, path);
	bool		done = fill(new, content) && rename(new, path) == 0;
	int			kept = errno;

	if (!done)
		unlink(new);
	free(new);
	errno = kept;
	return done && make_durable(path);
}

bool
file_remove(const char *path)
{
	return (unlink(path) == 0 || errno == ENOENT) && make_durable(path);
}
