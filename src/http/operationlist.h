/*
 * operationlist.h
 *	  The operations of the API, each in one row.
 *
 * A file that includes this one first defines OPERATION(function, name, path,
 * ...). The rows give the SQL functions their C entry (entry.c), and make the
 * table of operations with its enum (operation.h). Routes, grants, the OpenAPI
 * document and tests follow from the table. The items after the path
 * initialize a PbOperation; operationtable.c defines those in capitals. Rows
 * of one path stand together. The SQL of a row stands beside its resource.
 * This file has no guard because it is included three times.
 */

OPERATION(list_projects, "listProjects", "/v1/projects",
		  GIVES_PAGE(pb_project), .counts = true,
		  .parameters = &pb_project_list_parameters, .run = pb_project_list,
		  .about = "Lists the projects of an organization, page by page.")

OPERATION(create_project, "createProject", "/v1/projects",
		  CREATES(pb_project), .conflicts = true,
		  .about = "Creates a project and its first database.")

OPERATION(get_project, "getProject", PROJECT,
		  GETS(pb_project),
		  .about = "Gets a project.")

OPERATION(update_project, "updateProject", PROJECT,
		  UPDATES(pb_project), .conflicts = true,
		  .about = "Updates the given members of a project.")

OPERATION(delete_project, "deleteProject", PROJECT,
		  DELETES(pb_project),
		  .about = "Deletes a project and its databases.")

OPERATION(list_databases, "listDatabases", PROJECT "/databases",
		  LISTS_BY(pb_database, pb_database_list_parameters),
		  .about = "Lists the databases of a project, page by page.")

OPERATION(create_database, "createDatabase", PROJECT "/databases",
		  CREATES(pb_database), .conflicts = true,
		  .about = "Creates another database in a project.")

OPERATION(get_database, "getDatabase", DATABASE,
		  GETS(pb_database),
		  .about = "Gets a database of a project.")

OPERATION(update_database, "updateDatabase", DATABASE,
		  UPDATES(pb_database),
		  .about = "Updates the given members of a database, also its password.")

OPERATION(delete_database, "deleteDatabase", DATABASE,
		  DELETES(pb_database),
		  .about = "Deletes a database.")

OPERATION(test_database_connection, "testDatabaseConnection",
		  DATABASE "/test-connection",
		  .method = "POST", .status = 200, .resource = &pb_database,
		  .run = pb_connection_test_run,
		  .about = "Tells whether the data plane last reached the upstream of a database.")

OPERATION(list_replicas, "listReplicas", REPLICAS,
		  LISTS(pb_replica),
		  .about = "Lists the replicas of a database, page by page.")

OPERATION(create_replica, "createReplica", REPLICAS,
		  CREATES(pb_replica),
		  .about = "Creates a replica of a database.")

OPERATION(delete_replica, "deleteReplica", REPLICAS "/{replica_id}",
		  DELETES(pb_replica),
		  .about = "Deletes a replica.")

OPERATION(list_cache_rules, "listCacheRules", DATABASE "/cache-rules",
		  LISTS(pb_cache_rule),
		  .about = "How the queries of a database are cached, page by page.")

OPERATION(update_cache_rule, "updateCacheRule",
		  DATABASE "/cache-rules/{query_hash}",
		  SETS("PUT", pb_cache_rule),
		  .about = "Sets how a query of a database is cached.")

OPERATION(get_project_metrics, "getProjectMetrics", PROJECT "/metrics",
		  GIVES_LIST(pb_metrics_snapshot),
		  .parameters = &pb_metrics_parameters, .run = pb_usage_metrics,
		  .about = "Gets what the proxies of a project counted, minute by minute.")

OPERATION(get_project_usage, "getProjectUsage", PROJECT "/usage",
		  GIVES_LIST(pb_project_daily_usage),
		  .parameters = &pb_usage_parameters, .run = pb_usage_of_project,
		  .about = "Gets what a project used, day by day and region by region.")

OPERATION(list_custom_domains, "listCustomDomains", DOMAINS,
		  LISTS(pb_custom_domain),
		  .about = "Lists the custom domains of a project, page by page.")

OPERATION(create_custom_domain, "createCustomDomain", DOMAINS,
		  CREATES(pb_custom_domain), .conflicts = true,
		  .about = "Adds a custom domain to a project.")

OPERATION(delete_custom_domain, "deleteCustomDomain", DOMAINS "/{domain_id}",
		  DELETES(pb_custom_domain),
		  .about = "Removes a custom domain from its project.")

OPERATION(verify_custom_domain, "verifyCustomDomain",
		  DOMAINS "/{domain_id}/verify",
		  .method = "POST", .status = 200, .resource = &pb_custom_domain,
		  .writes = true, .run = pb_domain_verify,
		  .about = "Verifies a custom domain by the last report of its TXT record.")

OPERATION(list_regions, "listRegions", "/v1/regions",
		  .method = "GET", .status = 200, .run = pb_regions_list,
		  .about = "Lists the published regions.")

OPERATION(list_plans, "listPlans", "/v1/plans",
		  .method = "GET", .status = 200, .run = pb_plans_list,
		  .about = "Lists the plans.")

OPERATION(list_organizations, "listOrganizations", "/v1/organizations",
		  .method = "GET", .status = 200, .run = pb_organizations_list,
		  .about = "Lists the caller's organizations.")

OPERATION(get_organization_plan, "getOrganizationPlan",
		  ORGANIZATION "/plan",
		  .method = "GET", .status = 200, .tells_outsiders = true,
		  .run = pb_plans_get,
		  .about = "Gets the plan of an organization with its limits.")

OPERATION(get_organization_usage, "getOrganizationUsage",
		  ORGANIZATION "/usage",
		  GIVES_LIST(pb_daily_usage), .tells_outsiders = true,
		  .parameters = &pb_usage_parameters,
		  .run = pb_usage_of_organization,
		  .about = "Gets what an organization used, day by day.")

OPERATION(update_spend_limit, "updateSpendLimit",
		  ORGANIZATION "/spend-limit",
		  .method = "PUT", .status = 200, .resource = &pb_spend_limit,
		  .takes = PB_CREATE, .writes = true, .run = pb_plans_limit_spending,
		  .about = "Sets or removes the spend limit of an organization.")

OPERATION(list_org_members, "listOrgMembers", ORGANIZATION "/members",
		  LISTS(pb_member),
		  .about = "Lists the members of an organization, page by page.")

OPERATION(update_org_member_role, "updateOrgMemberRole",
		  ORGANIZATION "/members/{member_id}",
		  SETS("PATCH", pb_member), .conflicts = true,
		  .about = "Gives a member of an organization another role.")

OPERATION(remove_org_member, "removeOrgMember",
		  ORGANIZATION "/members/{member_id}",
		  DELETES(pb_member), .conflicts = true,
		  .about = "Takes a member out of an organization.")

OPERATION(health, "getHealth", "/v1/health",
		  .method = "GET", .is_public = true, .status = 200, .degraded = 503,
		  .resource = &pb_health, .gives = PB_GIVES_ONE, .run = pb_health_get,
		  .about = "Tells whether the service is working.")

OPERATION(openapi, "getOpenApi", "/openapi.json",
		  .method = "GET", .is_public = true, .status = 200,
		  .run = get_openapi,
		  .about = "Gets this description.")
