/*
 * field.c
 *	  Unit test of src/fields/field.c with its assertions: nobody uses a leaf's
 *	  number before the shape is made, or in a row that lacks the leaf.
 *
 * The server's functions that field.c needs are here, in a few lines.
 */
#ifndef USE_ASSERT_CHECKING
#define USE_ASSERT_CHECKING
#endif
#include "postgres.h"

#include <setjmp.h>

#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "base/sql.h"
#include "fields/field.h"

/* check.h defines these differently */
#undef lengthof
#undef printf
#undef vprintf
#undef snprintf
#undef sprintf
#undef vsnprintf
#include "check.h"

MemoryContext CurrentMemoryContext = NULL;
static jmp_buf caught;

/* no field of the test embeds another resource */
const PbResource *const pb_resources[] = {NULL};

bool
errstart(int elevel, const char *domain)
{
	abort();
}

bool
errstart_cold(int elevel, const char *domain)
{
	abort();
}

int
errmsg_internal(const char *format,...)
{
	abort();
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	abort();
}

void *
palloc(Size size)
{
	return exactly(size);
}

void *
palloc0(Size size)
{
	return memset(exactly(size), 0, size);
}

void *
repalloc(void *memory, Size size)
{
	return realloc(memory, size);
}

char *
psprintf(const char *format,...)
{
	char	   *text = exactly(200);
	va_list		arguments;

	va_start(arguments, format);
	(void) vsnprintf(text, 200, format, arguments);
	va_end(arguments);
	return text;
}

struct varlena *
pg_detoast_datum_packed(struct varlena *datum)
{
	return datum;
}

MemoryContext
pb_sql_memory(void)
{
	return NULL;
}

void
get_typlenbyval(Oid type, int16 *length, bool *by_value)
{
	*length = sizeof(int32);
	*by_value = true;
}

bool
datum_image_eq(Datum a, Datum b, bool by_value, int length)
{
	return a == b;
}

/* Where an assertion fails. */
void
ExceptionalCondition(const char *condition,
#if PG_VERSION_NUM < 160000
					 const char *type,
#endif
					 const char *file, int line)
{
	longjmp(caught, 1);
}

#define FAILS(expression) \
	(setjmp(caught) != 0 || ((void) (expression), false))

static PbPrepared prepared;
static PbPrepared other_prepared;

static struct
{
	int			name;
	int			inner;
	int			item;
}			at;

static int	other_at;

static const PbField inner[] = {
	{.name = "inner", .kind = PB_INTEGER, .at = &at.inner},
	{0}
};

static const PbField items[] = {
	{.name = "item", .kind = PB_TEXT, .at = &at.item},
	{0}
};

static const PbField fields[] = {
	{.name = "id", .kind = PB_ID, .at = &prepared.id},
	{.name = "object", .kind = PB_OBJECT, .fields = inner},
	{.name = "list", .kind = PB_LIST, .fields = items},
	{.name = "name", .kind = PB_INTEGER, .at = &at.name},
	{0}
};

static const PbField other_fields[] = {
	{.name = "only", .kind = PB_INTEGER, .at = &other_at},
	{0}
};

static const PbResource resource = {.fields = fields, .prepared = &prepared};
static const PbResource other = {
	.fields = other_fields, .prepared = &other_prepared
};

static void
test_before_the_shape(void)
{
	PbRow	   *row = pb_row_make(&other);

	CHECK(at.name == PB_NO_LEAF, "a leaf at the top");
	CHECK(at.inner == PB_NO_LEAF, "a leaf of an object");
	CHECK(at.item == PB_NO_LEAF, "a leaf of a list's objects");
	CHECK(prepared.id == PB_NO_LEAF, "a leaf that generic code knows");
	CHECK(prepared.parent == PB_NO_LEAF, "one that no row of the table has");
	CHECK(other_at == 0, "a shape that is made");
	CHECK(FAILS(pb_row_has(row, at.name)), "has");
	CHECK(FAILS(pb_row_set(row, at.name, 0)), "set");
	CHECK(FAILS(pb_row_clear(row, at.name)), "clear");
	CHECK(FAILS(pb_row_value(row, at.name)), "value");
	CHECK(FAILS(pb_row_is_given(row, at.name)), "given");
	CHECK(FAILS(pb_row_is_word(row, at.name, "")), "word");
	CHECK(FAILS(pb_row_differs(row, row, at.name)), "differs");
	CHECK(pb_row_version(row) == 0, "a version, where nothing is updated");
}

static void
test_afterwards(void)
{
	PbRow	   *row = pb_row_make(&resource);
	PbRow	   *foreign = pb_row_make(&other);

	CHECK(prepared.id == 0 && at.inner == 1 && at.item == 2 && at.name == 3,
		  "numbers in the order of the table");
	CHECK(prepared.parent == PB_NO_LEAF, "one that no row of the table has");
	pb_row_set(row, at.name, Int32GetDatum(7));
	CHECK(pb_row_has(row, at.name), "what was set");
	CHECK(DatumGetInt32(pb_row_value(row, at.name)) == 7, "its value");
	CHECK(!pb_row_has(row, at.inner), "what was not set");
	CHECK(FAILS(pb_row_has(row, prepared.parent)), "no leaf");
	CHECK(FAILS(pb_row_has(foreign, at.name)), "a row that has fewer leaves");
}

/* A resource that the module did not start is caught at its first use. */
static void
test_not_started(void)
{
	PbPrepared	forgotten_prepared = {0};
	const PbResource forgotten = {
		.fields = other_fields, .prepared = &forgotten_prepared
	};

	CHECK(FAILS(pb_row_make(&forgotten)), "a resource that was not started");
}

int
main(void)
{
	pb_field_start(&resource);
	pb_field_start(&other);
	test_before_the_shape();
	test_afterwards();
	test_not_started();
	return report("field");
}
