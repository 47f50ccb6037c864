# MlsKeys: very many keys.  Fills the tables of a subscription by SQL, lets a process
# work on them, and measures the memory of its worker.
package MlsKeys;

use strict;
use warnings;

use Exporter 'import';
use MlsSync;
use Time::HiRes ();

our @EXPORT = qw(create_keys fill_keys measure);

# A source with the subscribed resource Keys; options are those of the server.
sub create_keys
{
	my ($node, $mls, $name, %options) = @_;
	my %all = (protocol => 'reso', platform => 'trestle', url => $mls->url,
		requests_per_minute => 0, requests_per_hour => 0, %options);
	my $list = join ', ', map { "$_ '$all{$_}'" } sort keys %all;
	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS ($list);
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (token 'static-token-value');
		CREATE SCHEMA $name;
		CREATE FOREIGN TABLE $name.keys (
			listing_key text OPTIONS (field 'ListingKey'),
			modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
		SERVER $name OPTIONS (resource 'Keys', key 'ListingKey', timestamp 'ModificationTimestamp');
		SELECT mls_subscribe('$name.keys')});
	return;
}

# As if the first so many records had been synced.
sub fill_keys
{
	my ($node, $name, $count) = @_;
	$node->safe_psql('postgres', qq{
		TRUNCATE bronze.${name}_keys, silver.${name}_keys;
		INSERT INTO bronze.${name}_keys (key, modified_at, modified, record, fetched_at, run_id)
		SELECT k, '2024-01-01 00:00:00Z', '2024-01-01T00:00:00Z',
		       ('{"ListingKey":"' || k || '","ModificationTimestamp":"2024-01-01T00:00:00Z"}')::json, now(), 0
		  FROM (SELECT 'K' || lpad(i::text, 9, '0') AS k FROM generate_series(0, $count - 1) i) s;
		INSERT INTO silver.${name}_keys SELECT key, modified_at FROM bronze.${name}_keys;
		ANALYZE bronze.${name}_keys, silver.${name}_keys});
	return;
}

# Memory of a process that is its own, in kB; 0 if it is no more.  (Private_Dirty of
# smaps counts pages of shared buffers, too, that nobody else has touched.)
sub own_memory
{
	my ($pid) = @_;
	open my $in, '<', "/proc/$pid/status" or return 0;
	while (<$in>)
	{
		return $1 if /^RssAnon:\s+(\d+)/;
	}
	return 0;
}

# Runs a statement; returns its output, its seconds, and the most memory that the process
# found by a query had, in MB: the worker of a sync, if none is given.
sub measure
{
	my ($node, $sql, $whose) = @_;
	$whose ||= q{SELECT pid FROM mls.run WHERE status = 'running'};
	my $begin = Time::HiRes::time();
	my $psql = start_psql($node, $sql, timeout => 1800);
	my ($pid, $most) = (0, 0);
	while ($psql->{handle}->pumpable)
	{
		$pid ||= $node->safe_psql('postgres', $whose);
		my $now = $pid ? own_memory($pid) : 0;
		$most = $now if $now > $most;
		$psql->{handle}->pump_nb;
		Time::HiRes::usleep(20000);
	}
	my $out = end_psql($psql);
	chomp $out;
	return ($out, Time::HiRes::time() - $begin, $most / 1024);
}

1;
