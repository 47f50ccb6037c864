# Simulated days of a scheduled Qobrix tenant and of a RESO source with children fed
# by expand and resources that are read whole once a day: a quiet system is green at
# each moment, and what is late is told, as what it is.
#
# Time passes by moving what is recorded into the past, schedules included: to the
# database it is as if everything had happened so much earlier.
use strict;
use warnings;

use MlsQobrix;
use MlsSync;
use MlsTest;
use POSIX qw(ceil);
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 60, fields => 'small', qobrix => 40);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\n");
$node->restart;

sub sql
{
	return $node->safe_psql('postgres', "SET client_min_messages = error; $_[0]");
}

sub health
{
	return sql("SELECT level || ': ' || message FROM mls_health() WHERE item = '$_[0]'");
}

sub alarms
{
	return sql(q{SELECT string_agg(item || ' ' || level || ': ' || message, E'\n') FROM mls_health() WHERE level <> 'ok'});
}

# ---- Sources ----

sql('CREATE EXTENSION pg_cron');
subscribe_property($node, $mls, 'reso', page_size => 50, table => q{, expand 'Media,OpenHouse'});
sql(q{
	CREATE FOREIGN TABLE reso.media (media_key text OPTIONS (field 'MediaKey'),
		resource_name text OPTIONS (field 'ResourceName'), resource_record_key text OPTIONS (field 'ResourceRecordKey'))
	SERVER reso OPTIONS (resource 'Media', key 'MediaKey');
	CREATE FOREIGN TABLE reso.openhouse (open_house_key text OPTIONS (field 'OpenHouseKey'), listing_key text OPTIONS (field 'ListingKey'))
	SERVER reso OPTIONS (resource 'OpenHouse', key 'OpenHouseKey');
	CREATE FOREIGN TABLE reso.member (member_key text OPTIONS (field 'MemberKey'),
		modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
	SERVER reso OPTIONS (resource 'Member', key 'MemberKey', timestamp 'ModificationTimestamp');
	CREATE FOREIGN TABLE reso.office (office_key text OPTIONS (field 'OfficeKey'))
	SERVER reso OPTIONS (resource 'Office', key 'OfficeKey')});
sql("SELECT mls_subscribe('reso.$_')") for qw(media openhouse member office);
create_tenant($node, $mls, 'crm', page_size => 100, key_prefix => 'Q-', expand => 1);
sql("SELECT mls_subscribe('crm.$_')")
  for qw(property_types property_subtypes projects contacts users agents meetings properties property_viewings media);
is(sql(q{SELECT count(*) FILTER (WHERE fed_by IS NOT NULL) >= 3, count(*) FROM mls_status_detail}), 't|15', 'children are among them');

# ---- Time ----

# When each process is due by the simulated clock: so many minutes after Sunday began.
my %jobs = (sync => { every => 240, at => 5 }, purge => { every => 1440, at => 210 }, reconcile => { every => 10_080, at => 0 });
my $passed = 0;

sub simulated_now    # in seconds
{
	return time + 60 * $passed;
}

# The expression that is due, by the real clock, when a job is by the simulated one.
sub expression
{
	my ($job) = @_;
	my $at = ($job->{at} - $passed) % $job->{every};
	return sprintf '%d %s * * *', $at % 60, join ',', map { int(($at + $_ * $job->{every}) / 60) } 0 .. 1440 / $job->{every} - 1
	  if $job->{every} <= 1440;
	return sprintf '%d %d * * %d', $at % 60, int($at / 60) % 24, int($at / 1440);
}

sub let_pass
{
	my ($minutes) = @_;
	$passed += $minutes;
	my $by = "interval '$minutes minutes'";
	my $schedules = join ' ', map { "UPDATE mls.schedule SET schedule = '" . expression($jobs{$_}) . "' WHERE process = '$_';" } sort keys %jobs;
	sql(qq{
		BEGIN;
		UPDATE mls.run SET started_at = started_at - $by, finished_at = finished_at - $by;
		UPDATE mls.subscription SET subscribed_at = subscribed_at - $by, next_attempt_at = next_attempt_at - $by,
			remote_counted_at = remote_counted_at - $by;
		UPDATE mls.schedule SET scheduled_at = scheduled_at - $by;
		UPDATE mls.issue SET first_seen = first_seen - $by, last_seen = last_seen - $by, solved_at = solved_at - $by;
		UPDATE mls.remote_resource SET checked_at = checked_at - $by, failed_at = failed_at - $by;
		$schedules
		COMMIT});
	return;
}

# The week of the simulated clock began on a Thursday in 1970; cron counts from Sunday.
sub next_tick
{
	my ($job, $after) = @_;
	my $offset = ($job->{at} - 4 * 1440) * 60;
	my $period = $job->{every} * 60;
	return ceil(($after - $offset + 1) / $period) * $period + $offset;
}

sub pass_until
{
	my ($at) = @_;
	my $minutes = ceil(($at - simulated_now()) / 60);
	let_pass($minutes) if $minutes > 0;
	return;
}

# What pg_cron would do next: lets time pass until then, and does it.
sub next_event
{
	my (%options) = @_;
	my $now = simulated_now();
	my %due = map { $_ => next_tick($jobs{$_}, $now) } keys %jobs;
	my ($process) = sort { $due{$a} <=> $due{$b} || $a cmp $b } keys %due;
	pass_until($due{$process} - 60);
	my $before = alarms();
	pass_until($due{$process});
	return ($process, $before) if $options{dead};
	for my $source (qw(reso crm))
	{
		my $arguments = $process eq 'sync' ? ', due => true' : '';
		$node->psql('postgres', "SET client_min_messages = error; SELECT * FROM mls_$process('$source'$arguments)");
	}
	return ($process, $before . alarms());
}

# pg_cron itself has nothing to do: this test is pg_cron.
for my $source (qw(reso crm))
{
	sql("SELECT * FROM mls_schedule('$source', " . join(', ', map { "$_ => '" . expression($jobs{$_}) . "'" } sort keys %jobs) . ')');
}
sql(q{UPDATE cron.job SET schedule = '0 0 31 2 *'; UPDATE cron.job SET active = true});

# ---- Quiet days ----

is(alarms(), '', 'all is well after subscribing');
# The reconcile of the week comes in two days.
$jobs{reconcile}{at} = (int((simulated_now() / 60 + 4 * 1440) % 10_080) + 2 * 1440) % 10_080;
let_pass(0);
my (%ran, @loud);
my $until = simulated_now() + 4 * 86_400;
my $events = 0;
while (simulated_now() < $until)
{
	# After two days the others are passed over faster.
	$jobs{sync}{every} = 720 if ++$events == 15;
	my ($process, $alarms) = next_event();
	$ran{$process}++;
	push @loud, "$process at " . gmtime(simulated_now()) . ": $alarms" if $alarms ne '';
}
is(join("\n", @loud), '', 'a quiet system is green for days, before and after each of its processes');
cmp_ok($ran{sync}, '>=', 14, 'with many syncs');
cmp_ok($ran{purge}, '>=', 3, 'with a purge a day');
is($ran{reconcile}, 1, 'with the reconcile of the week');
is(sql(q{SELECT count(*) FROM mls.run WHERE status <> 'finished'}), '0', 'in which nothing failed');
is(sql(q{SELECT string_agg(DISTINCT resource, ', ') FROM mls_history WHERE resource IN ('Media', 'OpenHouse', 'media') AND process <> 'remap'}), '',
	'children have no runs of their own');
is(sql(q{SELECT count(*) BETWEEN 3 AND 5 FROM mls_history WHERE resource = 'Office' AND process = 'sync'}), 't',
	'and what is read whole is read about once a day');

# ---- Not so quiet ----

$jobs{sync}{every} = 240;
let_pass(0);
for (1 .. 12)
{
	next_event();
	last if sql(q{SELECT max(started_at) > now() - interval '10 minutes' FROM mls_history WHERE resource = 'Office' AND process = 'sync'}) eq 't';
}
next_event(dead => 1) for 1 .. 2;
let_pass(20);
my $schedule = health('schedule');
like($schedule, qr/^warning: scheduled runs did not begin before the server was started at .*, for it was down or pg_cron was not working.*sync of reso\.Property \(due .*, next/,
	'what did not begin before the server was started is told, and nobody blamed for it');
like($schedule, qr/sync of crm\.properties/, 'of both sources');
unlike($schedule, qr/media|openhouse/i, 'but not of children, which have no runs');
unlike($schedule, qr/sync of reso\.Office/, 'nor of what is read once a day before it is due again');
sql(q{UPDATE mls.schedule SET schedule = '* * * * *' WHERE process = 'sync'});
$schedule = sql(q{SELECT level || ': ' || message FROM mls_health(grace => '-2 minutes') WHERE item = 'schedule'});
like($schedule, qr/^critical: scheduled runs did not begin, pg_cron may not be working: .*sync of reso\.Property \(due/,
	'what did not begin since is because of pg_cron');
unlike($schedule, qr/media|openhouse|sync of reso\.Office/i, 'of the same ones');
# Which process is due first depends on the hour.
$events = 0;
next_event() until alarms() eq '' || ++$events > 12;
is(alarms(), '', 'what is due again puts it right');

# Resources of a source have their turn one after another
$mls->fault(kind => 'stall', resource => 'Property', times => 1);
my $purge = start_psql($node, q{SET client_min_messages = error; SELECT count(*) FROM mls_purge('reso')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mls_progress WHERE process = 'purge'});
sql(q{UPDATE mls.schedule SET scheduled_at = now() - interval '3 days' WHERE process = 'purge';
	UPDATE mls.schedule SET schedule = to_char(now() - interval '30 minutes', 'MI HH24 * * *') WHERE process = 'purge';
	UPDATE mls.run SET started_at = now() - interval '29 minutes' WHERE status = 'running';
	UPDATE mls.run SET started_at = started_at - interval '1 day', finished_at = finished_at - interval '1 day'
	 WHERE process = 'purge' AND status <> 'running';
	UPDATE mls.run SET started_at = least(started_at, now() - interval '40 minutes'),
		finished_at = least(finished_at, now() - interval '40 minutes') WHERE status <> 'running'});
unlike(health('schedule'), qr/purge of reso/, 'a purge that waits for its turn is not late');
like(health('schedule'), qr/purge of crm/, 'that of another source is');
$mls->reset;
end_psql($purge);

$node->stop;
done_testing();
