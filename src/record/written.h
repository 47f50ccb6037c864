/*
 * written.h
 *		Numbers and dates as people and their programs write them.
 *
 * JSON and ISO 8601 leave nothing open; files made by hand do.  A column is written in one
 * way, which is found by looking at all its values (mls_written_ways), and then each value
 * is made plain in that way and no other.  Both go through the same functions, so that what
 * was found to be possible is what comes out.
 */
#ifndef MLS_WRITTEN_H
#define MLS_WRITTEN_H

#include "postgres.h"

/* How the values of a column are written. */
typedef enum MlsWritten
{
	MLS_WRITTEN_PLAIN, /* 1234.5, 2024-03-31: as JSON and ISO 8601 have it */
	MLS_WRITTEN_POINT, /* $1,234.5 */
	MLS_WRITTEN_COMMA, /* 1.234,5 EUR */
	MLS_WRITTEN_YMD,   /* 2024/3/31 */
	MLS_WRITTEN_DMY,   /* 31/3/2024, 31.03.2024 14:05 */
	MLS_WRITTEN_MDY,   /* 3/31/2024, 3/31/2024 2:05 PM */
	MLS_WRITTEN_NAMED  /* 31 Mar 2024, March 31, 2024 */
} MlsWritten;

/* The option type of a column that is written so ("number 1.234,5"); NULL for what is plain. */
extern const char *mls_written_name(MlsWritten written);

/* And back; of any other type it is plain. */
extern MlsWritten mls_written_named(const char *type);

/* What a text can be; what it can be in several ways has several bits. */
#define MLS_CAN_BOOLEAN 0x0001
#define MLS_CAN_INTEGER 0x0002 /* plain, of 18 digits at most */
#define MLS_CAN_NUMBER 0x0004  /* plain */
#define MLS_CAN_POINT 0x0008
#define MLS_CAN_COMMA 0x0010
#define MLS_CAN_DATE 0x0020    /* plain */
#define MLS_CAN_INSTANT 0x0040 /* a plain date-time, or a date */
#define MLS_CAN_YMD 0x0080     /* these: dates ... */
#define MLS_CAN_DMY 0x0100
#define MLS_CAN_MDY 0x0200
#define MLS_CAN_NAMED 0x0400
#define MLS_CAN_YMD_TIME 0x0800 /* ... and dates with or without a time */
#define MLS_CAN_DMY_TIME 0x1000
#define MLS_CAN_MDY_TIME 0x2000
#define MLS_CAN_NAMED_TIME 0x4000
#define MLS_CAN_ALL 0x7fff

/* What one value shows of its column, whatever the others are. */
#define MLS_SHOWS_PARTING                                                                          \
	0x1 /* a point or comma that one way takes for another than the other does */
#define MLS_SHOWS_DECORATION                                                                       \
	0x2 /* currency, percent, parentheses, thousands parted by apostrophes */
#define MLS_SHOWS_ZERO_DATE 0x4 /* 0000-00-00, which is none */
#define MLS_SHOWS_YES 0x8 /* one letter, which stands for yes, for no, or for something else */
#define MLS_SHOWS_NO 0x10
#define MLS_SHOWS_PERCENT 0x20  /* one bit for each unit: amounts of two cannot be compared */
#define MLS_SHOWS_CURRENCY 0x40 /* the first of them; up to MLS_SHOWS_UNITS */
#define MLS_SHOWS_UNITS 0x1fe0

/*
 * The ways in which a text can be read (MLS_CAN_*); 0: it is text.  What it shows is added to
 * *shows.  Leading zeros, a plus sign and more than 18 digits make a number text: it may be
 * an identity, of which nothing may be lost.
 */
extern int mls_written_ways(const char *text, int length, int *shows);

/*
 * Writes a text plainly into `out`, which has room for MLS_WRITTEN_ROOM bytes more than its
 * length, and returns the number of bytes; -1 if it is not written so.
 */
#define MLS_WRITTEN_ROOM 32
extern int mls_written_plain(const char *text, int length, MlsWritten written, char *out);

#endif /* MLS_WRITTEN_H */
