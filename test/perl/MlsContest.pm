# MlsContest: random rounds in which several sources have the same keys, from a seed.
#
# The sources read one server through filters that records enter and leave.  A round
# changes data and perhaps what decides who is shown: filters, prefixes, priorities,
# rules, subscriptions; or drops gold, purges, takes a purge back, reads or makes
# everything anew.  Whenever all that was wanted is in force, each key has to stand in
# gold as the precedence says, reckoned here from silver; and once a round gold has to
# be what is made of it from nothing.
package MlsContest;

use strict;
use warnings;

use MlsTruth;

use parent 'MlsModel';

# What a filter lets pass, in the words of each protocol; %d is a number of bedrooms.
my %filters = (
	reso => [ 'BedroomsTotal le %d', 'BedroomsTotal ge %d' ],
	rets => [ '(L_BedroomsTotal=%d-)', '(L_BedroomsTotal=%d+)' ],
	qobrix => [ 'bedrooms <= %d', 'bedrooms >= %d' ]);

sub new
{
	my ($class, $node, $seed, %options) = @_;
	my $self = MlsModel::new($class, $node, $seed, shared => 1, listings => 40, sources => 3, %options);
	$self->{subscribed} = { map { $_ => 1 } $self->names };
	$self->{wanted} = {};    # changed, and not in force yet
	$self->{option} = {};
	$self->{purges} = [];
	return $self;
}

sub subscribed
{
	my ($self) = @_;
	return grep { $self->{subscribed}{$_} } $self->names;
}

# Adds, sets or drops an option of a server or of the foreign table.
sub set_option
{
	my ($self, $object, $name, $option, $value) = @_;
	my $had = defined $self->{option}{"$object $name $option"};
	return if !$had && !defined $value;
	my $how = !defined $value ? "DROP $option" : $had ? "SET $option '$value'" : "ADD $option '$value'";
	$self->sql("ALTER $object " . ($object eq 'SERVER' ? $name : "$name.property") . " OPTIONS ($how)");
	$self->{option}{"$object $name $option"} = $value;
	$self->{wanted}{$name} = 1;
	$self->tell("$name: $how");
	return;
}

# ---- Moves ----

sub change_filter
{
	my ($self) = @_;
	my $filter = $self->one_of(undef, @{ $filters{ $self->{face}{name} } });
	$self->set_option('FOREIGN TABLE', $self->one_of($self->names), 'filter',
		$filter && sprintf $filter, 2 + $self->number(5));
	return;
}

# Prefixes of which one begins another, too
sub change_prefix
{
	my ($self) = @_;
	$self->set_option('SERVER', $self->one_of($self->names), 'key_prefix', $self->one_of(undef, undef, 'P-', 'P-Q'));
	return;
}

sub change_priority
{
	my ($self) = @_;
	$self->set_option('SERVER', $self->one_of($self->names), 'priority', $self->one_of(undef, -1, 1, 2));
	return;
}

sub change_rule
{
	my ($self) = @_;
	my $name = $self->one_of($self->names);
	my $value = $self->one_of('one', 'two', undef);
	$self->sql(defined $value ? "SELECT mls_map_set('Property', 'X_Note', 'constant', '{$value}', source => '$name')"
		: "SELECT mls_map_remove('Property', 'X_Note', source => '$name')");
	$self->{wanted}{$name} = 1;
	$self->tell("$name: rule " . ($value // 'removed'));
	return;
}

# Which records make rows at all
sub change_condition
{
	my ($self) = @_;
	my $name = $self->one_of($self->names);
	my $condition = $self->number(2) ? "'r.bedrooms_total IS DISTINCT FROM " . $self->number(9) . "'" : 'NULL';
	my ($resource) = split /\n/, $self->sql("SELECT option_value FROM pg_foreign_table, pg_options_to_table(ftoptions)
		WHERE ftrelid = '$name.property'::regclass AND option_name = 'resource'");
	$self->sql("DELETE FROM mls.row_map WHERE source = '$name';
		INSERT INTO mls.row_map (source, source_resource, resource, condition) VALUES ('$name', '$resource', 'Property', $condition)");
	$self->{condition}{$name} = $condition eq 'NULL' ? undef : $condition =~ s/^'r[.]|'$//gr;
	$self->{wanted}{$name} = 1;
	$self->tell("$name: condition $condition");
	return;
}

sub leave
{
	my ($self) = @_;
	my @names = $self->subscribed;
	return if @names < 2;
	my $name = $self->one_of(@names);
	my $drop = $self->number(3) ? 'true' : 'false';
	$self->sql("SELECT mls_unsubscribe('$name.property', drop_data => $drop)");
	delete $self->{subscribed}{$name};
	# Others of its account look at theirs anew.
	$self->tell("$name leaves, drop_data $drop");
	return;
}

sub come
{
	my ($self) = @_;
	my @names = grep { !$self->{subscribed}{$_} } $self->names or return;
	my $name = $self->one_of(@names);
	$self->sql("SELECT mls_subscribe('$name.property'$self->{partition})");
	$self->{subscribed}{$name} = $self->{wanted}{$name} = 1;
	$self->tell("$name comes");
	return;
}

sub drop_gold
{
	my ($self) = @_;
	$self->sql('DROP TABLE gold.property CASCADE');
	$self->{wanted}{$_} = 1 for $self->names;
	my $cure = $self->one_of('mls_subscribe(foreign_table)', 'mls_rebuild(foreign_table)', '');
	$self->sql("SELECT $cure FROM mls.subscription ORDER BY id") if $cure;
	$self->tell("gold is dropped, $cure");
	return;
}

# A process on one source; names a run that can be taken back.
sub work
{
	my ($self, $process, $arguments) = @_;
	my $name = $self->one_of($self->subscribed);
	my ($status, $out, $err) = $self->try_sql("SELECT status FROM mls_$process('$name'$arguments)");
	$self->tell("$process of $name: $out$err");
	push @{ $self->{purges} }, [ $name, $self->sql("SELECT max(run) FROM mls_history WHERE source = '$name' AND process = 'purge'") ]
	  if $process eq 'purge' && $out eq 'finished';
	delete $self->{wanted}{$name} if $process =~ /^(sync|remap)$/ && $out =~ /finished/;
	return;
}

sub rebuild
{
	my ($self) = @_;
	my $name = $self->one_of($self->subscribed);
	$self->sql("SELECT mls_rebuild('$name.property')");
	delete $self->{wanted}{$name};
	$self->tell("rebuild of $name");
	return;
}

sub take_back
{
	my ($self) = @_;
	my $purge = pop @{ $self->{purges} } or return;
	my ($name, $run) = @$purge;
	return if !$self->{subscribed}{$name};
	my ($status, $out, $err) = $self->try_sql("SELECT mls_undo($run)");
	$self->tell("undo of purge $run of $name: $out$err");
	return;
}

sub move
{
	my ($self) = @_;
	$self->do_one_of([ 6, 'change_filter' ], [ 3, 'change_prefix' ], [ 3, 'change_priority' ], [ 2, 'change_rule' ],
		[ 2, 'change_condition' ], [ 3, 'leave' ], [ 4, 'come' ], [ 1, 'drop_gold' ],
		[ 6, 'work', 'sync', '' ], [ 6, 'work', 'purge', ', force => true' ], [ 2, 'work', 'reconcile', '' ],
		[ 2, 'work', 'remap', '' ], [ 1, 'work', 'sync', ', full => true' ], [ 1, 'rebuild' ], [ 3, 'take_back' ],
		[ 4, 'change_data' ]);
	return;
}

# ---- The law ----

# Differences of gold from who should be there, by the silver tables; in a line each.
sub wrong_winners
{
	my ($self) = @_;
	my $columns = 'listing_id, list_price, bedrooms_total, city, modification_timestamp';
	my $claims = join ' UNION ALL ', map {
		my $prefix = $self->{option}{"SERVER $_ key_prefix"} // '';
		my $condition = $self->{condition}{$_} // 'true';
		qq{SELECT '$prefix' || listing_key AS key, '$_' AS source, s.priority, s.standing, s.id, $columns
			FROM silver.${_}_$self->{face}{copies}, mls.subscription s WHERE s.source = '$_' AND ($condition)} } $self->subscribed;
	return $self->sql(qq{
		WITH due AS (SELECT DISTINCT ON (key) key, source, $columns FROM ($claims) c
			ORDER BY key, priority DESC, standing, modification_timestamp DESC NULLS LAST, id),
		here AS (SELECT "ListingKey" AS key, mls_source AS source, "ListingId", "ListPrice", "BedroomsTotal", "City", "ModificationTimestamp"
			FROM gold.property g WHERE mls_source IN (SELECT source FROM mls.subscription) OR EXISTS (SELECT FROM due WHERE due.key = g."ListingKey"))
		SELECT what || ' ' || (x.r)::text FROM (SELECT 'lacks', r FROM (SELECT * FROM due EXCEPT ALL SELECT * FROM here) r
			UNION ALL SELECT 'has', r FROM (SELECT * FROM here EXCEPT ALL SELECT * FROM due) r) x (what, r) LIMIT 6});
}

sub judge
{
	my ($self, $when) = @_;
	return '' if grep { $self->{wanted}{$_} } $self->subscribed;
	my $wrong = $self->wrong_winners;
	return $wrong eq '' ? '' : "$when gold $wrong";
}

sub play
{
	my ($self) = @_;
	$self->{round}++;
	$self->{mls}->control('clear');
	$self->change_data for 0 .. $self->number(3);
	for (0 .. $self->number(4))
	{
		$self->move;
		my $wrong = $self->judge('after a move');
		return $wrong if $wrong ne '';
	}
	return '' if $self->number(3);
	return $self->settle;
}

# All sources are synced: what is wanted is in force.
sub settle
{
	my ($self) = @_;
	my $out = $self->sql(q{SELECT string_agg(DISTINCT status || coalesce(': ' || nullif(message, ''), ''), ', ') FILTER (WHERE status <> 'finished') FROM mls_sync()});
	$out .= join '', map { $self->sql("SELECT string_agg(status || message, ', ') FILTER (WHERE status <> 'finished') FROM mls_sync('$_')") } $self->subscribed if $out ne '';
	return "a sync says $out" if $out ne '';
	$self->{wanted} = {};
	$self->tell('settled');
	my $wrong = $self->judge('settled') || differences_from_nothing($self->{node}, $self->{round});
	$self->{settled}++;
	$self->{story} = [] if $wrong eq '';
	return $wrong;
}

1;
