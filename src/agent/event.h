/*
 * event.h
 *	  Signals, and waiting for them and for sockets together.
 */
#ifndef AGENT_EVENT_H
#define AGENT_EVENT_H

#include <poll.h>

#include "agent/base.h"

#define SOCKETS_MAX 20			/* that are waited for at once */

extern void catch_signals(void);
extern bool is_stopping(void);
extern bool take_hangup(void);
extern bool wait_for(struct pollfd *sockets, int count, int64_t until);

#endif
