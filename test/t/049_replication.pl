# What a user may rely on, whatever the protocol: the same steps on each face of the
# test server (MlsFace) and each way of paging, and after each the copy is true in
# bronze, silver and gold (MlsTruth).
#
#   MLS_FACE=rets       plays on one face
#   MLS_SOURCE=probe    and one of its sources
use strict;
use warnings;

use JSON::PP ();
use MlsFace;
use MlsModel;
use MlsSync;
use MlsTest;
use MlsTruth;
use PostgreSQL::Test::Utils;
use Test::More;

my ($node, $model, $mls, $name, $copy);
my $middle;    # how many requests for records are fine before one in the middle

sub keys_of
{
	return @{ JSON::PP::decode_json($mls->get("keys?resource=$model->{face}{resource}")) };
}

sub sql
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

# Columns of the one row of a function that moves records.
sub row_of
{
	my ($function, $columns, $more) = @_;
	$more //= '';
	return sql("SELECT $columns FROM mls_$function('$name'$more)");
}

sub change
{
	my ($what, %body) = @_;
	$model->control($what, %body);
	$model->set_clock($model->server_clock);
	return;
}

# The copy is what the server has, but for keys that are gone there.
sub is_true_copy
{
	my ($what, @gone) = @_;
	is(differences_from_truth($model, @gone), '', "$what: the copy is true");
	return;
}

# All of silver and gold in one word.
sub content
{
	return sql(qq{
		SELECT (SELECT md5(string_agg(s::text, '|' ORDER BY listing_key)) FROM silver.$copy s)
		    || (SELECT md5(string_agg(g::text, '|' ORDER BY g."ListingKey")) FROM gold.property g WHERE mls_source = '$name')});
}

sub fault
{
	my (%rule) = @_;
	$mls->fault(%{ $model->{face}{matching} }, times => 1, %rule);
	return;
}

# ---- In calm weather ----

sub loads
{
	my $count = keys_of();
	is(sql("SELECT state FROM mls_status WHERE source = '$name'"), 'not_synced', 'a new subscription is not synced');
	is(row_of('sync', 'status, inserted, updated'), "finished|$count|0", 'the first sync loads all records');
	is_true_copy('loaded');
	is(sql("SELECT state, last_error IS NULL, rows FROM mls_status_detail WHERE source = '$name'"), "synced|t|$count", 'the status says so');
	is(last_run($node, $name, 'status, inserted, message IS NULL'), "finished|$count|t", 'the run is in the history');
	return;
}

sub writes_nothing_twice
{
	my $rows = qq{SELECT md5(string_agg(xmin::text || xmax::text, ',' ORDER BY key)) FROM bronze.$copy};
	my $before = sql($rows);
	is(row_of('sync', 'status, inserted, updated, received = unchanged'), 'finished|0|0|t', 'a sync of nothing changes nothing');
	is(sql($rows), $before, 'and neither writes nor locks a row');
	return;
}

sub follows
{
	change('clock', advance => 3600);
	change('update', count => 7, fields => { $model->{face}{fields}{city} => 'Elsewhere' });
	change('insert', count => 3, fields => $model->{face}{new});
	is(row_of('sync', 'status, inserted, updated'), 'finished|3|7', 'an increment moves what changed');
	is_true_copy('after an increment');
	change('clock', advance => 3600);
	change('touch');
	is(row_of('sync', 'status, inserted, updated'), 'finished|0|' . keys_of(), 'more changes than a page holds all arrive');
	is_true_copy('after many changes');
	change('clock', advance => 3600);
	change('tie', timestamp => MlsModel::stamp($model->{top}));
	is(row_of('sync', 'status, updated'), 'finished|' . keys_of(), 'and so do many records of one instant');
	is_true_copy('with one instant');
	return;
}

sub keeps_the_newer
{
	sql(qq{UPDATE bronze.$copy SET modified_at = modified_at + interval '1 hour', record = '{"newer": true}'
		WHERE key = (SELECT max(key) FROM bronze.$copy);
		UPDATE mls.subscription SET cursor_timestamp = NULL WHERE source = '$name'});
	is(row_of('sync', 'status, inserted, updated'), 'finished|0|0', 'an older version overwrites nothing');
	is(sql(qq{SELECT record FROM bronze.$copy ORDER BY key DESC LIMIT 1}), '{"newer": true}', 'the newer one stays');
	is(row_of('reconcile', 'status, different, updated'), 'finished|1|1', 'only a reconcile goes back');
	is_true_copy('reconciled');
	return;
}

sub is_rebuilt
{
	sql("DELETE FROM silver.$copy");
	is(sql("SELECT mls_rebuild('$name.property')"), scalar(keys_of()), 'silver is rebuilt from bronze');
	is_true_copy('rebuilt');
	return;
}

# ---- In trouble ----

# A sync in the middle of which something happens: it fails in words, or finds its way;
# the next one completes the copy.
sub survives_fault
{
	my ($what, %rule) = @_;
	change('clock', advance => 3600);
	change('touch');
	my @log = $mls->requests;
	fault(%rule);
	my ($status, $out, $err) = $node->psql('postgres', "SELECT status FROM mls_sync('$name')");
	is((grep { grep { $_ eq $rule{kind} } @{ $_->{faults} } } $mls->requests($log[-1]{id})) > 0, 1, "$what: the sync meets it");
	if ($status == 0)
	{
		is($out, 'finished', "$what: the sync finds its way");
	}
	else
	{
		like($err, qr/^psql:<stdin>:1: ERROR:  .*source "/, "$what: the sync fails in words");
		is(last_run($node, $name, q{status, message <> ''}), 'failed|t', "$what: which the history keeps");
	}
	$mls->control('clear');
	is(row_of('sync', 'status'), 'finished', "$what: the next one ends well");
	is_true_copy($what);
	return;
}

# The process that moves records, held while an answer does not come.
sub held
{
	my ($call, $skip) = @_;
	my @log = $mls->requests($model->{log});
	$model->{log} = $log[-1]{id} if @log;
	fault(kind => 'stall', skip => $skip);
	my $psql = start_psql($node, $call);
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM mls.run WHERE status = 'running'") or die 'no run';
	MlsTrouble::comes_while($psql, sub { $model->is_held }) or die "$call was not held";
	return ($psql, sql(q{SELECT pid FROM mls.run WHERE status = 'running'}));
}

sub survives_end
{
	my ($what, $end, $heard) = @_;
	change('clock', advance => 3600);
	change('touch');
	my ($psql, $pid) = held("SELECT * FROM mls_sync('$name')", $middle);
	$end->($pid);
	like(end_psql($psql), $heard, "$what: the caller hears of it");
	$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
	$mls->control('clear');
	is(row_of('sync', 'status'), 'finished', "$what: the next sync ends well");
	is(last_run($node, $name, 'status'), 'finished', "$what: and is in the history");
	is_true_copy($what);
	return;
}

sub survives
{
	survives_fault('an error of the source', kind => 'status', status => 500, skip => $middle);
	survives_fault('a connection that ends', kind => 'close', skip => $middle, times => 3);
	survives_fault('an answer cut short', kind => 'truncate', skip => $middle);
	survives_fault('one that is cut and does not say so', kind => 'truncate', length => 'wrong', skip => $middle);
	survives_fault('a page in place of data', kind => 'html200', skip => $middle);
	survives_fault('a login that ends', kind => 'status', status => 401, skip => $middle);
	survives_fault('too many requests', kind => 'status', status => 429, headers => { 'Retry-After' => '1' }, skip => $middle);
	survives_end('a worker killed', sub { kill 'KILL', $_[0] }, qr/crash of another server process|closed the connection/);
	survives_end('a worker terminated', sub { sql("SELECT pg_terminate_backend($_[0])") }, qr/57P01/);
	return;
}

# ---- Removed listings ----

sub purges
{
	my @keys = keys_of();
	my @gone = @keys[ 3 .. 5 ];
	change('delete', keys => \@gone);
	is(row_of('sync', 'status'), 'finished', 'a sync of fewer records ends well');
	is_true_copy('before the purge', @gone);
	is(row_of('purge', 'status, missing, deleted', ', dry_run => true'), 'finished|3|0', 'a dry run counts what is gone');
	is_true_copy('after a dry run', @gone);
	is(row_of('purge', 'status, missing, deleted'), 'finished|3|3', 'a purge removes it');
	is_true_copy('purged');
	my $run = last_run($node, $name, 'run');
	is(sql("SELECT mls_undo($run)"), '3', 'a purge is taken back');
	is_true_copy('taken back', @gone);
	is(row_of('purge', 'deleted'), '3', 'and done again');
	is_true_copy('purged again');
	return;
}

# Nights on which a purge must not be believed.
sub refuses
{
	my ($what, $message, $night, $dawn) = @_;
	my $before = content();
	$night->();
	like(sql_error($node, "SELECT * FROM mls_purge('$name')"), $message, "$what: the error says why");
	is(content(), $before, "$what: nothing is removed");
	$mls->control('clear');
	$dawn->() if $dawn;
	return;
}

sub refuses_bad_nights
{
	my @all = keys_of();
	my @most = @all[ 0 .. @all * 3 / 4 ];    # more than 100, and than a tenth
	my $in_one = ($model->{face}{in_one} // '') eq $name;
	$mls->control('option', $model->{face}{cut}) unless $in_one;    # so that lists have a middle
	refuses('an empty list', qr/55000: source "$name" lists no record/,
		sub { change('delete', keys => \@all) }, sub { change('restore', keys => \@all) });
	refuses('most of the keys', qr/55000.*would remove too many records/,
		sub { change('delete', keys => \@most) }, sub { change('restore', keys => \@most) });
	refuses('an error in the middle', qr/nothing was removed/i, sub { fault(kind => 'status', status => 500, skip => $in_one ? 0 : 2, times => -1) });
	# The list may go on where it ended.
	refuses('a list cut short', qr/nothing was removed/i, sub { fault(kind => 'truncate', times => -1) });
	refuses('a sign-in page', qr/nothing was removed/i, sub { fault(kind => 'html200', times => -1) });
	is(row_of('purge', 'status, deleted'), 'finished|0', 'and on the next night nothing is missing');
	is_true_copy('after bad nights');
	return;
}

# ---- Copies that went astray ----

sub spoil
{
	sql(qq{
		DELETE FROM silver.$copy WHERE listing_key IN (SELECT key FROM bronze.$copy WHERE deleted_at IS NULL ORDER BY key LIMIT 30);
		DELETE FROM bronze.$copy WHERE key IN (SELECT key FROM bronze.$copy WHERE deleted_at IS NULL ORDER BY key LIMIT 30);
		UPDATE bronze.$copy SET modified_at = modified_at - interval '1 day', record = '{"old": true}'
		 WHERE key IN (SELECT key FROM bronze.$copy WHERE deleted_at IS NULL ORDER BY key LIMIT 10)});
	return;
}

sub reconciles
{
	is(row_of('reconcile', 'status, different'), 'finished|0', 'a true copy has nothing to fetch');
	spoil();
	is(row_of('reconcile', 'status, different, inserted, updated', ', dry_run => true'), 'finished|40|0|0', 'a dry run counts');
	is(row_of('reconcile', 'status, different, inserted, updated'), 'finished|40|30|10', 'what differs is fetched');
	is_true_copy('reconciled');
	spoil();
	my ($psql, $pid) = held("SELECT * FROM mls_reconcile('$name')", $middle);
	sql("SELECT pg_terminate_backend($pid)");
	like(end_psql($psql), qr/57P01/, 'a reconcile is ended in the middle');
	$mls->control('clear');
	is(row_of('reconcile', 'status'), 'finished', 'and completes the copy the next time');
	is_true_copy('reconciled in two runs');
	return;
}

for my $face (split ' ', $ENV{MLS_FACE} || 'reso rets qobrix')
{
	for my $source (sort keys %{ MlsFace->new($face)->{sources} })
	{
		next if $ENV{MLS_SOURCE} && $ENV{MLS_SOURCE} ne $source;
		$node = new_node("${face}_$source", restart_after_crash => 'on');
		$model = MlsModel->new($node, 7, face => $face, names => [$source]);
		$middle = $model->{face}{sources}{$source}{page_size} < @{ $model->{keys} } / 4 ? 2 : 0;
		($mls, $name, $copy) = ($model->{mls}, $source, "${source}_$model->{face}{copies}");
		for my $step (qw(loads writes_nothing_twice follows keeps_the_newer is_rebuilt survives purges refuses_bad_nights reconciles))
		{
			subtest "$face, $source: $step" => main->can($step);
		}
		$node->stop;
		$mls->stop;
	}
}

done_testing();
