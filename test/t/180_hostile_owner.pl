# Nothing that the owner of a subscription has put around its tables runs in the rights of
# whoever calls a function: all functions of the extension are called by a superuser, whose
# search_path the owner has won, over tables with triggers, policies, defaults, checks,
# casts and operators of the owner, and once more over views in their place.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node();
my $mls = start_mls(listings => 60, fields => 'small');
my $url = $mls->url;

sub query
{
	my ($sql, @more) = @_;
	return scalar $node->safe_psql('postgres', $sql, @more);
}

sub as_eve
{
	my ($sql) = @_;
	return query($sql, extra_params => [ '-U', 'eve' ]);
}

query(qq{
	CREATE ROLE eve LOGIN;
	SELECT mls_grant('eve');
	CREATE SERVER e FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', retries '0', schema_policy 'ignore');
	GRANT USAGE ON FOREIGN SERVER e TO eve;
	CREATE USER MAPPING FOR eve SERVER e OPTIONS (token 'static-token-value');
	CREATE USER MAPPING FOR postgres SERVER e OPTIONS (token 'static-token-value');
	CREATE SCHEMA evil AUTHORIZATION eve;
	CREATE ROLE audience NOLOGIN;
	CREATE ROLE serving LOGIN NOINHERIT});

# ---- What a hostile owner can make ----

# Who gets here as a superuser, or can become one, leaves a trace that no rollback takes away.
as_eve(q{
	CREATE SEQUENCE evil.stolen;
	CREATE SEQUENCE evil.looked;
	CREATE FUNCTION evil.look(what text) RETURNS boolean LANGUAGE plpgsql
		SET search_path = pg_catalog, pg_temp AS $$
	BEGIN
		PERFORM nextval('evil.looked');
		IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
			PERFORM nextval('evil.stolen');
			RAISE WARNING 'STOLEN by %', what;
			RETURN true;
		END IF;
		BEGIN
			EXECUTE 'RESET ROLE';
			IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
				PERFORM nextval('evil.stolen');
				RAISE WARNING 'STOLEN by % (RESET ROLE)', what;
			END IF;
		EXCEPTION WHEN OTHERS THEN NULL;
		END;
		-- What is said to the end of the transaction is to hold for us alone.
		PERFORM set_config('search_path', 'evil, pg_catalog, public', false);
		RETURN true;
	END $$;
	CREATE FUNCTION evil.spy() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM evil.look(format('%s %s %s on %s', tg_when, tg_op, tg_level, tg_relid::regclass));
		RETURN CASE tg_op WHEN 'DELETE' THEN old ELSE new END;
	END $$;
	CREATE FUNCTION evil.index_look(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
		BEGIN PERFORM evil.look('an index'); RETURN $1; END $$;
	CREATE TYPE evil.mood AS ENUM ('good', 'bad');
	CREATE FUNCTION evil.mood_json(evil.mood) RETURNS json LANGUAGE plpgsql AS $$
		BEGIN PERFORM evil.look('a cast'); RETURN to_json($1::text); END $$;
	CREATE CAST (evil.mood AS json) WITH FUNCTION evil.mood_json(evil.mood);
	CREATE DOMAIN evil.word AS text CHECK (evil.look('a domain'));
	CREATE FUNCTION evil.text_eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$
		BEGIN PERFORM evil.look('text ='); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
	CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.text_eq);
	CREATE FUNCTION evil.int8_eq(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$
		BEGIN PERFORM evil.look('bigint ='); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
	CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.int8_eq);
	CREATE FUNCTION evil.name_eq(name, name) RETURNS boolean LANGUAGE plpgsql AS $$
		BEGIN PERFORM evil.look('name ='); RETURN $1::text OPERATOR(pg_catalog.=) $2::text; END $$;
	CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.name_eq);
	CREATE FUNCTION evil.oid_eq(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$
		BEGIN PERFORM evil.look('oid ='); RETURN $1::bigint OPERATOR(pg_catalog.=) $2::bigint; END $$;
	CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.oid_eq);
	CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN PERFORM evil.look('lower()'); RETURN pg_catalog.lower($1); END $$;
	CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE plpgsql AS $$
		BEGIN PERFORM evil.look('now()'); RETURN pg_catalog.now(); END $$;
	CREATE FOREIGN TABLE evil.property (
		listing_key text OPTIONS (field 'ListingKey'),
		list_price numeric OPTIONS (field 'ListPrice'),
		city text OPTIONS (field 'City'),
		modification_timestamp timestamptz OPTIONS (field 'ModificationTimestamp'))
	SERVER e OPTIONS (resource 'Property', key 'ListingKey', timestamp 'ModificationTimestamp')});
as_eve(q{SELECT mls_subscribe('evil.property'); SELECT * FROM mls_sync(); SELECT mls_track('evil.property')});
$mls->control('delete', { resource => 'Property', count => 2 });
as_eve(q{SELECT * FROM mls_purge(force => true)});

for my $table (qw(bronze.e_property silver.e_property gold.property))
{
	(my $name = $table) =~ tr/./_/;
	as_eve(qq{
		CREATE TRIGGER a_row_before BEFORE INSERT OR UPDATE OR DELETE ON $table FOR EACH ROW EXECUTE FUNCTION evil.spy();
		CREATE TRIGGER z_row_after AFTER INSERT OR UPDATE OR DELETE ON $table FOR EACH ROW EXECUTE FUNCTION evil.spy();
		CREATE TRIGGER a_before BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON $table FOR EACH STATEMENT EXECUTE FUNCTION evil.spy();
		CREATE TRIGGER z_after AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON $table FOR EACH STATEMENT EXECUTE FUNCTION evil.spy();
		ALTER TABLE $table ADD COLUMN mood evil.mood DEFAULT 'good';
		ALTER TABLE $table ADD COLUMN seen boolean DEFAULT evil.look('a default');
		ALTER TABLE $table ADD CONSTRAINT look CHECK (evil.look('a check'));
		ALTER TABLE $table ENABLE ROW LEVEL SECURITY;
		ALTER TABLE $table FORCE ROW LEVEL SECURITY;
		CREATE POLICY look ON $table USING (evil.look('a policy')) WITH CHECK (evil.look('a policy'))});
}
as_eve(q{
	CREATE INDEX ON silver.e_property (evil.index_look(city));
	CREATE INDEX ON gold.property (evil.index_look("City"));
	CREATE VIEW evil.bronze AS SELECT b.* FROM bronze.e_property b WHERE evil.look('a view');
	CREATE VIEW evil.silver AS SELECT s.* FROM silver.e_property s WHERE evil.look('a view');
	CREATE VIEW evil.gold AS SELECT g.* FROM gold.property g WHERE evil.look('a view')});
# A rule that a superuser has allowed runs as the owner as well.
query(q{SELECT mls_map_set('Property', 'X_Rule', 'expression', ARRAY['evil.index_look(r.city)'], source => 'e')});
is(query(q{SELECT is_called FROM evil.stolen}), 'f', 'neither the owner\'s own calls nor a rule steal');

# ---- All functions, called by a superuser ----

my $id = query(q{SELECT id FROM mls.subscription});
my $purge = query(q{SELECT run FROM mls_history WHERE process = 'purge'});
my $key = query(q{SELECT min(key) FROM bronze.e_property WHERE deleted_at IS NULL});
my $verification = query(q{INSERT INTO mls.verification (source, samples) VALUES ('e', 1) RETURNING id});
my $sub = "(SELECT s FROM mls.subscription s LIMIT 1)";

# Function by function, in this order.  undef: it cannot be called, or it looks at its arguments alone.
# A publication of hers, at a destination where nobody answers.
query(q{CREATE SERVER shop FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'mysql', url 'mysql://127.0.0.1:1/shop', tls 'none'); GRANT USAGE ON FOREIGN SERVER shop TO eve;
	CREATE USER MAPPING FOR eve SERVER shop OPTIONS (username 'e', password 'e'); CREATE USER MAPPING FOR postgres SERVER shop OPTIONS (username 'e', password 'e')});
as_eve(q{SELECT mls_publish('gold.property', 'shop')});
# A mart of hers, with what she has put around its tables.
query(q{GRANT CREATE ON DATABASE postgres TO eve});
as_eve(q{ALTER TABLE gold.property ADD COLUMN "StandardStatus" text DEFAULT 'Active', ADD COLUMN "PropertyType" text DEFAULT 'Residential'; SELECT mls_mart_create(); SELECT * FROM mls_mart_sync('mart')});
as_eve("CREATE TRIGGER spy BEFORE INSERT OR UPDATE OR DELETE ON mart.$_ FOR EACH ROW EXECUTE FUNCTION evil.spy(); ALTER TABLE mart.$_ ADD CONSTRAINT look CHECK (evil.look('a check'))")
  for qw(dim_source dim_location dim_property_type fct_listing fct_spell agg_market_month agg_day);
is(query(q{SELECT count(*) > 0 FROM mart.fct_listing}), 't', 'she has a mart');
# Tests of hers, with functions of hers.
as_eve(q{SELECT mls_test_add('hers', 'a', 'not_null', 'evil.gold', '{City}'), mls_test_add('hers', 'b', 'expression', 'gold.property', arguments => '{"expression": "evil.look(''a test'')"}', on_failure => 'report'),
	mls_test_add('hers', 'c', 'row_count', 'mart.fct_listing', on_failure => 'keep last good', arguments => '{"min": 1}')});

my @calls = (
	mls_sync => q{SELECT * FROM mls_sync('e')},
	mls_purge => q{SELECT * FROM mls_purge('e')},
	mls_reconcile => q{SELECT * FROM mls_reconcile('e')},
	mls_remap => q{SELECT * FROM mls_remap('e')},
	mls_undo => "SELECT mls_undo($purge)",
	mls_rebuild => q{SELECT mls_rebuild('evil.property')},
	mls_subscribe => q{SELECT mls_subscribe('evil.property')},
	mls_count => q{SELECT * FROM mls_count('e')},
	'mls.count_all' => q{SELECT * FROM mls.count_all('e', NULL)},
	'mls.count_remote' => "SELECT mls.count_remote($id)",
	'mls.count_local' => "SELECT mls.count_local($id)",
	mls_verify => q{SELECT * FROM mls_verify('e')},
	'mls.verify_counts' => "SELECT mls.verify_counts($verification, $sub)",
	'mls.verify_sample' => "SELECT mls.verify_sample($verification, $sub, 3)",
	'mls.verify_gold' => "SELECT mls.verify_gold($verification, $sub)",
	'mls.verify_joins' => "SELECT mls.verify_joins($verification, $sub)",
	'mls.verify_references' => "SELECT mls.verify_references($verification, $id, 'e', 'Property', 'gold.property')",
	'mls.measure_gold' => "SELECT mls.measure_gold($verification, $id, 'e', 'Property', 'gold.property')",
	'mls.verify_lookups' => "SELECT mls.verify_lookups($verification, $id, 'e', 'Property', 'gold.property')",
	'mls.verify_units' => "SELECT mls.verify_units($verification, 'e')",
	'mls.verify_rules' => "SELECT mls.verify_rules($verification)",
	(map { ('mls.verify_part' => "SELECT mls.verify_part($verification, '$_', $sub, 2)") } qw(identity counts sample gold joins)),
	(map { ('mls.verify_gold_part' => "SELECT mls.verify_gold_part($verification, '$_', $id, 'e', 'Property', 'gold.property')") } qw(references quality lookups)),
	'mls.lost_runs' => 'SELECT mls.lost_runs()',
	'mls.has_lost_rows' => "SELECT mls.has_lost_rows($id)",
	'mls.with_rows' => q{SELECT mls.with_rows('bronze.e_property'::regclass)},
	'mls.cleaned_fields' => "SELECT mls.cleaned_fields($sub)",
	'mls.add_finding' => "SELECT mls.add_finding($verification, 'info', 'Property', 'counts', NULL, 1, 'x')",
	'mls.gold_comparison' => q{SELECT * FROM mls.gold_comparison('evil.property')},
	'mls.as_owner' => qq{SELECT mls.as_owner($id, 'SELECT to_jsonb(t) FROM silver.e_property t')},
	'mls.as_role' => q{SELECT mls.as_role('eve', 'SELECT to_jsonb(t) FROM gold.property t')},
	'mls.begin_verification' => q{SELECT mls.begin_verification('e', 1)},
	'mls.open_verification' => "SELECT mls.open_verification('postgres', $verification)",
	'mls.note_quality' => "SELECT mls.note_quality($verification, 'Property', '[]')",
	'mls.end_verification' => q{SELECT mls.end_verification(mls.begin_verification('e', 1))},
	'mls.note_remote_rows' => "SELECT mls.note_remote_rows($id, 60)",
	'mls.note_tracking' => "SELECT mls.note_tracking($id, true)",
	'mls.note_schedule' => q{SELECT mls.note_schedule('e', 'sync', NULL)},
	'mls.forget' => q{SELECT mls.forget('runs', '2000-01-01')},
	'mls.note_rename' => q{SELECT mls.note_rename('e', 'e')},
	mls_share_gold => q{SELECT mls_share_gold('postgres')},
	'mls.admit_replicators' => q{SELECT mls.admit_replicators('gold.property')},
	mls_compare => "SELECT * FROM mls_compare('e', 'Property', '$key')",
	mls_find => "SELECT * FROM mls_find('$key')",
	'mls.find_in' => "SELECT mls.find_in($sub, '$key')",
	mls_layers => "SELECT * FROM mls_layers('e', 'Property', '$key')",
	'mls.meant_keys' => "SELECT mls.meant_keys($sub, 'nothing')",
	'mls.key_fields' => q{SELECT mls.key_fields('evil.property')},
	'mls.table_fields' => q{SELECT mls.table_fields('evil.property')},
	'mls.key_condition' => q{SELECT mls.key_condition('evil.property', 'x')},
	'mls.asked_fields' => q{SELECT mls.asked_fields('evil.property')},
	'mls.feeder' => "SELECT mls.feeder($id)",
	'mls.source_differs' => "SELECT mls.source_differs($id)",
	'mls.rests_until' => "SELECT mls.rests_until($id)",
	'mls.refresh_within' => "SELECT mls.refresh_within('o')",
	mls_source_accept => q{SELECT mls_source_accept('e')},
	mls_schema_check => q{SELECT * FROM mls_schema_check('e')},
	mls_schema_accept => q{SELECT * FROM mls_schema_accept('e')},
	'mls.follow_renames' => 'SELECT mls.follow_renames()',
	'mls.rename_source' => undef, # part of the former; see below
	mls_health => 'SELECT * FROM mls_health()',
	mls_metrics => 'SELECT * FROM mls_metrics()',
	mls_quota => q{SELECT * FROM mls_quota('e')},
	mls_check => q{SELECT * FROM mls_check('e')},
	mls_objects => undef, # RETS; reads no table
	mls_dataset_inspect => undef, # datasets; reads files
	mls_dataset_remove => q{SELECT mls_dataset_remove('evil.property')},
	'mls.forget_file' => "SELECT mls.forget_file($id, 'x.csv')",
	'mls.as_role_with' => q{SELECT mls.as_role_with('eve', 'SELECT to_jsonb(t) FROM gold.property t WHERE $1 IS NOT NULL', 'x'::bytea)},
	mls_tenant => q{SELECT mls_tenant('eve', '{file:///srv/eve}')},
	'mls.place_of' => q{SELECT mls.place_of('file:///srv/eve')},
	'mls.tenants_of' => q{SELECT * FROM mls.tenants_of('eve')},
	'mls.take_file' => q{SELECT mls.take_file('eve', 1, 1)},
	'mls.store_file' => q{SELECT mls.store_file('eve', 0, 'x.csv', 1)},
	'mls.stored' => q{SELECT mls.stored('eve')},
	'mls.stored_bytes' => q{SELECT mls.stored_bytes('eve')},
	'mls.note_unread' => "SELECT mls.note_unread($id, '{x.csv}', '{x}')",
	'mls.drop_broken_uploads' => 'SELECT mls.drop_broken_uploads()',
	'mls.dataset_names' => q{SELECT mls.dataset_names('evil.property')},
	'mls.today' => 'SELECT mls.today()',
	mls_tenant_remove => q{SELECT mls_tenant_remove('eve')},
	mls_serve_dataset => q{SELECT mls_serve_dataset('evil.property', 'audience')},
	mls_serve_dataset_remove => q{SELECT mls_serve_dataset_remove('evil.property', 'audience')},
	'mls.note_dataset_audience' => q{SELECT mls.note_dataset_audience('audience', 'evil.property', true)},
	'mls.audiences' => 'SELECT * FROM mls.audiences()',
	'mls.datasets_of' => q{SELECT * FROM mls.datasets_of('postgres', 'audience', '{}')},
	'mls.dataset_file' => 'SELECT mls.dataset_file(f) FROM mls.file f',
	'mls.written_dataset' => q{SELECT * FROM mls.written_dataset('postgres', 'audience', '{}', 'e', 'Property')},
	'mls.problem' => q{SELECT mls.problem(400, 'a', 'b')},
	'mls.serve_datasets' => q{SELECT mls.serve_datasets('audience', '{}')},
	'mls.serve_dataset_files' => q{SELECT mls.serve_dataset_files('audience', '{}', 'e', 'Property')},
	'mls.serve_dataset_put' => q{SELECT mls.serve_dataset_put('audience', '{}', 'e', 'Property', 'x.csv', 'x')},
	'mls.serve_dataset_sync' => q{SELECT mls.serve_dataset_sync('audience', '{}', 'e', 'Property')},
	'mls.serve_dataset_delete' => q{SELECT mls.serve_dataset_delete('audience', '{}', 'e', 'Property')},
	'mls.waiting_dataset' => q{SELECT * FROM mls.waiting_dataset(0)},
	'mls.begin_sync' => "SELECT mls.begin_sync($id)",
	'mls.is_file_of' => q{SELECT mls.is_file_of('a', 'b')},
	(map { $_ => undef } qw(mls_upload mls_upload_drop mls.uploads_at mls.upload_server mls.dataset_entries mls.upload_problem)), # datasets; tables of ours only
	(map { $_ => undef } qw(mls_dataset mls.make_dataset mls.make_dataset_apart)), # makes what is the caller's; the rest are functions above
	(map { $_ => undef } qw(mls_store_put mls_store_get mls_store_list mls_store_delete mls_store_sweep mls_store_adopt mls_store_link)), # stores of files; read no table
	mls_map_explain => q{SELECT * FROM mls_map_explain('evil.property')},
	mls_map_check => q{SELECT * FROM mls_map_check('evil.property')},
	'mls.prepare_gold' => q{SELECT mls.prepare_gold('evil.property')},
	mls_map_set => q{SELECT mls_map_set('Property', 'X_Mood', 'expression', ARRAY['upper(r.city)'], source => 'e')},
	'mls.rules_changed' => q{SELECT mls.rules_changed('reso', 'e')},
	mls_map_remove => q{SELECT mls_map_remove('Property', 'X_Mood', source => 'e')},
	mls_map_value => q{SELECT mls_map_value('city', 'austin', 'Austin', source => 'e')},
	mls_map_setting => q{SELECT mls_map_setting('e', 'currency', 'EUR')},
	'mls.check_rule_names' => q{SELECT mls.check_rule_names('reso', 'e', '*', 'Property', '*')},
	'mls.check_field_name' => q{SELECT mls.check_field_name('Property', 'X_Mood')},
	mls_clean_set => q{SELECT mls_clean_set('{trim}', source => 'e')},
	mls_gold_prune => 'SELECT * FROM mls_gold_prune()',
	'mls.prune_gold' => 'SELECT * FROM mls.prune_gold(NULL, false)',
	'mls.drop_gold_columns' => q{SELECT mls.drop_gold_columns('gold.property', 'Property', '{X_Mood}')},
	mls_gold_ddl => 'SELECT * FROM mls_gold_ddl()',
	mls_audience => q{SELECT mls_audience('audience', 'Property', '{City}', '"City" IS NOT NULL')},
	'mls.set_audience' => q{SELECT mls.set_audience('audience', 'Property', '{City}', '"City" IS NOT NULL', NULL, true, 'g."City" IS NULL', '{City}')},
	'mls.make_shown' => q{SELECT mls.make_shown('audience', 'gold.property')},
	mls_protect => q{SELECT mls_protect('audience', 'idx', 'Property', '{City}', opt_in => true)},
	'mls.office_condition' => q{SELECT mls.office_condition('gold.property', 'audience', 'audience', false)},
	'mls.note_protection' => q{SELECT mls.note_protection('audience', 'Property', 'idx', NULL, false, '{}')},
	'mls.used_values' => q{SELECT * FROM mls.used_values('audience."Property"', '{City}', NULL)},
	'mls.serve_lookups' => q{SELECT * FROM mls.serve_lookups()},
	'mls.serve_fields' => q{SELECT * FROM mls.serve_fields()},
	'mls.serve_roles' => q{SELECT * FROM mls.serve_roles()},
	'mls.serve_model' => q{SELECT mls.serve_model('audience')},
	'mls.served_fields' => q{SELECT * FROM mls.served_fields('audience', 'Property', 'audience."Property"', 'gold.property')},
	'mls.served_resources' => q{SELECT * FROM mls.served_resources('audience')},
	mls_consumer_add => q{SELECT * FROM mls_consumer_add('c', 'audience')},
	mls_consumer_alter => q{SELECT mls_consumer_alter('c', claims => '{"sources": ["e"]}')},
	mls_consumer_rotate => q{SELECT * FROM mls_consumer_rotate('c')},
	mls_consumer_revoke => q{SELECT mls_consumer_revoke('c')},
	'mls.note_consumer' => q{SELECT mls.note_consumer('revoke', 'c', '{}')},
	'mls.serve_consumers' => q{SELECT * FROM mls.serve_consumers()},
	'mls.serve_login' => q{SELECT * FROM mls.serve_login('c', 'c')},
	mls_push_add => q{SELECT mls_push_add('c', 'https://127.0.0.1:1/', 't', since => 0)},
	mls_push_alter => q{SELECT mls_push_alter('c', batch => 5)},
	mls_push_resend => q{SELECT mls_push_resend('c', 0)},
	'mls.note_push' => q{SELECT mls.note_push('alter', 'c', '{}')},
	'mls.push_take' => q{SELECT * FROM mls.push_take('postgres')},
	'mls.push_settle' => q{SELECT mls.push_settle('postgres', 'c', 0, 0, 500, NULL, NULL)},
	mls_push => q{SELECT * FROM mls_push()},
	'mls.push_now' => q{SELECT mls.push_now(1)},
	mls_push_remove => q{SELECT mls_push_remove('c')},
	mls_alert_receiver => q{SELECT mls_alert_receiver('r', 'webhook', 'https://127.0.0.1:1/')},
	'mls.note_alert_receiver' => q{SELECT mls.note_alert_receiver('test', 'r', '{}')},
	mls_alert_test => q{SELECT mls_alert_test('r')},
	mls_alert_rule => q{SELECT mls_alert_rule('a', 'r', 'failures', '1')},
	'mls.note_alert_rule' => q{SELECT mls.note_alert_rule('pause', 'a', '{"paused": false}')},
	'mls.alert_findings' => q{SELECT * FROM mls.alert_findings('health', NULL, 'warning')},
	'mls.alert_look' => q{SELECT mls.alert_look('postgres', true)},
	'mls.alert_note' => q{SELECT mls.alert_note(r, '[{"subject": "s", "level": "warning", "message": "m"}]') FROM mls.alert_rule r},
	'mls.alert_take' => q{SELECT * FROM mls.alert_take('postgres', true)},
	'mls.alert_settle' => q{SELECT mls.alert_settle('postgres', 'r', 0, 500, NULL, NULL)},
	mls_alert => q{SELECT * FROM mls_alert()},
	'mls.alert_now' => q{SELECT mls.alert_now(1)},
	mls_alert_rule_pause => q{SELECT mls_alert_rule_pause('a')},
	mls_alert_rule_remove => q{SELECT mls_alert_rule_remove('a')},
	mls_alert_receiver_remove => q{SELECT mls_alert_receiver_remove('r')},
	mls_consumer_remove => q{SELECT mls_consumer_remove('c')},
	'mls.serve_revoke' => q{SELECT mls.serve_revoke('j', 'infinity')},
	'mls.serve_revoked' => q{SELECT * FROM mls.serve_revoked()},
	'mls.serve_audit' => q{SELECT mls.serve_audit('[{"status": 200}]')},
	mls_serve_events => q{SELECT * FROM mls_serve_events('{Property}')},
	'mls.fill_events' => q{SELECT mls.fill_events('Property')},
	'mls.note_events' => q{SELECT mls.note_events('Property', false, '{x}', '{e}', ARRAY['{}'], '{NULL}', '{NULL}', ARRAY['{}'])},
	'mls.end_events' => q{SELECT mls.end_events('Property', 1000000)},
	'mls.last_event' => q{SELECT mls.last_event()},
	'mls.lock_events' => q{SELECT mls.lock_events()},
	'mls.event_fields' => q{SELECT mls.event_fields('Property')},
	mls_serve_history => q{SELECT * FROM mls_serve_history('{Property}')},
	'mls.prepare_history' => q{SELECT mls.prepare_history('gold.property')},
	mls_serve_trigrams => q{SELECT mls_serve_trigrams()},
	mls_serve_prune => q{SELECT mls_serve_prune('0')},
	mls_serve_grant => q{SELECT mls_serve_grant('serving')},
	mls_navigation_set => q{SELECT mls_navigation_set('Property', 'X_Nav', 'Member', false, '{ListAgentKey}', '{MemberKey}')},
	mls_navigation_remove => q{SELECT mls_navigation_remove('Property', 'X_Nav')},
	'mls.note_asked' => q{SELECT mls.note_asked('audience', 'Property', '{}', 'gold.property')},
	'mls.note_audience' => q{SELECT mls.note_audience('audience', 'Property', 'reso."Property"', 'gold.property')},
	'mls.follow_parents' => q{SELECT mls.follow_parents('audience', 'Property')},
	'mls.parent_condition' => q{SELECT mls.parent_condition('audience', 'Property')},
	'mls.gold_table' => q{SELECT mls.gold_table('Property')},
	mls_audience_remove => q{SELECT mls_audience_remove('audience', 'Property')},
	mls_track => q{SELECT mls_track('evil.property', false); SELECT mls_track('evil.property')},
	'mls.place_triggers' => "SELECT mls.place_triggers('gold.property', $id, true)",
	mls_publish => q{SELECT mls_publish('gold.property', 'shop', 'mine')},
	mls_publish_sync => q{SELECT * FROM mls_publish_sync('shop')},
	mls_publish_verify => q{SELECT * FROM mls_publish_verify('shop', 'property', repair => true)},
	mls_publish_pause => q{SELECT mls_publish_pause('shop', 'property', false)},
	mls_publish_resend => q{SELECT mls_publish_resend('shop', 'property', 0)},
	'mls.relations_below' => q{SELECT mls.relations_below('gold.property')},
	'mls.require_trusted' => q{SELECT mls.require_trusted('gold.property')},
	'mls.resources_below' => q{SELECT mls.resources_below('gold.property')},
	'mls.ways_to_rows' => q{SELECT mls.ways_to_rows('gold.property', 'ListingKey', 'Property', NULL)},
	'mls.unnoted' => q{SELECT mls.unnoted(1)},
	'mls.find_publications' => q{SELECT mls.find_publications('shop', 'property')},
	'mls.note_publication' => q{SELECT mls.note_publication('pause', 'shop', 'property', '{"paused": false}')},
	'mls.oldest_unsent' => q{SELECT mls.oldest_unsent(1)},
	'mls.shows_key' => q{SELECT mls.shows_key('gold.property', 'ListingKey', 'gold.property', 'ListingKey')},
	'mls.depends_on_others' => q{SELECT mls.depends_on_others('gold.property', 'ListingKey', 'gold.property', 'ListingKey')},
	'mls.follow_view' => q{SELECT mls.follow_view('gold.property', 'ListingKey', 'Property', NULL)},
	'mls.follow_anew' => q{SELECT mls.follow_anew(1)},
	'mls.tell_unpublished' => q{SELECT mls.tell_unpublished(1, false)},
	mls_unpublish => q{SELECT mls_unpublish('shop', 'property')},
	mls_media_store => q{SELECT mls_media_store('e', 'photos')},
	mls_media_pause => q{SELECT mls_media_pause('e')},
	mls_media_sync => q{SELECT * FROM mls_media_sync('e')},
	mls_media_verify => q{SELECT * FROM mls_media_verify('e', repair => true)},
	mls_media_store_remove => q{SELECT mls_media_store_remove('e')},
	'mls.find_media' => q{SELECT mls.find_media('e')},
	'mls.note_media_rule' => "SELECT mls.note_media_rule($id, 'photos', '{}')",
	mls_media_store_also => q{SELECT mls_media_store_also('e', 'other_photos')},
	'mls.require_store' => q{SELECT mls.require_store('eve', 'photos')},
	'mls.note_media_place' => "SELECT mls.note_media_place($id, 'other_photos', NULL, NULL, true)",
	'mls.pause_media' => "SELECT mls.pause_media($id, true)",
	'mls.media_files' => q{SELECT mls.media_files('photos', 'unreferenced', '{}')},
	'mls.media_file' => q{SELECT mls.media_file('e', 'x')},
	'mls.media_file_url' => q{SELECT mls.media_file_url('e', 'x', 'https://api.example.com')},
	mls_media_link => q{SELECT mls_media_link('e', 'x')},
	'mls.media_gold_keys' => "SELECT mls.media_gold_keys($id, '{x}')",
	'mls.serve_file' => q{SELECT mls.serve_file(repeat('0', 64))},
	'mls.media_findings' => q{SELECT mls.media_findings('e')},
	mls_feed => q{SELECT mls_feed('f', 'kyero', 'gold.property', 'photos', 'f.xml')},
	'mls.note_feed' => q{SELECT mls.note_feed('f', '{}')},
	'mls.lock_feeds' => q{SELECT mls.lock_feeds()},
	'mls.require_place' => q{SELECT mls.require_place('g', 'photos', 'g.xml', 'sitemap')},
	'mls.require_settings' => q{SELECT mls.require_settings(f, '{"currency": "EUR"}', 0) FROM mls.feed_format f WHERE f.format OPERATOR(pg_catalog.=) 'kyero'},
	'mls.feed_check' => q{SELECT mls.feed_check((SELECT id FROM mls.feed))},
	'mls.feed_elements' => q{SELECT mls.feed_elements((SELECT id FROM mls.feed))},
	'mls.feed_note' => q{SELECT mls.feed_note((SELECT id FROM mls.feed), '', NULL, '{}', '{}', '{}')},
	'mls.own_feed' => q{SELECT mls.own_feed('postgres', 'f')},
	'mls.feed_value' => q{SELECT mls.feed_value('a', '{"a": "b"}'), mls.feed_value('{a}', '{"a": "b"}')},
	'mls.feed_escaped' => q{SELECT mls.feed_escaped('a b')},
	'mls.feed_area' => q{SELECT mls.feed_area(1, 'm2', NULL, 'sqft')},
	'mls.feed_is_rent' => q{SELECT mls.feed_is_rent('Residential Lease')},
	'mls.feed_rent' => q{SELECT mls.feed_rent(1, 'Weekly', 'week')},
	mls_feed_element => q{SELECT mls_feed_element('kyero', 'x', 'r."ListingKey"', feed => 'f')},
	'mls.note_feed_element' => q{SELECT mls.note_feed_element('kyero', 'x', 'r."ListingKey"', 'f', 1, '{}')},
	mls_feed_element_remove => q{SELECT mls_feed_element_remove('kyero', 'x', feed => 'f')},
	mls_feed_format => q{SELECT mls_feed_format('own', '<a>', 'b', '</a>')},
	'mls.note_feed_format' => q{SELECT mls.note_feed_format('own', '{"kind": "xml", "opening": "<a>", "item": "b", "closing": "</a>", "content_type": "application/xml", "falls_back": true, "settings": {}}')},
	mls_feed_ids => q{SELECT mls_feed_ids('f', '{a}', '{1}')},
	'mls.note_feed_ids' => q{SELECT mls.note_feed_ids('f', '{a}', '{1}')},
	mls_feed_preview => q{SELECT * FROM mls_feed_preview('f')},
	mls_feed_report => q{SELECT * FROM mls_feed_report('f')},
	mls_feed_sync => q{SELECT * FROM mls_feed_sync('f')},
	mls_unfeed => q{SELECT mls_unfeed('f')},
	mls_mart_create => q{SELECT mls_mart_create('mart')},
	'mls.note_mart' => q{SELECT mls.note_mart('mart', '{"currency": "USD", "timezone": "UTC", "levels": ["all"], "coverage": {}, "thin": 5, "min_price": 0, "ratio_low": 50, "ratio_high": 150, "relist_days": 90, "co_agents": "half"}')},
	mls_mart_sync => q{SELECT * FROM mls_mart_sync('mart')},
	'mls.mart_status' => q{SELECT mls.mart_status('x')},
	'mls.mart_field' => q{SELECT mls.mart_field('gold.property', 'ListPrice', 'numeric')},
	'mls.mart_execute' => q{SELECT mls.mart_execute(m, 'UPDATE mart.fct_listing SET dom = 1', NULL) FROM mls.mart m},
	'mls.mart_owner_only' => q{SELECT mls.mart_owner_only(m) FROM mls.mart m},
	'mls.mart_listings' => q{SELECT mls.mart_listings(m, true) FROM mls.mart m},
	'mls.mart_history' => q{SELECT mls.mart_history(false)},
	'mls.mart_history_hash' => q{SELECT mls.mart_history_hash(false)},
	'mls.mart_retold' => q{SELECT mls.mart_retold(m.id) FROM mls.mart m},
	'mls.mart_active' => q{SELECT mls.mart_active('mart.fct_spell')},
	'mls.mart_facts' => q{SELECT mls.mart_facts(m, true, 'mls_new_') FROM mls.mart m},
	'mls.mart_market' => q{SELECT mls.mart_market(m, false) FROM mls.mart m},
	'mls.mart_sides' => q{SELECT mls.mart_sides(m, 'office', false) FROM mls.mart m},
	'mls.mart_single' => q{SELECT mls.mart_single(m) FROM mls.mart m},
	'mls.mart_closed' => q{SELECT mls.mart_closed('l', 'true')},
	'mls.mart_cells' => q{SELECT mls.mart_cells(m, true, 1) FROM mls.mart m},
	'mls.mart_sums' => q{SELECT mls.mart_sums(m) FROM mls.mart m},
	'mls.mart_measure' => q{SELECT mls.mart_measure(m, 'prices', false) FROM mls.mart m},
	'mls.mart_measures' => q{SELECT mls.mart_measures('prices')},
	'mls.mart_day_cells' => q{SELECT mls.mart_day_cells(m, true, 1) FROM mls.mart m},
	'mls.mart_source_cells' => q{SELECT mls.mart_source_cells(m, true, 1) FROM mls.mart m},
	'mls.mart_text' => q{SELECT mls.mart_text(m, 'SELECT @day@') FROM mls.mart m},
	'mls.mart_workspace' => q{SELECT mls.mart_workspace(m) FROM mls.mart m},
	'mls.mart_note' => q{SELECT mls.mart_note(m, NULL, 1) FROM mls.mart m},
	'mls.mart_touch' => q{SELECT mls.mart_touch(m) FROM mls.mart m},
	'mls.mart_add' => q{SELECT mls.mart_add(m, 'agg_market_sum') FROM mls.mart m},
	'mls.mart_fill_market' => q{SELECT mls.mart_fill_market(m, false) FROM mls.mart m},
	'mls.mart_fill_days' => q{SELECT mls.mart_fill_days(m, false) FROM mls.mart m},
	'mls.mart_analyze' => q{SELECT mls.mart_analyze(m, 'fct_listing') FROM mls.mart m},
	'mls.mart_notes' => q{SELECT mls.mart_notes('gold.property')},
	'mls.mart_record_definition' => q{SELECT mls.mart_record_definition(m.id, 'dim_member', 'Member') FROM mls.mart m},
	'mls.mart_fill_records' => q{SELECT mls.mart_fill_records(m.id, 'dim_member', 'Member', NULL) FROM mls.mart m},
	'mls.mart_days' => q{SELECT mls.mart_days(m) FROM mls.mart m},
	'mls.mart_records' => q{SELECT mls.mart_records(m, 'dim_member', true) FROM mls.mart m},
	'mls.mart_beside' => q{SELECT mls.mart_beside(m, 'fct_listing') FROM mls.mart m},
	'mls.mart_fill_by' => q{SELECT mls.mart_fill_by(m, 'UPDATE mart.fct_listing SET dom = 1', NULL) FROM mls.mart m},
	'mls.mart_replace' => q{SELECT mls.mart_replace(m, 'dim_member', NULL) FROM mls.mart m},
	'mls.mart_indexes' => q{SELECT mls.mart_indexes(m) FROM mls.mart m},
	'mls.mart_look' => q{SELECT mls.mart_look(m, '{}') FROM mls.mart m},
	'mls.mart_clear' => q{SELECT mls.mart_clear(m.id) FROM mls.mart m},
	'mls.mart_test_rows' => q{SELECT mls.mart_test_rows('mart', t) FROM mls.data_test t},
	'mls.mart_groups' => q{SELECT mls.mart_groups(m, 'f') FROM mls.mart m},
	'mls.mart_query' => q{SELECT mls.mart_query(m, 'agg_day') FROM mls.mart m},
	'mls.mart_policies' => q{SELECT mls.mart_policies('{Property}')},
	'mls.mart_definition' => q{SELECT mls.mart_definition(m) FROM mls.mart m},
	'mls.mart_tables' => q{SELECT mls.mart_tables(m) FROM mls.mart m},
	'mls.mart_dimensions' => q{SELECT mls.mart_dimensions(m, NULL) FROM mls.mart m},
	'mls.mart_merge' => q{SELECT mls.mart_merge(m, 'fct_listing', NULL, false) FROM mls.mart m},
	'mls.mart_compute' => q{SELECT mls.mart_compute(m, 'agg_day', NULL, false) FROM mls.mart m},
	'mls.mart_coverage' => q{SELECT mls.mart_coverage(m) FROM mls.mart m},
	'mls.mart_relistings' => q{SELECT mls.mart_relistings(m, NULL) FROM mls.mart m},
	'mls.mart_fill' => q{SELECT mls.mart_fill(m.id, current_date, NULL) FROM mls.mart m},
	'mls.mart_plan' => q{SELECT mls.mart_plan(m.id, 0) FROM mls.mart m},
	'mls.mart_make' => q{SELECT mls.mart_make(m.id) FROM mls.mart m},
	'mls.market_rows' => q{SELECT mls.market_rows('mart', 'choice'), mls.market_rows('mart', 'figures', 'all', 'sale', 'USD', '0', '12')},
	mls_mart_column => q{SELECT mls_mart_column('mart', 'fct_listing', 'own', 'r."ListingKey"', 'x')},
	mls_mart_table => q{SELECT mls_mart_table('mart', 'agg_own', 'SELECT count(*) AS n FROM mart.fct_listing', '{n}', 'x')},
	'mls.mart_columns' => q{SELECT mls.mart_columns(m, 'fct_listing') FROM mls.mart m},
	'mls.mart_fill_own' => q{SELECT mls.mart_fill_own(m.id, current_date, NULL) FROM mls.mart m},
	'mls.mart_expression' => q{SELECT mls.mart_expression('r."ListingKey"', 'gold.property')},
	'mls.mart_one_query' => q{SELECT mls.mart_one_query('SELECT 1')},
	'mls.mart_to_change' => q{SELECT mls.mart_to_change('mart')},
	'mls.note_mart_own' => q{SELECT mls.note_mart_own('mart', 'fct_listing', 'noted', '{"type": "text", "expression": "''x''", "definition": "x"}'), mls.note_mart_own('mart', 'fct_listing', 'noted', NULL)},
	mls_mart_remove => q{SELECT mls_mart_remove('mart', 'agg_own'), mls_mart_remove('mart', 'fct_listing', 'own')},
	mls_mart_hold => q{SELECT mls_mart_hold('mart', 'x'), mls_mart_hold('mart', NULL)},
	'mls.note_mart_held' => q{SELECT mls.note_mart_held('mart', NULL)},
	'mls.oldest_uncounted' => q{SELECT mls.oldest_uncounted(m.id) FROM mls.mart m},
	'mls.lock_mart' => q{SELECT mls.lock_mart(m.id) FROM mls.mart m},
	mls_arrival_set => q{SELECT mls_arrival_set('a', 'evil.look(r.city)', source => 'e')},
	mls_test_suite => q{SELECT mls_test_suite('hers', 'sync')},
	'mls.note_test_suite' => q{SELECT mls.note_test_suite('hers', 'sync', 'set')},
	mls_test_sync => q{SELECT * FROM mls_test_sync('hers')},
	mls_test => q{SELECT * FROM mls_test('hers')},
	'mls.run_tests' => q{SELECT * FROM mls.run_tests('hers', true)},
	'mls.data_test_query' => q{SELECT mls.data_test_query(t) FROM mls.data_test t},
	'mls.data_test_check' => q{SELECT mls.data_test_check(t) FROM mls.data_test t},
	'mls.data_test_columns' => q{SELECT mls.data_test_columns('evil.gold', '{City}')},
	'mls.note_data_test' => q{SELECT mls.note_data_test('hers', 'a', NULL)},
	mls_test_add => q{SELECT mls_test_add('hers', 'd', 'not_null', 'evil.gold', '{City}')},
	mls_test_add_shipped => q{SELECT mls_test_add_shipped('gold', suite => 'hers')},
	mls_dbt_sources => q{SELECT mls_dbt_sources()},
	'mls.dbt_test' => q{SELECT mls.dbt_test(2, true, 'unique', '{}', t) FROM mls.data_test t},
	mls_export => q{SELECT mls_export()},
	'mls.export_statements' => q{SELECT mls.export_statements(p) FROM unnest('{servers,tables,rules,subscriptions,views,tests}'::text[]) p},
	'mls.export_inserts' => q{SELECT mls.export_inserts('field_map')},
	'mls.export_views' => q{SELECT mls.export_views()},
	'mls.export_options' => q{SELECT mls.export_options('server', '{url=x}', 'e')},
	'mls.configure' => q{SELECT mls.configure('schedule', 'e', '{"sync": "* * * * *"}')},
	'mls.configure_options' => q{SELECT mls.configure_options('FOREIGN TABLE evil.property', '{}', '{}')},
	mls_test_drop => q{SELECT mls_test_drop('hers')},
	mls_mart_drop => q{SELECT mls_mart_drop('mart')},
	'mls.check_geocoder' => q{CREATE SERVER geo FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'geocoder', platform 'photon', url 'https://127.0.0.1:1/'); GRANT USAGE ON FOREIGN SERVER geo TO eve; SELECT mls.check_geocoder('geo', 'eve')},
	mls_geocode_use => q{SELECT mls_geocode_use('e', '{geo}', resource => 'Property', accept => 'street')},
	'mls.note_geocode_rule' => "SELECT mls.note_geocode_rule($id, '{geo}', 2, NULL)",
	'mls.geocode_not_due' => "SELECT mls.geocode_not_due($id)",
	'mls.geocode_parameters' => q{SELECT * FROM mls.geocode_parameters('photon', E'1\tmain st\tx\ty\tz\tus')},
	'mls.geocode_read' => q{SELECT * FROM mls.geocode_read('photon', 200, '{"features": [{"properties": {"type": "house", "city": "x"}, "geometry": {"coordinates": [1, 2]}}]}', E'1\tmain st\tx\ty\tz\tus', NULL)},
	mls_geocode => q{SELECT * FROM mls_geocode('e')},
	mls_geocode_stop => q{SELECT mls_geocode_stop('e')},
	mls_geography_index => q{SELECT mls_geography_index('gold.property')},
	mls_prune => 'SELECT * FROM mls_prune()',
	'mls.kept_since' => q{SELECT mls.kept_since('run_retention')},
	'mls.setting_of' => q{SELECT mls.setting_of('reso', 'e')},
	'mls.check_units' => q{SELECT mls.check_units('reso', 'e', '{}')},
	'mls.event_of' => "SELECT mls.event_of($purge, $id, 'purge', 'finished')",
	'mls.server_option' => q{SELECT mls.server_option('evil.property'::regclass, 'url')},
	'mls.is_replicated' => q{SELECT mls.is_replicated('e', 'Property')},
	'mls.gold_rows' => q{SELECT * FROM mls.gold_rows('SELECT k FROM unnest($1) k', '{a}') AS g(key text)},
	'mls.gold_write' => q{SELECT mls.gold_write('SELECT $1', '{}'::text[])},
	'mls.gold_from' => q{SELECT mls.gold_from('gold.property', 'ListingKey')},
	'mls.lives_elsewhere' => q{SELECT mls.lives_elsewhere('e')},
	'mls.note_source_node' => q{SELECT mls.note_source_node('e', 1)},
	'mls.release_sources' => q{SELECT mls.release_sources()},
	'mls.claim_sources' => q{SELECT mls.claim_sources()},
	mls_move_source => q{SELECT mls_move_source('e', 1)},
	'mls.has_citus' => q{SELECT mls.has_citus()},
	'mls.require_citus' => q{SELECT mls.require_citus('x()')},
	'mls.pause_pages' => q{SELECT mls.pause_pages()},
	'mls.scale_plan' => q{SELECT * FROM mls.scale_plan()},
	'mls.scale_views' => q{SELECT mls.scale_views('gold.property')},
	'mls.scale_key' => q{BEGIN; SELECT mls.scale_key('gold.property', 'ListingKey'); ROLLBACK},
	'mls.scale_call' => q{SELECT mls.scale_call('eve', 'length', 'x')},
	'mls.scale_rows' => q{SELECT mls.scale_rows('eve', 'gold.property')},
	mls_check_scale => q{SELECT * FROM mls_check_scale()},
	mls_distribute => q{SELECT * FROM mls_distribute()},
	mls_undistribute => q{SELECT * FROM mls_undistribute()},
	'mls.find_subscriptions' => q{SELECT mls.find_subscriptions('e', 'property')},
	'mls.missing_subscription_hint' => q{SELECT mls.missing_subscription_hint('x', 'y')},
	'mls.find_source' => q{SELECT mls.find_source('e')},
	'mls.require_source' => q{SELECT mls.require_source('e')},
	'mls.require_subject' => q{SELECT mls.require_subject('e', true, false, false, false, false)},
	'mls.lost_jobs' => 'SELECT mls.lost_jobs()',
	mls_schedule => q{SELECT mls_schedule('e', sync => '* * * * *')},
	mls_unschedule => q{SELECT mls_unschedule('e')},
	'mls.asked_jobs' => q{SELECT mls.asked_jobs('e', '{"sync": "x"}')},
	'mls.job_command' => q{SELECT mls.job_command('e', 'sync')},
	'mls.cadence_of' => q{SELECT mls.cadence_of('dev', 'e', 'sync', NULL)},
	'mls.require_cron' => q{SELECT mls.require_cron('{}')},
	'mls.remove_jobs' => q{SELECT mls.remove_jobs('{}')},
	'mls.add_job' => q{SELECT mls.add_job('a', 'b', 'c')},
	'mls.settle_pruning' => q{SELECT mls.settle_pruning()},
	mls_grant => q{SELECT mls_grant('eve')},
	mls_unsubscribe => q{SELECT mls_unsubscribe('evil.property', true)});

# These look at nothing but their arguments and the dictionary, which is nobody's but ours.
my @harmless = map { /^mls_/ ? $_ : "mls.$_" } qw(mls_fdw_handler mls_fdw_validator mls_options mls_row mls_metadata mls_metadata_findings
	display_value display_values try_numeric try_bigint try_boolean try_date try_timestamptz exact_numeric convert_unit map_list delivery_delay
	alert_title alert_lines alert_mail mail_subject is_cleaned alert_body alert_interval alert_is_quiet
	refuse refuse_standby nearest find_name rounded shortened counted label this_database same_setting same_but_cleaned alike cron_database cron_timezone has_cron
	ddf_amount ddf_date ddf_least ddf_measure ddf_newest ddf_postal_code ddf_size ddf_text ddf_texts ddf_time ddf_total ddf_unit ddf_utilities ddf_year
	cron_field cron_next cron_meant changed_fields count_run tell_run queue_run log_changes
	geocode_question geocode_words geocode_texts geocode_objection geocode_quality mls_distance
	tally_media tally_media_files require_sql data_test_arguments data_test_shown data_test_list yaml_text yaml_period export_call
	odata claim random_text secret_verifier secret_matches log_events log_history brings_news
	numeric_lt numeric_le numeric_eq numeric_ne numeric_ge numeric_gt text_like text_not_like);

my %known = map { $_ => 1 } @harmless;
$known{$calls[2 * $_]} = 1 for 0 .. $#calls / 2;
my @functions = split /\n/, query(q{
	SELECT DISTINCT CASE n.nspname WHEN 'mls' THEN 'mls.' ELSE '' END || p.proname
	  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_namespace n ON n.oid = p.pronamespace
	 WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
	   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'mls_fdw') ORDER BY 1});
is(join(' ', grep { !$known{$_} } @functions), '', 'each function of the extension stands in the list of this test');
is(join(' ', grep { my $name = $_; !grep { $_ eq $name } @functions } sort keys %known), '', 'and no other');

# Only C functions that run no SQL, and PostgreSQL's own under other names, may be found with whatever search_path the caller has.
is(query(q{
	SELECT string_agg(p.oid::regproc::text, ' ' ORDER BY p.oid::regproc::text)
	  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_language l ON l.oid = p.prolang
	 WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
	   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'mls_fdw')
	   AND l.lanname NOT IN ('c', 'internal') AND NOT coalesce(p.proconfig::text ~ 'search_path=pg_catalog, pg_temp', false)}), '',
	'each function in SQL has a search_path of its own');

# Calls them all in one session; the owner's search_path is the caller's during a call.
sub walk
{
	my ($what, @list) = @_;
	my @names;
	my $script = '';
	for (my $i = 0; $i < @list; $i += 2)
	{
		my ($function, $call) = @list[$i, $i + 1];
		next unless defined $call;
		push @names, $function;
		$script .= qq{\\warn ==$function\nSET search_path = evil, public, pg_catalog;\n$call;\nRESET search_path;
			DO \$\$ BEGIN
				IF (SELECT is_called FROM evil.stolen) THEN
					RAISE WARNING 'STOLEN';
					ALTER SEQUENCE evil.stolen RESTART;
				END IF;
			END \$\$;\n};
	}
	my ($status, $out, $err) = $node->psql('postgres', $script, on_error_stop => 0);
	my ($before, %said) = split /^==(\S+)\n/m, "$err\n", -1;
	for my $function (@names)
	{
		my ($stolen) = ($said{$function} // 'STOLEN, for it was not called') =~ /(STOLEN.*)/;
		is($stolen // '', '', "$what: $function");
		note "$function: $1" if ($said{$function} // '') =~ /(ERROR:.*)/;
	}
	unlike($err, qr/transaction is aborted/, "$what: no error leaves a transaction behind it");
	return;
}

walk('tables', @calls[0 .. $#calls - 2]);
is(query(q{SELECT last_value > 1000 FROM evil.looked}), 't', 'what the owner has put there was run, as the owner');
is(query(q{SELECT string_agg(DISTINCT rolname, ' ') FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
	WHERE c.oid IN ('bronze.e_property'::regclass, 'silver.e_property'::regclass, 'gold.property'::regclass)}), 'eve', 'all tables are still the owner\'s');

# What a superuser does by himself to a table of another is his own affair.
query(q{DELETE FROM silver.e_property WHERE false});
is(query(q{SELECT is_called FROM evil.stolen}), 't', 'SQL of one\'s own runs what stands around a table');
query(q{ALTER SEQUENCE evil.stolen RESTART});

# Views instead of tables.
query(q{UPDATE mls.subscription SET bronze = 'evil.bronze', silver = 'evil.silver', gold = 'evil.gold'});
walk('views', @calls[0 .. $#calls - 2]);
query(q{UPDATE mls.subscription SET bronze = 'bronze.e_property', silver = 'silver.e_property', gold = 'gold.property'});
query(q{DROP VIEW evil.bronze, evil.silver, evil.gold CASCADE});
walk('tables', @calls[$#calls - 1, $#calls]);
is(query(q{SELECT count(*) FROM mls.subscription}), '0', 'the subscription has ended');

# Nothing at all in place of each argument: an error or no rows, and never the end of the server.
my $without = query(q{
	SELECT string_agg(format('SELECT FROM %s.%I(%s)%s;', p.pronamespace::regnamespace, p.proname,
			(SELECT string_agg('NULL::' || CASE WHEN t::regtype::text LIKE 'any%array' THEN 'integer[]' WHEN t::regtype::text ~ '^"?any' THEN 'text' ELSE t::regtype::text END, ', ' ORDER BY n)
			   FROM unnest(p.proargtypes) WITH ORDINALITY x (t, n)),
			CASE WHEN p.prorettype = 'record'::regtype AND p.proallargtypes IS NULL THEN ' AS x(a text)' END), E'\n' ORDER BY p.oid)
	  FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'mls_fdw'
	  JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'c'
	 WHERE p.prokind = 'f' AND NOT p.proisstrict AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)});
like($without, qr/mls\.refuse\(NULL::text, NULL::text, NULL::text, NULL::text\)/, 'functions that take nothing for an argument');
my ($alive, $problems);
$node->psql('postgres', "SET ROLE eve; SET statement_timeout = '10s';\n$without\nSELECT 'alive';", on_error_stop => 0, stdout => \$alive, stderr => \$problems);
like($alive, qr/^alive$/m, 'none of them ends the server') or diag($problems);
unlike($problems, qr/syntax error|permission denied for function mls\.(?:refuse|gold_rows|used_values)/, 'and they were called');

$mls->stop;
$node->stop;
done_testing();
