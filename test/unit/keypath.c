/*
 * keypath.c
 *	  Unit test of src/keys/keypath.c: which files may hold keys, behind which
 *	  directories and links. Only root can try several kinds of owners.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/keypath.h"

#define SERVER 54321			/* users, where root runs this */
#define STRANGER 54322

static char top[] = "/tmp/keypath.XXXXXX";
static uid_t user;

static const char *
at(const char *path)
{
	static char paths[4][512];
	static int	next = 0;
	char	   *full = paths[next++ % 4];

	snprintf(full, sizeof(paths[0]), "%s/%s", top, path);
	return full;
}

static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(1);
}

static void
folder(const char *path, mode_t mode)
{
	must(mkdir(at(path), 0700) == 0 && chmod(at(path), mode) == 0, path);
}

static void
file(const char *path, mode_t mode)
{
	int			fd = open(at(path), O_WRONLY | O_CREAT | O_EXCL, 0600);

	must(fd >= 0 && write(fd, "key", 3) == 3 && close(fd) == 0 &&
		 chmod(at(path), mode) == 0, path);
}

static void
link_to(const char *target, const char *path)
{
	must(symlink(target, at(path)) == 0, path);
}

static void
give(const char *path, uid_t owner)
{
	must(lchown(at(path), owner, 0) == 0, path);
}

static void
found_at(const char *path, PbKeyPathFault fault, int error, bool kept,
		 int line)
{
	PbKeyPath	found;
	bool		good = pb_keypath_open(path, user, &found);
	char		text[3];

	CHECK(found.fault == fault && good == (fault == PB_KEYPATH_SOUND),
		  "line %d, %s: fault %d", line, path, found.fault);
	CHECK(fault != PB_KEYPATH_ERRNO || found.error == error,
		  "line %d, %s: errno %d", line, path, found.error);
	CHECK(good == (found.fd >= 0), "line %d, %s: %d", line, path, found.fd);
	CHECK(found.is_kept_elsewhere == kept, "line %d, %s: kept", line, path);
	if (!good)
		return;
	CHECK(found.size == 3 && read(found.fd, text, 3) == 3 &&
		  memcmp(text, "key", 3) == 0, "line %d, %s: text", line, path);
	close(found.fd);
}

#define FAULT(path, fault) found_at(at(path), fault, 0, false, __LINE__)
#define ERRNO(path, error) \
	found_at(at(path), PB_KEYPATH_ERRNO, error, false, __LINE__)
#define SOUND(path) found_at(at(path), PB_KEYPATH_SOUND, 0, false, __LINE__)
#define KEPT(path) found_at(at(path), PB_KEYPATH_SOUND, 0, true, __LINE__)

static void
test_files(void)
{
	folder("plain", 0700);
	file("plain/keyring", 0600);
	SOUND("plain/keyring");
	SOUND("plain//.///keyring");
	SOUND("plain/../plain/keyring");
	ERRNO("plain/none", ENOENT);
	ERRNO("none/keyring", ENOENT);
	ERRNO("plain/keyring/", ENOTDIR);
	ERRNO("plain/keyring/below", ENOTDIR);
	FAULT("plain", PB_KEYPATH_DIRECTORY);
	FAULT("plain/", PB_KEYPATH_DIRECTORY);
	FAULT("plain/..", PB_KEYPATH_DIRECTORY);
	found_at("/", PB_KEYPATH_DIRECTORY, 0, false, __LINE__);
	found_at("/dev/null", PB_KEYPATH_NO_FILE, 0, false, __LINE__);
	must(mkfifo(at("plain/fifo"), 0600) == 0, "fifo");
	FAULT("plain/fifo", PB_KEYPATH_NO_FILE);
	file("plain/read only", 0400);
	SOUND("plain/read only");
	must(link(at("plain/read only"), at("plain/second")) == 0, "link");
	FAULT("plain/read only", PB_KEYPATH_LINKED);
	FAULT("plain/second", PB_KEYPATH_LINKED);
	must(unlink(at("plain/second")) == 0, "unlink");
	SOUND("plain/read only");
}

static void
test_long_paths(void)
{
	char		path[2 * PATH_MAX];

	memset(path, '/', sizeof(path));
	snprintf(path, sizeof(path), "%s/", at("plain"));
	memset(path + strlen(path), 'n', NAME_MAX + 1);
	path[strlen(at("plain/")) + NAME_MAX + 1] = '\0';
	found_at(path, PB_KEYPATH_ERRNO, ENAMETOOLONG, false, __LINE__);
	memset(path, '/', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	found_at(path, PB_KEYPATH_ERRNO, ENAMETOOLONG, false, __LINE__);
	path[PATH_MAX - 1] = '\0';
	found_at(path, PB_KEYPATH_DIRECTORY, 0, false, __LINE__);
}

/* The server's own file is open to nobody else. */
static void
test_modes(PbKeyPathFault open)
{
	static const mode_t modes[] = {
		0620, 0610, 0604, 0602, 0601, 0660, 0650, 0644, 0666, 0777
	};

	for (int i = 0; i < lengthof(modes); i++)
	{
		must(chmod(at("plain/keyring"), modes[i]) == 0, "chmod");
		FAULT("plain/keyring", open);
	}
	must(chmod(at("plain/keyring"), 0600) == 0, "chmod");
}

/*
 * A user who may write to a directory on the path may put another file there.
 */
static void
test_folders(void)
{
	static const mode_t shared[] = {0777, 0775, 0757, 0770, 0702, 0720};
	static const mode_t kept[] = {0700, 0755, 0750, 0711, 0500};

	folder("a", 0700);
	folder("a/b", 0700);
	folder("a/b/c", 0700);
	file("a/b/c/keyring", 0600);
	for (int i = 0; i < lengthof(shared); i++)
	{
		must(chmod(at("a/b/c"), shared[i]) == 0, "chmod");
		FAULT("a/b/c/keyring", PB_KEYPATH_SHARED);
		FAULT("a/b/c/none", PB_KEYPATH_SHARED);
		must(chmod(at("a/b/c"), 0700) == 0, "chmod");
		must(chmod(at("a"), shared[i]) == 0, "chmod");
		FAULT("a/b/c/keyring", PB_KEYPATH_SHARED);
		must(chmod(at("a"), 0700) == 0, "chmod");
	}
	for (int i = 0; i < lengthof(kept); i++)
	{
		must(chmod(at("a/b/c"), kept[i]) == 0, "chmod");
		must(chmod(at("a"), kept[i]) == 0, "chmod");
		SOUND("a/b/c/keyring");
		ERRNO("a/b/c/none", ENOENT);
		must(chmod(at("a"), 0700) == 0, "chmod");
		must(chmod(at("a/b/c"), 0700) == 0, "chmod");
	}
	/* as /tmp: a way to a directory, no place for the file */
	must(chmod(at("a/b"), 01777) == 0, "chmod");
	SOUND("a/b/c/keyring");
	ERRNO("a/b/c/none", ENOENT);
	file("a/b/keyring", 0600);
	FAULT("a/b/keyring", PB_KEYPATH_SHARED);
	FAULT("a/b/none", PB_KEYPATH_SHARED);
	link_to("c", "a/b/link");
	FAULT("a/b/link/keyring", PB_KEYPATH_SHARED);
	must(chmod(at("a/b"), 0700) == 0, "chmod");
	SOUND("a/b/link/keyring");
}

static void
test_links(void)
{
	folder("secret", 0755);
	folder("secret/..2026_11_28", 0755);
	file("secret/..2026_11_28/keyring", 0600);
	link_to("..2026_11_28", "secret/..data");
	link_to("..data/keyring", "secret/keyring");
	KEPT("secret/keyring");
	SOUND("secret/..data/keyring");
	link_to(at("secret"), "way");
	KEPT("way/keyring");
	link_to(at("secret/keyring"), "plain/absolute");
	KEPT("plain/absolute");
	link_to("../secret/../secret/keyring", "plain/roundabout");
	KEPT("plain/roundabout");
	must(chmod(at("secret"), 0777) == 0, "chmod");
	FAULT("secret/keyring", PB_KEYPATH_SHARED);
	found_at(at("plain/absolute"), PB_KEYPATH_SHARED, 0, true, __LINE__);
	found_at(at("plain/roundabout"), PB_KEYPATH_SHARED, 0, true, __LINE__);
	must(chmod(at("secret"), 0755) == 0, "chmod");
	link_to("circle", "plain/circle");
	found_at(at("plain/circle"), PB_KEYPATH_ERRNO, ELOOP, true, __LINE__);
	link_to("nowhere", "plain/dangling");
	found_at(at("plain/dangling"), PB_KEYPATH_ERRNO, ENOENT, true, __LINE__);
	link_to("secret", "plain/folder");
	found_at(at("plain/folder"), PB_KEYPATH_ERRNO, ENOENT, true, __LINE__);
	must(unlink(at("plain/folder")) == 0, "unlink");
	link_to("../secret", "plain/folder");
	found_at(at("plain/folder"), PB_KEYPATH_DIRECTORY, 0, true, __LINE__);
}

/* By root, for a server that runs as another user. */
static void
test_owners(void)
{
	user = SERVER;
	KEPT("plain/keyring");
	test_modes(PB_KEYPATH_OPEN_OF_ROOT);
	must(chmod(at("plain/keyring"), 0640) == 0, "chmod");
	KEPT("plain/keyring");
	must(chmod(at("secret/..2026_11_28/keyring"), 0440) == 0, "chmod");
	KEPT("secret/keyring");
	give("plain/keyring", SERVER);
	FAULT("plain/keyring", PB_KEYPATH_OPEN);
	must(chmod(at("plain/keyring"), 0600) == 0, "chmod");
	SOUND("plain/keyring");
	give("plain/keyring", STRANGER);
	FAULT("plain/keyring", PB_KEYPATH_FOREIGN);
	give("plain/keyring", SERVER);
	give("plain", STRANGER);
	FAULT("plain/keyring", PB_KEYPATH_FOREIGN_FOLDER);
	give("plain", SERVER);
	SOUND("plain/keyring");
	give("secret/..data", STRANGER);
	found_at(at("secret/keyring"), PB_KEYPATH_FOREIGN_LINK, 0, true, __LINE__);
	give("secret/..data", SERVER);
	KEPT("secret/keyring");
	must(chmod(at("a/b"), 01777) == 0, "chmod");
	give("a/b/c", STRANGER);
	FAULT("a/b/c/keyring", PB_KEYPATH_FOREIGN_FOLDER);
	user = geteuid();
}

static int
remove_one(const char *path, const struct stat *st, int kind,
		   struct FTW *where)
{
	(void) st;
	(void) kind;
	(void) where;
	return remove(path);
}

int
main(void)
{
	int			lowest;

	must(mkdtemp(top) != NULL, top);
	user = geteuid();
	lowest = dup(0);
	close(lowest);
	test_files();
	test_long_paths();
	test_modes(PB_KEYPATH_OPEN);
	must(chmod(at("plain/keyring"), 0640) == 0, "chmod");
	FAULT("plain/keyring", PB_KEYPATH_OPEN);
	must(chmod(at("plain/keyring"), 0600) == 0, "chmod");
	test_folders();
	test_links();
	if (user == 0)
		test_owners();
	else
		puts("keypath: owners of other kinds are tried by root alone");
	CHECK(dup(0) == lowest, "a descriptor was left open");
	must(nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0, top);
	return report("keypath");
}
