/*
 * parse.c
 *	  Makes a document of a client's text, without an error of the server's.
 *
 * The server's input function for jsonb raises errors that print a piece of
 * the text. Servers before 16 cannot return them instead. So the server's
 * lexer reads the text first, which returns what is wrong; here nesting and
 * the size of numbers are limited too. Then the server's grammar reads it.
 * Text that passes both is one that the input function takes.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"

#include "base/compat.h"
#include "base/crypt.h"
#include "base/parse.h"

/* digits and exponent together: every numeric can hold that */
#define NUMBER_MAX 16000

/* An object or array that is open, and the lexer's position in it. */
typedef struct Frame
{
	bool		is_object;
	const char *name;			/* of the member, as it is spelled; NULL until
								 * it has been met */
	int			name_length;
	int			index;
	int			members;
} Frame;

typedef struct Parse
{
	JsonLexContext *lex;
	const char *what;
	PbFaults   *faults;
	int			depth;
	int			members;
	int			tokens;
	Frame		frames[PB_NESTING_MAX];
} Parse;

static bool
refuse(Parse *parse, const char *problem)
{
	pb_fault_set(parse->faults, PB_INVALID_INPUT,
				 psprintf("%s %s", parse->what, problem), NULL);
	return false;
}

/* Refuses a document with more parts than anybody needs. */
static bool
refuse_size(Parse *parse, int most, const char *of_what)
{
	pb_fault_set(parse->faults, PB_PAYLOAD_TOO_LARGE,
				 psprintf("%s must have at most %d %s", parse->what, most,
						  of_what), NULL);
	return false;
}

/* At the end of the text there is no token to show. */
static bool
refuse_syntax(Parse *parse)
{
	const JsonLexContext *lex = parse->lex;

	if (lex->token_start == NULL)
		return refuse(parse, "is not valid JSON: it ends too early");
	return refuse(parse, psprintf("is not valid JSON at byte %d",
								  (int) (lex->token_start - lex->input) + 1));
}

/* The problem of the member or item where the lexer stands. */
static bool
refuse_here(Parse *parse, const char *rule)
{
	PbPath		paths[PB_NESTING_MAX];

	for (int i = 0; i < parse->depth; i++)
	{
		const Frame *frame = &parse->frames[i];

		paths[i].up = i == 0 ? NULL : &paths[i - 1];
		paths[i].name = frame->is_object ?
			pb_path_name(frame->name, frame->name_length) : NULL;
		paths[i].index = frame->index;
	}
	if (parse->depth == 0)
		return refuse(parse, rule);
	pb_fault_problem(parse->faults, &paths[parse->depth - 1], rule, NULL);
	return false;
}

static bool
refuse_token(Parse *parse, JsonParseErrorType error)
{
	switch (error)
	{
		case JSON_UNICODE_CODE_POINT_ZERO:
			return refuse_here(parse, "must not contain the character U+0000");
		case JSON_UNICODE_HIGH_SURROGATE:
		case JSON_UNICODE_LOW_SURROGATE:
			return refuse_here(parse, "must not contain half a surrogate pair");
		default:
			return refuse_syntax(parse);
	}
}

/* Whether the numeric type of every server can hold it. */
static bool
is_moderate_number(const char *text, int length)
{
	const char *end = text + length;
	int			exponent = 0;
	const char *p = text;

	while (p < end && *p != 'e' && *p != 'E')
		p++;
	for (; p < end && exponent <= NUMBER_MAX; p++)
		if (*p >= '0' && *p <= '9')
			exponent = exponent * 10 + (*p - '0');
	return length <= NUMBER_MAX && exponent <= NUMBER_MAX - length;
}

static bool
enter(Parse *parse, bool is_object)
{
	if (parse->depth == PB_NESTING_MAX)
		return refuse(parse,
					  psprintf("must not be nested deeper than %d levels",
							   PB_NESTING_MAX));
	parse->frames[parse->depth++] = (Frame) {.is_object = is_object};
	return true;
}

/* Takes one token. The grammar, which comes next, judges the order. */
static bool
follow(Parse *parse)
{
	JsonLexContext *lex = parse->lex;
	int			length = lex->token_terminator - lex->token_start;
	Frame	   *frame = parse->depth == 0 ? NULL :
		&parse->frames[parse->depth - 1];

	switch (lex->token_type)
	{
		case JSON_TOKEN_OBJECT_START:
		case JSON_TOKEN_ARRAY_START:
			return enter(parse, lex->token_type == JSON_TOKEN_OBJECT_START);
		case JSON_TOKEN_OBJECT_END:
		case JSON_TOKEN_ARRAY_END:
			if (frame == NULL)
				return refuse_syntax(parse);
			parse->depth--;
			return true;
		case JSON_TOKEN_STRING:
			if (frame != NULL && frame->name == NULL)
			{
				frame->name = lex->token_start + 1;
				frame->name_length = length - 2;
			}
			return true;
		case JSON_TOKEN_COLON:
			parse->members++;
			return frame == NULL || ++frame->members <= PB_MEMBERS_MAX ||
				refuse_size(parse, PB_MEMBERS_MAX, "members in an object");
		case JSON_TOKEN_COMMA:
			if (frame != NULL)
			{
				frame->name = NULL;
				frame->name_length = 0;
				frame->index++;
			}
			return true;
		case JSON_TOKEN_NUMBER:
			return is_moderate_number(lex->token_start, length) ||
				refuse_here(parse, "must be a number with fewer digits");
		default:
			return true;
	}
}

static bool
pass_lexer(Parse *parse)
{
	for (;;)
	{
		JsonParseErrorType error = json_lex(parse->lex);

		CHECK_FOR_INTERRUPTS();
		if (error != JSON_SUCCESS)
			return refuse_token(parse, error);
		if (parse->lex->token_type == JSON_TOKEN_END)
			return true;
		if (++parse->tokens > PB_TOKENS_MAX)
			return refuse_size(parse, PB_TOKENS_MAX, "tokens of JSON");
		if (!follow(parse))
			return false;
	}
}

static bool
pass_grammar(Parse *parse, char *text, size_t length)
{
	parse->lex = pb_make_json_lexer(text, length, false);
	return pg_parse_json(parse->lex, &nullSemAction) == JSON_SUCCESS ||
		refuse_syntax(parse);
}

/* Wipes the strings that the lexer has spelled out: some are passwords. */
static void
wipe_lexer(JsonLexContext *lex)
{
	pb_wipe(lex->strval->data, lex->strval->maxlen);
}

static bool
pass(Parse *parse, char *text, size_t length)
{
	JsonLexContext *lex = pb_make_json_lexer(text, length, true);
	bool		passed;

	parse->lex = lex;
	passed = pass_lexer(parse) && pass_grammar(parse, text, length);
	wipe_lexer(lex);
	return passed;
}

static void
wipe(void *value)
{
	pb_wipe(value, VARSIZE(value));
}

/* Wipes a value when its memory context is reset, also after an error. */
void
pb_parse_wipe_later(struct varlena *value)
{
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	callback->func = wipe;
	callback->arg = value;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

/* Copies to a text, and terminates it for functions that need that. */
static text *
copy_bytes(const char *bytes, size_t length)
{
	text	   *copy = palloc(VARHDRSZ + length + 1);

	SET_VARSIZE(copy, VARHDRSZ + length);
	memcpy(VARDATA(copy), bytes, length);
	VARDATA(copy)[length] = '\0';
	return copy;
}

/*
 * Reads the document, or returns false with faults whose messages begin with
 * what. Copies that are made here are wiped with their memory context. Those
 * that the server's own functions make are out of reach.
 */
bool
pb_parse(const char *text, size_t length, const char *what,
		 PbParsed *parsed, PbFaults *faults)
{
	Parse	   *parse = palloc(sizeof(Parse));
	struct varlena *copy;
	Datum		document;

	parse->what = what;
	parse->faults = faults;
	parse->depth = 0;
	parse->members = 0;
	parse->tokens = 0;
	if (!pg_verify_mbstr(PG_UTF8, text, length, true))
		return refuse(parse, "must be UTF-8 without NUL bytes");
	copy = copy_bytes(text, length);
	pb_parse_wipe_later(copy);
	if (!pass(parse, VARDATA(copy), length))
		return false;
	document = DirectFunctionCall1(jsonb_in, CStringGetDatum(VARDATA(copy)));
	pb_parse_wipe_later((struct varlena *) DatumGetPointer(document));
	pb_json_root(document, &parsed->value);
	parsed->members = parse->members;
	return true;
}

/* Reads an object that names no member twice; false where text is no such. */
bool
pb_parse_unique(const char *text, size_t length, PbJson *value)
{
	PbParsed	parsed;
	PbFaults	unheard = {0};

	if (!pb_parse(text, length, "", &parsed, &unheard) ||
		parsed.value.type != PB_JSON_OBJECT ||
		parsed.members != pb_json_count_members(&parsed.value))
		return false;
	*value = parsed.value;
	return true;
}
