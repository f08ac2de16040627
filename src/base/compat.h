/*
 * compat.h
 *	  Every test of the server's version in the project stands here.
 *
 * The code is written for the newest server. What an older server lacks is
 * supplied here, under its newer name.
 */
#ifndef PB_COMPAT_H
#define PB_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "pgbeam needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#include "base/own.h"

#if PG_VERSION_NUM < 160000
#define object_aclcheck(class, object, role, mode) \
	pg_proc_aclcheck(object, role, mode)
#endif

#if PG_VERSION_NUM < 160000
#define pgstat_get_local_beentry_by_index(index) \
	pgstat_fetch_stat_local_beentry(index)
#endif

#if PG_VERSION_NUM < 160000
#define pb_qualified_name(text) stringToQualifiedNameList(text)
#else
#define pb_qualified_name(text) stringToQualifiedNameList(text, NULL)
#endif

#if PG_VERSION_NUM < 170000
#define pb_make_json_lexer(text, length, need_escapes) \
	makeJsonLexContextCstringLen(text, length, PG_UTF8, need_escapes)
#else
#define pb_make_json_lexer(text, length, need_escapes) \
	makeJsonLexContextCstringLen(NULL, text, length, PG_UTF8, need_escapes)
#endif

#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* Before 18 the executor was told whether a plan is run only once. */
#if PG_VERSION_NUM < 180000
#define PB_ONCE_PARAMETER , bool once
#define PB_ONCE , once
#else
#define PB_ONCE_PARAMETER
#define PB_ONCE
#endif

/* Since 16 an update may be new to those indexes only that summarize. */
#if PG_VERSION_NUM < 160000
#define TU_UpdateIndexes bool
#define TU_None false
#define PB_ONLY_SUMMARIZING(indexes)
#else
#define PB_ONLY_SUMMARIZING(indexes) , (indexes) == TU_Summarizing
#endif

/* Since 18 a row may be told that is no conflict. */
#if PG_VERSION_NUM < 180000
#define PB_NO_ROW
#else
#define PB_NO_ROW , &(ItemPointerData) {{0, 0}, 0}
#endif

/* Since 18 a scan may be told where to count. */
#if PG_VERSION_NUM < 180000
#define PB_NO_INSTRUMENT
#else
#define PB_NO_INSTRUMENT , NULL
#endif

#if PG_VERSION_NUM >= 180000
#define PB_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "pgbeam", .version = PGBEAM_VERSION)
#else
#define PB_MODULE_MAGIC PG_MODULE_MAGIC
#endif

#endif							/* PB_COMPAT_H */
