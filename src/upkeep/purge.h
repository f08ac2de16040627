/*
 * purge.h
 *	  Removes what was deleted long ago, with all that stands below it.
 *	  Keeps statements in the memory context pb_sql_memory().
 */
#ifndef PB_PURGE_H
#define PB_PURGE_H

#include "base/sql.h"

extern void pb_purge_define_settings(void);
extern void pb_purge_sweep(const PbSqlScope *scope);
extern int64 pb_purge(int batch);

#endif							/* PB_PURGE_H */
