# Random rounds with files that come, change, grow, vanish, are renamed, replaced and broken, in
# each mode and of each kind, while syncs are killed.  After each round that settles silver is
# what the files say, and mls.file says what became of them.
#
#   MLS_LONG=1                       plays four seeds, forty rounds of each
#   MLS_ROUNDS=40 MLS_SEED='5 6 7'   plays other rounds than the default
#   MLS_TELL=1                       tells what happens as it happens
use strict;
use warnings;

use MlsDatasets;

MlsDatasets->play_seeds(6, 'leaves what the files say');
