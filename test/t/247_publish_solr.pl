# Publications at Solr, a cloud and none: what a search there finds is what the view shows.
use strict;
use warnings;

use MlsPublishSearch;

play_engines(qw(solr core));
