# Publications at Typesense and OpenSearch: what a search there finds is what the view shows.
use strict;
use warnings;

use MlsPublishSearch;

play_engines(qw(typesense opensearch));
