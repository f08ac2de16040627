/*
 * rule.h
 *	  The rules of a field for a value of the right type. Each function returns
 *	  the broken rule, as the end of a sentence that begins with the member's
 *	  path, or NULL.
 */
#ifndef PB_RULE_H
#define PB_RULE_H

#include "fields/field.h"

/* digits that the fraction of a PB_DECIMAL may have */
#define PB_FRACTION_MAX 20

extern const char *pb_rule_text(const PbField *field, const char *text,
								size_t length);
extern const char *pb_rule_settable(const PbField *field, const char *text,
									size_t length);
extern const char *pb_rule_integer(const PbField *field, int64 integer);
extern const char *pb_rule_number(const PbField *field, double number);
extern const char *pb_rule_decimal(const PbField *field, Datum number);
extern const char *pb_rule_least(const PbField *field);
extern const char *pb_rule_most(const PbField *field);
extern const char *pb_rule_count(const PbField *field, int count);

#endif							/* PB_RULE_H */
