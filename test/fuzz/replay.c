/*
 * replay.c
 *	  Gives the named files to a fuzz target, without libFuzzer: each
 *	  unchanged, each of its beginnings, and each with one byte changed.
 */
#include "fuzz.h"

static uint8_t input[4096];
static long runs = 0;

/* A copy, so that the sanitizer sees a byte too many. */
static void
feed(size_t size)
{
	uint8_t    *copy = exact_copy(input, size);

	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	runs++;
}

int
main(int count, char **paths)
{
	for (int i = 1; i < count; i++)
	{
		FILE	   *file = fopen(paths[i], "rb");
		size_t		size;

		MUST(file != NULL);
		size = fread(input, 1, sizeof(input), file);
		fclose(file);
		for (size_t length = 0; length <= size; length++)
			feed(length);
		for (size_t at = 0; at < size; at++)
		{
			uint8_t		before = input[at];

			input[at] ^= (uint8_t) (1 + next_random() % 255);
			feed(size);
			input[at] = before;
		}
	}
	printf("%ld runs\n", runs);
	return 0;
}
