/*
 * rules.c
 *	  The lines of an HBA file: which PgBouncer reads as they are meant.
 *
 * PgBouncer passes over a line that it cannot read, tells only its log of it,
 * and answers RELOAD as if all were well. So a line is written only if it is
 * one of those that the registry makes, which every PgBouncer reads alike. A
 * line that is left out lets nobody in.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rules.h"

#define ADDRESS_BYTES 16

/* Steps over a word and the blank or the end behind it; NULL if not there. */
static const char *
behind_word(const char *text, const char *word)
{
	if (text == NULL || !starts_with(text, word))
		return NULL;
	text += strlen(word);
	if (*text == ' ')
		return text + 1;
	return *text == '\n' || *text == '\0' ? text : NULL;
}

/* Steps over names in quotes with commas between them. */
static const char *
behind_names(const char *text)
{
	for (; *text == '"'; text++)
	{
		size_t		length = key_length(text + 1);

		if (length == 0 || text[1 + length] != '"')
			return NULL;
		text += length + 2;
		if (*text != ',')
			return *text == ' ' ? text + 1 : NULL;
	}
	return NULL;
}

/* Whether no bit of an address is set behind those that count. */
static bool
is_network(const uint8_t *address, size_t size, size_t bits)
{
	for (size_t i = bits; i < 8 * size; i++)
		if ((address[i / 8] & 0x80 >> i % 8) != 0)
			return false;
	return bits <= 8 * size;
}

/* Steps over an address, a slash and the number of its bits that count. */
static const char *
behind_network(const char *text)
{
	uint8_t		address[ADDRESS_BYTES];
	size_t		length = strcspn(text, "/ \n");
	size_t		digits = strspn(text + length + (text[length] == '/'),
								"0123456789");
	char	   *host;
	bool		is_v4;
	bool		fits;

	if (text[length] != '/' || digits == 0 || digits > 3 ||
		text[length + 1 + digits] != ' ')
		return NULL;
	host = copy_of_part(text, length);
	is_v4 = inet_pton(AF_INET, host, address) == 1;
	fits = (is_v4 || inet_pton(AF_INET6, host, address) == 1) &&
		is_network(address, is_v4 ? 4 : ADDRESS_BYTES,
				   atoi(text + length + 1));
	free(host);
	return fits ? text + length + 1 + digits + 1 : NULL;
}

/* All databases only by a socket, which no client of the front has. */
static bool
fits(const char *text)
{
	const char *local = behind_word(text, "local");
	const char *all = behind_word(local, "all");
	const char *host = behind_word(text, "host");
	const char *users = all != NULL ? all : local != NULL ?
		behind_names(local) : host != NULL ? behind_names(host) : NULL;
	const char *method = behind_word(users, "all");

	if (*text == '#' || *text == '\n')
		return true;
	if (method != NULL && host != NULL)
		method = behind_network(method);
	text = behind_word(method, "scram-sha-256");
	if (text == NULL)
		text = behind_word(method, "reject");
	return text != NULL && (*text == '\n' || *text == '\0');
}

char *
fitting_rules(const char *content, Keys *unfit)
{
	return fitting_part(content, fits, "\n", unfit);
}
