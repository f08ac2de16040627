/*
 * domain.h
 *	  Custom domains: a project's own host names.
 */
#ifndef PB_DOMAIN_H
#define PB_DOMAIN_H

#include "auth/request.h"
#include "fields/field.h"

extern const PbResource pb_custom_domain;

extern void pb_domain_define_settings(void);
extern void pb_domain_verify(const PbRequest *request, PbReply *reply);
extern void pb_domain_report(const PbJson *members, PbFaults *faults);
extern void pb_domain_release(const PbJson *members, const PbActor *actor,
							  PbFaults *faults);

#endif							/* PB_DOMAIN_H */
