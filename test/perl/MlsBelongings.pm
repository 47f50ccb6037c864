# MlsBelongings: random rounds in which listings with media and open houses are in
# several sources under the same keys, from a seed.
#
# Sources act and pend are of one account, with filters that part its listings; west is
# another MLS that numbers alike.
package MlsBelongings;

use strict;
use warnings;

use JSON::PP ();
use MlsTest;
use MlsTruth;

use parent 'MlsModel';

my @names = qw(act pend west);
my @tables = qw(property media open_house);
my %resource = (property => 'Property', media => 'Media', open_house => 'OpenHouse');

sub new
{
	my ($class, $node, $seed) = @_;
	my $self = bless { node => $node, seed => $seed, state => $seed * 7919 + 17, round => 0, settled => 0,
		story => [], option => {}, subscribed => {}, purges => [] }, $class;
	my %mls = (east => start_mls(listings => 25, seed => 3), west => start_mls(listings => 25, seed => 9));
	$self->{server} = \%mls;
	$self->{of} = { act => $mls{east}, pend => $mls{east}, west => $mls{west} };
	for my $name (@names)
	{
		create_source($node, $self->{of}{$name}, $name, page_size => 7);
		$self->sql("SET client_min_messages = warning; " . join '; ', map { "SELECT mls_subscribe('$name.$_')" } @tables);
		$self->{subscribed}{"$name.$_"} = 1 for @tables;
	}
	$self->set_option('FOREIGN TABLE', 'act.property', 'filter', 'BedroomsTotal le 3');
	$self->set_option('FOREIGN TABLE', 'pend.property', 'filter', 'BedroomsTotal gt 3');
	return $self;
}

sub stop
{
	my ($self) = @_;
	$_->stop for values %{ $self->{server} };
	return;
}

sub set_option
{
	my ($self, $kind, $object, $option, $value) = @_;
	my $had = defined $self->{option}{"$object $option"};
	return if !$had && !defined $value;
	my $how = !defined $value ? "DROP $option" : $had ? "SET $option '$value'" : "ADD $option '$value'";
	$self->sql("ALTER $kind $object OPTIONS ($how)");
	$self->{option}{"$object $option"} = $value;
	$self->tell("$object: $how");
	return;
}

sub some_table
{
	my ($self) = @_;
	my @all = grep { $self->{subscribed}{$_} } sort keys %{ $self->{subscribed} };
	return @all ? $self->one_of(@all) : undef;
}

# ---- Moves ----

sub change_records
{
	my ($self) = @_;
	my $which = $self->one_of(sort keys %{ $self->{server} });
	my $mls = $self->{server}{$which};
	my $resource = $self->one_of('Property', 'Property', 'Media', 'OpenHouse');
	my @keys = @{ JSON::PP::decode_json($mls->get("keys?resource=$resource")) } or return;
	my %chosen = map { $keys[ $self->number(scalar @keys) ] => 1 } 0 .. $self->number(6);
	my @chosen = sort keys %chosen;
	my $how = $self->one_of('update', 'update', 'delete');
	$mls->control($how, { resource => $resource, keys => \@chosen,
		($how eq 'update' ? (fields => $resource eq 'Property' ? { BedroomsTotal => $self->number(8) } : {}) : ()) });
	push @{ $self->{removed} }, [ $which, $resource, @chosen ] if $how eq 'delete';
	$self->tell("$how $resource of $which: @chosen");
	return;
}

# Media and open houses that now say they belong to another listing
sub move_belongings
{
	my ($self) = @_;
	my $which = $self->one_of(sort keys %{ $self->{server} });
	my $mls = $self->{server}{$which};
	my ($resource, $field) = $self->number(2) ? ('Media', 'ResourceRecordKey') : ('OpenHouse', 'ListingKey');
	my @keys = @{ JSON::PP::decode_json($mls->get("keys?resource=$resource")) } or return;
	my @listings = @{ JSON::PP::decode_json($mls->get('keys?resource=Property')) } or return;
	my $key = $keys[ $self->number(scalar @keys) ];
	my $listing = $self->number(4) ? $listings[ $self->number(scalar @listings) ] : undef;
	$mls->control('update', { resource => $resource, keys => [$key], fields => { $field => $listing } });
	$self->tell("$resource $key of $which belongs to " . ($listing // 'none'));
	return;
}

sub bring_back
{
	my ($self) = @_;
	my $removed = pop @{ $self->{removed} || [] } or return;
	my ($which, $resource, @keys) = @$removed;
	$self->{server}{$which}->control('restore', { resource => $resource, keys => \@keys });
	$self->{server}{$which}->control('touch', { resource => $resource, keys => \@keys });
	$self->tell("restore $resource of $which: @keys");
	return;
}

sub change_priority
{
	my ($self) = @_;
	$self->set_option('SERVER', $self->one_of(@names), 'priority', $self->one_of(undef, -1, 1, 2));
	return;
}

sub change_prefix
{
	my ($self) = @_;
	$self->set_option('SERVER', $self->one_of(@names), 'key_prefix', $self->one_of(undef, undef, 'P-', 'P-Q'));
	return;
}

sub change_filter
{
	my ($self) = @_;
	my ($name, $sense) = @{ $self->one_of([ act => 'le' ], [ pend => 'gt' ]) };
	my $beds = $self->number(7);
	$self->set_option('FOREIGN TABLE', "$name.property", 'filter', $self->one_of("BedroomsTotal $sense $beds", undef));
	return;
}

sub leave
{
	my ($self) = @_;
	my $table = $self->some_table or return;
	my $drop = $self->number(3) ? 'true' : 'false';
	$self->sql("SELECT mls_unsubscribe('$table', drop_data => $drop)");
	delete $self->{subscribed}{$table};
	$self->tell("$table leaves, drop_data $drop");
	return;
}

sub come
{
	my ($self) = @_;
	my @all = grep { !$self->{subscribed}{$_} } map { my $name = $_; map { "$name.$_" } @tables } @names;
	my $table = $self->one_of(@all) or return;
	$self->sql("SET client_min_messages = warning; SELECT mls_subscribe('$table')");
	$self->{subscribed}{$table} = 1;
	$self->tell("$table comes");
	return;
}

sub drop_gold
{
	my ($self) = @_;
	my $table = $self->one_of(@tables);
	$self->sql("DROP TABLE IF EXISTS gold.$table CASCADE");
	$self->tell("gold.$table is dropped");
	return;
}

sub change_condition
{
	my ($self) = @_;
	my $name = $self->one_of(@names);
	my ($table, $condition) = @{ $self->one_of([ property => 'r.bedrooms_total IS DISTINCT FROM ' . $self->number(8) ],
		[ media => 'r."order" < ' . $self->number(4) ], [ property => undef ], [ media => undef ]) };
	$self->sql("DELETE FROM mls.row_map WHERE source = '$name' AND source_resource = '$resource{$table}'");
	$self->sql("INSERT INTO mls.row_map (source, source_resource, resource, condition) VALUES ('$name', '$resource{$table}', '$resource{$table}', "
		. ($condition ? "'$condition'" : 'NULL') . ')');
	$self->tell("$name.$table: condition " . ($condition // 'none'));
	return;
}

sub work
{
	my ($self, $process, $more) = @_;
	my $table = $self->some_table or return;
	my ($name, $resource) = $table =~ /(\w+)\.(\w+)/;
	my $of = $self->number(2) ? "'$name'" : "'$name', '$resource{$resource}'";
	my (undef, $out, $err) = $self->try_sql("SELECT status FROM mls_$process($of$more)");
	push @{ $self->{purges} }, split /\n/, $self->sql("SELECT max(run) FROM mls_history WHERE source = '$name' AND process = 'purge'")
	  if $process eq 'purge';
	$self->tell("$process of $of: " . ($out =~ s/\n/ /gr) . " $err");
	return;
}

sub take_back
{
	my ($self) = @_;
	my $run = pop @{ $self->{purges} } or return;
	my (undef, $out, $err) = $self->try_sql("SELECT mls_undo($run)");
	$self->tell("undo $run: $out $err");
	return;
}

sub rebuild
{
	my ($self) = @_;
	my $table = $self->some_table or return;
	my (undef, $out, $err) = $self->try_sql("SELECT mls_rebuild('$table')");
	$self->tell("rebuild $table $err");
	return;
}

# ---- The law ----

sub strays
{
	my ($self) = @_;
	return '' if $self->sql(q{SELECT to_regclass('gold.media') IS NULL OR to_regclass('gold.property') IS NULL}) eq 't';
	return $self->sql(q{
		SELECT 'media ' || m."MediaKey" || ' of ' || m.mls_source || ' beside listing of ' || p.mls_source
		  FROM gold.media m JOIN gold.property p ON p."ListingKey" = m."ResourceRecordKey"
		 WHERE m."ResourceName" = 'Property' AND m.mls_source <> p.mls_source AND (m.mls_source = 'west' OR p.mls_source = 'west')
		   AND EXISTS (SELECT FROM mls.subscription WHERE source = m.mls_source AND resource = 'Property')
		   AND mls.is_replicated(m.mls_source, m.mls_origin) LIMIT 5});
}

sub play
{
	my ($self) = @_;
	$self->{round}++;
	$self->do_one_of([ 12, 'change_records' ], [ 4, 'move_belongings' ], [ 2, 'bring_back' ], [ 3, 'change_priority' ], [ 2, 'change_prefix' ],
		[ 3, 'change_filter' ], [ 3, 'leave' ], [ 4, 'come' ], [ 1, 'drop_gold' ], [ 2, 'change_condition' ], [ 6, 'work', 'sync', '' ],
		[ 5, 'work', 'purge', ', force => true' ], [ 2, 'work', 'reconcile', '' ], [ 1, 'work', 'remap', '' ],
		[ 1, 'work', 'sync', ', full => true' ], [ 2, 'take_back' ], [ 1, 'rebuild' ]) for 0 .. 3 + $self->number(5);
	return '' if $self->number(3);
	return $self->settle;
}

sub settle
{
	my ($self) = @_;
	my @sources = grep { my $name = $_; grep { /^$name\./ } grep { $self->{subscribed}{$_} } keys %{ $self->{subscribed} } } @names;
	$self->{settled}++;
	for my $pass (1, 2)
	{
		for my $name (@sources)
		{
			my $out = $self->sql(qq{SELECT string_agg(resource || ': ' || status || coalesce(': ' || nullif(message, ''), ''), ', ') FILTER (WHERE status <> 'finished') FROM mls_sync('$name')});
			return "a sync of $name says $out" if $out ne '' && $pass == 2;
		}
	}
	$self->tell('settled');
	my $wrong = differences_from_nothing($self->{node}, $self->{round}) || $self->strays;
	$self->{story} = [] if $wrong eq '';
	return $wrong;
}

1;
