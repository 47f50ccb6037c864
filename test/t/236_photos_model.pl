# Random rounds with listings whose photos are added, replaced, reordered, shared and removed,
# while their host misbehaves and PostgreSQL is killed.  After each round that settles the
# files of the store are those that the source shows, and gold shows them.
#
#   MLS_LONG=1                       plays four seeds, forty rounds of each
#   MLS_ROUNDS=40 MLS_SEED='5 6 7'   plays other rounds than the default
#   MLS_TELL=1                       tells what happens as it happens
use strict;
use warnings;

use MlsPhotos;

MlsPhotos->play_seeds(8, 'leaves the files that the source shows');
