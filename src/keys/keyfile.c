/*
 * keyfile.c
 *	  The keyring file: found, judged, read and added to.
 *
 * No message holds anything of the file's content, and in memory the content
 * is always guarded. A problem with the file stops only the calls that need a
 * key.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "common/file_perm.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/guc.h"

#include "keys/keyfile.h"
#include "keys/keypath.h"

#define FILE_MAX (64 * 1024)

#define NO_KEY MAKE_SQLSTATE('P', 'B', '0', '0', '1')
#define UNUSABLE_FILE MAKE_SQLSTATE('P', 'B', '0', '0', '3')

static char *keyring_file = NULL;
static bool development_key = false;

void
pb_keyfile_define_settings(void)
{
	DefineCustomStringVariable("pgbeam.keyring_file",
							   "Path of the file that holds the keys for secrets, one a line, the last one active.",
							   NULL, &keyring_file, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
	DefineCustomBoolVariable("pgbeam.development_key",
							 "Allows the keyring file to lie in the data directory, where every base backup takes it along.",
							 NULL, &development_key, false,
							 PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	if (development_key)
		ereport(WARNING,
				(errmsg("pgbeam.development_key is on: the keyring may lie beside the data it protects"),
				 errhint("Move the keyring file out of the data directory and turn the setting off.")));
}

/*
 * The path goes to the server's log alone. Roles that may read the setting
 * know it, and others must not.
 */
static void
refuse_file(PbFaults *faults, const char *problem, const char *hint)
{
	pb_fault_unavailable(faults, UNUSABLE_FILE,
						 psprintf("the keyring file %s", problem), hint);
	faults->log = psprintf("The file is \"%s\".", keyring_file);
}

static void
refuse_errno(PbFaults *faults, int error)
{
	if (error == ENOENT || error == ENOTDIR)
		refuse_file(faults, "does not exist",
					"Restore it from its backup, correct pgbeam.keyring_file, or make a first key with SELECT pgbeam.create_key().");
	else if (error == ELOOP)
		refuse_file(faults, "is behind too many symbolic links",
					"Set pgbeam.keyring_file to the file itself.");
	else if (error == EACCES)
		refuse_file(faults, "cannot be read by the server's user",
					"Give the file to the server's user with mode 0600, and let that user enter its directory.");
	else
		refuse_file(faults, psprintf("cannot be read: %s", strerror(error)), NULL);
}

static const struct
{
	const char *problem;
	bool		tells_mode;
	const char *hint;
}			words[] =
{
	[PB_KEYPATH_SHARED] = {
		"lies below a directory that others may write to", true,
		"Remove that right (chmod go-w; namei -l shows every directory on the way), or move the file to a folder of the server's user with mode 0700."
	},
	[PB_KEYPATH_FOREIGN_FOLDER] = {
		"lies below a directory that is neither root's nor the server's user's",
		false,
		"Move it to a folder of the server's user; namei -l shows every directory on the way."
	},
	[PB_KEYPATH_FOREIGN_LINK] = {
		"is behind a symbolic link that is neither root's nor the server's user's",
		false, "Set pgbeam.keyring_file to the file that it leads to."
	},
	[PB_KEYPATH_DIRECTORY] = {
		"is a directory", false, "Set pgbeam.keyring_file to a file."
	},
	[PB_KEYPATH_NO_FILE] = {
		"is not a regular file", false, "Set pgbeam.keyring_file to a file."
	},
	[PB_KEYPATH_FOREIGN] = {
		"does not belong to the server's user, nor to root", false,
		"Change its owner to the user that the server runs as."
	},
	[PB_KEYPATH_OPEN] = {
		"is open to its group or others", true, "Set its mode to 0600."
	},
	[PB_KEYPATH_OPEN_OF_ROOT] = {
		"is root's, and open to others or for its group to write", true,
		"Set its mode to 0440 (defaultMode in Kubernetes), and let the server's user be in its group (fsGroup)."
	},
	[PB_KEYPATH_LINKED] = {
		"has another name as well (a hard link)", false,
		"The other one may lie where backups go: find it with find -samefile, and remove it."
	},
};

static void
refuse_path(PbFaults *faults, const PbKeyPath *found)
{
	const char *problem = words[found->fault].problem;

	if (found->fault == PB_KEYPATH_ERRNO)
		refuse_errno(faults, found->error);
	else
		refuse_file(faults, words[found->fault].tells_mode ?
					psprintf("%s (mode %04o)", problem,
							 (unsigned) found->mode) : problem,
					words[found->fault].hint);
}

/* The real directory where a file of this path is, or would be made. */
static bool
find_folder(const char *path, char folder[PATH_MAX])
{
	char		parent[MAXPGPATH];

	if (realpath(path, folder) != NULL)
	{
		get_parent_directory(folder);
		return true;
	}
	strlcpy(parent, path, sizeof(parent));
	get_parent_directory(parent);
	return realpath(parent[0] == '\0' ? "." : parent, folder) != NULL;
}

static bool
lies_below(const char *folder, const char *directory)
{
	char		real[PATH_MAX];

	return realpath(directory, real) != NULL &&
		path_is_prefix_of_path(real, folder);
}

/* A tablespace counts too: base backups take it along. */
static bool
in_data_directory(const char *path)
{
	char		folder[PATH_MAX];
	DIR		   *tablespaces;
	struct dirent *entry;
	bool		found;

	if (!find_folder(path, folder))
		return false;
	found = lies_below(folder, DataDir);
	tablespaces = AllocateDir("pg_tblspc");
	while (!found && (entry = ReadDirExtended(tablespaces, "pg_tblspc",
											  LOG)) != NULL)
		if (entry->d_name[0] != '.')
			found = lies_below(folder, psprintf("pg_tblspc/%s", entry->d_name));
	if (tablespaces != NULL)
		FreeDir(tablespaces);
	return found;
}

static bool
is_placed_well(PbFaults *faults)
{
	if (keyring_file[0] == '\0')
		pb_fault_unavailable(faults, NO_KEY, "no encryption key is configured",
							 "Set pgbeam.keyring_file to a path outside the data directory, reload the configuration, and run SELECT pgbeam.create_key(); a reload takes a moment.");
	else if (strlen(keyring_file) >= MAXPGPATH)
		refuse_file(faults, "has too long a path",
					psprintf("A path has at most %d bytes.", MAXPGPATH - 1));
	else if (!development_key && in_data_directory(keyring_file))
		refuse_file(faults, "lies in the data directory",
					"Move it out, so that backups do not carry the keys; for development, pgbeam.development_key allows it.");
	else
		return true;
	return false;
}

/* Reads the whole file, at most FILE_MAX bytes; -1 with errno set. */
static ssize_t
read_all(int fd, char *buffer)
{
	size_t		have = 0;

	while (have < FILE_MAX)
	{
		ssize_t		n = read(fd, buffer + have, FILE_MAX - have);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += n;
	}
	return have;
}

/* Finds and opens the file; false with what is wrong with it. */
static bool
open_file(PbKeyPath *found)
{
	const char *path = is_absolute_path(keyring_file) ? keyring_file :
	psprintf("%s/%s", DataDir, keyring_file);

	return pb_keypath_open(path, geteuid(), found);
}

/*
 * The text of an open file in guarded memory, or NULL with errno. It closes
 * the file in any case, because nothing here raises an error.
 */
static char *
read_open(int fd, ssize_t *length)
{
	char	   *buffer = pb_guarded_alloc(FILE_MAX);

	if (buffer != NULL && (*length = read_all(fd, buffer)) < 0)
	{
		int			error = errno;

		pb_guarded_free(buffer);
		buffer = NULL;
		errno = error;
	}
	close(fd);
	return buffer;
}

static bool
has_size_of_keyring(off_t size, PbFaults *faults)
{
	if (size > FILE_MAX)
		refuse_file(faults, psprintf("is larger than %d kB", FILE_MAX / 1024),
					"A keyring has one short line for each key.");
	else if (size == 0)
		refuse_file(faults, "is empty",
					"Restore it from its backup, or remove it and make a key with SELECT pgbeam.create_key().");
	return size > 0 && size <= FILE_MAX;
}

/*
 * The text of the keyring file in guarded memory, which the caller frees. NULL
 * with faults when the file is missing or not fit to hold keys.
 */
static char *
read_file(ssize_t *length, PbFaults *faults)
{
	PbKeyPath	found;
	char	   *buffer;
	int			error;

	if (!open_file(&found))
	{
		refuse_path(faults, &found);
		return NULL;
	}
	buffer = read_open(found.fd, length);
	error = errno;
	if (buffer == NULL)
		refuse_errno(faults, error);
	else if (!has_size_of_keyring(found.size, faults))
	{
		pb_guarded_free(buffer);
		return NULL;
	}
	return buffer;
}

static PbKeyring *
parse_file(const char *buffer, size_t length, PbFaults *faults)
{
	const char *problem;
	int			line;
	PbKeyring  *parsed = pb_keyring_parse(buffer, length, &problem, &line);

	if (parsed == NULL)
		refuse_file(faults, line > 0 ?
					psprintf("is malformed in line %d: %s", line, problem) :
					psprintf("is unusable: %s", problem),
					"Restore it from its backup; each key stands on a line as pgbeam.create_key() wrote it.");
	return parsed;
}

/* Reads the keyring; NULL with faults when it cannot be used. */
PbKeyring *
pb_keyfile_read(PbFaults *faults)
{
	PbKeyring  *read = NULL;
	char	   *buffer;
	ssize_t		length;

	if (!is_placed_well(faults))
		return NULL;
	buffer = read_file(&length, faults);
	if (buffer == NULL)
		return NULL;
	read = parse_file(buffer, length, faults);
	pb_guarded_free(buffer);
	return read;
}

/* The lock is held until its file is closed, by the server at an error. */
static int
lock_keyring(void)
{
	char	   *path = psprintf("%s.lock", keyring_file);
	int			fd = OpenTransientFilePerm(path, O_RDWR | O_CREAT | O_NOFOLLOW,
										   S_IRUSR | S_IWUSR);

	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open lock file \"%s\": %m", path),
				 errhint("The directory of pgbeam.keyring_file must exist and be writable for the server's user.")));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
	{
		if (errno == EWOULDBLOCK)
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("another session is making a key"),
					 errhint("Try again when it has finished.")));
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not lock file \"%s\": %m", path)));
	}
	return fd;
}

/* Returns errno, or 0. */
static int
write_whole(int fd, const char *text, size_t length)
{
	while (length > 0)
	{
		ssize_t		n = write(fd, text, length);

		if (n <= 0)
			return n < 0 ? errno : ENOSPC;
		text += n;
		length -= n;
	}
	return 0;
}

/* Writes the old text and a new line to a new file on disk; errno or 0. */
static int
write_file(const char *path, const char *old, size_t old_length,
		   const char *line, size_t line_length)
{
	bool		unfinished = old_length > 0 && old[old_length - 1] != '\n';
	int			fd;
	int			error;

	(void) unlink(path);		/* a crash left it: the lock is ours */
	fd = OpenTransientFilePerm(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
							   S_IRUSR | S_IWUSR);
	if (fd < 0)
		return errno;
	error = write_whole(fd, old, old_length);
	if (error == 0 && unfinished)
		error = write_whole(fd, "\n", 1);
	if (error == 0)
		error = write_whole(fd, line, line_length);
	if (error == 0 && pg_fsync(fd) != 0)
		error = errno;
	CloseTransientFile(fd);
	return error;
}

/* Somebody who edits the file by hand does not take the lock. */
static bool
is_unchanged(size_t length)
{
	struct stat st;

	return (lstat(keyring_file, &st) == 0 ? (size_t) st.st_size : 0) == length;
}

/* Replaces the file by its keys and a new one, as a whole or not at all. */
static char *
add_key(char *present, size_t present_length)
{
	char	   *path = psprintf("%s.new", keyring_file);
	char	   *id = palloc(2 * PB_KEYRING_ID_BYTES + 1);
	char		line[PB_KEYRING_LINE_MAX];
	size_t		line_length = pb_keyring_new_line(line);
	int			error = write_file(path, present, present_length,
								   line, line_length);

	strlcpy(id, line, 2 * PB_KEYRING_ID_BYTES + 1);
	pb_wipe(line, sizeof(line));
	pb_guarded_free(present);
	if (error != 0)
	{
		(void) unlink(path);
		errno = error;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", path)));
	}
	if (!is_unchanged(present_length))
	{
		(void) unlink(path);
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("keyring file \"%s\" has changed while a key was made",
						keyring_file),
				 errhint("Try again when nobody writes to it.")));
	}
	if (durable_rename(path, keyring_file, WARNING) != 0)
	{
		(void) unlink(path);
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("could not put a new keyring in the place of file \"%s\"",
						keyring_file)));
	}
	return id;
}

/*
 * Reads the text that a key is to be added to, into guarded memory; no text
 * where the file is missing. Returns false with faults when the file is unfit
 * or full.
 */
static bool
read_present(bool is_missing, char **text, ssize_t *length, PbFaults *faults)
{
	PbKeyring  *present = NULL;

	*text = NULL;
	*length = 0;
	if (is_missing)
		return true;
	*text = read_file(length, faults);
	if (*text == NULL)
		return false;
	if (*length + PB_KEYRING_LINE_MAX > FILE_MAX)
		refuse_file(faults, "has no room for another key",
					"Remove the lines of keys that no secret needs; pgbeam.key_status() counts them.");
	else
		present = parse_file(*text, *length, faults);
	if (present == NULL)
	{
		pb_guarded_free(*text);
		return false;
	}
	pb_keyring_free(present);
	return true;
}

/*
 * Whether a key may be added: to a file that is fit, or by making the file.
 * Returns false with faults where the way to the file is not safe.
 */
static bool
may_add(bool *is_missing, PbFaults *faults)
{
	PbKeyPath	found;
	bool		is_good = open_file(&found);

	if (is_good)
		close(found.fd);
	*is_missing = !is_good && found.fault == PB_KEYPATH_ERRNO &&
		found.error == ENOENT;
	if (!is_good && !*is_missing)
	{
		refuse_path(faults, &found);
		return false;
	}
	if (found.is_kept_elsewhere)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a key cannot be added to this keyring file: it is root's, or behind a symbolic link"),
				 errhint("Create the key on another server, with a keyring file of its own. Add the last line of that file to the source of this one, such as the Kubernetes secret. Reload the configuration when the file has arrived.")));
	return true;
}

/*
 * Adds a key to the file and makes it the active one. Returns its id in hex,
 * or NULL with faults when no key may be added to the file.
 */
const char *
pb_keyfile_add(PbFaults *faults)
{
	char	   *present;
	ssize_t		present_length;
	bool		is_missing;
	int			lock;
	char	   *id;

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot create a key during recovery"),
				 errhint("Create it on the primary and copy its keyring file.")));
	if (!is_placed_well(faults) || !may_add(&is_missing, faults))
		return NULL;
	lock = lock_keyring();
	if (!may_add(&is_missing, faults) ||
		!read_present(is_missing, &present, &present_length, faults))
		return NULL;
	id = add_key(present, present_length);
	CloseTransientFile(lock);
	if (present_length > 0)
		ereport(NOTICE,
				(errmsg("sessions that have used a key go on with it until the configuration is reloaded"),
				 errhint("Run SELECT pg_reload_conf(), and remove no line of the keyring before that.")));
	return id;
}
