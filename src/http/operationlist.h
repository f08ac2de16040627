/*
 * operationlist.h
 *	  The operations of the API: one row is all there is to say of one.
 *
 * Whoever includes this defines OPERATION(function, name, path, ...). The rows
 * give the SQL functions their C entry (entry.c), the table of operations with
 * its enum (operation.h), and from there routes, grants, the OpenAPI document
 * and what tests compare. The remaining items initialize a PbOperation; those
 * in capitals are of operationtable.c. A row's SQL stands beside its resource.
 * Rows of one path stand together. It has no guard: it is included thrice.
 */

OPERATION(list_projects, "listProjects", "/v1/projects",
		  GIVES_PAGE(pb_project), .counts = true,
		  .parameters = &pb_project_list_parameters, .run = pb_project_list,
		  .about = "The projects of an organization, page by page.")

OPERATION(create_project, "createProject", "/v1/projects",
		  CREATES(pb_project), .conflicts = true,
		  .about = "Stores a project and its first database.")

OPERATION(get_project, "getProject", PROJECT,
		  GETS(pb_project),
		  .about = "One project.")

OPERATION(update_project, "updateProject", PROJECT,
		  UPDATES(pb_project), .conflicts = true,
		  .about = "Changes what is given of a project.")

OPERATION(delete_project, "deleteProject", PROJECT,
		  DELETES(pb_project),
		  .about = "Deletes a project and its databases.")

OPERATION(list_databases, "listDatabases", PROJECT "/databases",
		  LISTS(pb_database),
		  .about = "The databases of a project, page by page.")

OPERATION(create_database, "createDatabase", PROJECT "/databases",
		  CREATES(pb_database), .conflicts = true,
		  .about = "Stores another database of a project.")

OPERATION(get_database, "getDatabase", DATABASE,
		  GETS(pb_database),
		  .about = "One database of a project.")

OPERATION(update_database, "updateDatabase", DATABASE,
		  UPDATES(pb_database),
		  .about = "Changes what is given of a database, its password too.")

OPERATION(delete_database, "deleteDatabase", DATABASE,
		  DELETES(pb_database),
		  .about = "Deletes a database.")

OPERATION(test_database_connection, "testDatabaseConnection",
		  DATABASE "/test-connection",
		  .method = "POST", .status = 200, .resource = &pb_database,
		  .run = pb_connection_test_run,
		  .about = "Whether its upstream could be reached when a data plane tried last.")

OPERATION(list_replicas, "listReplicas", REPLICAS,
		  LISTS(pb_replica),
		  .about = "The replicas of a database, page by page.")

OPERATION(create_replica, "createReplica", REPLICAS,
		  CREATES(pb_replica),
		  .about = "Stores a replica of a database.")

OPERATION(delete_replica, "deleteReplica", REPLICAS "/{replica_id}",
		  DELETES(pb_replica),
		  .about = "Deletes a replica.")

OPERATION(list_custom_domains, "listCustomDomains", DOMAINS,
		  LISTS(pb_custom_domain),
		  .about = "The custom domains of a project, page by page.")

OPERATION(create_custom_domain, "createCustomDomain", DOMAINS,
		  CREATES(pb_custom_domain), .conflicts = true,
		  .about = "Gives a project a domain of its own.")

OPERATION(delete_custom_domain, "deleteCustomDomain", DOMAINS "/{domain_id}",
		  DELETES(pb_custom_domain),
		  .about = "Takes a custom domain from its project.")

OPERATION(verify_custom_domain, "verifyCustomDomain",
		  DOMAINS "/{domain_id}/verify",
		  .method = "POST", .status = 200, .resource = &pb_custom_domain,
		  .writes = true, .run = pb_domain_verify,
		  .about = "Verifies a custom domain by what is known of its TXT record.")

OPERATION(list_regions, "listRegions", "/v1/regions",
		  .method = "GET", .status = 200, .run = pb_regions_list,
		  .about = "The regions that are published.")

OPERATION(list_plans, "listPlans", "/v1/plans",
		  .method = "GET", .status = 200, .run = pb_plans_list,
		  .about = "The plans there are.")

OPERATION(list_organizations, "listOrganizations", "/v1/organizations",
		  .method = "GET", .status = 200, .run = pb_organizations_list,
		  .about = "The caller's organizations.")

OPERATION(get_organization_plan, "getOrganizationPlan",
		  "/v1/organizations/{org_id}/plan",
		  .method = "GET", .status = 200, .names_organization = true,
		  .run = pb_plans_get,
		  .about = "The plan of an organization, and its limits.")

OPERATION(health, "getHealth", "/v1/health",
		  .method = "GET", .is_public = true, .status = 200, .unfit = 503,
		  .resource = &pb_health, .gives = PB_GIVES_ONE, .run = pb_health_get,
		  .about = "Whether the service is fit for work.")

OPERATION(openapi, "getOpenApi", "/openapi.json",
		  .method = "GET", .is_public = true, .status = 200,
		  .run = get_openapi,
		  .about = "This description.")
