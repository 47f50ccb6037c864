\echo Use "CREATE EXTENSION mls_fdw" to load this file. \quit
