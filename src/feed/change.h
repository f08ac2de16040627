/*
 * change.h
 *	  The change feed: what was changed, when, and by whom.
 *
 * Memory contexts: it keeps none. The values of a note are in the current one,
 * as are changes that are collected.
 */
#ifndef PB_CHANGE_H
#define PB_CHANGE_H

#include "fields/field.h"

/* In the order of the words in change.c. */
typedef enum PbAction
{
	PB_CREATED,
	PB_UPDATED,
	PB_DELETED,
	PB_SUSPENDED,
	PB_RESUMED,
	PB_REVOKED,
	PB_REVEALED
} PbAction;

/* In the order of the words in change.c. */
typedef enum PbActorKind
{
	PB_BY_API_KEY,
	PB_BY_USER,
	PB_BY_ROLE
} PbActorKind;

#define PB_REQUEST_ID_MAX 128

/* Who makes a change; authentication.h tells it of a request. */
typedef struct PbActor
{
	PbActorKind kind;
	Datum		name;			/* text: the id of the API key or the user,
								 * or the role's name */
	const char *request_id;		/* NULL in plain SQL */
} PbActor;

extern const PbResource pb_change;

extern void pb_change_define_settings(void);
extern int	pb_change_retention(void);
extern const char *pb_change_actor_kind(PbActorKind kind);

/* Something that was done. */
typedef struct PbChange
{
	PbAction	action;
	const PbResource *resource;
	Datum		org_id;
	const char *id;				/* a TypeID, or a key */
	const char *detail;			/* a JSON object, or NULL */
} PbChange;

/* Those of one operation, which are noted together. Empty: zeros. */
typedef struct PbChanges
{
	PbChange   *all;
	int			count;
	int			room;
} PbChanges;

extern void pb_change_note(const PbActor *actor, PbAction action,
						   const PbResource *resource, Datum org_id,
						   const char *id, const char *detail);
extern void pb_change_note_all(const PbActor *actor, const PbChange *changes,
							   int count);
extern void pb_change_collect(PbChanges *changes, PbChange change);

#endif							/* PB_CHANGE_H */
