/*
 * json.h
 *	  The only user of the server's jsonb internals, and the writer that
 *	  prints answers in a stated order.
 *
 * Memory contexts: it keeps none. A value points into its document and lives
 * as long as that.
 */
#ifndef PB_JSON_H
#define PB_JSON_H

#include "lib/stringinfo.h"

/* limits of a client's text */
#define PB_NESTING_MAX 64		/* levels of containers */
#define PB_MEMBERS_MAX 1000		/* of an object, a name each time */
#define PB_TOKENS_MAX 10000		/* punctuation included */

typedef enum PbJsonType
{
	PB_JSON_NULL,
	PB_JSON_TEXT,
	PB_JSON_NUMBER,
	PB_JSON_BOOLEAN,
	PB_JSON_ARRAY,
	PB_JSON_OBJECT
} PbJsonType;

/* A value inside a document. */
typedef struct PbJson
{
	PbJsonType	type;
	const char *text;			/* PB_JSON_TEXT: not terminated */
	int			length;			/* bytes of text */
	bool		boolean;		/* PB_JSON_BOOLEAN */
	void	   *internal;		/* the server's number or container */
	int			size;			/* members or items of a container */
} PbJson;

/* A member of an object. */
typedef struct PbJsonMember
{
	const char *name;			/* not terminated */
	int			length;
	PbJson		value;
} PbJsonMember;

/* A name and a string, both terminated. */
typedef struct PbJsonPair
{
	const char *name;
	const char *value;
} PbJsonPair;

/* A document that is built of its parts, in their order; empty at first. */
typedef struct PbJsonBuilder
{
	void	   *state;			/* the server's, of the open containers */
	void	   *document;
} PbJsonBuilder;

typedef enum PbNumber
{
	PB_NUMBER_INTEGER,
	PB_NUMBER_FRACTION,
	PB_NUMBER_TOO_SMALL,		/* an integer below what it is read into */
	PB_NUMBER_TOO_LARGE
} PbNumber;

extern void pb_json_root(Datum jsonb, PbJson *value);
extern void pb_json_from_text(const text *t, PbJson *value);
extern void pb_json_from_integer(int32 integer, PbJson *value);
extern bool pb_json_member(const PbJson *object, const char *name, int length,
						   PbJson *value);
extern bool pb_json_item(const PbJson *array, int index, PbJson *value);
extern PbNumber pb_json_integer(const PbJson *number, int32 *integer);
extern PbNumber pb_json_big_integer(const PbJson *number, int64 *integer);
extern void pb_json_names(const PbJson *object,
						  void (*visit) (void *state, const char *name,
										 int length),
						  void *state);
extern void pb_json_members(const PbJson *object, PbJsonMember *members);
extern void pb_json_add_begin(PbJsonBuilder *builder, char bracket);
extern void pb_json_add_end(PbJsonBuilder *builder, char bracket);
extern void pb_json_add_name(PbJsonBuilder *builder, const char *text,
							 int length);
extern void pb_json_add_text(PbJsonBuilder *builder, const char *text,
							 int length);
extern void pb_json_add_number(PbJsonBuilder *builder, const char *text,
							   int length);
extern void pb_json_add_boolean(PbJsonBuilder *builder, bool boolean);
extern void pb_json_add_null(PbJsonBuilder *builder);
extern Datum pb_json_built(const PbJsonBuilder *builder);
extern Datum pb_json_object(const PbJsonPair *pairs, int count);
extern int	pb_json_count_members(const PbJson *value);
extern bool pb_json_find(const PbJson *object, const char *name,
						 PbJson *value);
extern bool pb_json_text_is(const PbJson *value, const char *word);
extern double pb_json_double(const PbJson *number);
extern Datum pb_json_numeric(const PbJson *number);
extern bool pb_json_deeper_than(const PbJson *value, int levels);

extern void pb_json_begin(StringInfo out, char bracket);
extern void pb_json_end(StringInfo out, char bracket);
extern void pb_json_name(StringInfo out, const char *name);
extern void pb_json_next(StringInfo out);
extern void pb_json_text(StringInfo out, const char *text, int length);
extern void pb_json_string(StringInfo out, const char *string);
extern void pb_json_open(StringInfo out, const char *name);
extern void pb_json_pair(StringInfo out, const char *name,
						 const char *string);
extern void pb_json_pair_long(StringInfo out, const char *name, int64 number);
extern void pb_json_pair_boolean(StringInfo out, const char *name,
								 bool boolean);
extern void pb_json_pair_null(StringInfo out, const char *name);
extern void pb_json_open_list(StringInfo out, const char *name);
extern void pb_json_close_list(StringInfo out);
extern void pb_json_number(StringInfo out, int32 number);
extern void pb_json_long(StringInfo out, int64 number);
extern void pb_json_decimal(StringInfo out, double number);
extern void pb_json_boolean(StringInfo out, bool boolean);

#endif							/* PB_JSON_H */
