/*
 * text.c
 *	  Rules on text.
 */
#include "base/text.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/letter.h"
#include "base/typeid.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c);
}

static char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* of names that do not mislead */
static bool
is_name_character(char c)
{
	return is_alphanumeric(ascii_lower(c)) || c == '_' || c == '-';
}

/* Whether text, which is not terminated, is this word. */
bool
pb_text_is(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* Whether it begins with this, ASCII letters in either case. */
bool
pb_text_starts(const char *text, size_t length, const char *prefix)
{
	for (; *prefix != '\0'; prefix++, text++, length--)
		if (length == 0 || ascii_lower(*text) != ascii_lower(*prefix))
			return false;
	return true;
}

/* Whether it is this word, ASCII letters in either case. */
bool
pb_text_is_alike(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && pb_text_starts(text, length, word);
}

/* Counts code points: bytes that do not continue one. */
size_t
pb_text_characters(const char *text, size_t length)
{
	size_t		n = 0;

	for (size_t i = 0; i < length; i++)
		n += ((unsigned char) text[i] & 0xc0) != 0x80;
	return n;
}

/*
 * The code point at *at, which moves behind it. A byte that is no UTF-8 is
 * returned as it is.
 */
static uint32_t
next_character(const char *text, size_t length, size_t *at)
{
	const unsigned char *p = (const unsigned char *) text + *at;
	size_t		left = length - *at;
	size_t		size = 1 + (p[0] >= 0xc0) + (p[0] >= 0xe0) + (p[0] >= 0xf0);
	uint32_t	c;

	if (size == 1 || size > left)
	{
		*at += 1;
		return p[0];
	}
	c = p[0] & (0x7f >> size);
	for (size_t i = 1; i < size; i++)
	{
		if ((p[i] & 0xc0) != 0x80)
		{
			*at += 1;
			return p[0];
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	*at += size;
	return c;
}

/* C0, DEL and C1 */
static bool
is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

/* White space as \s of ECMA-262 has it: more than ASCII's and PostgreSQL's. */
static bool
is_white_space(uint32_t c)
{
	return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0xa0 || c == 0x1680 ||
		(c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
		c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
}

const char *
pb_text_control_problem(const char *text, size_t length)
{
	for (size_t at = 0; at < length;)
		if (is_control(next_character(text, length, &at)))
			return "must not contain control characters";
	return NULL;
}

/*
 * An address of mail, or nothing. What else an address may be is for whoever
 * sends to it: no rule tells one that exists from one that does not.
 */
const char *
pb_text_email_problem(const char *text, size_t length)
{
	int			signs = 0;

	for (size_t at = 0; at < length;)
	{
		uint32_t	c = next_character(text, length, &at);

		if (is_white_space(c))
			return "must not contain white space";
		if (is_control(c))
			return "must not contain control characters";
		signs += c == '@';
	}
	if (length > 0 &&
		(signs != 1 || text[0] == '@' || text[length - 1] == '@'))
		return "must have one @, and text on both sides of it";
	return NULL;
}

/* Characters that show as they are between quotes: none stacks or turns. */
static bool
is_shown(uint32_t c)
{
	return c < 0x80 ? c >= ' ' && c <= '~' && c != '"' : pb_is_letter(c);
}

/*
 * A client's text as a message may repeat it between quotes: letters, digits
 * and ASCII, with ? for every other character, and cut at PB_TEXT_SHOWN.
 */
size_t
pb_text_shown(const char *text, size_t length, char shown[PB_TEXT_SHOWN_SIZE])
{
	size_t		size = 0;
	size_t		at = 0;

	for (int i = 0; i < PB_TEXT_SHOWN && at < length; i++)
	{
		size_t		start = at;
		uint32_t	c = next_character(text, length, &at);

		if (is_shown(c) && (at - start > 1) == (c >= 0x80))
		{
			memcpy(shown + size, text + start, at - start);
			size += at - start;
		}
		else
			shown[size++] = '?';
	}
	if (at == length)
		return size;
	memcpy(shown + size, "...", 3);
	return size + 3;
}

/* An address in the one spelling that every reader takes the same way. */
static bool
is_address(int family, const char *text, size_t length)
{
	char		address[INET6_ADDRSTRLEN] = "";
	struct in6_addr bits;

	if (length >= sizeof(address) || memchr(text, '\0', length) != NULL)
		return false;
	memcpy(address, text, length);
	return inet_pton(family, address, &bits) == 1;
}

/* The same; IPv6 may have brackets around it. */
static bool
is_host_address(const char *text, size_t length)
{
	if (length > 2 && text[0] == '[' && text[length - 1] == ']')
		return is_address(AF_INET6, text + 1, length - 2);
	return is_address(AF_INET, text, length) ||
		is_address(AF_INET6, text, length);
}

/* To resolvers a name that ends in a number is an address: 127.1, 0x7f.1. */
static bool
ends_in_number(const char *name, size_t length)
{
	size_t		start = length;
	bool		has_digits_alone = true;

	for (; start > 0 && name[start - 1] != '.'; start--)
		has_digits_alone &= is_digit(name[start - 1]);
	return has_digits_alone ||
		pb_text_starts(name + start, length - start, "0x");
}

/* Whether one colon, with nothing but digits behind it, ends a host. */
static bool
has_port(const char *text, size_t length)
{
	size_t		colon = length;

	while (colon > 0 && is_digit(text[colon - 1]))
		colon--;
	if (colon < 2 || colon == length || text[--colon] != ':')
		return false;
	return text[colon - 1] == ']' || memchr(text, ':', colon) == NULL;
}

static bool
has_scheme(const char *text, size_t length)
{
	for (size_t at = 0; at < length; at++)
		if (pb_text_starts(text + at, length - at, "://"))
			return true;
	return false;
}

/*
 * libpq takes a leading slash or at-sign for a socket of its own machine, and
 * a comma for a list of hosts.
 */
static const char *
foreign_problem(const char *text, size_t length)
{
	if (text[0] == '/' || text[0] == '@')
		return "must not begin with / or @ (a socket on the proxy's machine)";
	for (size_t at = 0; at < length;)
	{
		uint32_t	c = next_character(text, length, &at);

		if (is_white_space(c))
			return "must not contain white space";
		if (is_control(c))
			return "must not contain control characters";
		if (c == ',')
			return "must not contain commas (one host, not a list)";
	}
	return NULL;
}

/* Labels of letters and digits of any script, and - and _. */
static const char *
host_name_problem(const char *name, size_t length)
{
	bool		is_empty = true;

	for (size_t at = 0; at < length;)
	{
		uint32_t	c = next_character(name, length, &at);

		if (c == '.' && is_empty)
			return "must not have an empty part beside a dot";
		is_empty = c == '.';
		if (c >= 0x80 && !pb_is_letter(c))
			return "must not contain symbols or invisible characters";
		if (c < 0x80 && c != '.' && !is_name_character((char) c))
			return "must consist of letters, digits, hyphens, underscores and dots, or be an IP address";
	}
	if (is_empty)
		return "must not end with a dot";
	return ends_in_number(name, length) ?
		"must not end in a number, unless it is an IPv4 address of four numbers" :
		NULL;
}

/*
 * A host that a data plane may get: one name or one address, and nothing that
 * a library could read as more than that. A URL is refused first, because it
 * may hold a password. A zone (fe80::1%eth0) is refused, because it names an
 * interface of the proxy's machine.
 */
const char *
pb_text_host_problem(const char *text, size_t length)
{
	const char *problem;

	if (length == 0)
		return NULL;			/* another rule judges the length */
	if (has_scheme(text, length))
		return "must be a host name or address alone, not a URL";
	problem = foreign_problem(text, length);
	if (problem != NULL || is_host_address(text, length))
		return problem;
	if (has_port(text, length))
		return "must be a host name or address alone: put the port into port";
	return host_name_problem(text, length);
}

/* Whether it is a number up to most, in digits without leading zeros. */
static bool
is_number(const char *text, size_t length, int most)
{
	int			number = 0;

	if (length == 0 || (length > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < length; i++)
	{
		if (!is_digit(text[i]))
			return false;
		number = 10 * number + (text[i] - '0');
		if (number > most)
			return false;
	}
	return true;
}

/*
 * An address of IPv4 or IPv6, or a network: an address with a prefix length
 * behind a slash, whatever the bits beyond the prefix are. PostgreSQL reads as
 * inet whatever is legal here. Zones, addresses with parts left out, and
 * octets with leading zeros (octal to some readers) are not legal.
 */
const char *
pb_text_cidr_problem(const char *text, size_t length)
{
	const char *slash = memchr(text, '/', length);
	size_t		size = slash == NULL ? length : (size_t) (slash - text);
	bool		is_v6 = memchr(text, ':', size) != NULL;

	if (!is_address(is_v6 ? AF_INET6 : AF_INET, text, size))
		return "must be an IPv4 or IPv6 address or network";
	if (size == length ||
		is_number(text + size + 1, length - size - 1, is_v6 ? 128 : 32))
		return NULL;
	return is_v6 ? "must have a prefix length of 0 to 128 behind the slash" :
		"must have a prefix length of 0 to 32 behind the slash";
}

/* ASCII letters, digits, hyphens and underscores: nothing that can mislead. */
bool
pb_text_is_name(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_name_character(text[i]))
			return false;
	return length > 0;
}

/*
 * Percent-encodes every byte outside A-Z a-z 0-9 - . _ ~ (the unreserved
 * characters of RFC 3986). encoded must have room for three bytes for each one
 * of text. Returns how many were written.
 */
size_t
pb_text_percent_encode(const char *text, size_t length, char *encoded)
{
	static const char hex[] = "0123456789ABCDEF";
	char	   *p = encoded;

	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (is_alphanumeric(ascii_lower(c)) ||
			(c != '\0' && strchr("-._~", c) != NULL))
			*p++ = c;
		else
		{
			*p++ = '%';
			*p++ = hex[c >> 4];
			*p++ = hex[c & 15];
		}
	}
	return p - encoded;
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Undoes percent-encoding. decoded must have room for length bytes. Returns
 * false where two hex digits do not follow a %.
 */
bool
pb_text_percent_decode(const char *text, size_t length, char *decoded,
					   size_t *decoded_length)
{
	*decoded_length = 0;
	for (size_t i = 0; i < length; i++)
	{
		char		c = text[i];

		if (c == '%')
		{
			int			high = length - i > 2 ? hex_value(text[i + 1]) : -1;
			int			low = length - i > 2 ? hex_value(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char) (high << 4 | low);
			i += 2;
		}
		decoded[(*decoded_length)++] = c;
	}
	return true;
}

/* PB_PATH_ID_PATTERN: what the API asks of an id in a path, of whatever. */
const char *
pb_text_path_id_problem(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_alphanumeric(ascii_lower(text[i])) &&
			(text[i] == '\0' || strchr("_.-", text[i]) == NULL))
			return "must consist of letters, digits, and the characters _ . -";
	return length == 0 ? "must not be empty" : NULL;
}

/*
 * Makes a DNS label of any name: ASCII letters become lower case, a run of
 * other characters becomes one hyphen, and none stands at an end. It has at
 * most PB_LABEL_MAX characters, and is "p" where nothing is left. Returns its
 * length.
 */
size_t
pb_text_label(const char *name, size_t length, char label[PB_LABEL_MAX])
{
	size_t		n = 0;

	for (size_t i = 0; i < length && n < PB_LABEL_MAX; i++)
	{
		char		c = ascii_lower(name[i]);

		if (is_alphanumeric(c))
			label[n++] = c;
		else if (n > 0 && label[n - 1] != '-')
			label[n++] = '-';
	}
	if (n > 0 && label[n - 1] == '-')
		n--;
	if (n == 0)
		label[n++] = 'p';
	return n;
}

void
pb_text_label_suffix(uint32_t random, char suffix[PB_LABEL_SUFFIX])
{
	for (int i = 0; i < PB_LABEL_SUFFIX; i++)
		suffix[i] = pb_base32[random >> (5 * i) & 31];
}

/* Counts the labels of a DNS name, or tells what is wrong with it. */
static const char *
labels_problem(const char *name, size_t length, int *labels)
{
	size_t		start = 0;

	*labels = 0;
	if (length > 1 && name[length - 1] == '.')
		return "must not end with a dot";
	for (size_t i = 0; i <= length; i++)
	{
		if (i < length && name[i] != '.')
		{
			if (!is_alphanumeric(ascii_lower(name[i])) && name[i] != '-')
				return "must consist of ASCII letters, digits, hyphens and dots (others as xn--...)";
			continue;
		}
		if (i == start || i - start > PB_DNS_LABEL_MAX)
			return "must have 1 to 63 characters between its dots";
		if (name[start] == '-' || name[i - 1] == '-')
			return "must not have a hyphen beside a dot or at an end";
		start = i + 1;
		++*labels;
	}
	return NULL;
}

/* DNS labels in lower case, short enough for one more in front of them. */
const char *
pb_text_domain_problem(const char *domain, size_t length)
{
	int			labels;

	if (length + 1 + PB_LABEL_MAX + 1 + PB_LABEL_SUFFIX > PB_DNS_NAME_MAX)
		return "is too long for host names of at most 253 characters";
	for (size_t i = 0; i < length; i++)
		if (ascii_lower(domain[i]) != domain[i])
			return "must be in lower case";
	return labels_problem(domain, length, &labels);
}

/* A DNS name that somebody can own, in either case. */
const char *
pb_text_dns_name_problem(const char *name, size_t length)
{
	int			labels;
	const char *problem = labels_problem(name, length, &labels);

	if (problem != NULL)
		return problem;
	if (labels < 2)
		return "must have a dot, as db.example.com has";
	if (ends_in_number(name, length))
		return "must not end in a number, as an IP address does";
	return NULL;
}
