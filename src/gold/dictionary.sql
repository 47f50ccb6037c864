-- The RESO Data Dictionary 2.0 as facts: resources, fields, lookups.
--
-- Reference data of the extension: replaced by updates, never dumped, not to be
-- edited.  Rules of one's own stand in mls.field_map.

CREATE TABLE mls.dd_resource (
    resource   text PRIMARY KEY,
    key_field  text NOT NULL,
    unique_key boolean NOT NULL
);
COMMENT ON TABLE mls.dd_resource IS 'resources of the RESO Data Dictionary 2.0';
COMMENT ON COLUMN mls.dd_resource.resource IS 'name of the resource';
COMMENT ON COLUMN mls.dd_resource.key_field IS 'its key field';
COMMENT ON COLUMN mls.dd_resource.unique_key IS 'whether that field is a text that identifies one record; where not, gold is keyed by source and source key';

CREATE TABLE mls.dd_field (
    resource         text NOT NULL REFERENCES mls.dd_resource,
    field            text NOT NULL,
    type             text NOT NULL,
    max_length       integer,
    precision        integer,
    scale            integer,
    is_collection    boolean NOT NULL DEFAULT false,
    lookup_name      text,
    is_expansion     boolean NOT NULL DEFAULT false,
    target_resource  text,
    link_field       text,
    references_field text,
    PRIMARY KEY (resource, field)
);
COMMENT ON TABLE mls.dd_field IS 'fields of the RESO Data Dictionary 2.0';
COMMENT ON COLUMN mls.dd_field.resource IS 'resource that has the field';
COMMENT ON COLUMN mls.dd_field.field IS 'name of the field';
COMMENT ON COLUMN mls.dd_field.type IS 'OData type; of an expansion the type of its target';
COMMENT ON COLUMN mls.dd_field.max_length IS 'suggested length of a text; of a list the length of all its values joined';
COMMENT ON COLUMN mls.dd_field.precision IS 'suggested number of digits';
COMMENT ON COLUMN mls.dd_field.scale IS 'digits of them after the decimal point';
COMMENT ON COLUMN mls.dd_field.is_collection IS 'whether it holds several values, or an expansion several records';
COMMENT ON COLUMN mls.dd_field.lookup_name IS 'lookup that its values are of; see mls.dd_lookup';
COMMENT ON COLUMN mls.dd_field.is_expansion IS 'whether it leads to other records and has no value of its own';
COMMENT ON COLUMN mls.dd_field.target_resource IS 'resource an expansion leads to, or whose key the field holds; * when a field beside it names the resource';
COMMENT ON COLUMN mls.dd_field.link_field IS 'of an expansion, where the dictionary says: field of this resource that joins';
COMMENT ON COLUMN mls.dd_field.references_field IS 'field of the target resource that it joins with';

CREATE TABLE mls.dd_lookup (
    lookup_name        text NOT NULL,
    value              text NOT NULL,
    legacy_odata_value text NOT NULL,
    PRIMARY KEY (lookup_name, value)
);
COMMENT ON TABLE mls.dd_lookup IS 'values of the lookups of the RESO Data Dictionary 2.0; lookups without standard values are not here';
COMMENT ON COLUMN mls.dd_lookup.lookup_name IS 'name of the lookup';
COMMENT ON COLUMN mls.dd_lookup.value IS 'standard value, as it is shown';
COMMENT ON COLUMN mls.dd_lookup.legacy_odata_value IS 'its name where the lookup is an OData enumeration';

-- Facts without secrets: whoever may use the schema may read them; nobody is to change them.
REVOKE ALL ON mls.dd_resource, mls.dd_field, mls.dd_lookup FROM PUBLIC;
GRANT SELECT ON mls.dd_resource, mls.dd_field, mls.dd_lookup TO PUBLIC;

INSERT INTO mls.dd_resource (resource, key_field, unique_key) VALUES
  ('Association', 'AssociationKey', true), ('Caravan', 'CaravanKey', true),
  ('CaravanStop', 'CaravanStopKey', true), ('ContactListingNotes', 'ContactKey', false),
  ('ContactListings', 'ContactListingsKey', true), ('Contacts', 'ContactKey', true),
  ('EntityEvent', 'EntityEventSequence', false), ('Field', 'FieldKey', true),
  ('HistoryTransactional', 'HistoryTransactionalKey', true),
  ('InternetTracking', 'EventKey', true), ('InternetTrackingSummary', 'ListingId', false),
  ('LockOrBox', 'LockOrBoxKey', true), ('Lookup', 'LookupKey', true),
  ('Media', 'MediaKey', true), ('Member', 'MemberKey', true),
  ('MemberAssociation', 'AssociationKey', false),
  ('MemberStateLicense', 'MemberStateLicenseKey', true),
  ('OUID', 'OrganizationUniqueIdKey', true), ('Office', 'OfficeKey', true),
  ('OfficeAssociation', 'AssociationKey', false),
  ('OfficeCorporateLicense', 'OfficeCorporateLicenseKey', true),
  ('OpenHouse', 'OpenHouseKey', true), ('OtherPhone', 'OtherPhoneKey', true),
  ('Property', 'ListingKey', true),
  ('PropertyGreenVerification', 'GreenBuildingVerificationKey', true),
  ('PropertyPowerProduction', 'PowerProductionKey', true),
  ('PropertyPowerStorage', 'PowerStorageKey', true), ('PropertyRooms', 'RoomKey', true),
  ('PropertyUnitTypes', 'UnitTypeKey', true), ('Prospecting', 'ProspectingKey', true),
  ('Queue', 'QueueTransactionKey', true), ('Rules', 'RuleKey', true),
  ('SavedSearch', 'SavedSearchKey', true), ('Showing', 'ShowingKey', true),
  ('ShowingAppointment', 'ShowingAppointmentKey', true),
  ('ShowingAvailability', 'ShowingAvailabilityKey', true),
  ('ShowingRequest', 'ShowingRequestKey', true), ('SocialMedia', 'SocialMediaKey', true),
  ('TeamMembers', 'TeamMemberKey', true), ('Teams', 'TeamKey', true),
  ('TransactionManagement', 'TransactionKey', true);
