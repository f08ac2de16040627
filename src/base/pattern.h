/*
 * pattern.h
 *	  Rules on text as regular expressions, for the description of the API.
 *
 * They use only what ECMA-262, RE2 and Python share: no look-around, and no
 * classes of Unicode. Each pattern matches only text that its rule of text.h
 * accepts, so that nothing is refused that the description calls valid, but
 * for what settings decide (refuse in field.h). The rules accept a little
 * more: hosts in other scripts, brackets around IPv6.
 */
#ifndef PB_PATTERN_H
#define PB_PATTERN_H

#define OCTET_ "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define IPV4_ "(" OCTET_ "\\.){3}" OCTET_
#define GROUP_ "[0-9a-fA-F]{1,4}"
#define IPV6_ \
	"((" GROUP_ ":){7}" GROUP_ "|(" GROUP_ ":){1,7}:" \
	"|(" GROUP_ ":){1,6}:" GROUP_ "|(" GROUP_ ":){1,5}(:" GROUP_ "){1,2}" \
	"|(" GROUP_ ":){1,4}(:" GROUP_ "){1,3}|(" GROUP_ ":){1,3}(:" GROUP_ "){1,4}" \
	"|(" GROUP_ ":){1,2}(:" GROUP_ "){1,5}|" GROUP_ ":(:" GROUP_ "){1,6}" \
	"|:((:" GROUP_ "){1,7}|:))"
#define LABEL_REST_ "([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"

/* what every text must match, with or without a rule */
#define PB_TEXT_PATTERN "^[^\\x00]*$"
#define PB_CONTROL_PATTERN "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
#define PB_HOST_PATTERN \
	"^(([a-zA-Z0-9_-]+\\.)*[a-zA-Z_][a-zA-Z0-9_-]*|" IPV4_ "|" IPV6_ ")$"
#define PB_CIDR_PATTERN \
	"^(" IPV4_ "(/([0-9]|[12][0-9]|3[0-2]))?|" \
	IPV6_ "(/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8]))?)$"
#define PB_DNS_NAME_PATTERN \
	"^([a-zA-Z0-9]" LABEL_REST_ "\\.)+[a-zA-Z]" LABEL_REST_ "$"
#define PB_DATE_PATTERN \
	"^((19|20)[0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])" \
	"|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))" \
	"|((19|20)(0[48]|[2468][048]|[13579][26])|2000)-02-29)$"
#define PB_PAGE_TOKEN_PATTERN "^[a-zA-Z0-9_.-]*$"

#endif							/* PB_PATTERN_H */
