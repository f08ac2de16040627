/*
 * parse.c
 *	  Makes a document of a client's text, without an error of the server's.
 *
 * The server's input function for jsonb raises errors that print a piece of
 * the text. Servers before 16 cannot return them instead. So only its lexer
 * is used, which returns what is wrong. The order of the tokens is judged
 * here, nesting and the size of numbers are limited, and the document is built
 * of the tokens, all in one pass. Three passes (the lexer for the limits, the
 * server's grammar, the input function) took twice as long, and left copies
 * of passwords that nobody could wipe.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "base/compat.h"
#include "base/crypt.h"
#include "base/parse.h"

/* digits and exponent together: every numeric can hold that */
#define NUMBER_MAX 16000

/* What may come next. */
typedef enum Expected
{
	A_VALUE,
	A_VALUE_OR_END,				/* an array has begun */
	A_NAME,
	A_NAME_OR_END,				/* an object has begun */
	A_COLON,
	A_COMMA_OR_END,
	NOTHING						/* the document is complete */
} Expected;

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
	Expected	expected;
	int			depth;
	int			members;
	int			tokens;
	char	   *strings;		/* where the next string goes */
	PbJsonBuilder builder;
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

static Frame *
innermost(Parse *parse)
{
	return parse->depth == 0 ? NULL : &parse->frames[parse->depth - 1];
}

static void
expect_after_value(Parse *parse)
{
	parse->expected = parse->depth == 0 ? NOTHING : A_COMMA_OR_END;
}

/* Takes the place of a value, if one may stand here. */
static bool
take_place(Parse *parse)
{
	if (parse->expected != A_VALUE && parse->expected != A_VALUE_OR_END)
		return refuse_syntax(parse);
	expect_after_value(parse);
	return true;
}

static bool
take_begin(Parse *parse, bool is_object)
{
	if (!take_place(parse))
		return false;
	if (parse->depth == PB_NESTING_MAX)
		return refuse(parse,
					  psprintf("must not be nested deeper than %d levels",
							   PB_NESTING_MAX));
	parse->frames[parse->depth++] = (Frame) {.is_object = is_object};
	parse->expected = is_object ? A_NAME_OR_END : A_VALUE_OR_END;
	pb_json_add_begin(&parse->builder, is_object ? '{' : '[');
	return true;
}

static bool
take_end(Parse *parse, bool is_object)
{
	const Frame *frame = innermost(parse);

	if (frame == NULL || frame->is_object != is_object ||
		(parse->expected != A_COMMA_OR_END &&
		 parse->expected != (is_object ? A_NAME_OR_END : A_VALUE_OR_END)))
		return refuse_syntax(parse);
	parse->depth--;
	expect_after_value(parse);
	pb_json_add_end(&parse->builder, is_object ? '}' : ']');
	return true;
}

/* Keeps the string that the lexer has spelled out, where it will be wiped. */
static const char *
keep_string(Parse *parse)
{
	const StringInfoData *spelled = parse->lex->strval;
	char	   *kept = parse->strings;

	memcpy(kept, spelled->data, spelled->len);
	parse->strings += spelled->len;
	return kept;
}

static bool
take_name(Parse *parse)
{
	const JsonLexContext *lex = parse->lex;
	Frame	   *frame = innermost(parse);

	frame->name = lex->token_start + 1;
	frame->name_length = lex->token_terminator - lex->token_start - 2;
	parse->expected = A_COLON;
	pb_json_add_name(&parse->builder, keep_string(parse), lex->strval->len);
	return true;
}

static bool
take_string(Parse *parse)
{
	if (parse->expected == A_NAME || parse->expected == A_NAME_OR_END)
		return take_name(parse);
	if (!take_place(parse))
		return false;
	pb_json_add_text(&parse->builder, keep_string(parse),
					 parse->lex->strval->len);
	return true;
}

static bool
take_number(Parse *parse)
{
	const char *text = parse->lex->token_start;
	int			length = parse->lex->token_terminator - text;

	if (!take_place(parse))
		return false;
	if (!is_moderate_number(text, length))
		return refuse_here(parse, "must be a number with fewer digits");
	pb_json_add_number(&parse->builder, text, length);
	return true;
}

static bool
take_boolean(Parse *parse, bool boolean)
{
	if (!take_place(parse))
		return false;
	pb_json_add_boolean(&parse->builder, boolean);
	return true;
}

static bool
take_null(Parse *parse)
{
	if (!take_place(parse))
		return false;
	pb_json_add_null(&parse->builder);
	return true;
}

static bool
take_colon(Parse *parse)
{
	if (parse->expected != A_COLON)
		return refuse_syntax(parse);
	parse->expected = A_VALUE;
	parse->members++;
	return ++innermost(parse)->members <= PB_MEMBERS_MAX ||
		refuse_size(parse, PB_MEMBERS_MAX, "members in an object");
}

static bool
take_comma(Parse *parse)
{
	Frame	   *frame = innermost(parse);

	if (parse->expected != A_COMMA_OR_END)
		return refuse_syntax(parse);
	parse->expected = frame->is_object ? A_NAME : A_VALUE;
	frame->name = NULL;
	frame->name_length = 0;
	frame->index++;
	return true;
}

static bool
take_token(Parse *parse)
{
	switch (parse->lex->token_type)
	{
		case JSON_TOKEN_OBJECT_START:
			return take_begin(parse, true);
		case JSON_TOKEN_OBJECT_END:
			return take_end(parse, true);
		case JSON_TOKEN_ARRAY_START:
			return take_begin(parse, false);
		case JSON_TOKEN_ARRAY_END:
			return take_end(parse, false);
		case JSON_TOKEN_COLON:
			return take_colon(parse);
		case JSON_TOKEN_COMMA:
			return take_comma(parse);
		case JSON_TOKEN_STRING:
			return take_string(parse);
		case JSON_TOKEN_NUMBER:
			return take_number(parse);
		case JSON_TOKEN_TRUE:
			return take_boolean(parse, true);
		case JSON_TOKEN_FALSE:
			return take_boolean(parse, false);
		case JSON_TOKEN_NULL:
			return take_null(parse);
		default:
			return refuse_syntax(parse);
	}
}

static bool
take_tokens(Parse *parse)
{
	for (;;)
	{
		JsonParseErrorType error = json_lex(parse->lex);

		CHECK_FOR_INTERRUPTS();
		if (error != JSON_SUCCESS)
			return refuse_token(parse, error);
		if (parse->lex->token_type == JSON_TOKEN_END)
			return parse->expected == NOTHING || refuse_syntax(parse);
		if (++parse->tokens > PB_TOKENS_MAX)
			return refuse_size(parse, PB_TOKENS_MAX, "tokens of JSON");
		if (!take_token(parse))
			return false;
	}
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

/* Bytes that are wiped with their memory context. */
static char *
allocate_bytes(size_t length)
{
	struct varlena *bytes = palloc(VARHDRSZ + length);

	SET_VARSIZE(bytes, VARHDRSZ + length);
	pb_parse_wipe_later(bytes);
	return VARDATA(bytes);
}

/* Wipes the string that the lexer has spelled out last. */
static void
wipe_lexer(JsonLexContext *lex)
{
	pb_wipe(lex->strval->data, lex->strval->maxlen);
}

/*
 * Reads the document, or returns false with faults whose messages begin with
 * what. Copies that are made here are wiped with their memory context; those
 * that the server leaves behind as it builds the document are out of reach. A
 * string is never longer than what spells it.
 */
bool
pb_parse(const char *text, size_t length, const char *what,
		 PbParsed *parsed, PbFaults *faults)
{
	Parse	   *parse = palloc0(sizeof(Parse));
	bool		is_taken;
	Datum		document;

	parse->what = what;
	parse->faults = faults;
	if (!pg_verify_mbstr(PG_UTF8, text, length, true))
		return refuse(parse, "must be UTF-8 without NUL bytes");
	parse->strings = allocate_bytes(length);
	parse->lex = pb_make_json_lexer(unconstify(char *, text), length, true);
	is_taken = take_tokens(parse);
	wipe_lexer(parse->lex);
	if (!is_taken)
		return false;
	document = pb_json_built(&parse->builder);
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
