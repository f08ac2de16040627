/*
 * lookup.c
 *	  Asking name servers for the TXT records of a name.
 *
 * The C library asks for TXT records only while its caller waits, by a stream
 * even without a limit. A thread for each question was rejected: nothing ends
 * one that waits for ever. So were the resolver libraries, which would be one
 * more thing to install for everybody who builds pgbeam. So the sockets are
 * ours, and the loop waits for them with all others. The C library reads the
 * resolver's configuration, and takes the answers apart.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/lookup.h"

#define TRY_LIMIT (2 * SECOND)
#define ROUNDS 2				/* through all servers */
#define PORT "53"

/* What the resolver calls the record that proves a domain. */
#define PROOF_HOST "_pgbeam-verify.%s"

#define SIZE_BYTES 2			/* before a message, by a stream */
#define ANSWER_MAX (SIZE_BYTES + 65535)

/* The servers of the resolver's configuration. */
bool
servers_find(Servers *servers)
{
	struct __res_state state = {0};

	servers->count = 0;
	if (res_ninit(&state) != 0)
		return false;
	for (int i = 0; i < state.nscount && i < SERVERS_MAX; i++)
	{
		struct sockaddr_storage *to = &servers->addresses[servers->count];

		memset(to, 0, sizeof(*to));
		if (state.nsaddr_list[i].sin_family == AF_INET)
			memcpy(to, &state.nsaddr_list[i], sizeof(struct sockaddr_in));
		else if (state._u._ext.nsaddrs[i] != NULL)
			memcpy(to, state._u._ext.nsaddrs[i], sizeof(struct sockaddr_in6));
		else
			continue;
		servers->count++;
	}
	res_nclose(&state);
	return servers->count > 0;
}

/* The C library cuts larger numbers short. */
static bool
is_port(const char *text)
{
	size_t		length = strlen(text);

	return length > 0 && length <= 5 && strspn(text, "0123456789") == length &&
		atoi(text) > 0 && atoi(text) <= UINT16_MAX;
}

/* Reads an address, of IPv6 in [], which a port may follow. */
bool
servers_read(Servers *servers, const char *address)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,.ai_socktype = SOCK_DGRAM
	};
	const char *colon = strrchr(address, ':');
	bool		in_brackets = *address == '[';
	bool		has_port = colon != NULL &&
		(in_brackets ? colon[-1] == ']' : strchr(address, ':') == colon);
	size_t		length = has_port ? (size_t) (colon - address) :
		strlen(address);
	struct addrinfo *found = NULL;
	char	   *host;

	if ((in_brackets && (length < 2 || address[length - 1] != ']')) ||
		(has_port && !is_port(colon + 1)))
		return false;
	host = copy_of_part(address + in_brackets, length - 2 * in_brackets);
	servers->count = *host != '\0' &&
		getaddrinfo(host, has_port ? colon + 1 : PORT, &hints, &found) == 0;
	free(host);
	if (servers->count == 0)
		return false;
	memcpy(&servers->addresses[0], found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return true;
}

static void
close_socket(Lookup *lookup)
{
	if (lookup->socket >= 0)
		close(lookup->socket);
	lookup->socket = -1;
}

static const struct sockaddr_storage *
server_of(const Lookup *lookup)
{
	return &lookup->servers->addresses[lookup->tries % lookup->servers->count];
}

/* A socket to the server of this try, which takes nothing from others. */
static bool
open_socket(Lookup *lookup, int type)
{
	const struct sockaddr_storage *server = server_of(lookup);
	socklen_t	size = server->ss_family == AF_INET ?
		sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

	close_socket(lookup);
	lookup->is_stream = type == SOCK_STREAM;
	lookup->events = lookup->is_stream ? POLLOUT : POLLIN;
	lookup->until = now() + TRY_LIMIT;
	lookup->got = 0;
	lookup->socket = socket(server->ss_family,
							type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return lookup->socket >= 0 &&
		(connect(lookup->socket, (const struct sockaddr *) server,
				 size) == 0 || errno == EINPROGRESS);
}

/* Another port and number each time: an answer is hard to forge. */
static bool
ask_server(Lookup *lookup)
{
	uint16_t	id;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return false;
	lookup->question_size =
		question_make(lookup->question, lookup->host, id);
	return lookup->question_size > 0 && open_socket(lookup, SOCK_DGRAM) &&
		send(lookup->socket, lookup->question, lookup->question_size, 0) ==
		(ssize_t) lookup->question_size;
}

/* Asks the server of this try, or the next one that can be asked. */
static LookupState
ask_any(Lookup *lookup)
{
	for (; lookup->tries < ROUNDS * lookup->servers->count; lookup->tries++)
		if (ask_server(lookup))
			return LOOKUP_WAITS;
	return lookup->is_heard ? LOOKUP_FAILED : LOOKUP_UNHEARD;
}

static LookupState
ask_next(Lookup *lookup)
{
	lookup->tries++;
	return ask_any(lookup);
}

LookupState
lookup_begin(Lookup *lookup, const Servers *servers, const char *name)
{
	*lookup = (Lookup) {
		.name = copy_of(name),
		.host = printed(PROOF_HOST, name),
		.servers = servers,
		.socket = -1,
		.answer = allot(ANSWER_MAX)
	};
	return ask_any(lookup);
}

void
lookup_end(Lookup *lookup)
{
	if (lookup->name == NULL)
		return;
	close_socket(lookup);
	free(lookup->name);
	free(lookup->host);
	free(lookup->answer);
	*lookup = (Lookup) {.socket = -1};
}

/* A message that is whole; one that answers something else is passed over. */
static LookupState
take_message(Lookup *lookup, const uint8_t *message, size_t size,
			 char **proofs)
{
	if (!answer_is_to(message, size, lookup->question, lookup->question_size))
		return lookup->is_stream ? ask_next(lookup) : LOOKUP_WAITS;
	lookup->is_heard = true;
	switch (answer_read(message, size, lookup->host, proofs))
	{
		case ANSWER_GIVEN:
			return LOOKUP_ANSWERED;
		case ANSWER_CUT:
			if (!lookup->is_stream && open_socket(lookup, SOCK_STREAM))
				return LOOKUP_WAITS;
			break;
		case ANSWER_REFUSED:
			break;
	}
	return ask_next(lookup);
}

static LookupState
receive_datagram(Lookup *lookup, char **proofs)
{
	ssize_t		size = recv(lookup->socket, lookup->answer, ANSWER_MAX, 0);

	if (size < 0)
		return errno == EAGAIN || errno == EINTR ? LOOKUP_WAITS :
			ask_next(lookup);
	return take_message(lookup, lookup->answer, size, proofs);
}

static LookupState
send_by_stream(Lookup *lookup)
{
	uint8_t		framed[SIZE_BYTES + QUESTION_MAX] = {
		lookup->question_size >> 8, lookup->question_size & 0xff
	};
	ssize_t		size = SIZE_BYTES + lookup->question_size;

	memcpy(framed + SIZE_BYTES, lookup->question, lookup->question_size);
	if (send(lookup->socket, framed, size, MSG_NOSIGNAL) != size)
		return ask_next(lookup);
	lookup->events = POLLIN;
	return LOOKUP_WAITS;
}

static LookupState
receive_by_stream(Lookup *lookup, char **proofs)
{
	const uint8_t *message = lookup->answer;
	size_t		wanted = lookup->got < SIZE_BYTES ? SIZE_BYTES :
		SIZE_BYTES + (message[0] << 8 | message[1]);
	ssize_t		size = recv(lookup->socket, lookup->answer + lookup->got,
							wanted - lookup->got, 0);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return LOOKUP_WAITS;
	if (size <= 0)
		return ask_next(lookup);
	lookup->got += size;
	if (lookup->got < SIZE_BYTES ||
		lookup->got < SIZE_BYTES + (size_t) (message[0] << 8 | message[1]))
		return LOOKUP_WAITS;
	return take_message(lookup, message + SIZE_BYTES,
						lookup->got - SIZE_BYTES, proofs);
}

/* Does what can be done now. The proofs are those of an answer. */
LookupState
lookup_go_on(Lookup *lookup, char **proofs)
{
	struct pollfd socket = {.fd = lookup->socket,.events = lookup->events};

	*proofs = NULL;
	if (lookup->until <= now())
		return ask_next(lookup);
	if (poll(&socket, 1, 0) <= 0)
		return LOOKUP_WAITS;
	if (!lookup->is_stream)
		return receive_datagram(lookup, proofs);
	return lookup->events == POLLOUT ? send_by_stream(lookup) :
		receive_by_stream(lookup, proofs);
}
