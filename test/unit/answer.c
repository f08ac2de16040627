/*
 * answer.c
 *	  Unit test of src/agent/answer.c: questions, and answers with one string or
 *	  many, aliases, foreign names, broken sizes, and every byte in a text.
 */
#include <arpa/nameser.h>

#include "check.h"
#include "agent/answer.h"

#define NAME "_pgbeam-verify.db.example.com"
#define PROOF PROOF_MARK "0123456789"

/* A message that is made. */
static uint8_t message[65536];
static size_t end;

static void
put(const void *bytes, size_t size)
{
	memcpy(message + end, bytes, size);
	end += size;
}

static void
put_number(unsigned number)
{
	uint8_t		bytes[] = {number >> 8, number & 0xff};

	put(bytes, sizeof(bytes));
}

static void
put_name(const char *name)
{
	for (; *name != '\0'; name += name[strcspn(name, ".")] == '.')
	{
		uint8_t		length = strcspn(name, ".");

		put(&length, 1);
		put(name, length);
		name += length;
	}
	put("", 1);
}

/* An answer to NAME without records, with this code. */
static void
begin(unsigned code)
{
	end = question_make(message, NAME, 7);
	message[2] |= 0x80;
	message[3] = code;
}

static void
begin_record(const char *name, unsigned type, unsigned class, size_t size)
{
	message[7]++;
	put_name(name);
	put_number(type);
	put_number(class);
	put_number(0);
	put_number(60);
	put_number(size);
}

static void
put_string(const char *text, size_t length)
{
	uint8_t		size = length;

	put(&size, 1);
	put(text, length);
}

static void
put_text(const char *name, const char *text)
{
	begin_record(name, ns_t_txt, ns_c_in, strlen(text) + 1);
	put_string(text, strlen(text));
}

static void
put_alias(const char *name, const char *target)
{
	begin_record(name, ns_t_cname, ns_c_in, strlen(target) + 2);
	put_name(target);
}

static Answer
read_message(size_t size, char **proofs)
{
	uint8_t    *copy = exact_copy(message, size);
	Answer		answer = answer_read(copy, size, NAME, proofs);

	free(copy);
	return answer;
}

/* What the message made so far must give; NULL: no proof. */
static void
expect(const char *proofs, const char *what)
{
	char	   *got;

	CHECK(read_message(end, &got) == ANSWER_GIVEN, "%s", what);
	CHECK(proofs == NULL ? got == NULL : got != NULL && strcmp(got, proofs) == 0,
		  "%s: %s", what, got == NULL ? "nothing" : got);
	free(got);
}

static void
expect_answer(Answer answer, const char *what)
{
	char	   *got;

	CHECK(read_message(end, &got) == answer, "%s", what);
	CHECK(got == NULL, "%s", what);
	free(got);
}

static void
test_texts(void)
{
	begin(ns_r_noerror);
	expect(NULL, "no record");
	put_text(NAME, "v=spf1 -all");
	expect(NULL, "another text");
	put_text(NAME, PROOF);
	expect(PROOF, "a proof behind another text");
	put_text("_PGBEAM-verify.DB.example.com", PROOF_MARK "two");
	expect(PROOF "\n" PROOF_MARK "two", "two proofs");
	put_text("db.example.com", PROOF_MARK "of another name");
	put_text("", PROOF_MARK "of the root");
	begin_record(NAME, ns_t_txt, ns_c_chaos, 1 + strlen(PROOF));
	put_string(PROOF, strlen(PROOF));
	begin_record(NAME, ns_t_a, ns_c_in, 4);
	put("\x7f\0\0\1", 4);
	expect(PROOF "\n" PROOF_MARK "two", "foreign records");
	begin(ns_r_nxdomain);
	expect(NULL, "no name");
}

static void
test_strings(void)
{
	char		letters[255];
	char		wanted[sizeof(PROOF_MARK) + 2 * sizeof(letters)] = PROOF_MARK;

	memset(letters, 'x', sizeof(letters));
	memset(wanted + strlen(PROOF_MARK), 'x', 2 * sizeof(letters));
	begin(ns_r_noerror);
	begin_record(NAME, ns_t_txt, ns_c_in, 3 + 7 + 7 + 2 * 256);
	put_string(PROOF_MARK, 7);
	put_string("", 0);
	put_string(&PROOF_MARK[7], 7);
	put_string(letters, sizeof(letters));
	put_string(letters, sizeof(letters));
	expect(wanted, "strings that make one text");
	for (int i = 0; i < 20; i++)
	{
		begin_record(NAME, ns_t_txt, ns_c_in, 1 + 14 + 256);
		put_string(PROOF_MARK, strlen(PROOF_MARK));
		put_string(letters, sizeof(letters));
	}
	char	   *got;

	CHECK(read_message(end, &got) == ANSWER_GIVEN, "many");
	CHECK(got != NULL && strlen(got) <= PROOFS_MAX && strlen(got) > PROOFS_MAX - 300, "many");
	free(got);
	begin(ns_r_noerror);
	begin_record(NAME, ns_t_txt, ns_c_in, 200 * 256);
	for (int i = 0; i < 200; i++)
		put_string(i == 0 ? PROOF : letters, i == 0 ? strlen(PROOF) : sizeof(letters));
	put(letters, 255 - strlen(PROOF));
	expect(NULL, "a text that is larger than any report");
}

static void
test_bytes(void)
{
	for (int byte = 0; byte < 256; byte++)
	{
		char		text[] = PROOF;
		char		what[20];

		text[strlen(PROOF_MARK)] = byte;
		snprintf(what, sizeof(what), "byte %d", byte);
		begin(ns_r_noerror);
		begin_record(NAME, ns_t_txt, ns_c_in, sizeof(text));
		put_string(text, sizeof(text) - 1);
		expect(byte >= ' ' && byte <= '~' ? text : NULL, what);
	}
}

static void
test_aliases(void)
{
	begin(ns_r_noerror);
	put_alias(NAME, "proof.example.net");
	put_alias("proof.example.net", "last.example.org");
	put_text("last.example.org", PROOF);
	put_text("proof.example.net", PROOF_MARK "beside the alias");
	expect(PROOF, "two aliases");
	begin(ns_r_noerror);
	put_alias("proof.example.net", "last.example.org");
	put_text("last.example.org", PROOF);
	expect(NULL, "an alias of another name");
	begin(ns_r_noerror);
	for (int i = 0; i < 50; i++)
	{
		put_alias(NAME, "loop.example.net");
		put_alias("loop.example.net", NAME);
	}
	put_text(NAME, PROOF);
	expect(PROOF, "aliases in a circle");
}

static void
test_broken(void)
{
	begin(ns_r_servfail);
	expect_answer(ANSWER_REFUSED, "a failure");
	begin(ns_r_refused);
	expect_answer(ANSWER_REFUSED, "a refusal");
	begin(ns_r_noerror);
	put_text(NAME, PROOF);
	for (size_t size = 0; size < end; size++)
	{
		char	   *got;

		CHECK(read_message(size, &got) == ANSWER_REFUSED && got == NULL, "%zu bytes", size);
		free(got);
	}
	message[2] |= 2;
	expect_answer(ANSWER_CUT, "a part");
	begin(ns_r_noerror);
	begin_record(NAME, ns_t_txt, ns_c_in, 5);
	put("\xff" PROOF_MARK, 5);
	expect(NULL, "a string beyond its record");
	begin(ns_r_noerror);
	begin_record(NAME, ns_t_txt, ns_c_in, 0);
	expect(NULL, "a record without a string");
	begin(ns_r_noerror);
	message[7] = 1;
	put("\xc0\x2e", 2);			/* a name that is itself */
	put_number(ns_t_txt);
	put("\0\1\0\0\0\0\0\0", 8);
	expect_answer(ANSWER_REFUSED, "a name in a circle");
	begin(ns_r_noerror);
	begin_record(NAME, ns_t_cname, ns_c_in, 2);
	put("\xff\xff", 2);
	put_text(NAME, PROOF);
	expect(PROOF, "an alias that leads out of the message");
}

/* Each byte of a message, changed to each other one. */
static void
test_changed(void)
{
	begin(ns_r_noerror);
	put_alias(NAME, "proof.example.net");
	put_text("proof.example.net", PROOF);
	for (size_t at = 0; at < end; at++)
	{
		uint8_t		was = message[at];

		for (int byte = 0; byte < 256; byte++)
		{
			char	   *got;

			message[at] = byte;
			read_message(end, &got);
			CHECK(got == NULL || starts_with(got, PROOF_MARK), "byte %zu", at);
			free(got);
		}
		message[at] = was;
	}
}

static void
test_question(void)
{
	uint8_t		question[QUESTION_MAX];
	char		long_name[300];
	size_t		size = question_make(question, NAME, 0xabcd);

	CHECK(size == 12 + strlen(NAME) + 2 + 4, "%zu", size);
	CHECK(memcmp(question, "\xab\xcd\1\0\0\1\0\0\0\0\0\0\x0e_pgbeam", 20) == 0, "head");
	CHECK(memcmp(question + size - 5, "\0\0\x10\0\1", 5) == 0, "type");
	memset(long_name, 'a', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	CHECK(question_make(question, long_name, 1) == 0, "a label too long");
	for (int i = 50; i < 299; i += 50)
		long_name[i] = '.';
	CHECK(question_make(question, long_name, 1) == 0, "a name too long");
	CHECK(question_make(question, "a..b", 1) == 0, "an empty label");
}

static void
test_is_to(void)
{
	uint8_t		question[QUESTION_MAX];
	size_t		size = question_make(question, NAME, 7);

	begin(ns_r_noerror);
	CHECK(answer_is_to(message, end, question, size), "the answer");
	CHECK(!answer_is_to(message, end - 1, question, size), "a part");
	for (size_t at = 0; at < size; at++)
	{
		bool		may_differ = at == 3 || (at >= 6 && at < 12);

		message[at] ^= 0x81;
		CHECK(answer_is_to(message, end, question, size) == may_differ, "byte %zu", at);
		message[at] ^= 0x81;
	}
	for (size_t at = 12; at < size; at++)
	{
		bool		is_letter = (question[at] | 0x20) >= 'a' && (question[at] | 0x20) <= 'z';

		message[at] ^= 0x20;
		CHECK(answer_is_to(message, end, question, size) == is_letter, "letter %zu", at);
		message[at] ^= 0x20;
	}
}

int
main(void)
{
	test_texts();
	test_strings();
	test_bytes();
	test_aliases();
	test_broken();
	test_changed();
	test_question();
	test_is_to();
	return report("answer");
}
