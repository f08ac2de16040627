/*
 * operationtable.c
 *	  All operations of the API: the table that operationlist.h fills.
 */
#include "postgres.h"

#include "http/openapi.h"
#include "http/operation.h"
#include "plane/usage.h"
#include "resources/cacherule.h"
#include "resources/connection.h"
#include "resources/database.h"
#include "resources/domain.h"
#include "resources/health.h"
#include "resources/member.h"
#include "resources/organizations.h"
#include "resources/page.h"
#include "resources/plans.h"
#include "resources/project.h"
#include "resources/regions.h"
#include "resources/replica.h"
#include "resources/standard.h"

/* Paths that begin other paths. */
#define PROJECT "/v1/projects/{project_id}"
#define DATABASE PROJECT "/databases/{database_id}"
#define DOMAINS PROJECT "/domains"
#define ORGANIZATION "/v1/organizations/{org_id}"
#define REPLICAS "/v1/databases/{database_id}/replicas"

/* The standard operations of a resource. */
#define GIVES_PAGE(resource_) \
	.method = "GET", .status = 200, .resource = &resource_, \
	.gives = PB_GIVES_PAGE

/* all of it at once */
#define GIVES_LIST(resource_) \
	.method = "GET", .status = 200, .resource = &resource_, \
	.gives = PB_GIVES_LIST

#define LISTS_BY(resource_, parameters_) \
	GIVES_PAGE(resource_), .parameters = &parameters_, \
	.run = pb_standard_list

#define LISTS(resource_) LISTS_BY(resource_, pb_page_parameters)

#define CREATES(resource_) \
	.method = "POST", .status = 201, .resource = &resource_, \
	.takes = PB_CREATE, .gives = PB_GIVES_ONE, .writes = true, \
	.run = pb_standard_create

#define GETS(resource_) \
	.method = "GET", .status = 200, .resource = &resource_, \
	.gives = PB_GIVES_ONE, .run = pb_standard_get

#define UPDATES(resource_) \
	.method = "PATCH", .status = 200, .resource = &resource_, \
	.takes = PB_UPDATE, .gives = PB_GIVES_ONE, .heeds_etag = true, \
	.writes = true, .run = pb_standard_update

#define SETS(method_, resource_) \
	.method = method_, .status = 200, .resource = &resource_, \
	.takes = PB_CREATE, .gives = PB_GIVES_ONE, .writes = true, \
	.run = pb_standard_put

#define DELETES(resource_) \
	.method = "DELETE", .status = 204, .resource = &resource_, \
	.writes = true, .run = pb_standard_delete

static void
get_openapi(const PbRequest *request, PbReply *reply)
{
	pb_openapi(reply->body, pb_operations, lengthof(pb_operations));
}

const PbOperation pb_operations[PB_OPERATIONS] = {
#define OPERATION(function_, name_, path_, ...) \
	[PB_OPERATION_##function_] = { \
		.function = #function_, .name = name_, .path = path_, __VA_ARGS__ \
	},
#include "http/operationlist.h"
};
