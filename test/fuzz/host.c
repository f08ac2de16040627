/*
 * host.c
 *	  Hosts and control characters: on UTF-8 as the C library decodes it, the
 *	  rules are what they say; on other bytes, nothing of ASCII is overlooked.
 */
#include <locale.h>
#include <wchar.h>

#include "fuzz.h"
#include "text.h"

static bool
is_control(wchar_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

/* The \s of ECMA-262 */
static bool
is_space(wchar_t c)
{
	static const wchar_t spaces[] = L"\t\n\v\f\r \u00a0\u1680\u2000\u2001"
		"\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029"
		"\u202f\u205f\u3000\ufeff";

	return c != 0 && wcschr(spaces, c) != NULL;
}

/* What the text has; false where it is no UTF-8. */
static bool
find(const char *text, size_t length, size_t *characters, bool *controls,
	 bool *forbidden)
{
	mbstate_t	state = {0};
	size_t		size;

	*characters = 0;
	*controls = false;
	*forbidden = length > 0 && (text[0] == '/' || text[0] == '@');
	for (size_t at = 0; at < length; at += size)
	{
		wchar_t		c;

		size = mbrtowc(&c, text + at, length - at, &state);
		if (size == (size_t) -1 || size == (size_t) -2 || c > 0x10ffff)
			return false;
		size = size == 0 ? 1 : size;	/* a zero byte */
		*characters += 1;
		*controls |= is_control(c);
		*forbidden |= is_control(c) || is_space(c) || c == ',';
	}
	return true;
}

static bool
has_ascii(const char *text, size_t length, bool controls_only)
{
	for (size_t i = 0; i < length; i++)
		if ((text[i] >= 0 && text[i] < 0x20) || text[i] == 0x7f ||
			(!controls_only && (text[i] == ' ' || text[i] == ',')))
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
	bool		controls;
	bool		forbidden;

	if (locale == NULL)
		locale = setlocale(LC_CTYPE, "C.UTF-8");
	MUST(locale != NULL);
	if (find(text, size, &characters, &controls, &forbidden))
	{
		MUST(host == !forbidden);
		MUST(control == controls);
		MUST(pb_text_characters(text, size) == characters);
	}
	MUST(!host || !control);
	MUST(!host || !has_ascii(text, size, false));
	MUST(control || !has_ascii(text, size, true));
	free(text);
	return 0;
}
