/*
 * typeid.c
 *	  TypeIDs, both ways: text that decodes is what encoding makes, byte for
 *	  byte, and encoded UUIDs decode to the same. New UUIDs only move forward.
 */
#include "fuzz.h"
#include "base/typeid.h"

static void
decode_any(const uint8_t *data, size_t size)
{
	char	   *text = text_of(data, size);
	char	   *again = exactly(PB_TYPEID_MAX);
	PbTypeid	id;

	if (pb_typeid_decode(text, size, &id) == NULL)
	{
		MUST(size <= PB_TYPEID_MAX);
		MUST(pb_typeid_prefix_problem(text, id.prefix_length) == NULL);
		MUST(pb_typeid_encode(text, id.prefix_length, id.uuid, again) == size);
		MUST(memcmp(text, again, size) == 0);
	}
	free(text);
	free(again);
}

/* The first 16 bytes are the UUID, the others the prefix. */
static void
encode_any(const uint8_t *data, size_t size)
{
	size_t		length = size - PB_UUID_BYTES;
	char	   *prefix = text_of(data + PB_UUID_BYTES, length);

	if (pb_typeid_prefix_problem(prefix, length) == NULL)
	{
		char	   *text = exactly(PB_TYPEID_MAX);
		size_t		written = pb_typeid_encode(prefix, length, data, text);
		char	   *exact = exact_copy(text, written);
		PbTypeid	id;

		MUST(written == length + (length > 0) + PB_TYPEID_SUFFIX);
		MUST(pb_typeid_decode(exact, written, &id) == NULL);
		MUST(id.prefix_length == length);
		MUST(memcmp(exact, prefix, length) == 0);
		MUST(memcmp(id.uuid, data, PB_UUID_BYTES) == 0);
		free(text);
		free(exact);
	}
	free(prefix);
}

/* Two UUIDs of clocks that may jump, within the years of 63 bits. */
static void
move_forward(const uint8_t *data)
{
	uint64_t	clocks[2];
	uint64_t	last = 0;
	uint8_t		uuids[2][PB_UUID_BYTES];

	memcpy(clocks, data, sizeof(clocks));
	for (int i = 0; i < 2; i++)
	{
		pb_uuid7(&last, clocks[i] >> 1, clocks[1 - i], uuids[i]);
		MUST(last >= clocks[i] >> 1);
		MUST(uuids[i][6] >> 4 == 7 && uuids[i][8] >> 6 == 2);
		MUST(pb_uuid7_milliseconds(uuids[i]) == last / 1000000);
	}
	MUST(memcmp(uuids[0], uuids[1], 8) < 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	decode_any(data, size);
	if (size >= PB_UUID_BYTES)
	{
		encode_any(data, size);
		move_forward(data);
	}
	return 0;
}
