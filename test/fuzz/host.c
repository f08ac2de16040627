/*
 * host.c
 *	  Hosts and control characters: for UTF-8, as the C library decodes it, the
 *	  rules do what they say; for other bytes, no ASCII character is missed.
 */
#include <arpa/inet.h>
#include <locale.h>
#include <wchar.h>
#include <wctype.h>

#include "fuzz.h"
#include "base/letter.h"
#include "base/text.h"

#define ADDRESS_MAX 45

static bool
is_control(wchar_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

/* Decodes and terminates the text; NULL if it is not UTF-8. */
static wchar_t *
decode(const char *text, size_t length, size_t *characters)
{
	mbstate_t	state = {0};
	wchar_t    *decoded = exactly((length + 1) * sizeof(wchar_t));
	size_t		size;

	*characters = 0;
	for (size_t at = 0; at < length; at += size)
	{
		wchar_t    *c = &decoded[*characters];

		size = mbrtowc(c, text + at, length - at, &state);
		if (size == (size_t) -1 || size == (size_t) -2 || *c > 0x10ffff)
		{
			free(decoded);
			return NULL;
		}
		size = size == 0 ? 1 : size;	/* a zero byte */
		*characters += 1;
	}
	decoded[*characters] = 0;
	return decoded;
}

static bool
has_controls(const wchar_t *text, size_t characters)
{
	for (size_t i = 0; i < characters; i++)
		if (is_control(text[i]))
			return true;
	return false;
}

/* A label that is a number, or is read as one. */
static bool
is_number(const wchar_t *label)
{
	return wcsspn(label, L"0123456789") == wcslen(label) ||
		(label[0] == '0' && (label[1] == 'x' || label[1] == 'X'));
}

static bool
is_label(const wchar_t *label)
{
	for (const wchar_t *c = label; *c != 0; c++)
		if (*c >= 0x80 ? !pb_is_letter(*c) || iswspace(*c) :
			!iswalnum(*c) && *c != '-' && *c != '_')
			return false;
	return *label != 0;
}

/* Checks label by label; cuts the text up. */
static bool
is_name(wchar_t *text)
{
	wchar_t    *dot;

	for (; (dot = wcschr(text, '.')) != NULL; text = dot + 1)
	{
		*dot = 0;
		if (!is_label(text))
			return false;
	}
	return is_label(text) && !is_number(text);
}

static bool
is_address(const char *text, size_t length)
{
	char		copy[ADDRESS_MAX + 1] = "";
	struct in6_addr bits;
	bool		in_brackets = length > 0 && text[0] == '[';

	if (in_brackets && text[length - 1] != ']')
		return false;
	text += in_brackets;
	length -= 2 * in_brackets;
	if (length > ADDRESS_MAX)
		return false;
	memcpy(copy, text, length);
	return strlen(copy) == length &&
		(inet_pton(AF_INET6, copy, &bits) == 1 ||
		 (!in_brackets && inet_pton(AF_INET, copy, &bits) == 1));
}

/* Another rule refuses an empty one. */
static bool
is_host(const char *text, size_t length, wchar_t *decoded, size_t characters)
{
	if (length == 0 || is_address(text, length))
		return true;
	return wcslen(decoded) == characters && is_name(decoded);
}

static bool
has_ascii(const char *text, size_t length, bool controls_only)
{
	static const char forbidden[] = " ,/@?#=%'\"\\*";

	for (size_t i = 0; i < length; i++)
		if ((text[i] >= 0 && text[i] < 0x20) || text[i] == 0x7f ||
			(!controls_only && strchr(forbidden, text[i]) != NULL))
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *locale = NULL;
	char	   *text = text_of(data, size);
	bool		host = pb_text_host_problem(text, size) == NULL;
	bool		control = pb_text_control_problem(text, size) != NULL;
	size_t		characters;
	wchar_t    *decoded;

	if (locale == NULL)
		locale = setlocale(LC_CTYPE, "C.UTF-8");
	MUST(locale != NULL);
	decoded = decode(text, size, &characters);
	if (decoded != NULL)
	{
		MUST(control == has_controls(decoded, characters));
		MUST(pb_text_characters(text, size) == characters);
		MUST(host == is_host(text, size, decoded, characters));
	}
	MUST(!host || !control);
	MUST(!host || !has_ascii(text, size, false));
	MUST(control || !has_ascii(text, size, true));
	free(decoded);
	free(text);
	return 0;
}
