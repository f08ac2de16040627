/*
 * upstream.c
 *	  The server that a proxy connects to: the fields of databases and
 *	  replicas, and what tenants may not have there.
 *
 * A proxy reaches places that its clients do not: its own machine, what stands
 * beside it, the metadata service of its cloud. A tenant who registers one of
 * these as an upstream gets there through the proxy. Addresses are refused
 * when they are written. A name may lead anywhere at any time: whoever
 * resolves it asks pb_upstream_network() of each address.
 *
 * Stored rows need not keep these rules, for settings decide them.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "base/network.h"
#include "base/own.h"
#include "resources/upstream.h"

#define NETWORKS_SETTING "pgbeam.forbidden_networks"
#define USERS_SETTING "pgbeam.reserved_users"

#define LIST_MAX 200

/*
 * unspecified ones, loopback, link-local with most metadata services, those of
 * Alibaba and Azure, multicast and broadcast; then the same of IPv6
 */
#define FORBIDDEN_NETWORKS \
	"0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 100.100.100.200/32, " \
	"168.63.129.16/32, 224.0.0.0/4, 255.255.255.255/32, ::/128, ::1/128, " \
	"fe80::/10, fd00:ec2::254/128, ff00::/8"

/* for PgBouncer's auth_user, and its console */
#define RESERVED_USERS "pgbeam_proxy, pgbouncer"

static char *forbidden_networks;
static char *reserved_users;

typedef struct Word
{
	const char *text;			/* within the setting */
	int			length;
} Word;

/* Of the setting as it is: what is in it, and where each stands there. */
static struct
{
	int			count;
	PbNetwork	networks[LIST_MAX];
	Word		words[LIST_MAX];
}			forbidden;

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

/* Takes a word from a list with commas; false at its end. */
static bool
next_word(const char **list, Word *word)
{
	const char *end;

	*list += strspn(*list, " ,");
	if (**list == '\0')
		return false;
	end = *list + strcspn(*list, ",");
	word->text = *list;
	*list = end;
	while (end[-1] == ' ')
		end--;
	word->length = end - word->text;
	return true;
}

static bool
check_networks(char **value, void **extra, GucSource source)
{
	const char *list = *value;
	PbNetwork	network;
	Word		word;

	for (int i = 0; next_word(&list, &word); i++)
	{
		if (!pb_network_read(word.text, word.length, &network))
			GUC_check_errdetail("\"%.*s\" is no IPv4 or IPv6 address or network.",
								word.length, word.text);
		else if (i == LIST_MAX)
			GUC_check_errdetail("It may have at most %d networks.", LIST_MAX);
		else
			continue;
		return false;
	}
	return true;
}

static void
assign_networks(const char *value, void *extra)
{
	int			i = 0;

	while (next_word(&value, &forbidden.words[i]) &&
		   pb_network_read(forbidden.words[i].text, forbidden.words[i].length,
						   &forbidden.networks[i]))
		if (++i == LIST_MAX)
			break;
	forbidden.count = i;
}

void
pb_upstream_define_settings(void)
{
	DefineCustomStringVariable(NETWORKS_SETTING,
							   "Networks in which no upstream may be, with commas between them.",
							   "An address of IPv6 that holds one of IPv4 counts as both. Empty: an upstream may be anywhere.",
							   &forbidden_networks, FORBIDDEN_NETWORKS,
							   PGC_SUSET, 0, check_networks, assign_networks,
							   NULL);
	DefineCustomStringVariable(USERS_SETTING,
							   "Users of the proxy itself, whose names no upstream's user may have, with commas between them.",
							   "PgBouncer lets the users of its auth_file into every database.",
							   &reserved_users, RESERVED_USERS,
							   PGC_SUSET, 0, NULL, NULL, NULL);
}

static const char *
network_of_form(const uint8_t form[PB_ADDRESS_BYTES])
{
	for (int i = 0; i < forbidden.count; i++)
		if (pb_network_has(&forbidden.networks[i], form))
			return pnstrdup(forbidden.words[i].text,
							forbidden.words[i].length);
	return NULL;
}

/* The forbidden network that an address may lead to, as the setting has it. */
const char *
pb_upstream_network(const uint8_t address[PB_ADDRESS_BYTES])
{
	PbForms		forms;
	int			count = pb_network_forms(address, forms);
	const char *network = NULL;

	for (int i = 0; i < count && network == NULL; i++)
		network = network_of_form(forms[i]);
	return network;
}

/* The forbidden network that a host certainly leads to, or NULL. */
const char *
pb_upstream_network_of(const char *host, size_t length)
{
	static const char loopback[] = "127.0.0.1";
	uint8_t		address[PB_ADDRESS_BYTES];

	if (pb_network_is_local_name(host, length))
		(void) pb_network_read_host(loopback, sizeof(loopback) - 1, address);
	else if (!pb_network_read_host(host, length, address))
		return NULL;
	return pb_upstream_network(address);
}

const char *
pb_upstream_refuse_host(const char *host, size_t length, const char **hint)
{
	const char *network = pb_upstream_network_of(host, length);

	if (network == NULL)
		return NULL;
	*hint = "Give the host by which the proxy reaches the server from outside. Whoever runs this service can change " NETWORKS_SETTING ".";
	return psprintf("must not lead to the network %s, which is closed to upstreams",
					network);
}

const char *
pb_upstream_refuse_user(const char *name, size_t length, const char **hint)
{
	const char *list = reserved_users;
	Word		word;

	while (next_word(&list, &word))
		if (word.length == (int) length &&
			memcmp(word.text, name, length) == 0)
		{
			*hint = "Create another role on the upstream server. Whoever runs this service can change " USERS_SETTING ".";
			return "must not be the name of a user of the proxy's own";
		}
	return NULL;
}

/* Whether PgBouncer would take a password for the hash of another one. */
static bool
is_like_hash(const char *text, size_t length)
{
	static const char scram[] = "SCRAM-SHA-256$";
	size_t		size = sizeof(scram) - 1;

	if (length >= size && memcmp(text, scram, size) == 0)
		return true;
	if (length != 35 || memcmp(text, "md5", 3) != 0)
		return false;
	for (size_t i = 3; i < length; i++)
		if (strchr("0123456789abcdef", text[i]) == NULL || text[i] == '\0')
			return false;
	return true;
}

const char *
pb_upstream_refuse_password(const char *text, size_t length,
							const char **hint)
{
	if (!is_like_hash(text, length))
		return NULL;
	*hint = "Give the password itself. If this is it, set another one on the upstream server: a proxy would take this one for a hash.";
	return "must not look like a hash (md5 and 32 hex digits, or SCRAM-SHA-256$...)";
}
