/*
 * label.c
 *	  Labels of proxy hosts: any name makes a DNS label, a label makes itself,
 *	  and any suffix leaves it a label.
 */
#include "fuzz.h"
#include "base/text.h"

/* A whole host, as short as it can be: the domain is one letter. */
static void
make_host(const char *label, size_t length, const uint8_t *random)
{
	char		host[PB_DNS_NAME_MAX];
	uint32_t	bits;

	memcpy(host, label, length);
	host[length++] = '-';
	memcpy(&bits, random, sizeof(bits));
	pb_text_label_suffix(bits, host + length);
	length += PB_LABEL_SUFFIX;
	MUST(length <= PB_DNS_LABEL_MAX);
	MUST(pb_text_domain_problem(host, length) == NULL);
	memcpy(host + length, ".a", 2);
	MUST(pb_text_domain_problem(host, length + 2) == NULL);
	MUST(pb_text_host_problem(host, length + 2) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *name = text_of(data, size);
	char	   *label = exactly(PB_LABEL_MAX);
	char	   *again = exactly(PB_LABEL_MAX);
	size_t		length = pb_text_label(name, size, label);
	char	   *exact = exact_copy(label, length);

	MUST(length > 0 && length <= PB_LABEL_MAX);
	MUST(memchr(label, '.', length) == NULL);
	MUST(memmem(label, length, "--", 2) == NULL);
	MUST(pb_text_domain_problem(exact, length) == NULL);
	MUST(pb_text_label(exact, length, again) == length);
	MUST(memcmp(again, label, length) == 0);
	if (size >= sizeof(uint32_t))
		make_host(label, length, data + size - sizeof(uint32_t));
	free(name);
	free(label);
	free(again);
	free(exact);
	return 0;
}
