/*
 * field.h
 *	  The field table of a resource: one row of it says everything about a
 *	  member. The code that checks, writes, shows or describes the member reads
 *	  it there.
 *
 * A row in memory is an array of values, one for each leaf, in the order of
 * the table. The members of a nested object, and of the objects of a list, are
 * leaves; the object itself is none.
 *
 * Memory contexts: a shape is made once in a backend, in pb_sql_memory(). A
 * row and its values are in the context that was current when they were made.
 */
#ifndef PB_FIELD_H
#define PB_FIELD_H

#include "base/fault.h"
#include "base/json.h"
#include "base/pattern.h"

typedef enum PbKind
{
	PB_TEXT,
	PB_WORD,					/* one of words */
	PB_INTEGER,					/* of 32 bits */
	PB_LONG,					/* of 64 bits */
	PB_DOUBLE,					/* any finite number */
	PB_DECIMAL,					/* the same, kept as it is given */
	PB_BOOLEAN,
	PB_TIME,
	PB_ID,						/* a TypeID of prefix */
	PB_SECRET,					/* stored sealed, never shown */
	PB_LIST,					/* of what fields says */
	PB_OBJECT,					/* with the members in fields */
	PB_EMBEDDED					/* the create request of another resource */
} PbKind;

/* characters of ids that are made elsewhere */
#define PB_ORG_ID_MAX 255
#define PB_USER_ID_MAX 255

/* flags */
#define PB_CREATE	0x01		/* a create request may have it */
#define PB_UPDATE	0x02		/* an update request may have it */
#define PB_SHOWN	0x04		/* answers have it */
#define PB_REQUIRED 0x08		/* a create request must have it */
#define PB_NULLABLE 0x10		/* may be without value; "" is none */
#define PB_SPARSE	0x20		/* null until it is set, which stands for the
								 * default; not shown until then */
#define PB_DERIVED	0x40		/* no column: computed when shown */
#define PB_KEPT		0x80		/* an update cannot reset it with null */
#define PB_NULL_SHOWN 0x200		/* shown as null when it has no value */
#define PB_STAMPED	0x100		/* clients cannot set it; updates write it */
#define PB_BLANK_KEEPS	0x400	/* "" in an update changes nothing */
#define PB_BLANK_RESETS 0x800	/* "" in an update resets it, as null does */
#define PB_BLANK_SHOWN	0x1000	/* shown as "" when it has no value */

/* a member that clients give, change and see */
#define PB_READ_WRITE		(PB_CREATE | PB_UPDATE | PB_SHOWN)

typedef struct PbField
{
	const char *name;			/* JSON member; "" for a list's plain items */
	PbKind		kind;
	int			flags;
	int			least;			/* characters, value or items */
	int			most;			/* the same; 0: no limit */
	const char *column;			/* where it differs from the name */
	const char *expression;		/* of PB_DERIVED: the SQL that reads it, or
								 * NULL when C fills it */
	const char *fallback;		/* default as JSON text */
	Datum		(*setting) (void);	/* default where a setting gives it */
	const char *const *words;	/* NULL-terminated */
	const char *const *settable;	/* those a request may set; NULL: all */
	const char *otherwise;		/* what to do instead of setting another */
	const char *prefix;			/* of a PB_ID */
	const struct PbField *fields;	/* ends with a row without name */
	const char *embeds;			/* of PB_EMBEDDED: name of the resource */
	bool	   *may_be_none;	/* of PB_EMBEDDED: the setting that allows it
								 * to be absent */
	bool		(*is_none) (const PbJson *value);	/* it means none */
	const char *(*rule) (const char *text, size_t length);	/* see text.h */
	const char *pattern;		/* the same for the document; see pattern.h */
	const char *(*refuse) (const char *text, size_t length,
						   const char **hint);	/* a rule that only requests
												 * keep, as settings decide
												 * it; with the way out */
	int		   *at;				/* where C code reads the leaf's number */
	const char *hint;			/* the way out of a wrong value */
	const char *about;			/* one sentence */
} PbField;

/*
 * The one rule for an organization's id, wherever it is registered, named or
 * stored: any text, as in a create request of the API. Paths and queries
 * percent-encode it, so that an id that one operation accepts can be named in
 * all others.
 */
#define PB_ORG_ID_RULE \
	.kind = PB_TEXT, .least = 1, .most = PB_ORG_ID_MAX

/* the times of a resource, last in its table */
#define PB_TIMES(prepared_) \
	{ \
		.name = "created_at", .kind = PB_TIME, .flags = PB_SHOWN, \
		.at = &(prepared_).created_at, \
		.about = "When it was created: the instant of its id." \
	}, \
	{ \
		.name = "updated_at", .kind = PB_TIME, \
		.flags = PB_SHOWN | PB_STAMPED, \
		.at = &(prepared_).updated_at, \
		.about = "When it was changed last." \
	}, \
	{ \
		.name = "deleted_at", .kind = PB_TIME, .flags = PB_NULLABLE, \
		.at = &(prepared_).deleted_at, \
		.about = "When it was deleted, if it was." \
	}

typedef struct PbLeaf
{
	const PbField *field;
	const PbField *list;		/* the list whose objects it is a member of */
	const char *path;			/* dotted */
	const char *column;			/* NULL for a derived one */
	const char *source;			/* what queries read: the column or an
								 * expression, or NULL for nothing */
	Oid			type;
	int			column_index;	/* in stored rows; see columns_of */
	bool		has_fallback;	/* check.c has made fallback */
	Datum		fallback;
} PbLeaf;

typedef struct PbShape
{
	int			count;
	int			sources;		/* leaves that have one */
	PbLeaf	   *leaves;
	uint64		columns_of;		/* row type that column_index is for */
} PbShape;

/* The number of a leaf as long as no shape has one: see pb_field_start(). */
#define PB_NO_LEAF (-1)

struct PbRow;

/*
 * What a backend makes of a resource at its first use, and the numbers of the
 * leaves that generic code needs, to which the field table points.
 */
typedef struct PbPrepared
{
	PbShape    *shape;
	struct PbStatements *statements;	/* statement.c's */
	struct PbTable *stored;		/* the same; see pb_stored() */
	int			id;
	int			org_id;
	int			parent;
	int			text;			/* of marks: their key is made of it and of the
								 * organization */
	int			created_at;
	int			updated_at;
	int			deleted_at;
} PbPrepared;

/* A value that no two living rows of an organization share. */
typedef struct PbUnique
{
	const int  *leaf;
	const char *index;			/* on org_id and the value, of living rows */
	const char *taken;			/* what to say when another has it */
	const char *hint;			/* the way out */
} PbUnique;

/* A value that a leaf is set to, as text; NULL: none. */
typedef struct PbSet
{
	const int  *leaf;			/* a list of them ends with NULL */
	const char *value;
} PbSet;

/*
 * Whether the copy of a region has rows of the resource: see publication.c. A
 * resource must decide, as rows of a table that nobody thought of must neither
 * leak nor be missing.
 */
typedef enum PbCopying
{
	PB_COPYING_UNDECIDED,
	PB_COPIED,					/* those of its organizations, by org_id */
	PB_NEVER_COPIED
} PbCopying;

typedef struct PbResource
{
	const char *name;			/* in messages: "project" */
	const char *table;			/* qualified */
	const char *prefix;			/* of its ids; NULL: no TypeIDs, but texts that
								 * are unique below the parent */
	const struct PbResource *parent;	/* it belongs to, or NULL */
	bool		of_organization;	/* it has no other parent, and its paths
									 * begin with that one's id */
	const int  *called;			/* leaf by which the feed calls a row that has
								 * no TypeID; NULL: its parent and its key */
	const PbUnique *unique;		/* or NULL */
	const PbSet *retire;		/* what a delete sets beside deleted_at, or
								 * NULL */
	const PbSet *restore;		/* the same for what undoes it */
	const char *plural;			/* in lists: "projects" */
	const char *around;			/* the member that holds the answer to an
								 * operation on one, or NULL */
	PbCopying	copying;
	const int  *limit;			/* setting: how many may live below one
								 * parent, 0 is no limit; or NULL */
	const char *limit_setting;	/* that one's name */
	const struct PbOrder *orders;	/* of lists, the default first; see
									 * page.h */
	const struct PbFilter *filters; /* of lists, or NULL; see page.h */
	const struct PbResource *parameters;	/* of lists with filters */
	const struct PbResource *marks; /* of its rows, or NULL; see mark.c */
	const PbField *fields;		/* ends with a row without name */
	void		(*rule) (const struct PbRow *row, const PbPath *up,
						 PbFaults *faults); /* over the whole row */
	const struct PbHooks *hooks;	/* what is its own about the standard
									 * operations, see resource.h; or NULL */
	PbPrepared *prepared;
} PbResource;

/*
 * All that have a table, then NULL. The start of the module lists them, so
 * that a parent need not name its children.
 */
extern const PbResource *const pb_resources[];

typedef struct PbRow
{
	const PbResource *resource;
	PbShape    *shape;
	Datum	   *values;			/* a place for each leaf */
	char	   *nulls;			/* 'n' or ' ', as SPI has it */
	bool	   *failed;			/* leaves at fault */
	bool	   *given;			/* leaves that an update sets */
	PbJson		secret;			/* the plain value, within the request */
	struct PbRow *embedded;		/* the PB_EMBEDDED member's row */
	struct PbRow *above;		/* the locked row that a new one, or one to be
								 * deleted, stands below; or NULL */
	uint64		lived_at;		/* see resource.c */
	bool		is_complete;	/* has what other tables know of it */
	uint64		noted;			/* by the resource's hooks, for themselves */
} PbRow;

extern void pb_field_start(const PbResource *resource);
extern bool pb_field_lists_objects(const PbField *field);
extern const PbResource *pb_field_embedded(const PbField *field);
extern const PbResource *pb_field_embeds(const PbResource *resource);
extern bool pb_field_marks_deleted(const PbResource *resource);
extern bool pb_leaf_may_be_null(const PbLeaf *leaf);
extern bool pb_leaf_is_updated(const PbLeaf *leaf);
extern PbShape *pb_field_shape(const PbResource *resource);
extern PbRow *pb_row_make(const PbResource *resource);
extern void pb_row_set(PbRow *row, int leaf, Datum value);
extern bool pb_row_has(const PbRow *row, int leaf);
extern int64 pb_row_version(const PbRow *row);
extern bool pb_row_is_word(const PbRow *row, int leaf, const char *word);
extern void pb_row_clear(PbRow *row, int leaf);
extern bool pb_row_differs(const PbRow *row, const PbRow *changes, int leaf);
extern bool pb_row_merge(PbRow *row, const PbRow *changes);
extern void pb_row_spread(PbRow *row);

/* Every access by number comes through here. */
static inline void
pb_row_require(const PbRow *row, int leaf)
{
	Assert(leaf > PB_NO_LEAF && leaf < row->shape->count);
}

static inline Datum
pb_row_value(const PbRow *row, int leaf)
{
	pb_row_require(row, leaf);
	return row->values[leaf];
}

static inline bool
pb_row_is_given(const PbRow *row, int leaf)
{
	pb_row_require(row, leaf);
	return row->given[leaf];
}

#endif							/* PB_FIELD_H */
