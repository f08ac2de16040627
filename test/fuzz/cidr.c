/*
 * cidr.c
 *	  Addresses and networks: legal ones match the API's pattern, are legal to
 *	  the C library, and stay legal in their other spellings.
 */
#include <arpa/inet.h>

#include "fuzz.h"
#include "base/text.h"

static bool
is_legal(const char *text)
{
	char	   *exact = exact_copy(text, strlen(text));
	bool		legal = pb_text_cidr_problem(exact, strlen(text)) == NULL;

	free(exact);
	return legal;
}

/* The contract's ^[0-9a-fA-F.:]+(/[0-9]+)?$ */
static bool
has_pattern(const char *text)
{
	size_t		address = strspn(text, "0123456789abcdefABCDEF.:");
	size_t		bits;

	if (address == 0 || text[address] != '/')
		return address > 0 && text[address] == '\0';
	bits = strspn(text + address + 1, "0123456789");
	return bits > 0 && text[address + 1 + bits] == '\0';
}

/*
 * A legal network with other prefix lengths, and without one. A number has
 * only one spelling.
 */
static void
try_lengths(const char *text)
{
	static const int lengths[] = {
		0, 1, 9, 10, 31, 32, 33, 99, 127, 128, 129, 256
	};
	char		spelled[INET6_ADDRSTRLEN];
	char		changed[INET6_ADDRSTRLEN + 10];
	unsigned char bits[16];
	int			family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	int			most = family == AF_INET6 ? 128 : 32;
	int			address = strcspn(text, "/");

	sprintf(changed, "%.*s", address, text);
	MUST(is_legal(changed));
	MUST(inet_pton(family, changed, bits) == 1);
	MUST(inet_ntop(family, bits, spelled, sizeof(spelled)) != NULL);
	MUST(is_legal(spelled));
	for (int i = 0; i < lengthof(lengths); i++)
	{
		sprintf(changed, "%.*s/%d", address, text, lengths[i]);
		MUST(is_legal(changed) == (lengths[i] <= most));
		sprintf(changed, "%.*s/0%d", address, text, lengths[i]);
		MUST(!is_legal(changed));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *exact = text_of(data, size);
	char	   *text = exactly(size + 1);

	memcpy(text, exact, size);
	text[size] = '\0';
	if (pb_text_cidr_problem(exact, size) == NULL)
	{
		MUST(strlen(text) == size);
		MUST(has_pattern(text));
		try_lengths(text);
	}
	free(exact);
	free(text);
	return 0;
}
