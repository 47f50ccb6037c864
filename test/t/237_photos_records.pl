# Random rounds with photos that sources hand out themselves, RETS by GetObject and Qobrix by its
# login: added, replaced, renumbered and removed, while the sources misbehave and PostgreSQL is
# killed.  After each round that settles the files of the store are those of the records.
#
#   MLS_LONG=1                       plays four seeds, forty rounds of each
#   MLS_ROUNDS=40 MLS_SEED='5 6 7'   plays other rounds than the default
#   MLS_TELL=1                       tells what happens as it happens
use strict;
use warnings;

use MlsRecordPhotos;

MlsRecordPhotos->play_seeds(6, 'leaves the files that the sources have', 'mls_fdw.allowed_hosts' => "'127.0.0.1, localhost'");
