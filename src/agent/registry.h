/*
 * registry.h
 *	  What the agent asks of pgbeam: the files, what has changed, its place.
 */
#ifndef AGENT_REGISTRY_H
#define AGENT_REGISTRY_H

#include "agent/lines.h"
#include "agent/link.h"
#include "agent/options.h"

typedef struct File
{
	char	   *name;			/* below the folder */
	char	   *content;
} File;

typedef struct Files
{
	int			count;
	File	   *list;
} Files;

/* Changes behind the place that is confirmed. */
typedef struct Changes
{
	int			count;
	bool		is_news;		/* there is more than passwords being read */
	char	   *token;			/* of the last one, NULL if there is none */
	bool		is_claim;		/* there is a custom domain among them */
	Keys		databases;		/* ids of those created or updated */
} Changes;

typedef struct Registry
{
	Link		link;
	const Options *options;
	bool		is_standby;
	char	   *place;			/* a standby keeps none, so the agent does */
} Registry;

extern void registry_set_up(Registry *registry, const char *place,
							const char *conninfo, const Options *options);
extern bool registry_open(Registry *registry, bool follow);
extern bool registry_woken(Registry *registry);
extern bool registry_changes(Registry *registry, Changes *changes);
extern bool registry_confirm(Registry *registry, const char *token);
extern bool registry_files(Registry *registry, Files *files);
extern const char *file_named(const Files *files, const char *name);
extern void files_clear(Files *files);
extern void changes_clear(Changes *changes);

#endif
