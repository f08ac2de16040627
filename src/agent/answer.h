/*
 * answer.h
 *	  A question for the TXT records of a name, and what an answer says.
 */
#ifndef AGENT_ANSWER_H
#define AGENT_ANSWER_H

#include "agent/base.h"

/* What the text of a record begins with that proves a domain. */
#define PROOF_MARK "pgbeam-verify="
#define PROOFS_MAX 4096			/* bytes of a report, as the registry has it */

#define QUESTION_MAX 512

typedef enum Answer
{
	ANSWER_GIVEN,				/* the name's records; there may be none */
	ANSWER_CUT,					/* there is more, by a stream */
	ANSWER_REFUSED				/* the server does not know, or errs */
} Answer;

extern size_t question_make(uint8_t question[QUESTION_MAX], const char *name,
							uint16_t id);
extern bool answer_is_to(const uint8_t *answer, size_t size,
						 const uint8_t *question, size_t question_size);
extern Answer answer_read(const uint8_t *answer, size_t size,
						  const char *name, char **proofs);

#endif
