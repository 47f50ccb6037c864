/*
 * settings.c
 *		The settings of the transport.
 */
#include "postgres.h"

#include "http/http.h"

void
mls_http_define_settings(void)
{
}
