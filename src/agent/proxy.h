/*
 * proxy.h
 *	  A PgBouncer: what it has to read again, and that it did.
 */
#ifndef AGENT_PROXY_H
#define AGENT_PROXY_H

#include "agent/lines.h"
#include "agent/link.h"
#include "agent/options.h"

#define DATABASES_FILE "databases.ini"
#define HBA_FILE "hba.conf"
#define CONFIGURATION "pgbouncer.ini"

typedef struct Proxy
{
	const char *mode;			/* its ssl_mode, "" for the one in front */
	const Options *options;
	char	   *folder;			/* of its files */
	Link		console;
	Trouble		refused;		/* its version */
	Trouble		rules;			/* whether it goes by our HBA file */
	char	   *version;		/* that was told */
	bool		owes;			/* it has to read its files again, and then */
	Keys		reconnect;		/* to take new connections for these */
	Keys		gone;			/* to cut the clients of these */
} Proxy;

extern void proxy_set_up(Proxy *proxy, const Options *options,
						 const char *mode);
extern char *proxy_path(const Proxy *proxy, const char *file);
extern char *proxy_configuration(const Proxy *proxy);
extern bool proxy_recall(Proxy *proxy);
extern bool proxy_remember(Proxy *proxy, const Keys *changed,
						   const Keys *gone);
extern bool proxy_open(Proxy *proxy);
extern bool proxy_is_refused(const Proxy *proxy);
extern bool proxy_reload(Proxy *proxy);
extern bool proxy_is_current(Proxy *proxy);

#endif
