# Hostile bytes in the night: syncs and purges of each face, answered with each kind of them.
# The run fails in the words of its error, the copy stays as it was to the byte, and the next
# run makes it true.
use strict;
use warnings;

use JSON::PP ();
use MlsQobrix;
use MlsRets;
use MlsSync;
use MlsTest;
use Test::More;

my $yes = JSON::PP::true();
my $mls = start_mls(listings => 120, samples => 5, qobrix => 120, fields => 'small');
my $node = new_node('hostile_runs');
my %options = (retries => 0, timeout_ms => 3000, max_page_bytes => 3_000_000, max_answer_bytes => 6_000_000, page_size => 50);
create_source($node, $mls, 'reso', tables => 'property', %options);
create_rets($node, $mls, 'rets', tables => 'property_all', %options);
create_tenant($node, $mls, 'qobrix', tables => 'properties', %options);

# face => [table, what its records are called by the test server, where they are asked for]
my %faces = (
	reso => [ 'property', 'Property', '/odata/Property' ],
	rets => [ 'property_all', 'Property', '/rets/search' ],
	qobrix => [ 'properties', 'qobrix/properties', '/api/v2/properties' ]);

my @faults = (
	[ 'cut', { kind => 'cut' } ],
	[ 'endless', { kind => 'endless' } ],
	[ 'compressed without end', { kind => 'gzip_bomb' } ],
	[ 'nested for ever', { kind => 'nest', depth => 500_000, open => $yes } ],
	[ 'another document', { kind => 'status', status => 200, body => '[]', content_type => 'application/json' } ],
	[ 'HTML', { kind => 'html200' } ],
	[ 'spoilt compression', { kind => 'spoilt_gzip' } ],
	[ 'reset', { kind => 'reset' } ]);

sub digest
{
	my ($table) = @_;
	return $node->safe_psql('postgres', "SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM $table t");
}

for my $face (sort keys %faces)
{
	my ($table, $resource, $where) = @{ $faces{$face} };
	my @copies = ("bronze.${face}_$table", "silver.${face}_$table");
	$node->safe_psql('postgres', "SELECT mls_subscribe('$face.$table')");
	is($node->safe_psql('postgres', "SELECT status FROM mls_sync('$face')"), 'finished', "$face: a copy");
	$mls->control('touch', { resource => $resource });
	my @before = map { digest($_) } @copies;
	for my $case (@faults)
	{
		my ($what, $fault) = @$case;
		for my $process ('sync', 'purge')
		{
			$mls->reset;
			$mls->fault(%$fault, match => $where, times => -1);
			my (undef, undef, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM mls_$process('$face')");
			my @errors = $err =~ /ERROR:  (\S+): (.*)/g;
			my ($status, $message) = split /\|/, last_run($node, $face, 'status, message'), 2;
			my @problems;
			push @problems, 'errors' if @errors != 2 || $errors[0] !~ /^(HV|08|22|28|54|53400)/;
			push @problems, "status: $status" if $status ne 'failed';
			push @problems, "its words: $message" if @errors != 2 || index($message, $errors[1]) < 0;
			push @problems, "$copies[$_] changed" for grep { digest($copies[$_]) ne $before[$_] } 0 .. 1;
			is(join(', ', @problems), '', "$face, $process: $what") or diag(substr($err, 0, 1500));
		}
	}
	$mls->reset;
	is($node->safe_psql('postgres', "SELECT status, received > 0 FROM mls_sync('$face')"), 'finished|t', "$face: the next sync ends well");
	is($node->safe_psql('postgres', "SELECT status FROM mls_purge('$face')"), 'finished', '... and a purge');
	is($node->safe_psql('postgres', "SELECT count(*) FROM silver.${face}_$table"), (split /\|/, $before[1])[0], '... with every record');
}

unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/terminated by signal|TRAP:|PANIC/, 'the server lived');

$mls->stop;
$node->stop;
done_testing();
