/*
 * source_node.h
 *		On which machine a source lives, where gold stands on several (source_node.c).
 */
#ifndef MLS_GOLD_SOURCE_NODE_H
#define MLS_GOLD_SOURCE_NODE_H

#include "postgres.h"

/* Are there several nodes that sync sources?  Each source lives on one. */
extern bool mls_sources_have_nodes(void);

/* A text that is another one when a source has moved. */
extern char *mls_source_nodes_epoch(void);

/* Does another node sync a source?  Or an error if one does; a source that has no node yet gets this one. */
extern bool mls_source_is_elsewhere(const char *source);
extern void mls_source_require_here(const char *source);

#endif /* MLS_GOLD_SOURCE_NODE_H */
