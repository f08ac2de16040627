/*
 * prefix.h
 *	  The TypeID prefixes of resources, which their children need too.
 */
#ifndef PB_PREFIX_H
#define PB_PREFIX_H

#define PB_PROJECT_PREFIX "prj"
#define PB_DATABASE_PREFIX "db"
#define PB_REPLICA_PREFIX "rep"
#define PB_CUSTOM_DOMAIN_PREFIX "dom"

#endif							/* PB_PREFIX_H */
