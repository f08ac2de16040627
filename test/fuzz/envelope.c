/*
 * envelope.c
 *	  Sealed secrets: a secret opens to the same at its own place and nowhere
 *	  else, and not if it is changed, cut or grown. Of any bytes only those
 *	  open that sealing makes.
 *
 * The input is used twice: as a sealed secret, and as a recipe for making and
 * changing one.
 */
#include "fuzz.h"
#include "base/crypt.h"

#define KEY_LINE "15efb04f51261b5f8854cb3e48574fa6 404142434445464748" \
	"494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f\n"
#define OTHER_KEY_LINE "733d029aa280fcf9ce693fb1e4c92acd 6061626364656667" \
	"68696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f\n"
#define HEADER (PB_SEALED_KEYRING_ID + PB_KEYRING_ID_BYTES)
#define ORG_MAX 1020			/* bytes, as in crypt.c */
#define FILL 0xee

/* The first bytes of the input, before the secret. */
typedef struct Recipe
{
	uint8_t		change;			/* how the sealed secret is changed */
	uint8_t		at[2];
	uint8_t		bits;
	uint8_t		generation;
	uint8_t		org_length;		/* in units of five bytes */
	uint8_t		org[4];			/* repeated */
} Recipe;

enum
{
	FLIP, CUT, GROW, OTHER_KEY, OTHER_PURPOSE, OTHER_ORG, SHORTER_ORG,
	OTHER_PROJECT, OTHER_DATABASE, OTHER_GENERATION, SWAPPED_IDS, CHANGES
};

static PbKeyring *ring = NULL;
static PbKeyring *other_ring = NULL;

static const uint8_t project[16] = "a project's id  ";
static const uint8_t database[16] = "a database's id ";

static PbKeyring *
ring_of(const char *text)
{
	const char *problem;
	int			line;
	PbKeyring  *made = pb_keyring_parse(text, strlen(text), &problem, &line);

	MUST(made != NULL);
	return made;
}

static void
start(void)
{
	if (ring != NULL)
		return;
	MUST(pb_crypt_start());
	ring = ring_of(OTHER_KEY_LINE KEY_LINE);
	other_ring = ring_of(OTHER_KEY_LINE);
}

/*
 * Opens a copy without a spare byte; the caller frees the plain text. A
 * refusal leaves at most zeros there.
 */
static PbOpened
open_copy(const PbKeyring *with, const PbPlace *place, const uint8_t *sealed,
		  size_t size, uint8_t **plain, size_t *plain_size)
{
	uint8_t    *copy = exact_copy(sealed, size);
	PbOpened	opened;

	*plain = exactly(size);
	memset(*plain, FILL, size);
	opened = pb_open(with, place, copy, size, *plain, plain_size);
	if (opened == PB_OPENED)
		MUST(pb_sealed_size(*plain_size) == size);
	else
		for (size_t i = 0; i < size; i++)
			MUST((*plain)[i] == 0 || (*plain)[i] == FILL);
	free(copy);
	return opened;
}

/* Bytes that open are exactly those that sealing makes with their nonce. */
static void
open_any(const uint8_t *data, size_t size)
{
	PbPlace		place = {"fuzz", "org", 3, project, database, 1};
	uint8_t    *plain;
	size_t		plain_size;

	if (open_copy(ring, &place, data, size, &plain, &plain_size) == PB_OPENED)
	{
		bool		by_other = memcmp(data + PB_SEALED_KEYRING_ID,
									  pb_keyring_id(ring, 0),
									  PB_KEYRING_ID_BYTES) == 0;
		uint8_t    *again = exactly(size);

		MUST(pb_seal(by_other ? other_ring : ring, &place, data + HEADER,
					 plain, plain_size, again));
		MUST(memcmp(again, data, size) == 0);
		free(again);
	}
	free(plain);
}

/* Changes the place, the keys or the sealed secret. */
static void
apply_change(const Recipe *recipe, PbPlace *place, const PbKeyring **with,
			 char *org, uint8_t *sealed, size_t *size)
{
	static const uint8_t other[16] = "another thing   ";
	size_t		at = (recipe->at[0] << 8 | recipe->at[1]) % *size;
	uint8_t		bits = recipe->bits == 0 ? 1 : recipe->bits;

	switch (recipe->change % CHANGES)
	{
		case FLIP:
			sealed[at] ^= bits;
			break;
		case CUT:
			*size = at;
			break;
		case GROW:
			sealed[(*size)++] = recipe->bits;
			break;
		case OTHER_KEY:
			*with = other_ring;
			break;
		case OTHER_PURPOSE:
			place->purpose = "fuz";
			break;
		case OTHER_ORG:
			org[at % place->org_length] ^= bits;
			break;
		case SHORTER_ORG:
			place->org_length--;
			break;
		case OTHER_PROJECT:
			place->project = other;
			break;
		case OTHER_DATABASE:
			place->database = other;
			break;
		case OTHER_GENERATION:
			place->generation ^= (uint32_t) bits << at % 25;
			break;
		case SWAPPED_IDS:
			place->project = database;
			place->database = project;
			break;
	}
}

static void
open_changed(const Recipe *recipe, PbPlace *place, char *org, uint8_t *sealed,
			 size_t size)
{
	const PbKeyring *with = ring;
	uint8_t    *plain;
	size_t		plain_size;

	apply_change(recipe, place, &with, org, sealed, &size);
	MUST(open_copy(with, place, sealed, size, &plain,
				   &plain_size) != PB_OPENED);
	free(plain);
}

static void
seal_any(const uint8_t *data, size_t size)
{
	Recipe		recipe;
	PbPlace		place = {"fuzz", NULL, 0, project, database, 0};
	const uint8_t *secret = data + sizeof(recipe);
	size_t		secret_size = size - sizeof(recipe);
	size_t		sealed_size = pb_sealed_size(secret_size);
	uint8_t    *sealed = exactly(sealed_size + 1);
	uint8_t		nonce[PB_NONCE_BYTES];
	char		org[ORG_MAX + 256];
	uint8_t    *plain;
	size_t		plain_size;

	memcpy(&recipe, data, sizeof(recipe));
	for (size_t i = 0; i < sizeof(org); i++)
		org[i] = (char) recipe.org[i % sizeof(recipe.org)];
	place.org = org;
	place.org_length = 1 + 5 * recipe.org_length;
	place.generation = recipe.generation;
	memset(nonce, recipe.bits, sizeof(nonce));
	if (pb_seal(ring, &place, nonce, secret, secret_size, sealed))
	{
		MUST(place.org_length <= ORG_MAX);
		MUST(open_copy(ring, &place, sealed, sealed_size, &plain,
					   &plain_size) == PB_OPENED);
		MUST(plain_size == secret_size);
		MUST(memcmp(plain, secret, secret_size) == 0);
		free(plain);
		open_changed(&recipe, &place, org, sealed, sealed_size);
	}
	else
		MUST(place.org_length > ORG_MAX);
	free(sealed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start();
	open_any(data, size);
	if (size >= sizeof(Recipe))
		seal_any(data, size);
	return 0;
}
