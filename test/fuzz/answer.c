/*
 * answer.c
 *	  Answers of name servers: whatever they hold, a report has only lines of
 *	  printable proofs, within its limit.
 */
#include "fuzz.h"
#include "agent/answer.h"

#define NAME "a.example"

static void
check_line(const char *line, size_t length)
{
	MUST(length >= strlen(PROOF_MARK));
	MUST(memcmp(line, PROOF_MARK, strlen(PROOF_MARK)) == 0);
	for (size_t i = 0; i < length; i++)
		MUST(line[i] >= ' ' && line[i] <= '~');
}

static void
check_report(const char *report)
{
	MUST(strlen(report) <= PROOFS_MAX);
	for (const char *line = report; ; line += strcspn(line, "\n") + 1)
	{
		check_line(line, strcspn(line, "\n"));
		if (line[strcspn(line, "\n")] == '\0')
			break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t    *message = exact_copy(data, size);
	uint8_t		made[QUESTION_MAX];
	uint8_t    *question = exact_copy(made, question_make(made, NAME, 0x6162));
	size_t		question_size = question_make(question, NAME, 0x6162);
	char	   *proofs;
	Answer		answer = answer_read(message, size, NAME, &proofs);

	MUST(answer == ANSWER_GIVEN || proofs == NULL);
	MUST(!answer_is_to(message, size, question, question_size) ||
		 (size >= question_size && message[0] == 'a' && message[1] == 'b'));
	MUST(!answer_is_to(question, question_size, question, question_size));
	question[2] |= 0x80;
	MUST(answer_is_to(question, question_size, question, question_size));
	if (proofs != NULL)
		check_report(proofs);
	free(proofs);
	free(question);
	free(message);
	return 0;
}
