#!/usr/bin/env python3
"""Runs statements of DuckDB, one a line of standard input: duck.py LIBRARY DIRECTORY.

With them the tests make Parquet files, which nothing else here writes.  Files are written to the
directory, by relative names.
"""
import ctypes
import os
import sys


class Result(ctypes.Structure):
    _fields_ = [("unused", ctypes.c_uint64 * 3), ("columns", ctypes.c_void_p), ("error", ctypes.c_char_p), ("internal", ctypes.c_void_p)]


def main():
    duck = ctypes.CDLL(sys.argv[1])
    os.chdir(sys.argv[2])
    duck.duckdb_result_error.restype = ctypes.c_char_p
    database, connection = ctypes.c_void_p(), ctypes.c_void_p()
    if duck.duckdb_open(None, ctypes.byref(database)) or duck.duckdb_connect(database, ctypes.byref(connection)):
        sys.exit("DuckDB could not be started")
    for statement in sys.stdin:
        result = Result()
        if statement.strip() and duck.duckdb_query(connection, statement.encode(), ctypes.byref(result)):
            sys.exit(duck.duckdb_result_error(ctypes.byref(result)).decode())


main()
