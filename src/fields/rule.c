/*
 * rule.c
 *	  The limits, words and rules of a field, and the words for a broken one.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"

#include "base/decimal.h"
#include "base/text.h"
#include "fields/rule.h"

static const char *
words_rule(const char *const *words)
{
	StringInfoData rule;

	initStringInfo(&rule);
	appendStringInfoString(&rule, "must be one of ");
	for (int i = 0; words[i] != NULL; i++)
		appendStringInfo(&rule, "%s%s", i > 0 ? ", " : "", words[i]);
	return rule.data;
}

static bool
is_word(const char *const *words, const char *text, size_t length)
{
	for (int i = 0; words[i] != NULL; i++)
		if (pb_text_is(text, length, words[i]))
			return true;
	return false;
}

/* Lengths count characters. */
const char *
pb_rule_text(const PbField *field, const char *text, size_t length)
{
	int			characters;

	if (field->words != NULL)
		return is_word(field->words, text, length) ? NULL :
			words_rule(field->words);
	characters = pb_text_characters(text, length);
	if (characters < field->least)
		return field->least == 1 ? "must not be empty" :
			psprintf("must have at least %d characters", field->least);
	if (field->most > 0 && characters > field->most)
		return psprintf("must have at most %d characters", field->most);
	return field->rule == NULL ? NULL : field->rule(text, length);
}

/* The rule on words that are legal, but that a request may not set. */
const char *
pb_rule_settable(const PbField *field, const char *text, size_t length)
{
	if (field->settable == NULL || is_word(field->settable, text, length) ||
		!is_word(field->words, text, length))
		return NULL;
	return psprintf("must not be set to %.*s", (int) length, text);
}

const char *
pb_rule_least(const PbField *field)
{
	return psprintf("must be at least %d", field->least);
}

/* A field without a limit of its own has that of its kind. */
const char *
pb_rule_most(const PbField *field)
{
	if (field->most > 0)
		return psprintf("must be at most %d", field->most);
	if (field->kind == PB_DOUBLE)
		return "must be a number that a double can hold";
	return psprintf("must be at most " INT64_FORMAT,
					field->kind == PB_LONG ? PG_INT64_MAX :
					(int64) PG_INT32_MAX);
}

const char *
pb_rule_integer(const PbField *field, int64 integer)
{
	if (integer < field->least)
		return pb_rule_least(field);
	if (field->most > 0 && integer > field->most)
		return pb_rule_most(field);
	return NULL;
}

/* JSON has neither infinity nor NaN. */
const char *
pb_rule_number(const PbField *field, double number)
{
	if (isnan(number))
		return "must be a number";
	if (number < field->least)
		return pb_rule_least(field);
	if (isinf(number) || (field->most > 0 && number > field->most))
		return pb_rule_most(field);
	return NULL;
}

const char *
pb_rule_decimal(const PbField *field, Datum number)
{
	if (pb_decimal_compare(number, field->least) < 0)
		return pb_rule_least(field);
	if (field->most > 0 && pb_decimal_compare(number, field->most) > 0)
		return pb_rule_most(field);
	if (pb_decimal_digits(number) > PB_FRACTION_MAX)
		return psprintf("must have at most %d digits behind the point",
						PB_FRACTION_MAX);
	return NULL;
}

const char *
pb_rule_count(const PbField *field, int count)
{
	return field->most == 0 || count <= field->most ? NULL :
		psprintf("must have at most %d items", field->most);
}
