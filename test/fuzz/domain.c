/*
 * domain.c
 *	  Domains of proxy hosts, compared with a check that goes label by label.
 */
#include "fuzz.h"
#include "base/text.h"

#define DOMAIN_MAX (PB_DNS_NAME_MAX - PB_LABEL_MAX - PB_LABEL_SUFFIX - 2)

static bool
is_label(const char *label, size_t length)
{
	char		copy[PB_DNS_LABEL_MAX + 1];

	if (length == 0 || length > PB_DNS_LABEL_MAX)
		return false;
	memcpy(copy, label, length);
	copy[length] = '\0';
	return copy[0] != '-' && copy[length - 1] != '-' &&
		strspn(copy, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

static bool
is_domain(const char *domain, size_t length)
{
	const char *dot;

	while (length > 0 && (dot = memchr(domain, '.', length)) != NULL)
	{
		if (!is_label(domain, dot - domain))
			return false;
		length -= dot + 1 - domain;
		domain = dot + 1;
	}
	return is_label(domain, length);
}

/* A host is an address if its last label is a number, or is read as one. */
static bool
ends_in_number(const char *domain, size_t length)
{
	const char *dot = memrchr(domain, '.', length);
	const char *last = dot == NULL ? domain : dot + 1;
	size_t		size = domain + length - last;
	size_t		digits = 0;

	while (digits < size && last[digits] >= '0' && last[digits] <= '9')
		digits++;
	return digits == size || (size > 1 && last[0] == '0' && last[1] == 'x');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *domain = text_of(data, size);
	bool		good = pb_text_domain_problem(domain, size) == NULL;

	MUST(good == (size <= DOMAIN_MAX && is_domain(domain, size)));
	if (good && !ends_in_number(domain, size))
		MUST(pb_text_host_problem(domain, size) == NULL);
	free(domain);
	return 0;
}
