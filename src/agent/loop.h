/*
 * loop.h
 *	  What the agent does, and when.
 */
#ifndef AGENT_LOOP_H
#define AGENT_LOOP_H

#include "agent/options.h"

extern int	follow(Options *options);
extern int	run_once(const Options *options);

#endif
