/*
 * typeid.h
 *	  Identifiers: UUID version 7 (RFC 9562) and its TypeID spelling
 *	  (TypeID specification 0.3: prefix, underscore, 26 base-32 characters).
 *
 * It needs no server: the caller passes the clock and the random bits.
 */
#ifndef PB_TYPEID_H
#define PB_TYPEID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PB_UUID_BYTES 16
#define PB_TYPEID_PREFIX_MAX 63
#define PB_TYPEID_SUFFIX 26
#define PB_TYPEID_MAX (PB_TYPEID_PREFIX_MAX + 1 + PB_TYPEID_SUFFIX)

/* Crockford's base 32 in lower case: no i, l, o, u. */
extern const char pb_base32[33];

typedef struct PbTypeid
{
	size_t		prefix_length;	/* the prefix is the text's first bytes */
	uint8_t		uuid[PB_UUID_BYTES];
} PbTypeid;

extern void pb_uuid7(uint64_t *last_ns, uint64_t now_ns, uint64_t random,
					 uint8_t uuid[PB_UUID_BYTES]);
extern uint64_t pb_uuid7_milliseconds(const uint8_t uuid[PB_UUID_BYTES]);

extern const char *pb_typeid_prefix_problem(const char *prefix, size_t length);
extern size_t pb_typeid_encode(const char *prefix, size_t prefix_length,
							   const uint8_t uuid[PB_UUID_BYTES],
							   char text[PB_TYPEID_MAX]);
extern const char *pb_typeid_decode(const char *text, size_t length,
									PbTypeid *id);

#endif							/* PB_TYPEID_H */
