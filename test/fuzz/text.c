/*
 * text.c
 *	  Ids in paths, names, words and counts, on any bytes: each is compared
 *	  with the others.
 */
#include "fuzz.h"
#include "base/text.h"

/* The count is the sum of the parts', wherever the text is cut. */
static void
count(const char *text, size_t size, size_t cut)
{
	size_t		all = pb_text_characters(text, size);

	MUST(all <= size);
	MUST(pb_text_characters(text, cut) +
		 pb_text_characters(text + cut, size - cut) == all);
}

static void
judge(const char *text, size_t size)
{
	const char *legal = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789-_.";
	bool		is_id = size > 0;
	bool		is_name = size > 0;

	for (size_t i = 0; i < size; i++)
	{
		bool		found = text[i] != '\0' && strchr(legal, text[i]) != NULL;

		is_id &= found;
		is_name &= found && text[i] != '.';
	}
	MUST((pb_text_path_id_problem(text, size) == NULL) == is_id);
	MUST(pb_text_is_name(text, size) == is_name);
}

/* A repeated text cannot end quotes or a line, and is cut. */
static void
show(const char *text, size_t size)
{
	char		shown[PB_TEXT_SHOWN_SIZE];
	size_t		length = pb_text_shown(text, size, shown);

	MUST(length <= sizeof(shown));
	MUST(pb_text_characters(shown, length) <= PB_TEXT_SHOWN + 3);
	for (size_t i = 0; i < length; i++)
		MUST(shown[i] != '"' && shown[i] != 0x7f &&
			 ((unsigned char) shown[i] >= 0x80 || shown[i] >= ' '));
}

/* The text and a word, which ends before a zero byte. */
static void
compare(const char *text, size_t size, const char *word)
{
	size_t		length = strlen(word);
	bool		is = pb_text_is(text, size, word);
	bool		alike = pb_text_is_alike(text, size, word);
	bool		starts = pb_text_starts(text, size, word);

	MUST(is == (size == length && memcmp(text, word, length) == 0));
	MUST(alike || !is);
	MUST(alike == (starts && size == length));
	MUST(starts == (size >= length && strncasecmp(text, word, length) == 0));
}

/* The first byte says how much of the others is the word. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t		length = size == 0 ? 0 : data[0] % size;
	size_t		rest = size == 0 ? 0 : size - 1 - length;
	char	   *whole = text_of(data, size);
	char	   *text = text_of(data + size - rest, rest);
	char	   *word = exactly(length + 1);

	memcpy(word, data + (size > 0), length);
	word[length] = '\0';
	count(whole, size, length);
	judge(whole, size);
	show(whole, size);
	judge(text, rest);
	compare(text, rest, word);
	word[strlen(word) / 2] = '\0';
	compare(text, rest, word);
	free(whole);
	free(text);
	free(word);
	return 0;
}
