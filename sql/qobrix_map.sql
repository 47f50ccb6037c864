\set SHOW_CONTEXT never
-- The rules shipped for Qobrix, on records that go through their branches.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';

CREATE SERVER crm FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://crm.example.com/odata', key_prefix 'Q-');
CREATE SCHEMA crm;
-- The rules as rules of one server.
BEGIN;
INSERT INTO mls.row_map (source, source_resource, resource, variant, condition, key)
SELECT 'crm', source_resource, resource, variant, condition, key FROM mls.row_map WHERE protocol = 'qobrix';
INSERT INTO mls.join_map (source, source_resource, alias, source_field, joined_resource, joined_field)
SELECT 'crm', source_resource, alias, source_field, joined_resource, joined_field FROM mls.join_map WHERE protocol = 'qobrix';
INSERT INTO mls.field_map (source, source_resource, resource, variant, field, kind, arguments, priority)
SELECT 'crm', source_resource, resource, variant, field, kind, arguments, priority FROM mls.field_map WHERE protocol = 'qobrix';
INSERT INTO mls.value_map (source, lookup, value, result) SELECT 'crm', lookup, value, result FROM mls.value_map WHERE protocol = 'qobrix';
INSERT INTO mls.setting_map (source, name, value) SELECT 'crm', name, value FROM mls.setting_map WHERE protocol = 'qobrix';
COMMIT;
CREATE FUNCTION make(resource text, columns jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE (SELECT format('CREATE FOREIGN TABLE crm.%I (', replace(resource, '-', '_')) ||
                    string_agg(format('%I %s OPTIONS (field %L) %s', c, t, c, CASE WHEN c = 'id' THEN 'NOT NULL' END), ', ' ORDER BY t, c) ||
                    format(') SERVER crm OPTIONS (resource %L, key ''id'', timestamp ''modified'')', resource)
               FROM jsonb_each_text(columns) e (t, cs), string_to_table(cs, ' ') c);
END $$;
SELECT make('properties', '{"text": "id legacy_id name description short_description original_ref original_name original_website_url cloned_from status sale_rent property_type property_subtype website_status website_url rent_frequency price_qualifier tenancy_type occupancy business_transfer_commercial_activity country state city municipality post_code street unit_number coordinates geocode_type location town_planning_zone cadastral_reference construction_stage construction_type energy_efficiency_grade energy_consumption_rating energy_emission_rating heating_type heating_medium cooling_type electricity_type floor_type furnished kitchen_type office_layout ideal_for licensed_for agent salesperson seller developer_id project group_id campaign_id source source_description direct_sources key_holder_details video_link virtual_tour_link created_by modified_by apartment_type building_type hotel_type house_type industrial_type investment_type land_type office_type retail_type custom_listing_property custom_permit_number custom_block_name custom_plot_number custom_sheet_plan custom_owner_note custom_portal_headline custom_view_note custom_access_note custom_referred_by custom_marketing_channels", "bigint": "ref minimum_tenancy bedrooms bathrooms wc_bathrooms living_rooms kitchens office_spaces verandas parking covered_parking uncovered_parking customer_parking floor_number floors_building storeys_max_floor coverage construction_year renovation_year featured_priority custom_portal_priority custom_number_of_keys", "timestamptz": "website_listing_date engagement_letter_date inspection_date list_selling_price_modified list_rental_price_modified auction_start_date auction_end_date last_media_update created modified trashed", "date": "listing_date", "numeric": "list_selling_price_amount list_rental_price_amount price_per_square previous_list_selling_price previous_list_rental_price reserve_price_amount starting_bidding_amount business_transfer_price internal_area_amount covered_area_amount uncovered_area_amount total_area_amount plot_area_amount covered_verandas_amount uncovered_verandas_amount roof_garden_area_amount garden_area_amount mezzanine_amount storage_amount frontage_amount height building_density cover_factor distance_from_airport distance_from_beach distance_from_centre distance_from_hospital distance_from_rail_station distance_from_school distance_from_shops distance_from_tube_station distance_from_university energy_consumption_value energy_emission_value price_field_amount custom_commission_rate custom_common_expenses custom_deposit_amount custom_agreed_price custom_registry_value custom_cadastral_area custom_roof_height custom_yield_percent custom_monthly_fee custom_valuation", "boolean": "plus_vat business_transfer_or_sale new_build inherit_project_media featured property_of_the_month abuts_green_area air_condition alarm beach_front common_swimming_pool concierge_reception conference corner_plot electricity elevated_area elevator enclosed_office_room fireplace home_office kitchenette land_locked maids_room mountain_view pets_allowed private_swimming_pool reception registered_road right_of_way sea_view secure_door separate_laundry_room server_room smart_home solar_water_heater storage_space store_room water custom_exclusive_listing custom_excluded_property custom_presale custom_resale custom_corner_unit custom_gated_complex custom_title_deed_ready custom_bank_owned custom_pets_welcome custom_golden_visa custom_photo_shoot_done custom_keys_in_office custom_board_on_site", "text[]": "additional_features appliances association_amenities community_features cooling exterior_features fencing fireplace_features flooring heating interior_features lot_features other_structures patio_porch pool_features security_features view waterfront_features"}');
SELECT make('projects', '{"text": "abbreviation amenities_description assigned_to availability_status city construction_stage coordinates country created_by description developer_id energy_efficiency_grade housing_type id legacy_id location location_description map_popup_description modified_by municipality name post_code reference_code short_description state street street_2 type video_link video_links virtual_tour_link virtual_tour_links website_status website_url custom_permit custom_architect custom_launch_note", "date": "completion_date custom_building_permit_date custom_sales_start", "timestamptz": "created last_media_update modified trashed website_listing_date", "numeric": "distance_from_airport_amount distance_from_beach_amount distance_from_centre_amount distance_from_hospital_amount distance_from_rail_station_amount distance_from_school_amount distance_from_shops_amount distance_from_tube_station_amount distance_from_university_amount price_to starting_price_from custom_service_charge custom_plot_size", "boolean": "featured custom_resale custom_completed_phase custom_guaranteed_rent custom_show_unit custom_gated custom_bank_financed", "bigint": "featured_priority number_of_units project_listing_priority ref custom_phase_count custom_floors", "text[]": "further_features views"}');
SELECT make('agents', '{"text": "agency agent_type created_by description id legacy_id modified_by owner primary_contact status sub_agent_of name", "date": "agreement_date", "numeric": "commission_1 commission_2 commission_3", "timestamptz": "created modified trashed", "bigint": "ref", "jsonb": "primary_contact_contact"}');
SELECT make('contacts', '{"text": "assigned_to city consent_token contact_id country created_by description email email_2 first_name group_id id last_name legacy_id modified_by name nationality phone phone_2 phone_3 post_code preferred_contact_method preferred_language registration_number role state street title vat_number website custom_contact_person_first_name custom_contact_person_last_name custom_mailchimp_subscriber_status custom_works_for normalized_phone_2", "date": "birthdate", "timestamptz": "created modified personal_data_cleared trashed", "boolean": "email_consent is_company marketing_consent phone_consent postal_consent sms_consent", "bigint": "ref"}');
SELECT make('users', '{"timestamptz": "activation_date created modified trashed", "boolean": "active is_supervisor is_admin two_fa_enabled", "text": "company contact_id created_by department employee_code id legacy_id modified_by phone_extension reports_to role team username name", "jsonb": "extra"}');
SELECT make('property-viewings', '{"timestamptz": "created modified trashed", "text": "created_by further_feedback id modified_by property_id viewing_id", "bigint": "display_order exterior_appeal_assessment interior_appeal_assessment location_assessment price_assessment viewing_outcome views_assessment"}');
SELECT make('meetings', '{"text": "assigned_to contact created_by description id legacy_id location modified_by related_agent related_opportunity viewing_type subject custom_age_group", "boolean": "canceled", "timestamptz": "created end_date modified start_date trashed", "bigint": "ref"}');
SELECT make('property-subtypes', '{"text": "code created_by id label modified_by property_type", "timestamptz": "created modified trashed"}');
SELECT make('property-types', '{"text": "base_type code config created_by id modified_by name", "timestamptz": "created modified trashed", "bigint": "display_order"}');
SELECT make('media', '{"text": "id category_id related_model related_id media_type reference_id", "bigint": "display_order", "jsonb": "file category", "timestamptz": "created modified"}');
SELECT count((mls_subscribe(t::regclass)).gold) FROM unnest('{crm.properties,crm.projects,crm.agents,crm.contacts,crm.users,crm.meetings,crm.property_viewings,crm.property_subtypes,crm.property_types,crm.media}'::text[]) t;
-- Rules that a source with all fields could not follow.
SELECT f.foreign_table, c.resource, c.variant, c.field, c.problem FROM mls.subscription f, mls_map_check(f.foreign_table) c WHERE f.source = 'crm' ORDER BY 1, 2, 3, 4;
CREATE FUNCTION load(resource text, record json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO bronze.%I (key, modified_at, modified, record, fetched_at, run_id) VALUES ($1, $2::timestamptz, $2, $3, now(), 0)
                    ON CONFLICT (key) DO UPDATE SET record = excluded.record', 'crm_' || replace(resource, '-', '_'))
    USING record->>'id', coalesce(record->>'modified', '2024-01-01'), record;
    PERFORM mls_rebuild(('crm.' || replace(resource, '-', '_'))::regclass);
END $$;
SELECT load('properties', r) FROM unnest(ARRAY[
 '{"id": "p1", "ref": 1, "name": "Flat", "status": "available", "sale_rent": "for_sale_and_rent", "property_type": "apartment", "property_subtype": "penthouse", "website_status": "published", "internal_area_amount": 100, "plot_area_amount": 1000, "list_selling_price_amount": 500000, "list_rental_price_amount": 1500, "rent_frequency": "Yearly", "coordinates": "34.70711,33.02266", "geocode_type": "offset", "view": ["sea_view", "odd"], "cooling": ["central_air"], "heating": [], "furnished": "semi_furnished", "agent": "a1", "salesperson": "u1", "seller": "c1", "developer_id": "c1", "project": "j1", "inherit_project_media": true, "covered_parking": 0, "uncovered_parking": 2, "pets_allowed": true, "floor_number": 3, "construction_stage": "completed", "construction_year": 2000, "renovation_year": 2020, "key_holder_details": "Ann", "created": "2024-01-01T00:00:00", "modified": "2024-01-02T00:00:00"}',
 '{"id": "p2", "ref": 2, "name": "Draft", "status": "pending", "sale_rent": "for_rent", "property_type": "office", "property_subtype": "standard_office", "website_status": "unpublished", "coordinates": "34.7,33.0", "geocode_type": "hidden", "street": "Hidden 1", "agent": "a2", "new_build": true, "project": "j1", "inherit_project_media": false, "list_selling_price_amount": 9, "list_rental_price_amount": 900, "rent_frequency": "Quarterly", "construction_stage": "unfinished"}',
 '{"id": "p3", "ref": 3, "name": "Plot", "status": "under_offer", "sale_rent": "for_sale", "property_type": "land", "property_subtype": "field", "website_status": "published", "coordinates": "34.70711,33.02266", "project": "j1", "inherit_project_media": false}',
 '{"id": "p4", "ref": 4, "name": "Resale", "status": "sold", "sale_rent": "for_sale", "property_type": "parking_lot", "construction_stage": "offplans", "custom_resale": true, "custom_exclusive_listing": true}']::json[]) r;
SELECT load('projects', '{"id": "j1", "name": "Dunes", "construction_stage": "offplans"}');
SELECT load('agents', r) FROM unnest(ARRAY[
 '{"id": "a1", "ref": 1, "name": "Bo Ek", "agent_type": "individual_agent", "agency": "a2", "primary_contact": "c1"}',
 '{"id": "a2", "ref": 2, "name": "Alpha", "agent_type": "agency", "primary_contact_contact": {"email": "OFFICE@example.com", "first_name": "Al"}}']::json[]) r;
SELECT load('users', '{"id": "u1", "username": "u", "name": "Ulla Berg Ek", "active": false, "is_admin": true, "extra": {"first_name": "Ulla", "email": "U@Example.com"}}');
SELECT load('contacts', '{"id": "c1", "ref": 5, "name": "Build Ltd", "is_company": true, "first_name": "Cy", "email": "c@example.com", "city": "Paphos", "role": "Investor", "assigned_to": "u1"}');
SELECT load('meetings', '{"id": "m1", "start_date": "2026-02-05T14:00:00Z", "end_date": "2026-02-05T15:00:00Z", "assigned_to": "u1", "contact": "c1", "viewing_type": "in_person"}');
SELECT load('property-viewings', '{"id": "v1", "viewing_id": "m1", "property_id": "p1", "price_assessment": 10}');
SELECT load('media', r) FROM unnest(ARRAY[
 '{"id": "x1", "related_model": "Properties", "related_id": "p1", "media_type": "upload", "display_order": 0, "category": {"name": "photos"}, "file": {"href": "/f/1.jpg", "mime_type": "image/jpeg", "filename": "1.jpg", "filesize": 9}}',
 '{"id": "x2", "related_model": "Projects", "related_id": "j1", "media_type": "upload", "display_order": 1, "category": {"name": "floorplans"}, "file": {"href": "https://x/2.png", "mime_type": "image/png"}}',
 '{"id": "x3", "related_model": "Properties", "related_id": "p3", "media_type": "youtube", "reference_id": "abc"}']::json[]) r;
SELECT mls_map_setting('crm', 'media_url', 'https://crm.example.com'), mls_map_setting('crm', 'office_key', 'MAIN'), mls_map_setting('crm', 'currency', 'EUR');
SELECT count(*) FROM mls_remap('crm');
\pset format unaligned
SELECT (SELECT jsonb_object_agg(k, v) FROM jsonb_each(to_jsonb(p)) e (k, v) WHERE v <> 'null' AND k !~ '^(mls|X_[a-z])') AS record FROM gold.property p ORDER BY "ListingKey";
SELECT (SELECT jsonb_object_agg(k, v) FROM jsonb_each(to_jsonb(p)) e (k, v) WHERE v <> 'null' AND k !~ '^(mls|X_[a-z])') AS record FROM gold.member p ORDER BY "MemberKey";
SELECT (SELECT jsonb_object_agg(k, v) FROM jsonb_each(to_jsonb(p)) e (k, v) WHERE v <> 'null' AND k !~ '^(mls|X_[a-z])') AS record FROM gold.office p;
SELECT (SELECT jsonb_object_agg(k, v) FROM jsonb_each(to_jsonb(p)) e (k, v) WHERE v <> 'null' AND k !~ '^(mls|X_[a-z])') AS record FROM gold.media p ORDER BY "MediaKey";
SELECT (SELECT jsonb_object_agg(k, v) FROM jsonb_each(to_jsonb(p)) e (k, v) WHERE v <> 'null' AND k !~ '^(mls|X_[a-z])') AS record FROM gold.showing_appointment p;
\pset format aligned
SELECT s.resource, i.key, i.field, i.reason FROM mls.issue i JOIN mls.subscription s ON s.id = i.subscription ORDER BY 1, 2, 3;
-- Contacts, sellers and buyers stay out of gold until a licence allows them.
SELECT count(*) FROM gold.contacts;
SELECT mls_map_setting('crm', 'personal_data', 'on');
SELECT count(*) FROM mls_remap('crm');
SELECT "ContactKey", "FullName", "Company", "ContactType", "OwnerMemberKey" FROM gold.contacts;
SELECT "ListingKey", "X_SellerContactKey", "X_KeyHolderDetails" FROM gold.property ORDER BY 1;
-- Every value of a lookup of single values is the dictionary's.
SELECT d.field, r.value FROM gold.property p, jsonb_each_text(to_jsonb(p)) r (field, value) JOIN mls.dd_field d ON d.resource = 'Property' AND d.field = r.field
 WHERE d.lookup_name IN (SELECT lookup_name FROM mls.dd_lookup) AND NOT d.is_collection AND r.value IS NOT NULL
   AND d.lookup_name NOT IN ('City', 'Country', 'StateOrProvince')
   AND NOT EXISTS (SELECT FROM mls.dd_lookup l WHERE l.lookup_name = d.lookup_name AND l.value = r.value);
-- Changes of a project, a meeting and an agent reach what looks at them.
SELECT load('projects', '{"id": "j1", "name": "Rocks", "construction_stage": "completed"}');
SELECT load('agents', '{"id": "a1", "ref": 1, "name": "Bo Ek", "agent_type": "agency"}');
SELECT load('meetings', '{"id": "m1", "start_date": "2026-02-06T14:00:00Z", "canceled": true}');
SELECT "ListingKey", "BuilderModel", "ListAgentKey", "ListOfficeKey" FROM gold.property ORDER BY 1;
SELECT "ShowingAppointmentDate", "ShowingAppointmentStatus", "ShowingAgentKey" FROM gold.showing_appointment;

SELECT count(mls_unsubscribe(foreign_table, true)) FROM mls.subscription WHERE source = 'crm';
DELETE FROM mls.field_map WHERE NOT shipped;
DELETE FROM mls.row_map WHERE NOT shipped;
DELETE FROM mls.join_map WHERE NOT shipped;
DELETE FROM mls.value_map WHERE NOT shipped;
DELETE FROM mls.setting_map WHERE NOT shipped;
DROP SCHEMA crm CASCADE;
DROP SERVER crm CASCADE;
DROP FUNCTION load, make;
DROP SCHEMA bronze, silver, gold, reso CASCADE;
