/*
 * statistics.h
 *	  Counts the calls of the operations, where the library is preloaded.
 *
 * It keeps its counters in the server's shared memory, and nothing in memory
 * contexts.
 */
#ifndef PB_STATISTICS_H
#define PB_STATISTICS_H

#include "portability/instr_time.h"

#include "http/operation.h"

extern void pb_statistics_start(void);
extern void pb_statistics_begin(instr_time *begun);
extern void pb_statistics_end(const PbOperation *operation,
							  const PbFaults *faults,
							  const instr_time *begun);

extern void pb_statistics_rewrapped(int64 left);

/* What was counted: calls add for each number, with its labels as JSON. */
typedef void (*PbStatisticsAdd) (void *state, const char *metric,
								 const char *labels, double value);

extern void pb_statistics_tell(PbStatisticsAdd add, void *state);

#endif							/* PB_STATISTICS_H */
