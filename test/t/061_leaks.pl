# 1,000 scans that succeed and 1,000 that fail leave memory contexts, resident memory and
# file descriptors of the backend where they were.

use strict;
use warnings;

use MlsTest;
use Test::More;

my $mls = start_mls(listings => 40);
my $node = new_node('leaks');
create_source($node, $mls, 'demo', tables => 'office', retries => 0);

# One backend for everything: the loop runs in a DO block of one session.
my $measure = q{
	CREATE FUNCTION measure() RETURNS TABLE (contexts bigint, context_bytes numeric, rss_kb bigint, fds bigint)
	LANGUAGE sql AS $$
		SELECT count(*), sum(total_bytes),
			(SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmRSS:\s+(\d+)'))[1]::bigint),
			(SELECT count(*) FROM pg_ls_dir('/proc/self/fd'))
		FROM pg_backend_memory_contexts WHERE name LIKE 'mls_fdw%' OR name IN ('TopMemoryContext', 'CacheMemoryContext')
	$$;
	CREATE FUNCTION scan(times int) RETURNS int LANGUAGE plpgsql AS $$
	DECLARE failures int := 0;
	BEGIN
		FOR i IN 1 .. times LOOP
			BEGIN
				PERFORM count(office_name) FROM demo.office;
			EXCEPTION WHEN OTHERS THEN
				failures := failures + 1;
			END;
		END LOOP;
		RETURN failures;
	END $$;
};
$node->safe_psql('postgres', $measure);

# Faults wait on the server before the session starts: 100 good answers, then bad ones.  What the
# first of these need for the first time, tables of the catalog before all, is no leak.
my @kinds = ('truncate', 'garbage_json', 'html200', 'status', 'close');
sub run_session
{
	my ($fault) = @_;
	$mls->reset;
	$mls->fault(%$fault, match => '/Office', times => -1, skip => 100) if $fault;
	my $out = $node->safe_psql('postgres', q{
		SELECT scan(120);
		SELECT 'before', * FROM measure();
		SELECT 'failures', scan(1000);
		SELECT 'after', * FROM measure();
	});
	my ($before) = $out =~ /^before\|(.*)$/m;
	my ($failures) = $out =~ /^failures\|(\d+)$/m;
	my ($after) = $out =~ /^after\|(.*)$/m;
	return ($failures, [ split /\|/, $before ], [ split /\|/, $after ]);
}

sub check
{
	my ($name, $before, $after) = @_;
	cmp_ok($after->[0], '<=', $before->[0] + 1, "$name: no context is left");
	cmp_ok($after->[1] - $before->[1], '<=', 256 * 1024, "$name: context sizes stay");
	cmp_ok($after->[2] - $before->[2], '<=', 4096, "$name: resident memory stays");
	cmp_ok($after->[3], '<=', $before->[3] + 1, "$name: file descriptors stay");
	return;
}

my ($failures, $before, $after) = run_session();
is($failures, 0, '1,000 scans succeed');
check('success', $before, $after);

for my $kind (@kinds)
{
	($failures, $before, $after) =
	  run_session({ kind => $kind, $kind eq 'status' ? (status => 404) : () });
	is($failures, 1000, "1,000 scans fail ($kind)");
	check($kind, $before, $after);
}

$mls->stop;
$node->stop;
done_testing();
