/*
 * key.c
 *	  The keyring file: found, judged, read and added to; secrets sealed and
 *	  opened with its keys.
 *
 * The keyring read last is kept for the life of the backend, in guarded
 * memory. It is read again after a reload of the configuration, when there
 * was none, and when a secret names a key that it lacks; no call looks at the
 * file otherwise. No problem here stops anything but the call that needs a
 * key.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "key.h"

#define FILE_MAX (64 * 1024)

#define NO_KEY MAKE_SQLSTATE('P', 'B', '0', '0', '1')
#define UNKNOWN_KEY MAKE_SQLSTATE('P', 'B', '0', '0', '2')
#define UNUSABLE_FILE MAKE_SQLSTATE('P', 'B', '0', '0', '3')
#define UNOPENED_SECRET MAKE_SQLSTATE('P', 'B', '0', '0', '4')

static char *keyring_file = NULL;
static bool development_key = false;

static PbKeyring *ring = NULL;
static TimestampTz ring_reload; /* the reload it was read after */

void
pb_key_define_settings(void)
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

static void
refuse(PbFaults *faults, int sqlstate, const char *message, const char *hint)
{
	pb_fault_set(faults, PB_UNAVAILABLE, message, hint);
	faults->sqlstate = sqlstate;
}

/* The file's path stands in the message; nothing of its content does. */
static void
refuse_file(PbFaults *faults, const char *problem, const char *hint)
{
	refuse(faults, UNUSABLE_FILE,
		   psprintf("keyring file \"%s\" %s", keyring_file, problem), hint);
}

static void
refuse_errno(PbFaults *faults, int error)
{
	if (error == ENOENT || error == ENOTDIR)
		refuse_file(faults, "does not exist",
					"Restore it from its backup, correct pgbeam.keyring_file, or make a first key with SELECT pgbeam.create_key().");
	else if (error == ELOOP)
		refuse_file(faults, "is a symbolic link",
					"Set pgbeam.keyring_file to the file itself.");
	else if (error == EACCES)
		refuse_file(faults, "cannot be read by the server's user",
					"Give the file to the server's user with mode 0600, and let that user enter its directory.");
	else
		refuse_file(faults, psprintf("cannot be read: %s", strerror(error)), NULL);
}

/* Whether the path, a file or not yet one, lies below the data directory. */
static bool
in_data_directory(const char *path)
{
	char		directory[MAXPGPATH];
	char		real[PATH_MAX];
	char		data[PATH_MAX];

	strlcpy(directory, path, sizeof(directory));
	get_parent_directory(directory);
	if (directory[0] == '\0')
		strlcpy(directory, ".", sizeof(directory));
	if (realpath(directory, real) == NULL || realpath(DataDir, data) == NULL)
		return false;
	return path_is_prefix_of_path(data, real);
}

static bool
is_placed_well(PbFaults *faults)
{
	if (keyring_file[0] == '\0')
		refuse(faults, NO_KEY, "no encryption key is configured",
			   "Set pgbeam.keyring_file to a path outside the data directory, reload the configuration, and run SELECT pgbeam.create_key(); a reload takes a moment.");
	else if (!development_key && in_data_directory(keyring_file))
		refuse_file(faults, "lies in the data directory",
					"Move it out, so that backups do not carry the keys; for development, pgbeam.development_key allows it.");
	else
		return true;
	return false;
}

/* Judges the open file, not its name, so nothing can change in between. */
static bool
is_safe_file(int fd, PbFaults *faults)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		refuse_errno(faults, errno);
	else if (S_ISDIR(st.st_mode))
		refuse_file(faults, "is a directory",
					"Set pgbeam.keyring_file to a file.");
	else if (!S_ISREG(st.st_mode))
		refuse_file(faults, "is not a regular file",
					"Set pgbeam.keyring_file to a file.");
	else if (st.st_uid != geteuid())
		refuse_file(faults, "does not belong to the server's user",
					"Change its owner to the user that the server runs as.");
	else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		refuse_file(faults, psprintf("is open to its group or others (mode %04o)",
									 (unsigned) (st.st_mode & 07777)),
					"Set its mode to 0600.");
	else if (st.st_size > FILE_MAX)
		refuse_file(faults, psprintf("is larger than %d kB", FILE_MAX / 1024),
					"A keyring has one short line for each key.");
	else if (st.st_size == 0)
		refuse_file(faults, "is empty",
					"Restore it from its backup, or make a key with SELECT pgbeam.create_key().");
	else
		return true;
	return false;
}

/* All of the file, at most FILE_MAX bytes; -1 with errno set. */
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

/*
 * The file's text in guarded memory, which the caller frees; NULL with faults
 * when the file is missing or not fit to hold keys.
 */
static char *
read_file(ssize_t *length, PbFaults *faults)
{
	int			fd = OpenTransientFile(keyring_file,
									   O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	char	   *buffer = NULL;

	if (fd < 0)
	{
		refuse_errno(faults, errno);
		return NULL;
	}
	if (is_safe_file(fd, faults))
	{
		buffer = pb_guarded_alloc(FILE_MAX);
		if (buffer == NULL)
			refuse_file(faults, "cannot be read: out of guarded memory", NULL);
		else if ((*length = read_all(fd, buffer)) < 0)
		{
			refuse_errno(faults, errno);
			pb_guarded_free(buffer);
			buffer = NULL;
		}
	}
	CloseTransientFile(fd);
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

/* The file's keys; NULL with faults when there are none to be used. */
static PbKeyring *
read_ring(PbFaults *faults)
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

static void
keep_ring(PbKeyring *read)
{
	if (ring != NULL)
		pb_keyring_free(ring);
	ring = read;
	ring_reload = PgReloadTime;
}

/* The keys there are; NULL with faults when none can be used. */
const PbKeyring *
pb_key_ring(PbFaults *faults)
{
	if (ring == NULL || ring_reload != PgReloadTime)
		keep_ring(read_ring(faults));
	return ring;
}

/*
 * Another server, or a session of this one, may have added the key that a
 * secret names. The keys at hand are kept when the file gives none.
 */
static bool
read_again(void)
{
	PbFaults	unheard = {0};
	PbKeyring  *read = read_ring(&unheard);

	if (read != NULL)
		keep_ring(read);
	return read != NULL;
}

/*
 * Seals a secret of a request under the active key; NULL with faults when
 * there is none.
 */
bytea *
pb_key_seal(const PbJson *secret, const PbPlace *place,
			const uint8_t nonce[PB_NONCE_BYTES], PbFaults *faults)
{
	const PbKeyring *keys = pb_key_ring(faults);
	size_t		size = pb_sealed_size(secret->length);
	bytea	   *sealed;

	if (keys == NULL)
		return NULL;
	sealed = palloc(VARHDRSZ + size);
	SET_VARSIZE(sealed, VARHDRSZ + size);
	if (!pb_seal(keys, place, nonce, secret->text, secret->length,
				 (uint8_t *) VARDATA(sealed)))
		elog(ERROR, "a secret cannot be bound to its place");
	return sealed;
}

static void
refuse_secret(PbOpened opened, const uint8_t *sealed, const char *owner,
			  PbFaults *faults)
{
	char		id[2 * PB_KEY_ID_BYTES + 1];

	if (opened == PB_OPEN_UNKNOWN_KEY)
	{
		pb_key_id_hex(sealed + PB_SEALED_KEY_ID, id);
		refuse(faults, UNKNOWN_KEY,
			   psprintf("key %s is not in this server's keyring", id),
			   "Copy its line from the keyring file of the server that wrote the secret; pgbeam.key_status() counts the secrets that need it.");
	}
	else if (opened == PB_OPEN_OTHER_KIND)
		refuse(faults, ERRCODE_FEATURE_NOT_SUPPORTED,
			   psprintf("the secret of %s is sealed to a key that this server does not hold", owner),
			   "Open it where its private key is.");
	else if (opened == PB_OPEN_MALFORMED)
		refuse(faults, UNOPENED_SECRET,
			   psprintf("the secret of %s is not in a format that this version knows", owner),
			   "The row was changed, or written by a newer version.");
	else
		refuse(faults, UNOPENED_SECRET,
			   psprintf("the secret of %s fails authentication", owner),
			   "The row was damaged, changed or moved from another place; store the secret anew.");
}

/* Where the secret should be there is none. */
void
pb_key_no_secret(const char *owner, PbFaults *faults)
{
	refuse(faults, UNOPENED_SECRET, psprintf("%s has no secret", owner),
		   "The row was changed by hand; store the secret anew.");
}

/*
 * Opens a stored secret; NULL with faults when it does not open. Owner names
 * its object in messages. The caller wipes the text.
 */
text *
pb_key_open(const bytea *sealed, const PbPlace *place, const char *owner,
			PbFaults *faults)
{
	const uint8_t *bytes = (const uint8_t *) VARDATA_ANY(sealed);
	size_t		size = VARSIZE_ANY_EXHDR(sealed);
	const PbKeyring *keys = pb_key_ring(faults);
	text	   *plain;
	size_t		plain_size;
	PbOpened	opened;

	if (keys == NULL)
		return NULL;
	plain = palloc(VARHDRSZ + size);
	opened = pb_open(keys, place, bytes, size, (uint8_t *) VARDATA(plain),
					 &plain_size);
	if (opened == PB_OPEN_UNKNOWN_KEY && read_again())
		opened = pb_open(ring, place, bytes, size, (uint8_t *) VARDATA(plain),
						 &plain_size);
	if (opened != PB_OPENED)
	{
		refuse_secret(opened, bytes, owner, faults);
		return NULL;
	}
	SET_VARSIZE(plain, VARHDRSZ + plain_size);
	return plain;
}

/* Held until the file is closed, at an error by the server. */
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

/* errno of the failure, or 0. */
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

/* Writes old text and new line to a new file, to disk; errno or 0. */
static int
write_file(const char *path, const char *old, size_t old_length,
		   const char *line, size_t line_length)
{
	bool		unfinished = old_length > 0 && old[old_length - 1] != '\n';
	int			fd;
	int			error;

	(void) unlink(path);		/* left by a crash: the lock is ours */
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

/* Puts the keys and a new one in the file's place, whole or not at all. */
static char *
add_key(char *present, size_t present_length)
{
	char	   *path = psprintf("%s.new", keyring_file);
	char	   *id = palloc(2 * PB_KEY_ID_BYTES + 1);
	char		line[PB_KEY_LINE_MAX];
	size_t		line_length = pb_keyring_new_line(line);
	int			error = write_file(path, present, present_length,
								   line, line_length);

	strlcpy(id, line, 2 * PB_KEY_ID_BYTES + 1);
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
	durable_rename(path, keyring_file, ERROR);
	return id;
}

/*
 * The text to which a key is added, in guarded memory: none where the file is
 * missing or empty. False with faults when it is there but unfit.
 */
static bool
read_present(char **text, ssize_t *length, PbFaults *faults)
{
	struct stat st;
	PbKeyring  *present;

	*text = NULL;
	*length = 0;
	if (lstat(keyring_file, &st) != 0 ? errno == ENOENT :
		S_ISREG(st.st_mode) && st.st_size == 0)
		return true;
	*text = read_file(length, faults);
	if (*text == NULL)
		return false;
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
 * Adds a key to the keyring file and makes it the active one. Returns its id
 * in hex, or NULL with faults when the file there is must not be added to.
 */
const char *
pb_key_create(PbFaults *faults)
{
	char	   *present;
	ssize_t		present_length;
	int			lock;
	char	   *id;

	if (!is_placed_well(faults))
		return NULL;
	lock = lock_keyring();
	if (!read_present(&present, &present_length, faults))
		return NULL;
	id = add_key(present, present_length);
	CloseTransientFile(lock);
	(void) read_again();
	return id;
}
