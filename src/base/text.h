/*
 * text.h
 *	  Rules on text: characters counted, hosts and networks judged, names made
 *	  into labels, parts of a URI percent-encoded.
 *
 * It needs no server, and is safe on bytes that are no UTF-8. A function
 * named ..._problem returns the broken rule, as the end of a sentence that
 * begins with the member's path, or NULL.
 */
#ifndef PB_TEXT_H
#define PB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PB_LABEL_MAX 54			/* of a proxy label before a suffix */
#define PB_LABEL_SUFFIX 6		/* characters after the hyphen */
#define PB_DNS_LABEL_MAX 63
#define PB_PORT_MAX 65535
#define PB_TEXT_SHOWN 64		/* characters of what a client says that are
								 * repeated */
#define PB_TEXT_SHOWN_SIZE (4 * PB_TEXT_SHOWN + 3)
#define PB_PATH_ID_PATTERN "^[a-zA-Z0-9_.-]+$"
#define PB_DNS_NAME_MAX 253
#define PB_EMAIL_MAX 254
#define PB_CIDR_MAX 49			/* an address of IPv6 that ends in one of IPv4,
								 * and /128 */

extern bool pb_text_is(const char *text, size_t length, const char *word);
extern bool pb_text_is_name(const char *text, size_t length);
extern size_t pb_text_characters(const char *text, size_t length);
extern size_t pb_text_shown(const char *text, size_t length,
							char shown[PB_TEXT_SHOWN_SIZE]);
extern const char *pb_text_control_problem(const char *text, size_t length);
extern const char *pb_text_email_problem(const char *text, size_t length);
extern const char *pb_text_host_problem(const char *text, size_t length);
extern const char *pb_text_cidr_problem(const char *text, size_t length);
extern size_t pb_text_percent_encode(const char *text, size_t length,
									 char *encoded);
extern bool pb_text_percent_decode(const char *text, size_t length,
								   char *decoded, size_t *decoded_length);
extern const char *pb_text_path_id_problem(const char *text, size_t length);
extern bool pb_text_starts(const char *text, size_t length,
						   const char *prefix);
extern bool pb_text_is_alike(const char *text, size_t length,
							 const char *word);
extern size_t pb_text_label(const char *name, size_t length,
							char label[PB_LABEL_MAX]);
extern void pb_text_label_suffix(uint32_t random,
								 char suffix[PB_LABEL_SUFFIX]);
extern const char *pb_text_dns_name_problem(const char *name, size_t length);
extern const char *pb_text_domain_problem(const char *domain, size_t length);

#endif							/* PB_TEXT_H */
