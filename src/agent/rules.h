/*
 * rules.h
 *	  The lines of an HBA file: which PgBouncer reads as they are meant.
 */
#ifndef AGENT_RULES_H
#define AGENT_RULES_H

#include "agent/lines.h"

extern char *fitting_rules(const char *content, Keys *unfit);

#endif
