/*
 * page.c
 *	  Paging of lists: parameters, orders and tokens.
 *
 * A token consists of a version, a digest, and the ordering column of the last
 * row. The next page begins after that row, whatever was added or removed
 * meanwhile. An offset was rejected: rows that come and go would make a page
 * skip or repeat others, and a late page would read all rows before it.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "base/crypt.h"
#include "base/jwt.h"
#include "base/text.h"
#include "resources/page.h"

#define VERSION 1
#define HEADER 9				/* version and digest */
#define TOKEN_BYTES_MAX 700

static PbPrepared prepared;

static const PbField fields[] = {
	PB_PAGE_PARAMETERS,
	{0}
};

const PbResource pb_page_parameters = {
	.name = "page",
	.fields = fields,
	.prepared = &prepared,
};

const char *
pb_page_token_problem(const char *text, size_t length)
{
	return length == 0 ? NULL : pb_text_path_id_problem(text, length);
}

/* The leaf of a parameter. */
static int
leaf_of(const PbRow *parameters, const char *name)
{
	const PbShape *shape = parameters->shape;

	for (int i = 0; i < shape->count; i++)
		if (strcmp(shape->leaves[i].path, name) == 0)
			return i;
	elog(ERROR, "%s has no parameter \"%s\"", parameters->resource->name, name);
}

/* Takes the filters that are given. */
static void
read_filters(PbPage *page, const PbResource *listed, const PbRow *parameters)
{
	page->filters = 0;
	for (int i = 0; listed->filters != NULL && listed->filters[i].name != NULL;
		 i++)
	{
		int			leaf = leaf_of(parameters, listed->filters[i].name);

		Assert(i < PB_FILTERS_MAX);
		if (!pb_row_has(parameters, leaf))
			continue;
		page->filters |= 1 << i;
		page->values[i] = pb_row_value(parameters, leaf);
	}
}

/*
 * A digest of a list, its parents, its order and its filters, which a token is
 * bound to.
 */
static uint64
bind(const PbPage *page, const PbResource *listed, Datum of)
{
	StringInfoData all;
	uint8_t		digest[PB_DIGEST_BYTES];
	uint64		binding;

	initStringInfo(&all);
	appendStringInfo(&all, "%s %s %s", page->list, page->order->name,
					 TextDatumGetCString(of));
	for (int i = 0; i < PB_FILTERS_MAX; i++)
	{
		const char *value;

		if (!(page->filters & (1 << i)))
			continue;
		value = TextDatumGetCString(page->values[i]);
		appendStringInfo(&all, " %s %zu %s", listed->filters[i].name,
						 strlen(value), value);
	}
	pb_digest(all.data, all.len, digest);
	memcpy(&binding, digest, sizeof(binding));
	return binding;
}

/* Whether two texts have the same bytes. */
bool
pb_page_is_same(Datum text, Datum other)
{
	return DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, text,
												other));
}

static bool
begins_with(Datum text, Datum beginning)
{
	return DatumGetBool(DirectFunctionCall2Coll(text_starts_with,
												C_COLLATION_OID, text,
												beginning));
}

static bool
has_item(Datum array, Datum item)
{
	Datum	   *items;
	bool	   *nulls;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &items, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i] && pb_page_is_same(items[i], item))
			return true;
	return false;
}

/* Whether a value passes a filter, as the statements of way.c say it too. */
bool
pb_page_passes(const PbFilter *filter, Datum value, Datum wanted)
{
	switch (filter->comparison)
	{
		case PB_IS:
			return pb_page_is_same(value, wanted);
		case PB_BEGINS_WITH:
			return begins_with(value, wanted);
		case PB_HAS:
			return has_item(value, wanted);
	}
	pg_unreachable();
}

/* Whether the filters of a page leave a row. */
bool
pb_page_fits(const PbPage *page, const PbRow *row)
{
	for (int i = 0; i < PB_FILTERS_MAX; i++)
	{
		const PbFilter *filter = &row->resource->filters[i];

		if ((page->filters & (1 << i)) != 0 &&
			(!pb_row_has(row, *filter->leaf) ||
			 !pb_page_passes(filter, pb_row_value(row, *filter->leaf),
							 page->values[i])))
			return false;
	}
	return true;
}

/* A value before that of the first row. */
static Datum
before_first(const PbOrder *order)
{
	pg_uuid_t  *uuid;

	if (order->by_text)
		return CStringGetTextDatum("");
	uuid = palloc(sizeof(pg_uuid_t));
	memset(uuid->data, order->descending ? 0xff : 0, UUID_LEN);
	return UUIDPGetDatum(uuid);
}

/* A digest that tells a token from another list's and from a damaged one. */
static uint64
checksum(const PbPage *page, const uint8_t *place, size_t size)
{
	uint8_t		all[sizeof(page->binding) + TOKEN_BYTES_MAX];
	uint8_t		digest[PB_DIGEST_BYTES];
	uint64		sum;

	memcpy(all, &page->binding, sizeof(page->binding));
	memcpy(all + sizeof(page->binding), place, size);
	pb_digest(all, sizeof(page->binding) + size, digest);
	memcpy(&sum, digest, sizeof(sum));
	return sum;
}

static bool
read_token(PbPage *page, const text *token)
{
	uint8_t    *bytes = palloc(TOKEN_BYTES_MAX);
	size_t		size;
	uint64		sum;
	pg_uuid_t  *uuid;

	if (!pb_base64url_decode(VARDATA_ANY(token), VARSIZE_ANY_EXHDR(token),
							 bytes, TOKEN_BYTES_MAX, &size) ||
		size < HEADER || bytes[0] != VERSION)
		return false;
	memcpy(&sum, bytes + 1, sizeof(sum));
	if (sum != checksum(page, bytes + HEADER, size - HEADER))
		return false;
	if (page->order->by_text)
	{
		const char *text = (char *) bytes + HEADER;

		page->after = PointerGetDatum(cstring_to_text_with_len(text,
															   size - HEADER));
		return pg_verify_mbstr(PG_UTF8, text, size - HEADER, true);
	}
	uuid = palloc(sizeof(pg_uuid_t));
	memcpy(uuid->data, bytes + HEADER, UUID_LEN);
	page->after = UUIDPGetDatum(uuid);
	return size == HEADER + UUID_LEN;
}

/*
 * Reads what checked parameters ask for: size, place and filters of a page of
 * listed rows. The page has its order. False with faults for another list's
 * token.
 */
bool
pb_page_read(PbPage *page, const PbResource *listed, const PbRow *parameters,
			 Datum of, PbFaults *faults)
{
	PbPath		path = {NULL, "page_token", 0};
	int			token = leaf_of(parameters, "page_token");

	page->list = listed->plural;
	page->size = DatumGetInt32(pb_row_value(parameters,
											leaf_of(parameters, "page_size")));
	page->after = before_first(page->order);
	read_filters(page, listed, parameters);
	page->binding = bind(page, listed, of);
	if (!pb_row_has(parameters, token) ||
		read_token(page, DatumGetTextPP(pb_row_value(parameters, token))))
		return true;
	pb_fault_problem(faults, &path,
					 "must be the next_page_token of a page with the same parameters",
					 NULL);
	return false;
}

/* The token of the page after the row with this value of the column. */
const char *
pb_page_token(const PbPage *page, Datum last)
{
	uint8_t		bytes[TOKEN_BYTES_MAX];
	const void *key = page->order->by_text ?
	(const void *) VARDATA_ANY(DatumGetTextPP(last)) :
	(const void *) DatumGetUUIDP(last)->data;
	size_t		size = page->order->by_text ?
	(size_t) VARSIZE_ANY_EXHDR(DatumGetTextPP(last)) : UUID_LEN;
	char	   *token = palloc(TOKEN_BYTES_MAX * 4 / 3 + 2);
	uint64		sum;

	if (size > TOKEN_BYTES_MAX - HEADER)
		elog(ERROR, "a page cannot end at such a value");
	bytes[0] = VERSION;
	memcpy(bytes + HEADER, key, size);
	sum = checksum(page, bytes + HEADER, size);
	memcpy(bytes + 1, &sum, sizeof(sum));
	token[pb_base64url_encode(bytes, HEADER + size, token)] = '\0';
	return token;
}
