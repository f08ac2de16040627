/*
 * files.h
 *	  Files that are read by another program while they change.
 */
#ifndef AGENT_FILES_H
#define AGENT_FILES_H

#include "agent/base.h"

extern bool folder_make(const char *path);
extern bool folder_lock(const char *path);
extern char *file_read(const char *path);
extern bool file_write(const char *path, const char *content);
extern bool file_remove(const char *path);

#endif
