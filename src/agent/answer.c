/*
 * answer.c
 *	  A question for the TXT records of a name, and what an answer says.
 *
 * An answer may hold anything, because the owner of a domain decides what is
 * in it. The C library takes it apart, within its bounds. Of the texts only
 * those are kept that may be a proof: the mark stands before them, and all of
 * their bytes are printable. Nothing else gets into a report or a log.
 */
#include <arpa/nameser.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/answer.h"

/* the bits of a message's third byte */
#define RECURSE 0x01
#define CUT 0x02
#define OPERATION 0x78
#define IS_ANSWER 0x80

static uint8_t *
put_number(uint8_t *to, uint16_t number)
{
	*to++ = number >> 8;
	*to++ = number & 0xff;
	return to;
}

/* Returns the size of the question; 0 if the name cannot be one of the DNS. */
size_t
question_make(uint8_t question[QUESTION_MAX], const char *name, uint16_t id)
{
	uint8_t    *end = put_number(question, id);
	int			length;

	*end++ = RECURSE;
	*end++ = 0;
	end = put_number(end, 1);	/* question, and nothing else */
	memset(end, 0, 3 * NS_INT16SZ);
	end += 3 * NS_INT16SZ;
	length = dn_comp(name, end, NS_MAXCDNAME, NULL, NULL);
	if (length < 0)
		return 0;
	end = put_number(end + length, ns_t_txt);
	return put_number(end, ns_c_in) - question;
}

/*
 * Whether it answers the question; others come by mistake, or are forged. The
 * case of letters may differ, and no other byte of a question is a letter.
 */
bool
answer_is_to(const uint8_t *answer, size_t size,
			 const uint8_t *question, size_t question_size)
{
	if (size < question_size || question_size < NS_HFIXEDSZ ||
		memcmp(answer, question, NS_INT16SZ) != 0 ||
		(answer[2] & (IS_ANSWER | OPERATION)) != IS_ANSWER ||
		memcmp(answer + 4, question + 4, NS_INT16SZ) != 0)
		return false;
	for (size_t i = NS_HFIXEDSZ; i < question_size; i++)
		if (answer[i] != question[i] &&
			((answer[i] ^ question[i]) != 0x20 || (answer[i] | 0x20) < 'a' ||
			 (answer[i] | 0x20) > 'z'))
			return false;
	return true;
}

/* Reads the strings of a record as one text; false if it is not printable. */
static bool
join_strings(const ns_rr *record, char text[PROOFS_MAX + 1])
{
	const uint8_t *at = ns_rr_rdata(*record);
	const uint8_t *end = at + ns_rr_rdlen(*record);
	size_t		length = 0;

	while (at < end)
	{
		size_t		size = *at++;

		if (size > (size_t) (end - at) || length + size > PROOFS_MAX)
			return false;
		for (; size > 0; size--, at++)
		{
			if (*at < ' ' || *at > '~')
				return false;
			text[length++] = *at;
		}
	}
	text[length] = '\0';
	return true;
}

/* Adds a line to the report, if there is room for it. */
static void
add_proof(const ns_rr *record, char **proofs)
{
	char		text[PROOFS_MAX + 1];
	char	   *longer;

	if (!join_strings(record, text) || !starts_with(text, PROOF_MARK))
		return;
	longer = *proofs == NULL ? copy_of(text) :
		printed("%s\n%s", *proofs, text);
	if (strlen(longer) > PROOFS_MAX)
	{
		free(longer);
		return;
	}
	free(*proofs);
	*proofs = longer;
}

/* What stands at the name, or where its aliases lead, which come first. */
static bool
read_records(ns_msg *message, const char *name, char **proofs)
{
	char		alias[NS_MAXDNAME];
	ns_rr		record;

	for (int i = 0; i < ns_msg_count(*message, ns_s_an); i++)
	{
		if (ns_parserr(message, ns_s_an, i, &record) != 0)
			return false;
		if (ns_rr_class(record) != ns_c_in ||
			strcasecmp(ns_rr_name(record), name) != 0)
			continue;
		if (ns_rr_type(record) == ns_t_txt)
			add_proof(&record, proofs);
		else if (ns_rr_type(record) == ns_t_cname &&
				 dn_expand(ns_msg_base(*message), ns_msg_end(*message),
						   ns_rr_rdata(record), alias, sizeof(alias)) >= 0)
			name = alias;
	}
	return true;
}

/*
 * Reads the answer for a name. The proofs are a line each, and NULL where
 * there are none; the caller frees them.
 */
Answer
answer_read(const uint8_t *answer, size_t size, const char *name,
			char **proofs)
{
	ns_msg		message;

	*proofs = NULL;
	if (size < NS_HFIXEDSZ)
		return ANSWER_REFUSED;
	if ((answer[2] & CUT) != 0)
		return ANSWER_CUT;
	if (ns_initparse(answer, size, &message) != 0 ||
		(ns_msg_getflag(message, ns_f_rcode) != ns_r_noerror &&
		 ns_msg_getflag(message, ns_f_rcode) != ns_r_nxdomain))
		return ANSWER_REFUSED;
	if (read_records(&message, name, proofs))
		return ANSWER_GIVEN;
	free(*proofs);
	*proofs = NULL;
	return ANSWER_REFUSED;
}
