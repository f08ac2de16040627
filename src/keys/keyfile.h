/*
 * keyfile.h
 *	  The keyring file: found, judged, read and added to.
 *
 * It keeps nothing: what it reads is the caller's, in guarded memory.
 */
#ifndef PB_KEYFILE_H
#define PB_KEYFILE_H

#include "base/crypt.h"
#include "base/fault.h"

extern void pb_keyfile_define_settings(void);

extern PbKeyring *pb_keyfile_read(PbFaults *faults);
extern const char *pb_keyfile_add(PbFaults *faults);

#endif							/* PB_KEYFILE_H */
